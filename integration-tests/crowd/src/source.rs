//! Dialling from several addresses of the loopback network: one address has 28,000 ports for connections to one place, and those of connections that
//! have just ended are not free at once. Not here: TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use async_trait::async_trait;
use evenkeel_agent::dial::{Dialer, Io};
use tokio::net::{TcpSocket, TcpStream};

/// Hosts that share an address.
const SHARE: usize = 2000;

/// Where a host dials from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// Of the host with this number.
    pub(crate) fn of(number: usize) -> Self {
        let last = u8::try_from(number / SHARE % 200).unwrap_or_default();
        Self(Ipv4Addr::new(127, 0, 1, 1 + last).into())
    }

    /// A connection to there.
    pub(crate) async fn connect(self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.0, 0))?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[async_trait]
impl Dialer for Source {
    async fn dial(&self, address: &str) -> io::Result<Box<dyn Io>> {
        let to = address.parse().map_err(io::Error::other)?;
        Ok(Box::new(self.connect(to).await?))
    }
}
