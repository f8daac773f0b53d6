//! Operators: adding one makes a key here and a context file that works; who one is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use evenkeel_certs::Authority;
use evenkeel_cli::{ContextFile, Globals, Terminal, check_context};
use evenkeel_model::{Millis, UnixMillis};
use tonic::Status;

use crate::canned::Canned;
use crate::desk::{Desk, NOW, Ran};
use crate::{golden, views};

fn authority() -> Authority {
    Authority::create(&"prod".parse().unwrap(), UnixMillis(NOW)).unwrap()
}

fn certifying() -> Canned {
    Canned { authority: Some(authority()), operators: views::operators(), ..Canned::default() }
}

/// Adds bob in a folder; what is printed names the folder `FOLDER`.
async fn add(canned: Canned, folder: &Path, options: &str) -> Ran {
    let folder = folder.display().to_string();
    let arguments = format!("operator add bob --role approver --out {folder}/bob.toml {options}");
    let mut ran = Desk::facing(&Arc::new(canned)).run(&arguments).await;
    (ran.output, ran.error) = (ran.output.replace(&folder, "FOLDER"), ran.error.replace(&folder, "FOLDER"));
    ran
}

fn files(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path()).unwrap().count()
}

#[tokio::test(start_paused = true)]
async fn a_new_operator_gets_a_context_file_that_is_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let ran = add(certifying(), folder.path(), "").await;
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    golden::check("tables/operator-add.txt", &ran.output);
    let path = folder.path().join("bob.toml");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let key = text.lines().skip_while(|line| !line.contains("PRIVATE KEY")).nth(1).unwrap();
    assert!(!ran.output.contains(key));
    let surroundings = Desk::facing(&Arc::new(Canned::default())).surroundings;
    let globals = Globals { context: Some(path), ..Globals::default() };
    let checked = check_context(&surroundings, &globals, &mut Terminal::captured(std::io::sink(), std::io::sink()));
    assert_eq!(checked.code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_operator_as_json_has_no_key_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let ran = add(certifying(), folder.path(), "--valid 90d --output json").await;
    assert_eq!(ran.code, 0);
    golden::check("json/operator-add.json", &ran.output);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_there_is_replaced_by_force_alone_and_nothing_is_asked_before() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bob.toml"), "old").unwrap();
    let canned = Arc::new(certifying());
    let arguments = format!("operator add bob --role viewer --out {}/bob.toml", folder.path().display());
    let ran = Desk::facing(&canned).run(&arguments).await;
    assert_eq!(ran.code, 1);
    assert!(ran.error.contains("left as it is") && ran.error.contains("--force"), "{}", ran.error);
    assert!(canned.heard.lock().unwrap().is_empty());
    assert_eq!(Desk::facing(&canned).run(&format!("{arguments} --force")).await.code, 0);
    let heard = canned.heard.lock().unwrap().concat();
    assert!(heard.contains("operator: \"bob\", role: \"viewer\"") && heard.contains("lifetime_ms: 0"), "{heard}");
    assert_eq!(files(&folder), 1);
}

#[tokio::test(start_paused = true)]
async fn of_an_operator_that_was_refused_no_file_is_left() {
    let refused = || Canned { refusal: Some(Status::permission_denied("ada is deployer")), ..Canned::default() };
    // Without an authority the coordinator answers with no certificate at all.
    for (canned, told) in [(refused(), "ada is deployer"), (Canned::default(), "cannot be used")] {
        let folder = tempfile::tempdir().unwrap();
        let ran = add(canned, folder.path(), "").await;
        assert_eq!((ran.code, files(&folder)), (1, 0));
        assert!(ran.error.contains(told) && ran.error.contains("next: "), "{}", ran.error);
    }
}

#[tokio::test(start_paused = true)]
async fn who_one_is_comes_from_the_certificate_and_the_role_from_the_coordinator() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context.toml");
    let whoami = async |operator: &str, options: &str| {
        let identity = format!("spiffe://prod/operator/{operator}").parse().unwrap();
        let credentials = authority().issue(&identity, Millis::minutes(600), UnixMillis(NOW)).unwrap();
        let addresses = ["one.example:7400".to_owned()];
        std::fs::write(&path, ContextFile { addresses: &addresses, credentials: &credentials }.to_toml()).unwrap();
        let arguments = format!("whoami --context {} {options}", path.display());
        let ran = Desk::facing(&Arc::new(certifying())).run(&arguments).await;
        assert_eq!(ran.code, 0, "{}", ran.error);
        ran.output.replace(&folder.path().display().to_string(), "FOLDER")
    };
    golden::check("tables/whoami.txt", &whoami("ada", "").await);
    golden::check("json/whoami.json", &whoami("ada", "--output json").await);
    assert!(whoami("eve", "").await.contains("none that the coordinator tells"));
}
