//! The first contact: all that a joining host knows of the coordinator is the authority's fingerprint in its join token. Not
//! here: the join request itself.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use evenkeel_model::{Digest, FleetName, Millis};

use super::client::{builder, connect, finished};
use super::verifier::{TheCoordinator, shown_authority};
use super::{ClientStream, HANDSHAKE_TIMEOUT, TlsError};
use crate::certificate;
use crate::time_source::TimeSource;

/// Makes TLS connections without a certificate, to a coordinator whose authority has a known fingerprint.
#[derive(Debug, Clone)]
pub struct EnrolmentTls {
    config: Arc<ClientConfig>,
    fingerprint: Digest,
    handshake_timeout: Millis,
}

/// The authority that a coordinator showed, and that has the fingerprint: what to trust from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAuthority {
    /// Its certificate in PEM.
    pub authority_pem: String,
    /// Its fleet.
    pub fleet: FleetName,
}

impl EnrolmentTls {
    pub(super) fn new(fingerprint: Digest, time: &TimeSource) -> Self {
        let verifier = TheCoordinator::by_fingerprint(fingerprint.clone());
        let config = Arc::new(finished(builder(verifier, time).with_no_client_auth()));
        Self { config, fingerprint, handshake_timeout: HANDSHAKE_TIMEOUT }
    }

    /// With another limit than [`HANDSHAKE_TIMEOUT`] for one handshake.
    #[must_use]
    pub fn with_handshake_timeout(self, handshake_timeout: Millis) -> Self {
        Self { handshake_timeout, ..self }
    }

    /// Makes the handshake, and is sure that at the other end is a coordinator that the authority with the fingerprint has
    /// certified. Nothing has been said yet: the join secret is safe to send now, and not before.
    ///
    /// Cancel safe: the connection is dropped.
    pub async fn connect<IO>(&self, io: IO) -> Result<(ClientStream<IO>, SeenAuthority), TlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = connect(Arc::clone(&self.config), io, self.handshake_timeout).await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let anchor = shown_authority(&self.fingerprint, shown).map_err(TlsError::PeerRefused)?;
        let seen = SeenAuthority { authority_pem: certificate::to_pem(&anchor.der), fleet: anchor.fleet };
        Ok((stream, seen))
    }
}
