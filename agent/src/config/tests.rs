//! The configuration's tables, and the sample that documents it.

use super::*;

const SAMPLE: &str = include_str!("../../../deploy/config/agent.toml");

fn from_text(text: &str, environment: &[(&str, &str)]) -> Result<RawConfig, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    std::fs::write(&file, text).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    read(Some(&file), environment.collect())
}

#[test]
fn the_environment_outranks_the_file() {
    let raw =
        from_text("coordinators = [\"a:1\"]\nlog_filter = \"debug\"", &[("EVENKEEL_COORDINATORS", "b:2,c:3")]).unwrap();
    let config = Config::try_from(raw).unwrap();
    assert_eq!(config.coordinators, ["b:2", "c:3"]);
    assert_eq!(config.log_filter, "debug");
    assert_eq!(config.socket, Path::new("/var/lib/evenkeel/agent/status.sock"));
}

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    let error = from_text("coordinator = [\"a:1\"]", &[]).unwrap_err();
    assert!(crate::session::chain(&error).contains("coordinator"), "{error:?}");
    assert!(from_text("", &[("EVENKEEL_COLOUR", "red")]).is_err());
}

#[test]
fn all_problems_are_told_at_once() {
    let raw = from_text(
        "coordinators = [\"nowhere\"]\npublish_address = \"x\"\naddress_pool = \"10.0.0.0\"\nlog_format = \"xml\"",
        &[],
    )
    .unwrap();
    let Err(ConfigError::Problems(problems)) = Config::try_from(raw) else { panic!("it was accepted") };
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(
        matches!(Config::try_from(RawConfig::default()), Err(ConfigError::Problems(problems)) if problems.len() == 1)
    );
}

#[test]
fn the_sample_is_valid_and_covers_every_key() {
    Config::try_from(from_text(SAMPLE, &[]).unwrap()).unwrap();
    // Every key stands in the sample, in use or commented out: with all comments off it still parses, and nothing is left at none.
    let all: String = SAMPLE.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line).to_owned() + "\n").collect();
    let RawConfig {
        coordinators,
        data_dir,
        socket,
        docker_socket,
        docker_config,
        publish_address,
        address_pool,
        log_format,
        log_filter,
        proxy,
    } = from_text(&all, &[]).unwrap();
    assert!(coordinators.is_some() && data_dir.is_some() && socket.is_some() && docker_socket.is_some());
    assert!(
        docker_config.is_some()
            && publish_address.is_some()
            && address_pool.is_some()
            && log_format.is_some()
            && log_filter.is_some()
    );
    covers_the_proxys_keys(proxy.unwrap());
}

fn covers_the_proxys_keys(proxy: RawProxy) {
    let RawProxy { socket, state_dir, readiness_path, drain_on_upgrade, workers, limits, tls, acme } = proxy;
    assert!(socket.is_some() && state_dir.is_some() && readiness_path.is_some());
    assert!(drain_on_upgrade.is_some() && workers.is_some());
    let RawTls { directory } = tls.unwrap();
    assert!(directory.is_some());
    let RawAcme { directory, contact, terms_agreed, ca_file, challenge_listen } = acme.unwrap();
    assert!(directory.is_some() && contact.is_some() && terms_agreed.is_some());
    assert!(ca_file.is_some() && challenge_listen.is_some());
    let RawLimits {
        connections,
        waiting,
        head_bytes,
        headers,
        streams,
        head_timeout,
        idle_timeout,
        read_timeout,
        write_timeout,
        connect_timeout,
        answer_timeout,
    } = limits.unwrap();
    assert!(
        connections.is_some() && waiting.is_some() && head_bytes.is_some() && headers.is_some() && streams.is_some()
    );
    assert!(head_timeout.is_some() && idle_timeout.is_some() && read_timeout.is_some() && write_timeout.is_some());
    assert!(connect_timeout.is_some() && answer_timeout.is_some());
}

#[test]
fn the_samples_defaults_of_the_proxy_are_its_defaults() {
    let all: String = SAMPLE.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line).to_owned() + "\n").collect();
    let mut raw = from_text(&all, &[]).unwrap();
    // These have none that is the same everywhere.
    let proxy = raw.proxy.as_mut().unwrap();
    (proxy.readiness_path, proxy.workers, proxy.acme) = (None, None, None);
    let written = ProxyProcessConfig::try_from(raw).unwrap().proxy;
    assert_eq!(written, ProxyProcessConfig::try_from(RawConfig::default()).unwrap().proxy);
}

#[test]
fn the_environment_names_a_sections_key_with_two_underscores() {
    let environment = [("EVENKEEL_PROXY__STATE_DIR", "/there"), ("EVENKEEL_PROXY__LIMITS__CONNECTIONS", "7")];
    let raw = from_text("[proxy]\nstate_dir = \"/here\"\nworkers = 3", &environment).unwrap();
    let proxy = ProxyProcessConfig::try_from(raw).unwrap().proxy;
    assert_eq!((proxy.state_dir.as_path(), proxy.workers, proxy.limits.connections), (Path::new("/there"), 3, 7));
    assert!(from_text("", &[("EVENKEEL_PROXY__COLOUR", "red")]).is_err());
    assert!(from_text("[proxy.limits]\ncolour = 1", &[]).is_err());
}

#[test]
fn all_problems_of_the_proxys_section_are_told_by_their_keys() {
    let text = "[proxy]\nreadiness_path = \"ready\"\nworkers = 0\ndrain_on_upgrade = \"2h\"\n\
                [proxy.limits]\nhead_timeout = \"soon\"\nconnections = 0\nhead_bytes = 5";
    let problems = |error| match error {
        ConfigError::Problems(problems) => problems,
        ConfigError::Unreadable(_) => panic!("it can be read"),
    };
    let found = problems(ProxyProcessConfig::try_from(from_text(text, &[]).unwrap()).unwrap_err());
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(found.iter().all(|problem| problem.starts_with("proxy.")), "{found:?}");
    let with_agents = problems(Config::try_from(from_text(text, &[]).unwrap()).unwrap_err());
    assert_eq!(with_agents.len(), 7, "the coordinators too: {with_agents:?}");
}

#[test]
fn the_acme_section_is_complete_or_its_problems_are_told() {
    let text = "[proxy.acme]\ncontact = [\"ops@shop.example\"]\nchallenge_listen = \"80\"";
    let Err(ConfigError::Problems(found)) = ProxyProcessConfig::try_from(from_text(text, &[]).unwrap()) else {
        panic!("it was accepted")
    };
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().all(|problem| problem.starts_with("proxy.acme.")), "{found:?}");
    let plain = "[proxy.acme]\ndirectory = \"http://ca.example/directory\"\nterms_agreed = true";
    assert!(ProxyProcessConfig::try_from(from_text(plain, &[]).unwrap()).is_err(), "keys go over TLS alone");
    let environment = [
        ("EVENKEEL_PROXY__ACME__DIRECTORY", "https://ca.example/directory"),
        ("EVENKEEL_PROXY__ACME__TERMS_AGREED", "true"),
        ("EVENKEEL_PROXY__ACME__CONTACT", "mailto:a@shop.example,mailto:b@shop.example"),
    ];
    let acme = ProxyProcessConfig::try_from(from_text("", &environment).unwrap()).unwrap().proxy.acme.unwrap();
    assert_eq!((acme.contact.len(), acme.challenge_listen.port()), (2, 80));
    assert_eq!(ProxyProcessConfig::try_from(RawConfig::default()).unwrap().proxy.acme, None);
}
