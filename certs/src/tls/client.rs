//! The end of agents and operators: connects, shows its certificate, and makes sure that the coordinator answers. Not here:
//! the first contact, when there is no certificate yet (`enrolment.rs`).

use std::sync::Arc;

use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, ConfigBuilder};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use evenkeel_model::{Digest, Millis};

use super::enrolment::EnrolmentTls;
use super::verifier::TheCoordinator;
use super::{ClientStream, HANDSHAKE_TIMEOUT, HTTP2, TlsError, require_http2};
use crate::anchor::Anchor;
use crate::store::CredentialsStore;
use crate::time_source::TimeSource;

/// Makes TLS connections with the credentials that the store has at that moment.
#[derive(Debug, Clone)]
pub struct ClientTls {
    store: Arc<CredentialsStore>,
    handshake_timeout: Millis,
}

impl ClientTls {
    /// With a host's or an operator's credentials.
    pub fn new(store: &Arc<CredentialsStore>) -> Self {
        Self { store: Arc::clone(store), handshake_timeout: HANDSHAKE_TIMEOUT }
    }

    /// Without credentials, for those who come to get them: trusts whatever coordinator was certified by the authority with
    /// this fingerprint.
    pub fn enrolment(fingerprint: Digest, time: &TimeSource) -> EnrolmentTls {
        EnrolmentTls::new(fingerprint, time)
    }

    /// With another limit than [`HANDSHAKE_TIMEOUT`] for one handshake.
    #[must_use]
    pub fn with_handshake_timeout(self, handshake_timeout: Millis) -> Self {
        Self { handshake_timeout, ..self }
    }

    /// Makes the handshake, and is sure that the fleet's coordinator is at the other end, under whatever address it was
    /// dialled. That it accepts us shows only at the first read: see [`TlsError::found_in`].
    ///
    /// Cancel safe: the connection is dropped.
    pub async fn connect<IO>(&self, io: IO) -> Result<ClientStream<IO>, TlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        connect(Arc::clone(&self.store.prepared().client), io, self.handshake_timeout).await
    }
}

pub(super) async fn connect<IO>(
    config: Arc<ClientConfig>,
    io: IO,
    handshake_timeout: Millis,
) -> Result<ClientStream<IO>, TlsError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    // Neither sent nor compared; the library wants one.
    let name = ServerName::try_from("coordinator").expect("it is a valid name");
    let stream = timeout(handshake_timeout.to_std(), TlsConnector::from(config).connect(name, io))
        .await
        .map_err(|_| TlsError::TimedOut(handshake_timeout))?
        .map_err(TlsError::from_handshake)?;
    require_http2(stream.get_ref().1)?;
    Ok(stream)
}

pub(crate) fn config(shown: CertifiedKey, anchor: &Arc<Anchor>, time: &TimeSource) -> ClientConfig {
    let shown = Arc::new(SingleCertAndKey::from(shown));
    finished(builder(TheCoordinator::of(anchor), time).with_client_cert_resolver(shown))
}

pub(super) fn builder(verifier: TheCoordinator, time: &TimeSource) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(time.clone()))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has the cipher suites of TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
}

pub(super) fn finished(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![HTTP2.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config
}
