//! How large the terminal is, and when that changes. The standard library does not tell, and a system call of our own would
//! need unsafe code: so `stty`, which every system with terminals has, is asked. Not here: what is drawn in that size.

use std::process::Stdio;

use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Characters across and lines down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub width: usize,
    /// Lines on the screen.
    pub height: usize,
}

impl Default for Size {
    /// The terminal of 1978, which is assumed where nothing is known.
    fn default() -> Self {
        Self { width: 80, height: 24 }
    }
}

impl Size {
    /// Measures the process's terminal.
    pub(crate) async fn measured() -> Self {
        let Ok(terminal) = std::fs::File::open("/dev/tty") else { return Self::default() };
        let mut stty = Command::new("stty");
        stty.arg("size").stdin(terminal).stderr(Stdio::null()).kill_on_drop(true);
        match stty.output().await {
            Ok(output) if output.status.success() => Self::parse(&String::from_utf8_lossy(&output.stdout)),
            _ => Self::default(),
        }
    }

    /// What `stty size` writes: lines and characters. Zeros mean that the terminal does not know either.
    fn parse(text: &str) -> Self {
        let mut numbers = text.split_whitespace().map(|word| word.parse::<usize>().unwrap_or(0));
        match (numbers.next(), numbers.next()) {
            (Some(height @ 1..), Some(width @ 1..)) => Self { width, height },
            _ => Self::default(),
        }
    }
}

/// Tells when the terminal's size has changed.
#[derive(Debug)]
pub(crate) struct Resizes(Option<Signal>);

impl Resizes {
    /// From now on.
    pub(crate) fn listen() -> Self {
        Self(signal(SignalKind::window_change()).ok())
    }

    /// Waits for the next change; for ever if the system can't tell. Cancel safe.
    pub(crate) async fn next(&mut self) {
        let told = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if told.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stty_says_is_understood_and_nonsense_is_the_default() {
        assert_eq!(Size::parse("50 132\n"), Size { width: 132, height: 50 });
        for nonsense in ["", "0 0\n", "50", "a b"] {
            assert_eq!(Size::parse(nonsense), Size::default(), "{nonsense}");
        }
    }
}
