//! The data path's port to TLS, with the certificates of this worker. Not here: which of them is shown.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_certs::{PublicNames, PublicTls, PublicTlsError};
use evenkeel_proxy::{Alpn, BoxFuture, Names, Terminate, Terminated};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How often it is logged that clients ask for one name in vain: they come by the second.
const AGAIN: Duration = Duration::from_mins(1);

/// Ends TLS for anybody.
#[derive(Debug)]
pub(super) struct Public {
    tls: Arc<PublicTls>,
    /// When it was last logged that there is no certificate for a name. As many as there are routes' hosts, and one for all others.
    logged: Mutex<HashMap<String, Instant>>,
}

impl Public {
    /// With these.
    pub(super) fn new(tls: Arc<PublicTls>) -> Self {
        Self { tls, logged: Mutex::default() }
    }

    fn log(&self, error: &PublicTlsError) {
        let (key, name) = match error {
            PublicTlsError::Awaited(name) => (name.clone(), name.as_str()),
            PublicTlsError::Nothing(name) => (String::new(), name.as_deref().unwrap_or("(no name)")),
            PublicTlsError::Handshake(_) => return,
        };
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.get(&key).is_some_and(|last| last.elapsed() < AGAIN) {
            return;
        }
        logged.insert(key, Instant::now());
        tracing::warn!(
            name,
            "a client is refused, because there is no certificate for the name it asks for; see `evenkeel-agent status`"
        );
    }
}

impl Terminate for Public {
    fn accept(&self, stream: TcpStream) -> BoxFuture<'_, io::Result<Terminated>> {
        Box::pin(async move {
            let accepted = self.tls.accept(stream).await.map_err(|error| {
                self.log(&error);
                io::Error::other(error)
            })?;
            let alpn = if accepted.http2 { Alpn::H2 } else { Alpn::H1 };
            Ok(Terminated { stream: Box::new(accepted.stream), alpn, names: Box::new(OfClient(accepted.names)) })
        })
    }
}

/// The names that one client's connection is for.
#[derive(Debug)]
struct OfClient(PublicNames);

impl Names for OfClient {
    fn are_for(&self, host: &str) -> bool {
        self.0.are_for(host)
    }
}
