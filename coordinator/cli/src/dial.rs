//! Making the wire to a coordinator: TCP and TLS, one address after the other. The seam for tests, which put another wire in.
//! Not here: gRPC.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use evenkeel_certs::{ClientTls, TlsError};

/// How long one address may take to answer, for TCP and again for TLS: 5 s are plenty round the world, and a second address
/// should get its turn while someone waits.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that bytes go over.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Why one address gave no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialFailure {
    /// Nothing was heard.
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
    /// The name is not known, nobody listens, no way there.
    #[error("{0}")]
    Network(io::Error),
    /// Somebody answered, and no secure connection came of it.
    #[error("{}", Chain(.0))]
    Tls(TlsError),
}

/// No address gave a connection.
#[derive(Debug, Clone)]
pub struct DialError(Arc<[(String, DialFailure)]>);

impl DialError {
    /// Each address with its failure, in the order tried.
    pub fn failures(&self) -> &[(String, DialFailure)] {
        &self.0
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no coordinator can be reached")?;
        for (index, (address, failure)) in self.0.iter().enumerate() {
            write!(f, "{} {address}: {failure}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl std::error::Error for DialError {}

/// Connects to one address.
#[tonic::async_trait]
pub trait Dial: fmt::Debug + Send + Sync {
    /// A connection over which HTTP/2 can be spoken at once.
    async fn dial(&self, address: &str) -> Result<Box<dyn Wire>, DialFailure>;
}

/// TCP, and TLS over it.
#[derive(Debug)]
pub(crate) struct TlsDial(pub(crate) ClientTls);

#[tonic::async_trait]
impl Dial for TlsDial {
    async fn dial(&self, address: &str) -> Result<Box<dyn Wire>, DialFailure> {
        let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
        let stream = connected.map_err(|_| DialFailure::TimedOut)?.map_err(DialFailure::Network)?;
        // Small messages, each of which someone waits for.
        stream.set_nodelay(true).map_err(DialFailure::Network)?;
        Ok(Box::new(self.0.connect(stream).await.map_err(DialFailure::Tls)?))
    }
}

/// The first address that answers, in their order.
pub(crate) async fn dial_any(dial: &dyn Dial, addresses: &[String]) -> Result<Box<dyn Wire>, DialError> {
    let mut failures = Vec::new();
    for address in addresses {
        match dial.dial(address).await {
            Ok(wire) => return Ok(wire),
            Err(failure) => failures.push((address.clone(), failure)),
        }
    }
    Err(DialError(failures.into()))
}

/// An error with all its causes, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct OnlySecond;

    #[tonic::async_trait]
    impl Dial for OnlySecond {
        async fn dial(&self, address: &str) -> Result<Box<dyn Wire>, DialFailure> {
            match address {
                "second" => Ok(Box::new(tokio::io::duplex(1).0)),
                _ => Err(DialFailure::Network(io::ErrorKind::ConnectionRefused.into())),
            }
        }
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_does_not_answer() {
        assert!(dial_any(&OnlySecond, &["first".to_owned(), "second".to_owned()]).await.is_ok());
    }

    #[tokio::test]
    async fn if_none_answers_each_is_named_with_its_reason() {
        let error = dial_any(&OnlySecond, &["first".to_owned(), "third".to_owned()]).await.err().unwrap();
        let text = error.to_string();
        assert_eq!(text, "no coordinator can be reached: first: connection refused; third: connection refused");
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let authority =
            evenkeel_certs::Authority::create(&"prod".parse().unwrap(), evenkeel_model::UnixMillis(0)).unwrap();
        let identity = "spiffe://prod/operator/ada".parse().unwrap();
        let credentials =
            authority.issue(&identity, evenkeel_model::Millis::minutes(9), evenkeel_model::UnixMillis(0)).unwrap();
        let time = evenkeel_certs::TimeSource::new(|| evenkeel_model::UnixMillis(0));
        let store = evenkeel_certs::CredentialsStore::new(credentials, time).unwrap();
        let failure = TlsDial(ClientTls::new(&store)).dial(&address).await.err().unwrap();
        assert!(matches!(failure, DialFailure::Network(_)), "{failure}");
    }
}
