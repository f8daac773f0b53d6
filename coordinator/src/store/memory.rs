//! The store of the simulation and of tests: it outlives a coordinator that is dropped, and can be made to fail. Held to
//! `SQLite`'s behaviour by the contract tests. Not here: any real durability.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Snapshot, Store, StoreError, Write};

/// Shared by `Arc`: the coordinator's crash leaves it as the last applied batch made it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    stored: Snapshot,
    fails: bool,
    batches: u64,
}

/// What a store that was told to fail answers.
#[derive(Debug, thiserror::Error)]
#[error("the store was told to fail")]
struct ToldToFail;

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on everything fails, or works again.
    pub fn fail(&self, fails: bool) {
        self.lock().fails = fails;
    }

    /// What is stored, for a test's eyes: failing or not.
    pub fn peek(&self) -> Snapshot {
        self.lock().stored.clone()
    }

    /// How many batches were applied.
    pub fn batches(&self) -> u64 {
        self.lock().batches
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere can't have left a half-applied batch: absorbing takes it back first.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn working(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.lock();
        if inner.fails { Err(StoreError::Unavailable(Box::new(ToldToFail))) } else { Ok(inner) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        Ok(self.working()?.stored.clone())
    }

    async fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        let mut inner = self.working()?;
        inner.stored.absorb_all(writes).map_err(StoreError::Violated)?;
        inner.batches += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::contract::{self, Place, contract_tests};

    /// Memory that outlives who holds a store on it.
    #[derive(Default)]
    struct Memory(Arc<MemoryStore>);

    impl Place for Memory {
        async fn open(&self) -> Arc<dyn Store> {
            Arc::clone(&self.0) as Arc<dyn Store>
        }
    }

    contract_tests!(Memory);

    #[tokio::test]
    async fn a_failing_store_stores_nothing_and_comes_back_as_it_was() {
        let store = MemoryStore::new();
        store.apply(&contract::everything()).await.unwrap();
        let before = store.load().await.unwrap();
        store.fail(true);
        assert!(store.apply(&[contract::one_more_host()]).await.is_err());
        assert!(store.load().await.is_err());
        store.fail(false);
        assert_eq!(store.load().await.unwrap(), before);
    }
}
