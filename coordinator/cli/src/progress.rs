//! Showing a rollout while it goes on: as a drawing that is renewed in place on a terminal, else as a line for each change.
//! Not here: getting the news (`watch.rs`).

mod drawing;
mod ending;
mod news;

use std::fmt::Write as _;
use std::io;

use evenkeel_certs::TimeSource;
use evenkeel_proto::v1::RolloutView;

use crate::format::printable;
use crate::globals::OutputFormat;
use crate::table::Look;
use crate::terminal::{Resizes, Size, Terminal, To};

pub(crate) use ending::{ending, still_going};

/// Moves to the beginning of the line `N` above: with `A` after the number.
const UP: &str = "\r\u{1b}[";

/// Clears from the cursor to the end of the screen.
const CLEAR: &str = "\u{1b}[J";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Nothing is shown: a program reads the result, and nobody watches.
    Silent,
    /// A line for each change.
    Lines,
    /// A drawing, renewed in place.
    Live,
}

/// What has been shown of a rollout, and where.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    terminal: &'a mut Terminal,
    manner: Manner,
    to: To,
    time: TimeSource,
    last: Option<RolloutView>,
    drawn: Vec<String>,
    size: Option<Size>,
    resizes: Option<Resizes>,
    lost: bool,
}

impl<'a> Progress<'a> {
    /// To standard output for people; to standard error, and only if that is a terminal, where JSON is wanted. `dumb`
    /// terminals get lines.
    pub(crate) fn new(terminal: &'a mut Terminal, output: OutputFormat, time: TimeSource, dumb: bool) -> Self {
        let (to, quiet) = match output {
            OutputFormat::Table => (To::Output, Manner::Lines),
            OutputFormat::Json => (To::Error, Manner::Silent),
        };
        let manner = if terminal.is_terminal(to) && !dumb { Manner::Live } else { quiet };
        let size = terminal.pretended_size();
        let resizes = (manner == Manner::Live && size.is_none()).then(Resizes::listen);
        Self { terminal, manner, to, time, last: None, drawn: Vec::new(), size, resizes, lost: false }
    }

    /// The newest view.
    pub(crate) fn last(&self) -> Option<&RolloutView> {
        self.last.as_ref()
    }

    /// Whether there is a drawing that has to be renewed now and then.
    pub(crate) fn is_live(&self) -> bool {
        self.manner == Manner::Live
    }

    /// Waits until the terminal's size has changed; for ever where that does not matter. Cancel safe.
    pub(crate) async fn resized(&mut self) {
        match &mut self.resizes {
            Some(resizes) => resizes.next().await,
            None => std::future::pending().await,
        }
        self.size = None;
    }

    /// Shows what is new.
    pub(crate) async fn show(&mut self, view: RolloutView) -> io::Result<()> {
        let mut news = Vec::new();
        if std::mem::take(&mut self.lost) {
            news.push("connected to the coordinator again".to_owned());
        }
        let detail = if self.is_live() { news::Detail::Failures } else { news::Detail::All };
        news.extend(news::of(self.last.as_ref(), &view, detail, self.look()));
        self.last = Some(view);
        self.renew(&news).await
    }

    /// Renews the drawing, for the durations in it.
    pub(crate) async fn redraw(&mut self) -> io::Result<()> {
        self.renew(&[]).await
    }

    /// Says, once until the next view, that nothing is heard at present.
    pub(crate) fn lost(&mut self, why: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.lost, true) {
            return Ok(());
        }
        let line = format!("connection lost ({}): the rollout goes on without it; connecting again", printable(why));
        let drawn = self.drawn.clone();
        self.put(&[line], drawn)
    }

    /// Leaves what was drawn as it is; the newest view is the result.
    pub(crate) fn into_last(self) -> Option<RolloutView> {
        self.last
    }

    fn look(&self) -> Look {
        Look { colour: self.terminal.has_colour(self.to), now: self.time.now() }
    }

    async fn renew(&mut self, news: &[String]) -> io::Result<()> {
        let mut drawing = Vec::new();
        if let (Manner::Live, Some(view)) = (self.manner, &self.last) {
            let size = match self.size {
                Some(size) => size,
                None => *self.size.insert(Size::measured().await),
            };
            drawing = drawing::of(view, size, self.look());
        }
        self.put(news, drawing)
    }

    /// Writes news above the drawing, in one go so that nothing flickers.
    fn put(&mut self, news: &[String], drawing: Vec<String>) -> io::Result<()> {
        if self.manner == Manner::Silent || (news.is_empty() && drawing == self.drawn) {
            return Ok(());
        }
        let mut text = String::new();
        if !self.drawn.is_empty() {
            write!(text, "{UP}{}A{CLEAR}", self.drawn.len()).expect("writing to a string does not fail");
        }
        for line in news.iter().chain(&drawing) {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = drawing;
        self.terminal.write(self.to, &text)
    }
}
