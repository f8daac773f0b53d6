//! The program inside the test images: a small HTTP server that behaves well or badly, as its environment tells it.
//!
//! `program` serves (variables: `MODE`, `VERSION`, `PORT`, `AFTER`, `EXIT_CODE`, `ECHO_PORT`; see `settings.rs`).
//! `program check ADDRESS` makes one HTTP request and exits 0 or 1: the probe command of an image with nothing else in it.
//!
//! Deliberately not here: what it serves (`lib.rs`), and a configuration file.

#![allow(clippy::disallowed_types, reason = "the program runs in real containers, where the clock is the real one")]

mod check;
mod memory;
mod signals;

use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, io};

use evenkeel_test_program::{Mode, Server, Settings};

/// What a shell reports for a process that died of SIGTERM (128 + 15).
const DIED_OF_SIGTERM: u8 = 143;
/// How often a worker shows that it lives.
const WORKER_TICK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => run().unwrap_or_else(|problem| {
            complain(&problem);
            ExitCode::FAILURE
        }),
        ["check", address] => match check::check(address) {
            Ok(status) => {
                say(&status);
                ExitCode::SUCCESS
            }
            Err(problem) => {
                complain(&problem);
                ExitCode::FAILURE
            }
        },
        _ => {
            complain("usage: program | program check HOST:PORT/PATH");
            ExitCode::from(2)
        }
    }
}

/// Serves, works or crashes until the mode or a signal ends it.
fn run() -> Result<ExitCode, String> {
    let settings = Settings::read(|name| env::var(name).ok())?;
    // Before any other thread exists, because threads inherit the mask.
    let mask = signals::block().map_err(|errno| format!("cannot block SIGTERM: {errno}"))?;
    let (sender, terminations) = mpsc::channel();
    signals::forward(mask, sender).map_err(|error| format!("cannot wait for SIGTERM: {error}"))?;

    if settings.mode == Mode::Crash && settings.after.is_zero() {
        return Ok(crash(&settings));
    }
    if settings.mode == Mode::Worker {
        return Ok(work(&settings, &terminations));
    }
    let server =
        Server::start(settings.clone()).map_err(|error| format!("cannot listen on port {}: {error}", settings.port))?;
    let Settings { version, port, mode, .. } = &settings;
    say(&format!("program {version} listening on {port} mode {mode}"));
    if settings.mode == Mode::Leaky {
        memory::leak(settings.after);
    }
    Ok(wait_for_the_end(&settings, server, &terminations))
}

/// Waits for SIGTERM, or for the moment at which a crashing program crashes, and ends as the mode says.
fn wait_for_the_end(settings: &Settings, server: Server, terminations: &Receiver<()>) -> ExitCode {
    let crash_at = (settings.mode == Mode::Crash).then(|| Instant::now() + settings.after);
    loop {
        let received = match crash_at {
            Some(at) => terminations.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => terminations.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Err(_) => return crash(settings),
            Ok(()) if settings.mode == Mode::Stubborn => say("SIGTERM ignored"),
            Ok(()) if settings.mode == Mode::Rude => {
                say("SIGTERM: dying at once");
                return ExitCode::from(DIED_OF_SIGTERM);
            }
            Ok(()) => {
                say("SIGTERM: finishing what is in flight");
                server.drain();
                return ExitCode::SUCCESS;
            }
        }
    }
}

/// A program without a port: a line a second until SIGTERM.
fn work(settings: &Settings, terminations: &Receiver<()>) -> ExitCode {
    say(&format!("program {} working without a port mode worker", settings.version));
    let mut ticks = 0_u64;
    while let Err(RecvTimeoutError::Timeout) = terminations.recv_timeout(WORKER_TICK) {
        ticks += 1;
        say(&format!("worker {} tick {ticks}", settings.version));
    }
    say("SIGTERM: worker done");
    ExitCode::SUCCESS
}

fn crash(settings: &Settings) -> ExitCode {
    complain(&format!("program {} crashes with exit code {}", settings.version, settings.exit_code));
    ExitCode::from(settings.exit_code)
}

/// A line on stdout. A reader that has gone away is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line on stderr.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
