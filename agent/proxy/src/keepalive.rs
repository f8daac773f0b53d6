//! TCP's own probes, for peers that vanish without a word (a cable, a power cut, a firewall that forgot the connection): on TCP routes and
//! upgraded connections, where silence may be meant, nothing else ever ends them. Not here: limits on silence (`limits`).

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};

/// Silence before the first probe: shorter than firewalls and load balancers keep a silent connection in mind.
const IDLE: Duration = Duration::from_mins(1);
/// Between probes.
const INTERVAL: Duration = Duration::from_secs(15);
/// Probes without an answer until the connection is given up: two minutes after its last word.
const PROBES: u32 = 4;

/// Has the kernel probe. What a listening socket accepts takes over its settings.
pub(crate) fn probe(socket: impl AsFd) -> io::Result<()> {
    let socket = socket.as_fd();
    set_socket_keepalive(socket, true)?;
    set_tcp_keepidle(socket, IDLE)?;
    set_tcp_keepintvl(socket, INTERVAL)?;
    set_tcp_keepcnt(socket, PROBES)?;
    Ok(())
}

#[cfg(test)]
pub(crate) fn is_probed(socket: impl AsFd) -> bool {
    use rustix::net::sockopt::{socket_keepalive, tcp_keepcnt, tcp_keepidle, tcp_keepintvl};
    let socket = socket.as_fd();
    socket_keepalive(socket).unwrap()
        && tcp_keepidle(socket).unwrap() == IDLE
        && tcp_keepintvl(socket).unwrap() == INTERVAL
        && tcp_keepcnt(socket).unwrap() == PROBES
}
