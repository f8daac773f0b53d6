//! What is accepted, and what becomes of it. Not here: what is refused (module `refused`).

use evenkeel_model::{Specification, manifest::ServiceDraft};

use super::{read_text, with_service};

mod container;
mod file;
mod gates;
mod health;
mod rollout;
mod routes;
mod strategies;
mod traffic;

/// The specification of a file that is right.
fn accepted(text: &str) -> Specification {
    read_text(text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// The service `web` with these keys.
fn web(keys: &str) -> ServiceDraft {
    accepted(&with_service(keys)).services[&"web".parse().unwrap()].clone()
}

/// The notes on a service `web` with these keys.
fn notes(keys: &str) -> Vec<String> {
    accepted(&with_service(keys)).notes
}
