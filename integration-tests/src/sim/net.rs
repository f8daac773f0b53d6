//! The simulated network behind the agent's and the coordinator's ports.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

/// Dials through the simulation.
#[derive(Debug, Clone, Copy)]
pub(super) struct SimDialer;

#[async_trait]
impl evenkeel_agent::dial::Dialer for SimDialer {
    async fn dial(&self, address: &str) -> io::Result<Box<dyn evenkeel_agent::dial::Io>> {
        Ok(Box::new(turmoil::net::TcpStream::connect(address).await?))
    }
}

/// Listens in the simulation.
pub(super) struct SimListener(pub(super) turmoil::net::TcpListener);

#[async_trait]
impl evenkeel::listen::Listener for SimListener {
    async fn accept(&self) -> io::Result<(Box<dyn evenkeel::listen::Io>, SocketAddr)> {
        let (stream, from) = self.0.accept().await?;
        Ok((Box::new(stream), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
