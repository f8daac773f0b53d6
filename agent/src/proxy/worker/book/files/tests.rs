//! The files over restarts and damages.

use std::collections::BTreeSet;

use super::super::tests::{book, route, tls};
use super::*;

const OWNER: &str = "default/shop";
const FILE: &str = "default@shop.json";

fn stored() -> (tempfile::TempDir, BookFiles) {
    let folder = tempfile::tempdir().unwrap();
    let files = BookFiles::in_directory(&folder.path().join("deep/er")).unwrap();
    files.store(OWNER, book().owners.get(OWNER)).unwrap();
    (folder, files)
}

fn names(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn what_was_stored_is_loaded_and_nothing_else_is_left() {
    let (_folder, files) = stored();
    assert_eq!(files.load().unwrap(), Loaded { book: book(), damaged: BTreeMap::new() });
    assert_eq!(names(files.path()), [FILE]);
    files.store(OWNER, None).unwrap();
    files.store(OWNER, None).unwrap();
    assert_eq!((files.load().unwrap(), names(files.path()).len()), (Loaded::default(), 0));
}

#[test]
fn hosts_that_were_in_force_are_remembered_over_restarts_for_their_owner_alone() {
    let (_folder, files) = stored();
    let mut accepted = Accepted::default();
    accepted.add([tls("a", &["a.test"]), tls("b", &[]), route("web", "127.0.0.1:80")].iter());
    files.store_accepted(&accepted).unwrap();
    let accepted = files.load().unwrap().book.accepted;
    assert!(accepted.has("a", "a.test") && accepted.has("b", ""));
    assert!(!accepted.has("b", "a.test") && !accepted.has("a", "") && !accepted.has(OWNER, ""));
}

#[test]
fn a_damaged_file_is_kept_aside_and_the_others_are_served() {
    let record = Record { owner: OWNER.to_owned(), page: book().owners.get(OWNER).cloned().unwrap() };
    let whole = sealed::seal(FORMAT, &record);
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    let other = String::from_utf8(whole.clone()).unwrap().replace("\"format\":1", "\"format\":9").into_bytes();
    let foreign = sealed::seal(FORMAT, &Record { owner: "default/blog".to_owned(), page: record.page });
    for damaged in [&whole[..whole.len() - 2], &flipped, &other, &foreign, b"", b"{}"] {
        let (_folder, files) = stored();
        files.store("default/docs", book().owners.get(OWNER)).unwrap();
        fs::write(files.path().join(FILE), damaged).unwrap();
        assert!(!files.read().unwrap().is_whole());
        let loaded = files.load().unwrap();
        assert_eq!(loaded.book.owners.keys().collect::<Vec<_>>(), ["default/docs"]);
        assert!(loaded.lacks(OWNER) && !loaded.lacks("default/docs"));
        assert_eq!(fs::read(files.path().join("default@shop.damaged")).unwrap(), damaged);
        assert!(files.load().unwrap().is_whole(), "it is said once");
    }
}

#[test]
fn damaged_hosts_leave_the_routes_as_they_are() {
    let (folder, files) = stored();
    fs::write(folder.path().join("deep/er").join(ACCEPTED), b"{}").unwrap();
    let loaded = files.load().unwrap();
    assert_eq!((loaded.book.owners, loaded.book.accepted), (book().owners, Accepted::default()));
    assert!(files.load().unwrap().is_whole());
}

#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let (_folder, files) = stored();
    // A directory in the way of the new file, because root may write everywhere.
    fs::create_dir(files.path().join(format!("{FILE}.{}.new", std::process::id()))).unwrap();
    let page = Page { mark: None, ..book().owners.remove(OWNER).unwrap() };
    files.store(OWNER, Some(&page)).unwrap_err();
    assert_eq!(files.load().unwrap().book, book());
}

#[test]
fn files_that_say_something_else_or_are_gone_are_made_to_say_what_the_book_says() {
    let (_folder, files) = stored();
    let mut book = book();
    book.accepted.add([tls("a", &["a.test"])].iter());
    book.owners.insert("default/blog".to_owned(), Page { mark: None, ..book.owners[OWNER].clone() });
    files.store("default/gone", book.owners.get(OWNER)).unwrap();
    fs::write(files.path().join(FILE), b"torn").unwrap();
    files.store_all(&book).unwrap();
    assert_eq!(files.read().unwrap(), Loaded { book: book.clone(), damaged: BTreeMap::new() });
    fs::remove_dir_all(files.path()).unwrap();
    assert_eq!(files.read().unwrap().book.owners.len(), 0, "a directory that is gone is an empty one");
    files.store_all(&book).unwrap();
    assert_eq!(files.read().unwrap().book, book);
}

#[test]
fn no_two_owners_share_a_file_and_none_gets_out_of_the_folder() {
    let owners = ["a/b", "a@b", "a%40b", "a", "A", "../etc/passwd", ".", "ä", "a b"];
    let names: BTreeSet<String> = owners.iter().map(|owner| file_name(owner)).collect();
    assert_eq!(names.len(), owners.len());
    assert!(names.iter().all(|name| !name.contains('/')), "{names:?}");
}
