//! The credentials in use, exchanged without a restart: handshakes that begin later use the new ones, open connections go
//! on. Not here: when to renew ([`Credentials::renew_at`] says it) and how.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{ClientConfig, ServerConfig};

use evenkeel_model::Digest;

use crate::credentials::{Credentials, CredentialsError};
use crate::identity::Identity;
use crate::time_source::TimeSource;
use crate::tls::{client_config, server_config};

/// Why new credentials were not taken. The ones before stay in use.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplaceError {
    /// Peers would refuse them.
    #[error("the new credentials are not usable, the ones before stay in use")]
    Invalid(#[source] CredentialsError),
    /// A process belongs to one authority for its life: a change of fleet is a new join and a restart.
    #[error("the new credentials are of the authority {offered}, and this process belongs to {current}")]
    OtherAuthority {
        /// Fingerprint of the authority in use.
        current: Digest,
        /// Fingerprint of the one offered.
        offered: Digest,
    },
    /// A renewal never changes who one is.
    #[error("the new credentials are for {offered}, and this process is {current}")]
    OtherIdentity {
        /// Who this process is.
        current: Identity,
        /// For whom the offered ones are.
        offered: Identity,
    },
}

/// Holds the credentials that handshakes use. Shared between all that connect or accept.
#[derive(Debug)]
pub struct CredentialsStore {
    current: ArcSwap<Prepared>,
    time: TimeSource,
}

/// Credentials with the configurations made of them, so that no handshake pays for that.
#[derive(Debug)]
pub(crate) struct Prepared {
    credentials: Arc<Credentials>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: Arc<ClientConfig>,
}

impl CredentialsStore {
    /// With credentials to begin with, that peers accept now; else an error.
    pub fn new(credentials: Credentials, time: TimeSource) -> Result<Arc<Self>, CredentialsError> {
        credentials.validate(time.now())?;
        Ok(Self::valid_or_not(credentials, time))
    }

    /// With credentials that peers may refuse now. For a host's agent, which looks after its containers whatever its certificate's age,
    /// and whatever its clock says after a boot.
    pub fn valid_or_not(credentials: Credentials, time: TimeSource) -> Arc<Self> {
        let current = ArcSwap::from_pointee(Prepared::new(credentials, &time));
        Arc::new(Self { current, time })
    }

    /// Takes these from now on, if they are valid now, of the same authority and of the same identity.
    pub fn replace(&self, credentials: Credentials) -> Result<(), ReplaceError> {
        let current = self.credentials();
        if current.authority_fingerprint() != credentials.authority_fingerprint() {
            return Err(ReplaceError::OtherAuthority {
                current: current.authority_fingerprint().clone(),
                offered: credentials.authority_fingerprint().clone(),
            });
        }
        if current.identity() != credentials.identity() {
            return Err(ReplaceError::OtherIdentity {
                current: current.identity().clone(),
                offered: credentials.identity().clone(),
            });
        }
        credentials.validate(self.time.now()).map_err(ReplaceError::Invalid)?;
        self.current.store(Arc::new(Prepared::new(credentials, &self.time)));
        Ok(())
    }

    /// The credentials in use.
    pub fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.current.load().credentials)
    }

    pub(crate) fn prepared(&self) -> Arc<Prepared> {
        self.current.load_full()
    }
}

impl Prepared {
    fn new(credentials: Credentials, time: &TimeSource) -> Self {
        Self {
            server: Arc::new(server_config(credentials.shown_by_server(), credentials.anchor(), time)),
            client: Arc::new(client_config(credentials.shown_by_client(), credentials.anchor(), time)),
            credentials: Arc::new(credentials),
        }
    }
}
