//! What the program shall do, read from the environment.
//!
//! Deliberately not here: reading the environment itself (the caller passes a lookup, so that tests need no process-wide
//! state) and acting on the settings.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How the program behaves. The word in the `MODE` variable is the variant's name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Ends in-flight requests and idle connections politely on SIGTERM, then exits 0.
    Graceful,
    /// Exits at once on SIGTERM, whatever is in flight.
    Rude,
    /// Ignores SIGTERM.
    Stubborn,
    /// Prints a line and exits with `EXIT_CODE`, at once or `AFTER` milliseconds later.
    Crash,
    /// `/healthz` always answers 503.
    Unready,
    /// `/healthz` answers 503 until `AFTER` milliseconds have passed, then 200.
    Slow,
    /// `/healthz` answers 200 until `AFTER` milliseconds have passed, then 503.
    Sick,
    /// Answers 500 to everybody but who asks for its health.
    Faulty,
    /// Takes more and more memory, beginning `AFTER` milliseconds after the start.
    Leaky,
    /// Has no port at all: prints a line a second.
    Worker,
}

const MODES: [(&str, Mode); 10] = [
    ("graceful", Mode::Graceful),
    ("rude", Mode::Rude),
    ("stubborn", Mode::Stubborn),
    ("crash", Mode::Crash),
    ("unready", Mode::Unready),
    ("slow", Mode::Slow),
    ("sick", Mode::Sick),
    ("faulty", Mode::Faulty),
    ("leaky", Mode::Leaky),
    ("worker", Mode::Worker),
];

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        MODES.iter().find(|(name, _)| *name == word).map(|(_, mode)| *mode).ok_or_else(|| {
            format!(
                "MODE={word} is none of graceful, rude, stubborn, crash, unready, slow, sick, faulty, leaky, worker"
            )
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = MODES.iter().find(|(_, mode)| mode == self).map_or("?", |(name, _)| name);
        formatter.write_str(name)
    }
}

impl Mode {
    /// The default of `AFTER`: modes that change after a while need one that a probe can see.
    fn default_after(self) -> Duration {
        match self {
            Self::Slow | Self::Sick => Duration::from_secs(5),
            _ => Duration::ZERO,
        }
    }
}

/// Everything the environment says, with defaults filled in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `MODE`, default `graceful`.
    pub mode: Mode,
    /// `VERSION`, default `unversioned`: the body of `GET /`.
    pub version: String,
    /// `PORT`, default 8080.
    pub port: u16,
    /// `AFTER` in milliseconds; its meaning and default depend on the mode.
    pub after: Duration,
    /// `EXIT_CODE` of a crash, default 3.
    pub exit_code: u8,
    /// `ECHO_PORT`: where every byte is sent back as it is, without HTTP. Absent: nowhere.
    pub echo_port: Option<u16>,
}

impl Settings {
    /// Reads the variables through `variable`. Errors name the variable and what is wrong with it.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mode = variable("MODE").map_or(Ok(Mode::Graceful), |word| word.parse::<Mode>())?;
        let after = number(&variable, "AFTER")?.map(Duration::from_millis);
        Ok(Self {
            mode,
            version: variable("VERSION").unwrap_or_else(|| "unversioned".to_owned()),
            port: number(&variable, "PORT")?.unwrap_or(8080),
            after: after.unwrap_or_else(|| mode.default_after()),
            exit_code: number(&variable, "EXIT_CODE")?.unwrap_or(3),
            echo_port: number(&variable, "ECHO_PORT")?,
        })
    }

    /// Whether `/healthz` answers 200 when the program has been up for `up`.
    pub(crate) fn is_healthy(&self, up: Duration) -> bool {
        match self.mode {
            Mode::Unready => false,
            Mode::Slow => up >= self.after,
            Mode::Sick => up < self.after,
            _ => true,
        }
    }
}

fn number<N: FromStr>(variable: &impl Fn(&str) -> Option<String>, name: &str) -> Result<Option<N>, String>
where
    N::Err: fmt::Display,
{
    variable(name).map(|text| text.parse().map_err(|error| format!("{name}={text}: {error}"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn an_empty_environment_is_a_graceful_program_on_8080() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.mode, settings.port, settings.exit_code), (Mode::Graceful, 8080, 3));
    }

    #[test]
    fn every_mode_is_read_by_the_name_it_prints() {
        for (name, mode) in MODES {
            assert_eq!(read(&[("MODE", name)]).unwrap().mode, mode);
            assert_eq!(mode.to_string(), name);
        }
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_variable() {
        assert!(read(&[("MODE", "nice")]).unwrap_err().contains("MODE=nice"));
        assert!(read(&[("PORT", "70000")]).unwrap_err().contains("PORT=70000"));
        assert!(read(&[("AFTER", "soon")]).unwrap_err().contains("AFTER=soon"));
        assert!(read(&[("EXIT_CODE", "256")]).unwrap_err().contains("EXIT_CODE=256"));
    }

    #[test]
    fn health_changes_at_after() {
        let before = Duration::from_millis(99);
        let at = Duration::from_millis(100);
        for (mode, healthy_before, healthy_at) in
            [("slow", false, true), ("sick", true, false), ("unready", false, false), ("rude", true, true)]
        {
            let settings = read(&[("MODE", mode), ("AFTER", "100")]).unwrap();
            assert_eq!(settings.is_healthy(before), healthy_before, "{mode} before");
            assert_eq!(settings.is_healthy(at), healthy_at, "{mode} at");
        }
    }
}
