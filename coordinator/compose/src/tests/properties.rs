//! Whatever the text, reading it ends with a specification or with problems, and both have the properties promised.

use evenkeel_model::Specification;
use evenkeel_model::gate::Check;
use proptest::prelude::*;

use super::read_text;
use crate::Problems;

mod files;

use files::{PIECES, valid_file};

/// Problems are never none, in the order of their lines, on lines that exist, and say something.
fn check_problems(text: &str, problems: &Problems) {
    let problems = problems.as_slice();
    assert!(!problems.is_empty());
    assert!(problems.is_sorted_by_key(|problem| problem.line));
    for problem in problems {
        // The end of the text counts as a line of its own; YAML counts some more line ends than Rust does.
        let lines = text.split(['\n', '\r']).count() + 1;
        assert!((1..=lines).contains(&problem.line), "{problem}");
        assert!(problem.column >= 1 && !problem.message.is_empty());
    }
}

fn check(text: &str) {
    if let Err(problems) = read_text(text) {
        check_problems(text, &problems);
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn no_printable_text_is_too_odd(text in "[ -~\n]{0,300}") {
        check(&text);
    }

    #[test]
    fn no_sequence_of_pieces_is_too_odd(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        check(&pieces.concat());
        check(&format!("name: app\nservices:\n  web:\n    image: a\n    {}", pieces.concat()));
    }

    #[test]
    fn valid_files_are_read(text in valid_file()) {
        let specification = read_text(&text).map_err(|problems| TestCaseError::fail(format!("{text}\n{problems}")))?;
        prop_assert_eq!(specification.services.len(), text.matches("image: ").count());
        prop_assert_eq!(specification.policy.gates.len(), text.matches("    - {").count());
        prop_assert_eq!(read_text(&text), Ok(specification));
    }

    #[test]
    fn what_is_read_makes_sense_and_reaches_the_coordinator_as_it_is(text in valid_file()) {
        let Ok(specification) = read_text(&text) else { return Ok(()) };
        let policy = &specification.policy;
        for gate in &policy.gates {
            if let Check::Window(window) = &gate.check {
                prop_assert_eq!(window.check(), Ok(()));
            }
        }
        prop_assert!(policy.shares().is_sorted() && !policy.waves.ends(100).is_empty());
        let sent = serde_json::to_string(&specification).unwrap();
        prop_assert_eq!(serde_json::from_str::<Specification>(&sent).unwrap(), specification);
    }

    #[test]
    fn a_valid_file_with_a_piece_cut_out_or_put_in_never_panics(
        text in valid_file(),
        at in any::<prop::sample::Index>(),
        cut in 0..5_usize,
        piece in proptest::sample::select(PIECES),
    ) {
        let letters: Vec<char> = text.chars().collect();
        let at = at.index(letters.len());
        let end = (at + cut).min(letters.len());
        let changed = letters[..at].iter().collect::<String>() + piece + &letters[end..].iter().collect::<String>();
        check(&changed);
    }
}
