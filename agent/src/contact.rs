//! Whether a coordinator is heard, and which epoch: shared by the session, which hears, and the drivers, whose trials are orphaned by silence.
//! Not here: the stream itself.

use std::sync::Arc;

use evenkeel_model::{Epoch, Monotonic};
use tokio::sync::watch;

/// How the line to the coordinator is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// When a coordinator of the highest epoch was last heard; none: not since this process began.
    pub heard: Option<Monotonic>,
    /// Whether a stream is open.
    pub connected: bool,
    /// The highest epoch ever heard.
    pub epoch: Epoch,
    /// Why there is no stream, for people.
    pub trouble: Option<String>,
}

/// Shared by the session and its readers.
#[derive(Debug, Clone)]
pub struct Contact {
    line: Arc<watch::Sender<Line>>,
}

impl Contact {
    /// Begins unconnected, with the epoch that was kept.
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self { line: Arc::new(watch::Sender::new(Line { epoch, ..Line::default() })) }
    }

    /// The line now.
    pub fn line(&self) -> Line {
        self.line.borrow().clone()
    }

    /// To follow it.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Line> {
        self.line.subscribe()
    }

    /// A coordinator was heard.
    pub(crate) fn heard(&self, now: Monotonic) {
        self.line.send_modify(|line| line.heard = Some(now));
    }

    /// A stream was opened by a coordinator of this epoch.
    pub(crate) fn opened(&self, epoch: Epoch, now: Monotonic) {
        self.line.send_modify(|line| *line = Line { heard: Some(now), connected: true, epoch, trouble: None });
    }

    /// There is no stream.
    pub(crate) fn closed(&self, trouble: String) {
        self.line.send_modify(|line| {
            line.connected = false;
            line.trouble = Some(trouble);
        });
    }
}
