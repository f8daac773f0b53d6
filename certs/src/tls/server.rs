//! The coordinator's end: accepts connections and says who is there. Not here: what someone without a certificate may do
//! (enrol), which each rpc declares.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use evenkeel_model::Millis;

use super::verifier::OfThisFleet;
use super::{HANDSHAKE_TIMEOUT, HTTP2, Peer, ServerStream, TlsError, require_http2};
use crate::anchor::{Anchor, VerifyError};
use crate::certificate::Facts;
use crate::identity::IdentityError;
use crate::store::CredentialsStore;
use crate::time_source::TimeSource;

/// Accepts TLS connections with the credentials that the store has at that moment.
#[derive(Debug, Clone)]
pub struct ServerTls {
    store: Arc<CredentialsStore>,
    handshake_timeout: Millis,
}

impl ServerTls {
    /// With the coordinator's credentials: clients refuse anyone else's.
    pub fn new(store: &Arc<CredentialsStore>) -> Self {
        Self { store: Arc::clone(store), handshake_timeout: HANDSHAKE_TIMEOUT }
    }

    /// With another limit than [`HANDSHAKE_TIMEOUT`] for one handshake.
    #[must_use]
    pub fn with_handshake_timeout(self, handshake_timeout: Millis) -> Self {
        Self { handshake_timeout, ..self }
    }

    /// Makes the handshake. `None` is a client that showed no certificate; one with a certificate that is expired or of
    /// another authority is an error.
    ///
    /// Takes up to the handshake timeout, so it belongs into a task of its own. Cancel safe: the connection is dropped.
    pub async fn accept<IO>(&self, io: IO) -> Result<(ServerStream<IO>, Option<Peer>), TlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.store.prepared().server));
        let stream = timeout(self.handshake_timeout.to_std(), acceptor.accept(io))
            .await
            .map_err(|_| TlsError::TimedOut(self.handshake_timeout))?
            .map_err(TlsError::from_handshake)?;
        let connection = stream.get_ref().1;
        require_http2(connection)?;
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        let peer = shown.map(|leaf| peer(leaf)).transpose().map_err(|error| {
            // The handshake has verified it, so it does read.
            TlsError::PeerRefused(VerifyError::NoIdentity(error))
        })?;
        Ok((stream, peer))
    }
}

fn peer(leaf: &[u8]) -> Result<Peer, IdentityError> {
    let facts = Facts::read(leaf).map_err(IdentityError::Certificate)?;
    Ok(Peer { identity: facts.identity()?, not_after: facts.not_after })
}

pub(crate) fn config(shown: CertifiedKey, anchor: &Arc<Anchor>, time: &TimeSource) -> ServerConfig {
    let mut config = ServerConfig::builder_with_details(Arc::new(default_provider()), Arc::new(time.clone()))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has the cipher suites of TLS 1.3")
        .with_client_cert_verifier(Arc::new(OfThisFleet::new(anchor)))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.alpn_protocols = vec![HTTP2.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}
