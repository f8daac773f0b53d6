//! The two ends of a connection: TLS 1.3, HTTP/2, and who the peer is. Not here: sockets, HTTP, and what a peer may do.
//!
//! Sessions are never resumed: a resumed one would not show the certificate again, so an expired or replaced one would live
//! on. A handshake costs about a millisecond, and agents hold their connection for days.

mod client;
mod enrolment;
mod error;
mod server;
mod verifier;

use evenkeel_model::{Millis, UnixMillis};

use crate::identity::Identity;

pub use client::ClientTls;
pub use enrolment::{EnrolmentTls, SeenAuthority};
pub use error::{Complaint, TlsError};
pub use server::ServerTls;

pub(crate) use client::config as client_config;
pub(crate) use server::config as server_config;

/// How long a handshake may take: ten seconds are enough for the slowest line, and soon free the place of one who is silent.
pub const HANDSHAKE_TIMEOUT: Millis = Millis::seconds(10);

/// The one protocol spoken inside, as ALPN names it.
const HTTP2: &[u8] = b"h2";

/// A connection that was accepted.
pub type ServerStream<IO> = tokio_rustls::server::TlsStream<IO>;

/// A connection that was made.
pub type ClientStream<IO> = tokio_rustls::client::TlsStream<IO>;

/// Who is at the other end, by a certificate of the fleet's authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Whose certificate it is.
    pub identity: Identity,
    /// The certificate's last moment: a session must not outlive it.
    pub not_after: UnixMillis,
}

/// That both speak HTTP/2, and did not merely fail to disagree.
fn require_http2(connection: &rustls::CommonState) -> Result<(), TlsError> {
    if connection.alpn_protocol() == Some(HTTP2) { Ok(()) } else { Err(TlsError::NotHttp2) }
}

#[cfg(test)]
mod tests;
