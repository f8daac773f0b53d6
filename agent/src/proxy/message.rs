//! What parent and workers say to each other. A reload starts a newer worker below an older parent: kinds and fields are only added, and
//! what is not known is ignored. Not here: how it travels (`link`), what follows from it (`parent/crew`, `worker/steward`).

use std::net::SocketAddr;

use evenkeel_model::Millis;
use serde::{Deserialize, Serialize};

/// From a worker to the parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Ask {
    /// A listening socket for this address, please: answered by `Opened` with the socket, or by `Refused`.
    Open { address: SocketAddr },
    /// No route of this worker needs the address any more.
    Close { address: SocketAddr },
    /// It has started, and could lead. It may take so long over what it still has when it retires.
    Prepared { drain: Millis },
    /// It leads: the routes are in force, and orders are taken.
    Ready,
    /// It leads no more: it takes no orders, and the file is as it left it. It still serves.
    Released,
    /// It can't give up leading, because its routes are not in the file.
    Kept,
    /// The file has changed, and those who retire should follow. Answered by `Followed` when all have.
    Follow { number: u64 },
    /// It has read the file, and routes by it.
    Followed { number: u64 },
    /// What a worker that does not lead has under way at a container. Said again whenever it changes; until then it counts.
    Underway { owner: String, container: String, in_flight: u64 },
    /// Those who retire should end what they have under way at a container that drains.
    Cut { owner: String, container: String },
}

/// From the parent to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Tell {
    /// The socket goes with it.
    Opened { address: SocketAddr },
    /// There is no such socket; why, as the system numbers errors.
    Refused { address: SocketAddr, errno: i32 },
    /// Read the file, serve by it, take orders.
    Lead,
    /// Take no more orders; go on serving.
    Release,
    /// Accept no more, and end when all that is under way has ended, or after `drain`.
    Retire { drain: Millis },
    /// Read the file anew, and route by it.
    Follow { number: u64 },
    /// All who retire have followed.
    Followed { number: u64 },
    /// End what is under way at a container that drains.
    Cut { owner: String, container: String },
    /// What other workers have under way at a container, together.
    Elsewhere { owner: String, container: String, in_flight: u64 },
}
