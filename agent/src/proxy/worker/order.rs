//! What the control socket asks of the steward. Not here: doing it (`steward`), the wire (`service`).

use evenkeel_proto::v1;
use evenkeel_proxy::ApplyError;
use tokio::sync::oneshot;

use super::book::Page;

/// One order, and where its answer goes. A steward that gives up leading drops it unanswered.
#[derive(Debug)]
pub(super) enum Order {
    /// Replace an app's routes.
    SetRoutes { owner: String, page: Page, answer: oneshot::Sender<Result<(), Refusal>> },
    /// Say how things are, of one app or of all.
    Status { owner: Option<String>, answer: oneshot::Sender<v1::ProxyStatus> },
    /// End what is under way at a container that drains. The answer: in this process.
    Cut { owner: String, container: String, answer: oneshot::Sender<u64> },
}

/// Why routes are not in force, or not durable.
#[derive(Debug)]
pub(super) enum Refusal {
    /// They can't be. Nothing has changed.
    Apply(ApplyError),
    /// A host has no certificate, nor a way to one. Nothing has changed.
    NoCertificate(String),
    /// They are in force, and not in the file.
    NotDurable(std::io::Error),
}
