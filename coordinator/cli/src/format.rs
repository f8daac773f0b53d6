//! Ages, sizes, moments, counts and foreign text as people read them. Not here: tables.

use jiff::{SignedDuration, Timestamp};

use evenkeel_model::{Millis, UnixMillis};

/// A duration as written on a command line: `90s`, `20m`, `1h30m`, `7d`; more than nothing.
pub(crate) fn parse_duration(text: &str) -> Result<Millis, String> {
    let spelled = || {
        let duration: SignedDuration = text.parse().ok()?;
        u64::try_from(duration.as_millis()).ok().map(Millis)
    };
    let parsed = Millis::parse(text).or_else(spelled).filter(|millis| millis.0 > 0);
    parsed.ok_or_else(|| "expected a duration such as 90s, 20m, 1h30m or 7d".to_owned())
}

/// A moment as written on a command line: date, time and zone. Without a zone it would be another one on each machine.
pub(crate) fn parse_moment(text: &str) -> Result<UnixMillis, String> {
    let parsed: Option<Timestamp> = text.parse().ok();
    let millis = parsed.and_then(|timestamp| u64::try_from(timestamp.as_millisecond()).ok());
    millis
        .map(UnixMillis)
        .ok_or_else(|| "expected date, time and zone, such as 2027-01-02T08:00Z or 2027-01-02T09:00+01:00".to_owned())
}

/// How long something took or takes: whole seconds under an hour, then less exact. `850ms`, `12s`, `3m05s`, `2h10m`, `5d`.
pub(crate) fn duration(millis: Millis) -> String {
    let seconds = millis.0 / 1000;
    match seconds {
        0 => format!("{}ms", millis.0),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..172_800 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86400),
    }
}

/// How long ago: `3m ago`; `now` within the last second and for what lies ahead (another clock's doing).
pub(crate) fn age(now: UnixMillis, moment: UnixMillis) -> String {
    let seconds = now.since(moment).0 / 1000;
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..172_800 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86400),
    }
}

/// How long until then: `in 2h10m`, or `over` if it has passed.
pub(crate) fn until(now: UnixMillis, moment: UnixMillis) -> String {
    if moment <= now { "over".to_owned() } else { format!("in {}", duration(moment.since(now))) }
}

/// `2026-01-31T12:00:00Z`
pub(crate) fn moment(moment: UnixMillis) -> String {
    let seconds = i64::try_from(moment.0 / 1000).ok();
    let timestamp = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| format!("{} ms since 1970", moment.0), |timestamp| timestamp.to_string())
}

/// Bytes in binary units with one decimal under ten: `512 B`, `1.2 GiB`, `64 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // In tenths, and whole numbers all through: a float would round 9.96 up to 10.0.
    let mut divisor: u64 = 1024;
    while unit + 1 < UNITS.len() && bytes / divisor >= 1024 {
        divisor *= 1024;
        unit += 1;
    }
    let (whole, tenth) = (bytes / divisor, bytes % divisor * 10 / divisor);
    if whole < 10 { format!("{whole}.{tenth} {}", UNITS[unit]) } else { format!("{whole} {}", UNITS[unit]) }
}

/// Hundredths as a decimal fraction: `0.42`.
pub(crate) fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

/// The first five, and how many more there are: `web-1, web-2 and 3 more`.
pub(crate) fn named<T: AsRef<str>>(names: &[T]) -> String {
    const NAMED: usize = 5;
    let first: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(NAMED);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

/// ` -e staging`: what a command line needs to mean this environment.
pub(crate) fn environment_option(environment: &str) -> String {
    if environment == "default" { String::new() } else { printable(&format!(" -e {environment}")) }
}

/// `1 host`, `3 hosts`.
pub(crate) fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}

/// `the one host`, `all 3 hosts`.
pub(crate) fn all_hosts(count: usize) -> String {
    if count == 1 { "the one host".to_owned() } else { format!("all {count} hosts") }
}

/// The first 12 digits of a digest, as engines shorten ids.
pub(crate) fn short_digest(digest: &str) -> String {
    digest.strip_prefix("sha256:").unwrap_or(digest).chars().take(12).collect()
}

/// Text of others (logs, answers, names) without what could command a terminal: colours and the like are left out, other
/// control characters are made visible.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\t' => safe.push_str("    "),
            // A control sequence: up to its final byte.
            '\u{1b}' if rest.as_str().starts_with('[') => {
                rest.next();
                rest.by_ref().find(|end| ('@'..='~').contains(end));
            }
            control if control.is_control() => safe.extend(control.escape_default()),
            // These reorder what is shown around them.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                safe.extend(character.escape_default());
            }
            plain => safe.push(plain),
        }
    }
    safe
}

/// At most `width` characters, the last of them `…` if there were more.
pub(crate) fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut clipped: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        clipped.push('…');
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_on_the_command_line_are_positive() {
        for (text, millis) in [
            ("90s", 90_000),
            ("20m", 1_200_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("7d", 604_800_000),
            ("1.5h", 5_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Millis(millis)), "{text}");
        }
        for bad in ["", "0s", "-5s", "10", "soon"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_moment_on_the_command_line_has_its_zone() {
        for text in ["2025-06-15T15:06:40Z", "2025-06-15T17:06:40+02:00", "2025-06-15 15:06:40Z"] {
            assert_eq!(parse_moment(text), Ok(UnixMillis(1_750_000_000_000)), "{text}");
        }
        assert_eq!(parse_moment("2025-06-15T15:06Z"), Ok(UnixMillis(1_749_999_960_000)));
        for bad in ["", "2025-06-15", "2025-06-15T15:06:40", "tomorrow", "1960-01-01T00:00Z"] {
            assert!(parse_moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn many_names_are_counted() {
        assert_eq!((named(&["a", "b"]), named::<&str>(&[])), ("a, b".to_owned(), String::new()));
        assert_eq!(named(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }

    #[test]
    fn ages_and_durations_get_less_exact() {
        let now = UnixMillis(1_000_000_000);
        for (millis, took, ago) in [
            (0, "0ms", "now"),
            (850, "850ms", "now"),
            (12_000, "12s", "12s ago"),
            (185_000, "3m05s", "3m ago"),
            (7_800_000, "2h10m", "2h ago"),
            (432_000_000, "5d", "5d ago"),
        ] {
            assert_eq!(duration(Millis(millis)), took);
            assert_eq!(age(now, UnixMillis(now.0 - millis)), ago);
        }
        assert_eq!(age(now, UnixMillis(now.0 + 5)), "now");
        assert_eq!((until(now, now), until(now, now + Millis(90_000))), ("over".to_owned(), "in 1m30s".to_owned()));
    }

    #[test]
    fn sizes_are_binary() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            ((1 << 30) * 38 / 10, "3.7 GiB"),
            (u64::MAX, "16383 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn foreign_text_can_not_command_the_terminal() {
        assert_eq!(printable("a\tb\u{1b}[2;31Jc\r\u{202e}d\u{1b}] é→"), "a    bc\\r\\u{202e}d\\u{1b}] é→");
        assert_eq!(printable("\u{1b}[31"), "");
    }

    #[test]
    fn long_text_is_clipped_visibly() {
        assert_eq!(
            (clipped("häuser", 6), clipped("häuser", 4), clipped("x", 0)),
            ("häuser".into(), "häu…".into(), String::new())
        );
    }
}
