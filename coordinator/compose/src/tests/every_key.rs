//! The tables of keys, the code that reads them and the README say the same.

use std::collections::BTreeSet;

use super::read_text;
use crate::keys::{self, Keys};

const README: &str = include_str!("../../README.md");

/// A file with nothing but this key, and the key's path as problems name it.
fn only(keys: &Keys, key: &str, value: &str) -> (String, String) {
    let mut text = format!("{{{key}: {value}}}");
    let scope = keys.scope.replace("NAME", "web");
    for part in scope.split('.').rev().filter(|part| !part.is_empty()) {
        text = match part.strip_suffix("[]") {
            Some(list) => format!("{{{list}: [{text}]}}"),
            None => format!("{{{part}: {text}}}"),
        };
    }
    let separator = if scope.is_empty() { "" } else { "." };
    (text, format!("{}{separator}{key}", scope.replace("[]", "[0]")))
}

/// What is said about a key with a value that no key takes.
fn said_about(keys: &Keys, key: &str) -> Vec<String> {
    let (text, path) = only(keys, key, "[[{}]]");
    let problems = read_text(&text).expect_err(&text);
    let of_key = |found: &str| found == path || found.strip_prefix(&path).is_some_and(|rest| rest.starts_with('['));
    problems.as_slice().iter().filter(|problem| of_key(&problem.path)).map(|problem| problem.message.clone()).collect()
}

#[test]
fn every_supported_key_is_read() {
    for keys in keys::ALL {
        for key in keys.supported {
            let said = said_about(keys, key);
            let read =
                said.iter().any(|message| message.starts_with("expected ")) || *key == "volumes" && said.len() == 1;
            assert!(read, "{}.{key}: {said:?}", keys.scope);
        }
    }
}

#[test]
fn every_other_known_key_is_refused_by_name() {
    for keys in keys::ALL {
        for key in keys.later {
            assert_eq!(said_about(keys, key), ["not supported yet: remove it"], "{}.{key}", keys.scope);
        }
        for (key, advice) in keys.refused {
            assert_eq!(said_about(keys, key), [*advice], "{}.{key}", keys.scope);
        }
    }
}

#[test]
fn the_readme_has_exactly_the_supported_keys() {
    let mut supported = BTreeSet::new();
    for keys in keys::ALL {
        let separator = if keys.scope.is_empty() { "" } else { "." };
        supported.extend(keys.supported.iter().map(|key| format!("{}{separator}{key}", keys.scope)));
    }
    let first_cell = |line: &str| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned());
    let documented: BTreeSet<String> = README.lines().filter_map(first_cell).collect();
    assert_eq!(documented, supported);
}

#[test]
fn the_readme_names_every_key_that_is_not_supported() {
    for keys in keys::ALL {
        for key in keys.later.iter().chain(keys.refused.iter().map(|(key, _)| key)) {
            assert!(README.contains(&format!("`{key}`")), "{}.{key}", keys.scope);
        }
    }
}

#[test]
fn what_the_readme_shows_of_rollouts_is_read_without_a_note() {
    let is_shown = |line: &&str| line.starts_with("    ") && !line.contains("compose.yaml:");
    let shown: Vec<&str> = README.lines().filter(is_shown).collect();
    let (waves, gates): (Vec<&str>, Vec<&str>) = shown.iter().partition(|line| line.starts_with("    waves:"));
    assert!(waves.len() == 2 && gates.len() > 5, "{shown:?}");
    for example in waves.into_iter().map(str::to_owned).chain([gates.join("\n")]) {
        let text = format!("name: app\nservices: {{web: {{image: a}}}}\nx-rollout:\n{example}\n");
        let specification = read_text(&text).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
        assert_eq!(specification.notes, Vec::<String>::new(), "{text}");
    }
}
