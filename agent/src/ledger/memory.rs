//! Ledgers in memory that outlive the agent's crash, because the test or simulation holds them. Not here: partial writes, which the
//! real store does not have either.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use evenkeel_machine::Ledger;
use evenkeel_model::{AppKey, Epoch};

use super::{Fetched, LedgerError, LedgerStore, Remembered};

/// A disk that can be full. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedgers {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    remembered: Remembered,
    full: bool,
    writes: u64,
}

impl MemoryLedgers {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on no space is left, or there is again.
    pub fn fail_writes(&self, full: bool) {
        self.disk().full = full;
    }

    /// How often something was written.
    pub fn writes(&self) -> u64 {
        self.disk().writes
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        // Every change below is one assignment, so a panic elsewhere leaves nothing half done.
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: impl FnOnce(&mut Remembered)) -> Result<(), LedgerError> {
        let mut disk = self.disk();
        if disk.full {
            let source = io::Error::from(io::ErrorKind::StorageFull);
            return Err(LedgerError::DiskFull { path: PathBuf::from("(memory)"), source });
        }
        change(&mut disk.remembered);
        disk.writes += 1;
        Ok(())
    }
}

#[async_trait]
impl LedgerStore for MemoryLedgers {
    async fn load(&self) -> Result<Remembered, LedgerError> {
        Ok(self.disk().remembered.clone())
    }

    async fn save(&self, key: &AppKey, ledger: &Ledger) -> Result<(), LedgerError> {
        self.write(|remembered| {
            remembered.ledgers.insert(key.clone(), ledger.clone());
        })
    }

    async fn save_epoch(&self, epoch: Epoch) -> Result<(), LedgerError> {
        self.write(|remembered| remembered.epoch = epoch)
    }

    async fn save_fetched(&self, fetched: &[Fetched]) -> Result<(), LedgerError> {
        self.write(|remembered| remembered.fetched = fetched.to_vec())
    }
}
