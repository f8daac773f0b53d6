//! Where output goes: standard output and error, whether they are terminals, how large and whether in colour. The one place
//! that writes. Not here: what is written.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};

use serde::Serialize;

mod size;

pub use size::Size;

pub(crate) use size::Resizes;

/// Where something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// Standard output: results.
    Output,
    /// Standard error: all else.
    Error,
}

struct Sink {
    writer: Box<dyn Write + Send>,
    is_terminal: bool,
}

/// Standard output, error and input of the process, or what a test puts in their place.
pub struct Terminal {
    output: Sink,
    error: Sink,
    input: Box<dyn BufRead + Send>,
    can_answer: bool,
    colour: bool,
    size: Option<Size>,
}

impl Terminal {
    /// Those of the process. Colour is used on a terminal unless `NO_COLOR` is set.
    pub fn of_process() -> Self {
        let (output, error) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            output: Sink { writer: Box::new(io::stdout()), is_terminal: output },
            error: Sink { writer: Box::new(io::stderr()), is_terminal: error },
            input: Box::new(io::BufReader::new(io::stdin())),
            can_answer: io::stdin().is_terminal(),
            colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            size: None,
        }
    }

    /// Two writers that are no terminals, and no input.
    pub fn captured(output: impl Write + Send + 'static, error: impl Write + Send + 'static) -> Self {
        Self {
            output: Sink { writer: Box::new(output), is_terminal: false },
            error: Sink { writer: Box::new(error), is_terminal: false },
            input: Box::new(io::empty()),
            can_answer: false,
            colour: false,
            size: None,
        }
    }

    /// As if both were a terminal of this size, without colour.
    #[must_use]
    pub fn pretending(mut self, size: Size) -> Self {
        (self.output.is_terminal, self.error.is_terminal, self.size) = (true, true, Some(size));
        self
    }

    /// With someone who answers questions.
    #[must_use]
    pub fn answering(mut self, input: impl BufRead + Send + 'static) -> Self {
        (self.input, self.can_answer) = (Box::new(input), true);
        self
    }

    /// Switches colour off.
    pub fn without_colour(&mut self) {
        self.colour = false;
    }

    /// Whether what is written there is seen by a person at once.
    pub(crate) fn is_terminal(&self, to: To) -> bool {
        self.sink(to).is_terminal
    }

    /// Whether what is written there may have colour.
    pub(crate) fn has_colour(&self, to: To) -> bool {
        self.colour && self.size.is_none() && self.sink(to).is_terminal
    }

    /// A size that does not have to be measured.
    pub(crate) fn pretended_size(&self) -> Option<Size> {
        self.size
    }

    /// Writes text as it is, and makes it visible.
    pub(crate) fn write(&mut self, to: To, text: &str) -> io::Result<()> {
        let sink = match to {
            To::Output => &mut self.output,
            To::Error => &mut self.error,
        };
        sink.writer.write_all(text.as_bytes())?;
        sink.writer.flush()
    }

    /// Writes lines, each ended.
    pub(crate) fn lines<T: AsRef<str>>(&mut self, to: To, lines: &[T]) -> io::Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(line.as_ref());
            text.push('\n');
        }
        self.write(to, &text)
    }

    /// Writes one JSON document to standard output.
    pub(crate) fn json<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        self.lines(To::Output, &[text])
    }

    /// Asks for a yes. None: there is nobody to ask.
    pub(crate) fn confirm(&mut self, question: &str) -> io::Result<Option<bool>> {
        if !self.can_answer {
            return Ok(None);
        }
        self.write(To::Error, &format!("{question} [y/N] "))?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
    }

    fn sink(&self, to: To) -> &Sink {
        match to {
            To::Output => &self.output,
            To::Error => &self.error,
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("output_is_terminal", &self.output.is_terminal)
            .field("error_is_terminal", &self.error.is_terminal)
            .field("colour", &self.colour)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
