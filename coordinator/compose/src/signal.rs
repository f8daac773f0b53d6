//! `stop_signal`: a signal's name or number. Not here: sending it (the engine).

/// What a message says was expected.
pub(crate) const EXPECTED: &str = "a signal such as `SIGQUIT`, or its number";

/// The signals of Linux that have a name.
const NAMES: [&str; 33] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL", "PROF",
    "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2",
    "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// The highest number, which is `SIGRTMAX`.
const HIGHEST: u8 = 64;

/// One form for each: `SIGQUIT` for `quit`, and numbers as they are.
pub(crate) fn parse(text: &str) -> Option<String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: u8 = text.parse().ok().filter(|number| (1..=HIGHEST).contains(number))?;
        return Some(number.to_string());
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    (NAMES.contains(&name) || is_real_time(name)).then(|| format!("SIG{name}"))
}

/// `RTMIN`, `RTMIN+1` to `+15`, `RTMAX-14` to `-1`, `RTMAX`: the names that engines know.
fn is_real_time(name: &str) -> bool {
    let within = |number: &str, most: u8| {
        !number.starts_with(['0', '+']) && number.parse::<u8>().is_ok_and(|number| (1..=most).contains(&number))
    };
    matches!(name, "RTMIN" | "RTMAX")
        || name.strip_prefix("RTMIN+").is_some_and(|number| within(number, 15))
        || name.strip_prefix("RTMAX-").is_some_and(|number| within(number, 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, signal) in [
            ("SIGQUIT", "SIGQUIT"),
            ("QUIT", "SIGQUIT"),
            ("sigusr1", "SIGUSR1"),
            ("SIGRTMIN+3", "SIGRTMIN+3"),
            ("RTMAX-14", "SIGRTMAX-14"),
            ("3", "3"),
            ("015", "15"),
            ("64", "64"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(signal), "{text}");
        }
        for text in [
            "",
            "SIG",
            "0",
            "65",
            "-3",
            "+3",
            "3 ",
            "SIGNAL",
            "SIGSIGQUIT",
            "RTMIN+0",
            "RTMIN+16",
            "RTMIN++1",
            "RTMAX-15",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
