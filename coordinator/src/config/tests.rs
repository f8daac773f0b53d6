//! The configuration's tables, and the sample that documents it.

use super::*;

const SAMPLE: &str = include_str!("../../../deploy/config/coordinator.toml");

fn load(text: &str, environment: &[(&str, &str)], flags: RawConfig) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("coordinator.toml");
    std::fs::write(&file, text).unwrap();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(Some(&file), &environment, flags)
}

fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    match load(text, environment, RawConfig::default()) {
        Err(ConfigError::Problems(problems)) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn flags_outrank_the_environment_which_outranks_the_file() {
    let text = "fleet = \"file\"\nlease = \"9s\"\nbeat_interval = \"1s\"\nadvertise = [\"a:1\"]";
    let environment = [("EVENKEEL_LEASE", "8s"), ("EVENKEEL_ADVERTISE", "b:2,c:3"), ("EVENKEEL_FLEET", "variable")];
    let flags = RawConfig { fleet: Some("flag".to_owned()), ..RawConfig::default() };
    let config = load(text, &environment, flags).unwrap();
    assert_eq!(config.fleet.as_str(), "flag");
    assert_eq!(config.session.lease, Millis::seconds(8));
    assert_eq!(config.session.beat, Millis::seconds(1));
    assert_eq!(config.advertise, ["b:2", "c:3"]);
}

#[test]
fn without_any_word_the_defaults_hold() {
    let config = load("", &[], RawConfig::default()).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:7400");
    assert_eq!(config.http_listen.to_string(), "127.0.0.1:7401");
    assert_eq!(config.data_dir, Path::new("/var/lib/evenkeel/coordinator"));
    assert_eq!(config.session, SessionTerms::default());
    assert_eq!(config.session.certificate, Millis::minutes(72 * 60));
}

#[test]
fn all_problems_are_told_at_once() {
    let text = "
        fleet = \"Not A Name\"
        listen = \"everywhere\"
        http_listen = \"localhost\"
        advertise = [\"nowhere\", \"fine:1\"]
        insecure_registries = [\"http://registry\"]
        lease = \"1s\"
        beat_interval = \"10\"
        stats_interval = \"1ms\"
        host_certificate_lifetime = \"400d\"
        log_format = \"xml\"
        colour = \"red\"
        [section]
        key = 1
    ";
    let problems = problems(text, &[("EVENKEEL_TASTE", "sweet"), ("EVENKEEL_LOG_FILTER", "a=b=c")]);
    for key in [
        "fleet:",
        "listen:",
        "http_listen:",
        "advertise: `nowhere`",
        "insecure_registries:",
        "lease: 1s is less than two beats",
        "beat_interval: `10` is not a duration",
        "stats_interval: `1ms` is not between",
        "host_certificate_lifetime:",
        "log_format:",
        "log_filter:",
        "colour (in ",
        "section",
        "taste (in the environment): there is no such key",
    ] {
        assert_eq!(problems.iter().filter(|problem| problem.starts_with(key)).count(), 1, "{key} in {problems:#?}");
    }
    assert_eq!(problems.len(), 14, "{problems:#?}");
}

#[test]
fn a_value_of_the_wrong_kind_is_a_problem_and_others_variables_are_none() {
    let found = problems("advertise = 7\nfleet = [\"a\"]", &[("EVENKEEL_OUTPUT", "json")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("advertise") && found[0].contains("list of texts"), "{found:?}");
    assert!(found[1].starts_with("fleet") && found[1].contains("must be a text"), "{found:?}");
}

#[test]
fn a_file_that_was_named_must_exist_and_be_toml() {
    let missing = Config::load(Some(Path::new("/does/not/exist.toml")), &[], RawConfig::default());
    assert!(matches!(missing, Err(ConfigError::Unreadable(_))), "{missing:?}");
    assert!(matches!(load("fleet = ", &[], RawConfig::default()), Err(ConfigError::Unreadable(_))));
}

#[test]
fn the_sample_is_valid_and_covers_every_key_with_its_default() {
    let without = load("", &[], RawConfig::default()).unwrap();
    load(SAMPLE, &[], RawConfig::default()).unwrap();
    let all: String = SAMPLE.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line).to_owned() + "\n").collect();
    for key in KEYS {
        assert!(all.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key} is not in the sample");
    }
    let all = load(&all, &[], RawConfig::default()).unwrap();
    // These two have no default that could be written down.
    assert_eq!(Config { advertise: Vec::new(), insecure_registries: Vec::new(), ..all }, without);
}
