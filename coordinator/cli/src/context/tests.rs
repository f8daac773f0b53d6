//! Context files, good and bad.

use evenkeel_certs::Authority;
use evenkeel_model::Millis;

use super::*;

const NOW: UnixMillis = UnixMillis(1_750_000_000_000);

fn credentials(identity: &str, lifetime: Millis) -> Credentials {
    let authority = Authority::create(&"prod".parse().unwrap(), NOW).unwrap();
    authority.issue(&identity.parse().unwrap(), lifetime, NOW).unwrap()
}

fn operator() -> Credentials {
    credentials("spiffe://prod/operator/ada", Millis::minutes(60))
}

fn written(credentials: &Credentials) -> String {
    ContextFile { addresses: &["one.example:7400".to_owned(), "10.0.0.2".to_owned()], credentials }.to_toml()
}

/// Reads a context file with this text.
fn read(text: &str, now: UnixMillis) -> Result<Context, ContextError> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(DEFAULT_PLACE);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let variables = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
    Context::load(None, &variables, now)
}

#[test]
fn what_is_written_for_an_operator_can_be_read() {
    let context = read(&written(&operator()), NOW).unwrap();
    assert_eq!(context.addresses, ["one.example:7400", "10.0.0.2:7400"]);
    assert_eq!(context.credentials.identity().to_string(), "spiffe://prod/operator/ada");
}

#[test]
fn pem_files_are_found_from_the_context_files_directory() {
    let (directory, credentials) = (tempfile::tempdir().unwrap(), operator());
    for (name, pem) in [
        ("ada.crt", credentials.certificate_pem()),
        ("ada.key", credentials.key_pem()),
        ("authority.crt", credentials.authority_pem()),
    ] {
        std::fs::write(directory.path().join(name), pem).unwrap();
    }
    let path = directory.path().join("context.toml");
    let text =
        "addresses = ['c']\nfleet = 'prod'\ncertificate = 'ada.crt'\nkey = 'ada.key'\nauthority = 'authority.crt'\n";
    std::fs::write(&path, text).unwrap();
    assert!(Context::load(Some(&path), &BTreeMap::new(), NOW).is_ok());
    std::fs::remove_file(directory.path().join("ada.key")).unwrap();
    let error = Context::load(Some(&path), &BTreeMap::new(), NOW).unwrap_err();
    assert!(matches!(error, ContextError::Unreadable { what: "the key", .. }), "{error}");
}

#[test]
fn an_expired_certificate_is_told_with_the_way_out() {
    let error = read(&written(&operator()), NOW + Millis::minutes(61)).unwrap_err();
    assert!(matches!(&error, ContextError::Credentials { .. }), "{error}");
    assert!(error.next_step().contains("new context file"), "{}", error.next_step());
}

#[test]
fn a_missing_file_is_told_with_the_way_to_name_one() {
    let error = Context::load(Some(Path::new("/nonexistent/context.toml")), &BTreeMap::new(), NOW).unwrap_err();
    assert!(matches!(error, ContextError::Missing(_)));
    assert!(error.next_step().contains("--context"), "{}", error.next_step());
    assert!(matches!(Context::load(None, &BTreeMap::new(), NOW), Err(ContextError::NoHome)));
}

#[test]
fn what_can_not_be_is_refused() {
    let good = written(&operator());
    let host = written(&credentials("spiffe://prod/host/web-1", Millis::minutes(60)));
    for (text, expected) in [
        (good.replace("fleet = \"prod\"", "fleet = \"test\""), "fleet: it says test"),
        (good.replace("\"10.0.0.2\"", "\"http://x/\""), "is no address"),
        (good.replace("\"10.0.0.2\"", "\"x:port\""), "is no address"),
        (good.replace("addresses = [\"one.example:7400\", \"10.0.0.2\"]", "addresses = []"), "at least one"),
        (host, "only an operator's"),
        (format!("{good}\ncolour = 1\n"), "malformed"),
        ("fleet = ".to_owned(), "malformed"),
    ] {
        let error = read(&text, NOW).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn an_address_without_a_port_gets_the_usual_one() {
    for (written, expected) in
        [("c", "c:7400"), ("c:1", "c:1"), ("::1", "[::1]:7400"), ("[::1]", "[::1]:7400"), ("[::1]:9", "[::1]:9")]
    {
        assert_eq!(with_port(written).as_deref(), Ok(expected));
    }
}
