//! What a ledger on disk survives. The memory store is held to the same where it can be.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use evenkeel_machine::{Accepted, Blue, End, Kept};
use evenkeel_model::{
    Assignment, CauseKind, Content, Digest, Failure, Generation, ImagePin, Millis, Phase, ReleaseNumber, Share, Terms,
    Version,
};

use crate::ledger::MemoryLedgers;

use super::*;

fn key(environment: &str, app: &str) -> AppKey {
    AppKey { environment: environment.parse().unwrap(), app: app.parse().unwrap() }
}

fn terms() -> Terms {
    Terms { health_deadline: Millis(1), pull_deadline: Millis(2), orphan_after: Millis(3), keep_blue: Millis(4) }
}

fn ledger(generation: u64) -> Ledger {
    let manifest = format!("manifest {generation}").into_bytes();
    let content = Content {
        release: ReleaseNumber(generation),
        digest: Digest::of(&manifest),
        manifest,
        services: BTreeSet::from(["web".parse().unwrap()]),
    };
    let assignment = Assignment {
        key: key("eu", "shop"),
        version: Version { epoch: Epoch(1), generation: Generation(generation) },
        content: Some(content.clone()),
        phase: Phase::Trial,
        share: Share::NONE,
        terms: terms(),
    };
    let failure = Box::new(Failure::plain(CauseKind::Exited, "it ended"));
    let digest = Digest::of(b"web");
    let image = ImagePin::Registry { reference: "r/web:1".to_owned(), repository: "r/web".to_owned(), digest };
    let kept = vec![Kept { release: ReleaseNumber(1), images: vec![image] }];
    let blue = Some(Blue { content: content.clone(), keep: Millis(5) });
    let end = Some(End::Reverting { failure });
    Ledger { accepted: Some(Accepted { assignment, end }), base: Some(content), kept, blue }
}

async fn what_was_saved_is_loaded(store: impl LedgerStore) {
    assert_eq!(store.load().await.unwrap(), Remembered::default());
    let keys = [key("a-b", "c"), key("a", "b-c"), key("a", "b__c"), key("a__b", "c")];
    for (number, key) in (1..).zip(&keys) {
        store.save(key, &ledger(number)).await.unwrap();
    }
    store.save(&keys[0], &ledger(9)).await.unwrap();
    store.save_epoch(Epoch(4)).await.unwrap();
    store.save_epoch(Epoch(5)).await.unwrap();
    let fetched = [Fetched { key: keys[1].clone(), image: ledger(1).kept[0].images[0].clone(), is_ours: true }];
    store.save_fetched(&[]).await.unwrap();
    store.save_fetched(&fetched).await.unwrap();
    let remembered = store.load().await.unwrap();
    let found: Vec<_> = keys.iter().map(|key| remembered.ledgers[key].clone()).collect();
    assert_eq!(found, [ledger(9), ledger(2), ledger(3), ledger(4)]);
    assert_eq!((remembered.epoch, remembered.recovered.len()), (Epoch(5), 0));
    assert_eq!(remembered.fetched, fetched);
}

#[tokio::test]
async fn both_stores_give_back_what_was_saved() {
    let directory = tempfile::tempdir().unwrap();
    what_was_saved_is_loaded(FileLedgers::open(directory.path().join("ledger")).unwrap()).await;
    what_was_saved_is_loaded(MemoryLedgers::new()).await;
}

/// A store with generations 1 and 2 saved, and the file.
async fn two_generations() -> (tempfile::TempDir, FileLedgers, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let store = FileLedgers::open(directory.path()).unwrap();
    let key = key("eu", "shop");
    store.save(&key, &ledger(1)).await.unwrap();
    store.save(&key, &ledger(2)).await.unwrap();
    let path = store.path(&key);
    (directory, store, path)
}

