//! An operator's desk: a command line in, output and exit code out.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use clap::{CommandFactory, Parser};
use evenkeel_certs::TimeSource;
use evenkeel_cli::{Dial, Globals, Reach, Size, Surroundings, Terminal, Verb, run_in};
use evenkeel_model::UnixMillis;

use crate::canned::{Canned, InMemory};

/// What the clock says: 2025-06-15T15:06:40Z.
pub(crate) const NOW: u64 = 1_750_000_000_000;

#[derive(Debug, Parser)]
#[command(name = "evenkeel")]
struct Program {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What came of a command line.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) output: String,
    pub(crate) error: String,
}

/// A desk, before the command line.
pub(crate) struct Desk {
    pub(crate) surroundings: Surroundings,
    pub(crate) size: Option<Size>,
    pub(crate) answer: Option<&'static str>,
}

impl Desk {
    /// With a coordinator that gives these answers. Must be made in a runtime.
    pub(crate) fn facing(canned: &Arc<Canned>) -> Self {
        Self::dialling(Arc::new(InMemory::to(Arc::clone(canned))))
    }

    pub(crate) fn dialling(dial: Arc<dyn Dial>) -> Self {
        let surroundings = Surroundings {
            variables: BTreeMap::new(),
            engine: PathBuf::from("/nonexistent/engine"),
            time: TimeSource::new(|| UnixMillis(NOW)),
            reach: Reach::Given { addresses: vec!["coordinator.example:7400".to_owned()], dial },
            interrupt: Box::new(|| Box::pin(std::future::pending())),
        };
        Self { surroundings, size: None, answer: None }
    }

    /// Whether the command line makes sense to clap.
    pub(crate) fn understands(arguments: &str) -> bool {
        Program::try_parse_from(std::iter::once("evenkeel").chain(arguments.split_whitespace())).is_ok()
    }

    /// Runs `evenkeel` with these arguments, which have no blanks inside.
    pub(crate) async fn run(&self, arguments: &str) -> Ran {
        let words = std::iter::once("evenkeel").chain(arguments.split_whitespace());
        let program = Program::try_parse_from(words).unwrap();
        let (output, error) = (Paper::default(), Paper::default());
        let mut terminal = Terminal::captured(output.clone(), error.clone());
        if let Some(size) = self.size {
            terminal = terminal.pretending(size);
        }
        if let Some(answer) = self.answer {
            terminal = terminal.answering(answer.as_bytes());
        }
        let exit = run_in(&self.surroundings, program.verb, &program.globals, Program::command(), &mut terminal).await;
        Ran { code: exit.code(), output: output.text(), error: error.text() }
    }
}

/// Runs a command line at a plain desk.
pub(crate) async fn run(canned: Canned, arguments: &str) -> Ran {
    Desk::facing(&Arc::new(canned)).run(arguments).await
}
