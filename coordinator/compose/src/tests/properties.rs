//! Whatever the text, reading it ends with a specification or with problems, and both have the properties promised.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::read_text;
use crate::Problems;

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

/// Pieces that meet in Compose files, so that random sequences of them come far into the reader.
const PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\n    ",
    "\n      ",
    "\n        - ",
    "- ",
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "<<: *a",
    "!tag ",
    "|\n",
    ">-\n",
    "~",
    "---",
    "services:",
    "web:",
    "name: app",
    "image: a",
    "ports:",
    "80:80",
    "{target: 80, published: 80, ",
    "app_protocol: http",
    "x-route:",
    "hosts: [a]",
    "path: /",
    "volumes:",
    "/a:/b",
    "healthcheck:",
    "test:",
    "deploy:",
    "update_config:",
    "x-rollout:",
    "health:",
    "http:",
    "status: 200-299",
    "drain: ",
    "keep_old: running",
    "waves:",
    "10%",
    "1",
    "30s",
    "${SET}",
    "${UNSET:-",
    "$$",
    "environment:",
    "A=1",
    "\t",
    "\u{feff}",
    "é",
    "\r",
    "?",
    "\\",
];

/// Ways to write a port, each right.
const PORTS: &[&str] = &[
    "\"127.0.0.INDEX:PORT:80\"",
    "\"127.0.0.INDEX:PORT:80/udp\"",
    "{target: 80, published: PORT, host_ip: 127.0.0.INDEX, mode: host}",
    "{target: 80, published: PORT, host_ip: 127.0.0.INDEX, app_protocol: grpc}",
    "{target: 80, published: PORT, app_protocol: http, x-route: {hosts: [hINDEX.example], path: /, sticky: c}}",
];

/// A file that is right, out of parts that may be there or not.
fn valid_file() -> impl Strategy<Value = String> {
    let count =
        prop_oneof![(1..100_u32).prop_map(|hosts| hosts.to_string()), (1..=100_u32).prop_map(|p| format!("{p}%"))];
    let duration =
        prop_oneof![(1..10_000_u32).prop_map(|ms| format!("{ms}ms")), (1..90_u32).prop_map(|m| format!("{m}m30s"))];
    let rollout = (proptest::option::of(count), proptest::option::of(duration.clone()), proptest::option::of(duration));
    let service = (
        proptest::option::of("[a-z][a-z \"'é:#-]{0,12}"),
        proptest::collection::btree_map("[A-Z]{1,8}", "[ -~]{0,20}", 0..4),
        proptest::option::of((1..=65535_u16, proptest::sample::select(PORTS))),
        proptest::sample::select(vec!["no", "always", "on-failure", "unless-stopped"]),
        any::<bool>(),
    );
    (rollout, proptest::collection::vec(service, 1..4)).prop_map(|((count, bake, drain), services)| {
        let mut text = String::from("name: app\nvolumes: {data: }\nx-rollout:\n  strategy: rolling\n");
        for (key, value) in [("max_unavailable", count), ("bake", bake), ("drain", drain)] {
            if let Some(value) = value {
                writeln!(text, "  {key}: {value}").unwrap();
            }
        }
        text.push_str("services:\n");
        for (index, (user, environment, port, restart, volume)) in services.into_iter().enumerate() {
            writeln!(text, "  s{index}:\n    image: a:{index}\n    restart: {restart}").unwrap();
            if let Some(user) = user {
                writeln!(text, "    user: '{}'", user.replace('\'', "''")).unwrap();
            }
            writeln!(text, "    environment:\n      INDEX: {index}").unwrap();
            for (name, value) in environment.iter().filter(|(name, _)| *name != "INDEX") {
                writeln!(text, "      \"{name}\": '{}'", value.replace('\'', "''").replace('$', "$$")).unwrap();
            }
            if let Some((port, form)) = port {
                // An address or a host of its own, so that no two services clash.
                let port = form.replace("PORT", &port.to_string()).replace("INDEX", &(index + 1).to_string());
                writeln!(text, "    ports: [{port}]").unwrap();
            }
            if volume {
                text.push_str("    volumes: [\"data:/data\"]\n    deploy: {mode: global}\n");
            }
        }
        text
    })
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
        prop_assert_eq!(read_text(&text), Ok(specification));
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