#[tokio::test]
async fn every_torn_or_flipped_byte_is_noticed_and_the_record_before_is_taken() {
    let (_directory, store, path) = two_generations().await;
    let whole = fs::read(&path).unwrap();
    let mut damages: Vec<Vec<u8>> = (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
    damages.extend((0..whole.len()).map(|at| {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        flipped
    }));
    for damage in damages {
        fs::write(&path, &damage).unwrap();
        match store.load().await {
            Ok(remembered) => {
                assert_eq!(remembered.ledgers[&key("eu", "shop")], ledger(1));
                assert_eq!(remembered.recovered, std::slice::from_ref(&path));
            }
            // A flipped bit in the format's number is indistinguishable from a newer format, and refused as loudly.
            Err(LedgerError::NewerFormat { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn killed_between_the_renames_the_old_record_counts() {
    let (_directory, store, path) = two_generations().await;
    fs::rename(&path, beside(&path, "prev")).unwrap();
    fs::write(beside(&path, "new"), b"half").unwrap();
    let remembered = store.load().await.unwrap();
    assert_eq!(remembered.ledgers[&key("eu", "shop")], ledger(2));
    assert_eq!(remembered.recovered, Vec::<PathBuf>::new());
}

#[tokio::test]
async fn two_damaged_records_are_an_error_that_names_the_file() {
    let (_directory, store, path) = two_generations().await;
    fs::write(&path, b"").unwrap();
    fs::write(beside(&path, "prev"), b"").unwrap();
    let error = store.load().await.unwrap_err();
    assert!(matches!(&error, LedgerError::Damaged { path: named, .. } if *named == path), "{error:?}");
    assert!(error.to_string().contains(path.to_str().unwrap()) && error.to_string().contains("move both away"));
}

#[tokio::test]
async fn a_file_under_another_apps_name_is_refused() {
    let (directory, store, path) = two_generations().await;
    fs::copy(&path, directory.path().join("eu@other.json")).unwrap();
    assert!(matches!(store.load().await.unwrap_err(), LedgerError::Damaged { .. }));
}

#[test]
fn a_ledger_of_the_version_before_has_all_of_it_and_keeps_nothing_beside_it() {
    let mut older = serde_json::to_value(ledger(3)).unwrap();
    assert!(older.as_object_mut().unwrap().remove("blue").is_some());
    let assignment = older["accepted"]["assignment"].as_object_mut().unwrap();
    assert!(assignment.remove("share").is_some());
    assert!(assignment["terms"].as_object_mut().unwrap().remove("keep_blue").is_some());
    let read: Ledger = serde_json::from_value(older).unwrap();
    let mut expected = Ledger { blue: None, ..ledger(3) };
    let assignment = &mut expected.accepted.as_mut().unwrap().assignment;
    (assignment.share, assignment.terms.keep_blue) = (Share::ALL, Millis(0));
    assert_eq!(read, expected);
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name() {
    let (_directory, store, path) = two_generations().await;
    let newer = fs::read_to_string(&path).unwrap().replacen("\"format\":1", "\"format\":2", 1);
    fs::write(&path, newer).unwrap();
    assert!(matches!(store.load().await.unwrap_err(), LedgerError::NewerFormat { found: 2, .. }));
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_old_record() {
    let memory = MemoryLedgers::new();
    let key = key("eu", "shop");
    memory.save(&key, &ledger(1)).await.unwrap();
    memory.fail_writes(true);
    assert!(matches!(memory.save(&key, &ledger(2)).await, Err(LedgerError::DiskFull { .. })));
    assert_eq!(memory.load().await.unwrap().ledgers[&key], ledger(1));

    let (_directory, store, path) = two_generations().await;
    // Something that can't be overwritten stands where the new record is written, also for root.
    fs::create_dir(beside(&path, "new")).unwrap();
    assert!(matches!(store.save(&key, &ledger(3)).await, Err(LedgerError::Write { .. })));
    assert_eq!(store.load().await.unwrap().ledgers[&key], ledger(2));
}

#[test]
fn a_full_disk_is_told_from_other_trouble() {
    // Every write to it fails for lack of space.
    let error = write_and_sync(Path::new("/dev/full"), b"x").unwrap_err();
    assert!(matches!(write_error(Path::new("x"), error), LedgerError::DiskFull { .. }));
}

#[tokio::test]
async fn the_ledger_is_the_owners_alone() {
    let (_directory, _store, path) = two_generations().await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
}
