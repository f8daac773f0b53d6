//! What a request's body and its answer know of each other: whether the answer has begun, and whether a client that waits to be asked for
//! the body (`Expect: 100-continue`) was asked. Not here: the frames (`body`).

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Upstreams that never heard of 100-continue get the body anyway after this time (RFC 9110, 10.1.1, asks for a limit; curl takes the same).
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Closed,
    Open,
    /// The answer came first.
    Sealed,
    /// The answer has ended: nobody will want the body.
    Over,
}

/// Shared by body and answer.
#[derive(Debug)]
pub(super) struct Upload {
    answered: AtomicBool,
    gate: watch::Sender<Gate>,
}

impl Upload {
    /// Begins; `expects`: the client waits to be asked.
    pub(super) fn new(expects: bool) -> Self {
        let gate = watch::Sender::new(if expects { Gate::Closed } else { Gate::Open });
        Self { answered: AtomicBool::new(false), gate }
    }

    /// Resolves once the client may be asked for the body: true; or once it is certain that nobody wants it: false.
    pub(super) fn gate(&self) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        let mut gate = self.gate.subscribe();
        Box::pin(async move {
            let decided = timeout(PATIENCE, gate.wait_for(|gate| *gate != Gate::Closed)).await;
            let is_sealed = decided.is_ok_and(|gate| gate.map_or(true, |gate| *gate != Gate::Open));
            if !is_sealed {
                return true;
            }
            let _ = gate.wait_for(|gate| *gate == Gate::Over).await;
            false
        })
    }

    /// Whether the client still waits to be asked.
    pub(super) fn is_waiting(&self) -> bool {
        *self.gate.borrow() == Gate::Closed
    }

    /// The upstream asks for the body.
    pub(super) fn ask(&self) {
        self.gate.send_if_modified(|gate| {
            *gate == Gate::Closed && {
                *gate = Gate::Open;
                true
            }
        });
    }

    /// The answer has begun. Says whether the client had not been asked for the body: then it must not send another request on this
    /// connection, since nobody could tell it from the body.
    pub(super) fn begun(&self) -> bool {
        self.answered.store(true, Ordering::Release);
        self.gate.send_if_modified(|gate| {
            *gate == Gate::Closed && {
                *gate = Gate::Sealed;
                true
            }
        })
    }

    /// Whether the answer has begun.
    pub(super) fn answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }

    /// The answer has ended.
    pub(super) fn over(&self) {
        self.gate.send_if_modified(|gate| {
            *gate == Gate::Sealed && {
                *gate = Gate::Over;
                true
            }
        });
    }
}
