//! The handshake with anybody's client: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, sessions resumed as the library does it. Not here: its
//! deadline, which is the caller's.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::Acceptor;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;

use super::certificate::PublicCertificate;
use super::choice::{Choice, Selection, Shown};
use crate::time_source::TimeSource;
use crate::tls::ServerStream;

const HTTP2: &[u8] = b"h2";
const HTTP11: &[u8] = b"http/1.1";

/// Accepts TLS connections with the certificates that there are at that moment.
#[derive(Debug)]
pub struct PublicTls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    time: TimeSource,
}

/// A connection that was accepted.
#[derive(Debug)]
pub struct PublicAccepted<IO> {
    /// Its plain bytes.
    pub stream: ServerStream<IO>,
    /// HTTP/2 was agreed on; else HTTP/1.1.
    pub http2: bool,
    /// What it may be used for.
    pub names: PublicNames,
}

/// The hosts that a connection may be used for.
#[derive(Debug)]
pub struct PublicNames {
    asked: Option<String>,
    certificate: Arc<PublicCertificate>,
}

/// Why a connection was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PublicTlsError {
    /// A certificate for that name is to come.
    #[error("there is no certificate for {0} yet")]
    Awaited(String),
    /// There is no certificate at all.
    #[error("there is no certificate{}", .0.as_deref().map_or(String::new(), |name| format!(" for {name}")))]
    Nothing(Option<String>),
    /// The client ended it, or speaks no TLS that is spoken here.
    #[error("the handshake failed")]
    Handshake(#[source] io::Error),
}

impl PublicTls {
    /// Without certificates yet.
    pub fn new(time: &TimeSource) -> Self {
        let shown = Arc::new(Shown::default());
        let mut config = ServerConfig::builder_with_details(Arc::new(default_provider()), Arc::new(time.clone()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has cipher suites of both")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<_>);
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP11.to_vec()];
        Self { config: Arc::new(config), shown, time: time.clone() }
    }

    /// Shows these from now on; the first of them to clients that ask for a name that none is for, or for none. Clients that ask for one of
    /// the awaited names are refused as long as none of the certificates is for it. Which of them are valid is judged now: to be called
    /// again while time goes by.
    pub fn show(&self, certificates: &[Arc<PublicCertificate>], awaited: BTreeSet<String>) {
        self.shown.replace(Selection::new(certificates, awaited, self.time.now()));
    }

    /// Makes the handshake. Takes as long as the client likes. Cancel safe: the connection is dropped.
    pub async fn accept<IO>(&self, io: IO) -> Result<PublicAccepted<IO>, PublicTlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), io).await.map_err(PublicTlsError::Handshake)?;
        let asked = hello.client_hello().server_name().map(str::to_ascii_lowercase);
        let choice = self.shown.choose(asked.as_deref());
        // Also where there is none: so the client is told by an alert.
        let accepted = hello.into_stream(Arc::clone(&self.config)).await;
        let certificate = match (choice, asked.clone()) {
            (Choice::Show(certificate), _) => certificate,
            (Choice::Awaited, Some(name)) => return Err(PublicTlsError::Awaited(name)),
            (Choice::Awaited | Choice::Nothing, name) => return Err(PublicTlsError::Nothing(name)),
        };
        let stream = accepted.map_err(PublicTlsError::Handshake)?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        Ok(PublicAccepted { stream, http2, names: PublicNames { asked, certificate } })
    }
}

impl PublicNames {
    /// Whether it may be used for this host (no port, lower case): the client asked for it, or for none, or the certificate is for it.
    pub fn are_for(&self, host: &str) -> bool {
        self.asked.as_deref().is_none_or(|asked| asked == host) || self.certificate.covers(host)
    }
}
