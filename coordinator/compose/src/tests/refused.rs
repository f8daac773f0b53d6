//! Every rule by which something is refused, with the exact message. Not here: what is accepted (module `accepted`).

mod deploy;
mod file;
mod gates;
mod health;
mod ports;
mod rollout;
mod routes;
mod service;
mod strategies;
mod traffic;
mod volumes;

/// The text of a whole file is refused with these problems, written `LINE: PATH: MESSAGE`.
fn file(text: &str, problems: &[&str]) {
    let found = super::read_text(text).expect_err(text).to_string();
    let found: Vec<_> = found.lines().map(|line| line.strip_prefix("compose.yaml:").expect("a file name")).collect();
    assert_eq!(found, problems, "{text}");
}

/// As [`file`], for keys of a service, which begin on line 5.
fn service(keys: &str, problems: &[&str]) {
    file(&super::with_service(keys), problems);
}

/// As [`file`], for keys of `x-rollout` at the top, which begin on line 3.
fn rollout(keys: &str, problems: &[&str]) {
    file(&super::with_rollout(keys), problems);
}
