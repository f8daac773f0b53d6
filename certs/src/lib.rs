//! Everything X.509 and TLS: the fleet's authority, certificates and their renewal, who a peer is, join tokens, and the two
//! ends of a mutually authenticated connection. The one crate that names rustls.
//!
//! ```text
//! host                                     coordinator
//! KeyAndRequest --- CSR, join token --->   Authority::sign_csr
//! Credentials   <------ certificate ----
//!      |
//! CredentialsStore (replaced at renewal)   CredentialsStore
//!      |                                        |
//! ClientTls  ======= TLS 1.3, h2 ========  ServerTls -> Option<Peer>
//! ```
//!
//! *Invariant:* who a peer is comes from the one URI in its certificate's subject alternative name, and is only told of
//! certificates that chain to the fleet's authority. *Invariant:* a private key or a join secret is in no `Debug` output and
//! in no error.
//!
//! Beside the fleet's own, it has what HTTPS needs: certificates that are shown to anybody ([`PublicTls`]), and connections to servers of
//! other authorities ([`WebTls`]).
//!
//! Deliberately not here: files and their permissions, HTTP and gRPC, roles of operators and which join secrets are still
//! good (the coordinator knows both), and the wall clock of a handshake, which is a [`TimeSource`].

mod anchor;
mod authority;
mod certificate;
mod credentials;
mod identity;
mod public;
mod request;
mod store;
mod time_source;
mod tls;
mod token;
mod web;

pub use anchor::{AnchorError, VerifyError};
pub use authority::{AUTHORITY_LIFETIME, Authority, AuthorityError, CLOCK_SKEW, HOST_LIFETIME};
pub use certificate::CertificateError;
pub use credentials::{Credentials, CredentialsError};
pub use identity::{Identity, IdentityError};
pub use public::{PublicAccepted, PublicCertificate, PublicCertificateError, PublicNames, PublicTls, PublicTlsError};
pub use request::{KeyAndRequest, RequestError, public_key_digest};
pub use store::{CredentialsStore, ReplaceError};
pub use time_source::TimeSource;
pub use tls::{
    ClientStream, ClientTls, Complaint, EnrolmentTls, HANDSHAKE_TIMEOUT, Peer, SeenAuthority, ServerStream, ServerTls,
    TlsError,
};
pub use token::{JoinSecret, JoinToken, TokenError};
pub use web::{WebTls, WebTlsError};
