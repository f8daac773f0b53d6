//! The store: what outlives the coordinator's process. The port is coarse on purpose (load everything, apply a batch), so that
//! `SQLite`, `PostgreSQL` and the simulation's memory can all fill it, and so that "durable" has one meaning.
//!
//! *Invariant:* nothing is acknowledged to anybody, and nothing is sent to a host, before the batch that holds it is applied.
//!
//! Not here: what is written when (`controller`), and live knowledge such as reports, which is never stored: silence is not
//! health, so there is nothing to restore.

use std::path::PathBuf;

use async_trait::async_trait;

mod memory;
mod record;
mod snapshot;
mod sqlite;
mod write;

#[cfg(test)]
pub(crate) mod contract;

pub use memory::MemoryStore;
pub use record::{
    Current, Fleet, Freeze, Host, Operator, Order, Release, Relieved, Removed, Role, Subject, Token, Use,
};
pub use snapshot::Snapshot;
pub use sqlite::SqliteStore;
pub use write::{Violation, Write};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not answer, or can't write: disk full, I/O error, taken away. Trying again may help.
    #[error("the store can't be used")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another process holds it.
    #[error("another coordinator uses the store {0}")]
    InUse(PathBuf),
    /// A write of the batch contradicts what is stored. A defect of the caller: trying again does not help.
    #[error("the store refuses a write")]
    Violated(#[source] Violation),
    /// What is stored can't be read: damaged, or made by a newer version.
    #[error("{what} in the store can't be read")]
    Unreadable {
        /// Which row of which table.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Where the coordinator keeps what must outlive it.
#[async_trait]
pub trait Store: Send + Sync {
    /// Everything that is stored.
    async fn load(&self) -> Result<Snapshot, StoreError>;

    /// Applies a batch, in order: all of it or nothing, and durably (it survives the loss of power) before this returns.
    ///
    /// An error means that nothing of the batch is or will be stored: an adapter that can't know at first (the connection was
    /// lost at the commit) has to find out before it returns. Not cancel-safe: a caller that drops the future does not know.
    async fn apply(&self, writes: &[Write]) -> Result<(), StoreError>;
}
