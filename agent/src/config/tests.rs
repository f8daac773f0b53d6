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
    let raw = from_text("coordinators = [\"nowhere\"]\npublish_address = \"x\"\nlog_format = \"xml\"", &[]).unwrap();
    let Err(ConfigError::Problems(problems)) = Config::try_from(raw) else { panic!("it was accepted") };
    assert_eq!(problems.len(), 3, "{problems:?}");
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
        log_format,
        log_filter,
    } = from_text(&all, &[]).unwrap();
    assert!(coordinators.is_some() && data_dir.is_some() && socket.is_some() && docker_socket.is_some());
    assert!(docker_config.is_some() && publish_address.is_some() && log_format.is_some() && log_filter.is_some());
}
