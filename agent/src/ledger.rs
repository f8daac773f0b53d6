//! The port for what an agent must remember through `kill -9`: one ledger per key, the highest epoch it has heard, and the images that it has
//! fetched ahead.
//! Not here: what is written in a ledger (crate `evenkeel-machine`).

mod file;
mod memory;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;

use evenkeel_machine::Ledger;
use evenkeel_model::{AppKey, Epoch, ImagePin};
use serde::{Deserialize, Serialize};

pub use file::FileLedgers;
pub use memory::MemoryLedgers;

/// An image that was not on this host before the agent set out to pull it: the agent's to take away again where it comes to no use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// The app that it was pulled for.
    pub key: AppKey,
    /// The image. It need not be here: the note comes before the pull.
    pub image: ImagePin,
    /// Whether our pull of it has ended well. Without that the image may be anybody's, and is never taken away by us.
    #[serde(default)]
    pub is_ours: bool,
}

/// All that was remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remembered {
    /// The ledgers by key.
    pub ledgers: BTreeMap<AppKey, Ledger>,
    /// The highest epoch that was saved.
    pub epoch: Epoch,
    /// The pulled images that no ledger keeps yet.
    pub fetched: Vec<Fetched>,
    /// Files that could not be read, and in whose place the record before was taken. To be told to a person.
    pub recovered: Vec<PathBuf>,
}

/// What was asked was not written, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// No space is left. Nothing was changed; what it was to be written for must not be done.
    #[error("no space is left to write {}: free some, the agent goes on by itself", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// It can't be written for another reason. Nothing was changed.
    #[error("{} can't be written", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// It can't be read.
    #[error("{} can't be read", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// Neither the record nor the one before it is whole.
    #[error(
        "{} is damaged ({problem}), and the record before it beside it (.prev) is damaged or gone too: \
         move both away, restart the agent, and deploy the app again; its containers go on running meanwhile",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A newer version of the agent wrote it.
    #[error("{} was written by a newer version (format {found}): upgrade this agent", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: u32,
    },
}

/// Where ledgers are kept. A save that has returned survives `kill -9` and power loss.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Reads everything, at the agent's start.
    async fn load(&self) -> Result<Remembered, LedgerError>;

    /// Replaces the ledger of one key. After an error the old one is still there.
    async fn save(&self, key: &AppKey, ledger: &Ledger) -> Result<(), LedgerError>;

    /// Replaces the epoch. After an error the old one is still there.
    async fn save_epoch(&self, epoch: Epoch) -> Result<(), LedgerError>;

    /// Replaces the list of pulled images. After an error the old one is still there.
    async fn save_fetched(&self, fetched: &[Fetched]) -> Result<(), LedgerError>;
}
