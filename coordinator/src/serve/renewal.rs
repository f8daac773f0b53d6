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
        self.admin.keep_young().await?;
        self.credentials.replace(issue(&self.authority, &self.time)?)?;
        Ok(())
    }
}
