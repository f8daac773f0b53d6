//! The coordinator's own certificate: made at each start, and anew at half of its life; handshakes that begin later show the new
//! one, open connections go on. Not here: hosts' certificates, which hosts ask for.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_certs::{Authority, Credentials, CredentialsStore, Identity, TimeSource};
use evenkeel_model::Millis;

use super::ServeError;
use super::admin::Admin;
use crate::chain::chain;

/// How long the coordinator's own certificate is good for: it is made anew at half of it, without anybody's help.
pub const COORDINATOR_LIFETIME: Millis = Millis::minutes(72 * 60);

/// How often the wall clock is looked at: somebody may set it.
const LOOK: Duration = Duration::from_mins(1);

/// A new certificate for the coordinator.
pub(super) fn issue(authority: &Authority, time: &TimeSource) -> Result<Credentials, ServeError> {
    let identity = Identity::Coordinator { fleet: authority.fleet().clone() };
    authority.issue(&identity, COORDINATOR_LIFETIME, time.now()).map_err(ServeError::Authority)
}

/// Keeps certificates young.
pub(super) struct Renewal {
    pub(super) authority: Arc<Authority>,
    pub(super) credentials: Arc<CredentialsStore>,
    pub(super) admin: Admin,
    pub(super) time: TimeSource,
}

impl Renewal {
    /// Without end.
    pub(super) async fn keep(self) {
        loop {
            let left = self.credentials.credentials().renew_at().since(self.time.now()).to_std();
            tokio::time::sleep(left.clamp(Duration::from_secs(1), LOOK)).await;
            if self.time.now() < self.credentials.credentials().renew_at() {
                continue;
            }
            match self.renew().await {
                Ok(()) => tracing::info!("the coordinator's certificate was renewed"),
                Err(error) => {
                    let trouble = chain(error.as_ref());
                    tracing::error!(trouble, "certificates could not be renewed, and it is tried again");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn renew(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // First: without it no agent is heard, whatever becomes of a file.
        self.credentials.replace(issue(&self.authority, &self.time)?)?;
        self.admin.keep_young().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU64, Ordering};

    use evenkeel_model::UnixMillis;
    use tokio_util::sync::CancellationToken;

    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::clock::SteadyClock;
    use crate::controller::{Controller, Settings};
    use crate::gauge::{Gauges, ScriptedGauge};
    use crate::serve::{AdminFile, founding};
    use crate::store::{MemoryStore, Store};

    /// On a disk that takes nothing any more.
    struct Unwritable;

    impl AdminFile for Unwritable {
        fn read(&self) -> io::Result<Option<String>> {
            Ok(None)
        }

        fn write(&self, _: &str) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[tokio::test]
    async fn the_coordinators_certificate_is_renewed_though_the_first_operators_file_can_not_be_written() {
        let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
        let time = TimeSource::new({
            let clock = Arc::clone(&clock);
            move || UnixMillis(clock.load(Ordering::SeqCst))
        });
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let authority = founding::found(store.as_ref(), &"prod".parse().unwrap(), &time).await.unwrap();
        let authority = Arc::new(authority);
        let gauges = Gauges::new(Arc::new(ScriptedGauge::new()), TaskTracker::new());
        let started = Controller::start(store, Arc::new(SteadyClock::start()), gauges, &Settings::default()).await;
        let (controller, handle) = started.unwrap();
        tokio::spawn(controller.run(CancellationToken::new()));
        let credentials = CredentialsStore::new(issue(&authority, &time).unwrap(), time.clone()).unwrap();
        let before = credentials.credentials().not_after();
        let admin = Admin {
            handle,
            authority: Arc::clone(&authority),
            file: Arc::new(Unwritable),
            addresses: Vec::new(),
            time: time.clone(),
        };
        let renewal = Renewal { authority, credentials: Arc::clone(&credentials), admin, time };
        clock.fetch_add(COORDINATOR_LIFETIME.0 / 2, Ordering::SeqCst);
        assert!(renewal.renew().await.is_err());
        assert!(credentials.credentials().not_after() > before);
    }
}
