//! Connections to servers of other authorities than the fleet's, by their names: what HTTPS clients do. Not here: HTTP.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::time_source::TimeSource;
use crate::tls::ClientStream;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum WebTlsError {
    /// The text has no certificate in PEM form, or one that is damaged.
    #[error("no authority's certificate can be read in it: expected PEM (`-----BEGIN CERTIFICATE-----`)")]
    Roots,
    /// The machine trusts nobody.
    #[error("this machine has no list of trusted authorities: install its package `ca-certificates`")]
    NoSystemRoots,
    /// Not a host name nor an address.
    #[error("`{0}` is no host name")]
    Name(String),
    /// The server can't be believed, or speaks no TLS.
    #[error("no TLS connection to {host}")]
    Handshake {
        /// The server.
        host: String,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

/// Makes TLS connections to servers whose certificates are of trusted authorities.
#[derive(Debug, Clone)]
pub struct WebTls {
    config: Arc<ClientConfig>,
}

impl WebTls {
    /// Trusts whom this machine trusts.
    pub fn with_system_roots(time: &TimeSource) -> Result<Self, WebTlsError> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 { Err(WebTlsError::NoSystemRoots) } else { Ok(Self::new(roots, time)) }
    }

    /// Trusts these authorities (PEM) and nobody else.
    pub fn with_roots(pem: &[u8], time: &TimeSource) -> Result<Self, WebTlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| WebTlsError::Roots)?).map_err(|_| WebTlsError::Roots)?;
        }
        if roots.is_empty() { Err(WebTlsError::Roots) } else { Ok(Self::new(roots, time)) }
    }

    /// Offers these protocols (`h2`, `http/1.1`), the best first. Without, none is named, and HTTP/1.1 is spoken.
    #[must_use]
    pub fn offering(self, protocols: &[&str]) -> Self {
        let mut config = (*self.config).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { config: Arc::new(config) }
    }

    /// Makes the handshake with the server of this name, or address. Cancel safe: the connection is dropped.
    pub async fn connect<IO>(&self, host: &str, io: IO) -> Result<ClientStream<IO>, WebTlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| WebTlsError::Name(host.to_owned()))?;
        let connected = TlsConnector::from(Arc::clone(&self.config)).connect(name, io).await;
        connected.map_err(|source| WebTlsError::Handshake { host: host.to_owned(), source })
    }

    fn new(roots: RootCertStore, time: &TimeSource) -> Self {
        let config = ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(time.clone()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has cipher suites of both")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config: Arc::new(config) }
    }
}
