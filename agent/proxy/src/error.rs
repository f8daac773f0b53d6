//! Why routes were refused. Whatever it is, nothing has changed then. Not here: what a client is told (`http/answer`).

use std::io;
use std::net::SocketAddr;

/// Routes that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another program listens there.
    #[error("{address} is taken by another program on this host: stop it, or publish another port")]
    PortTaken {
        /// The address.
        address: SocketAddr,
    },
    /// The port cannot be opened for another reason (no such address here, no right to a port below 1024).
    #[error("cannot listen at {address}")]
    Open {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another route is for the same requests.
    #[error("{listen} with host {} and path {path} is already a route of {owner}", host.as_deref().unwrap_or("(any)"))]
    Clash {
        /// The port.
        listen: SocketAddr,
        /// The host both name; none: both are for all hosts.
        host: Option<String>,
        /// The path both name.
        path: String,
        /// Who has it.
        owner: String,
    },
    /// One port cannot be HTTP for one and TCP for another, nor TCP for two.
    #[error("{listen} is already a port of {owner}, and a TCP port serves one route alone")]
    PortShared {
        /// The port.
        listen: SocketAddr,
        /// Who has it.
        owner: String,
    },
    /// One port cannot be with TLS for one and without for another.
    #[error("{listen} is already a port of {owner}, and the two differ in tls")]
    TlsDiffers {
        /// The port.
        listen: SocketAddr,
        /// Who has it.
        owner: String,
    },
    /// This proxy was started without certificates.
    #[error("{listen} asks for tls, and this proxy has no certificates")]
    NoTls {
        /// The port.
        listen: SocketAddr,
    },
    /// A route that makes no sense by itself.
    #[error("the route of {name} at {listen} is refused: {what}")]
    Invalid {
        /// The service.
        name: String,
        /// The port.
        listen: SocketAddr,
        /// What is wrong.
        what: &'static str,
    },
}

impl ApplyError {
    /// From what the system said when a port was opened.
    pub(crate) fn opening(address: SocketAddr, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::PortTaken { address }
        } else {
            Self::Open { address, source }
        }
    }
}
