//! A host's disk, which outlives the agent's crash: its credentials and its ledgers. Not here: the engine, which has a world of its own.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use evenkeel_agent::credentials::{CredentialsFileError, CredentialsFiles};
use evenkeel_agent::facts::Facts;
use evenkeel_agent::ledger::MemoryLedgers;
use evenkeel_certs::{Credentials, KeyAndRequest};
use evenkeel_model::{HostFacts, HostStats, Pressure};

/// One host's disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    credentials: Arc<Mutex<Option<Credentials>>>,
    key: Arc<Mutex<Option<Arc<KeyAndRequest>>>>,
    pub(super) ledgers: MemoryLedgers,
}

impl Disk {
    pub(super) fn credentials(&self) -> Option<Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep(&self, credentials: Credentials) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
    }

    /// The key that joins: made once, so that a join whose answer was lost is repeated with it.
    pub(super) fn key(&self) -> Arc<KeyAndRequest> {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(key.get_or_insert_with(|| Arc::new(KeyAndRequest::generate().expect("there is randomness"))))
    }
}

#[async_trait]
impl CredentialsFiles for Disk {
    async fn save(&self, credentials: &Credentials) -> Result<(), CredentialsFileError> {
        self.keep(credentials.clone());
        Ok(())
    }
}

/// A host that is always the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct SimFacts;

impl Facts for SimFacts {
    fn facts(&self) -> HostFacts {
        HostFacts::default()
    }

    fn stats(&self) -> HostStats {
        HostStats::default()
    }

    fn pressure(&self) -> Pressure {
        Pressure { load_hundredths: 0, memory_available: 1, memory_total: 1, disk_available: 1 }
    }

    fn disk_free(&self) -> Option<u64> {
        None
    }

    fn set_data_root(&self, _path: &std::path::Path) {}
}
