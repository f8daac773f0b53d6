//! The listening sockets: opened here, used by workers, closed when no worker needs them any more. Not here: accepting.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

use super::crew::Id;
use super::store::Store;

/// Connections that may wait in the kernel to be accepted: also while a dead worker is replaced.
const BACKLOG: i32 = 1024;

#[derive(Debug)]
struct Port {
    socket: OwnedFd,
    /// The workers that accept from it.
    users: BTreeSet<Id>,
}

/// All listening sockets of the host's proxy.
#[derive(Debug)]
pub(super) struct Ports {
    ports: BTreeMap<SocketAddr, Port>,
    store: Store,
}

impl Ports {
    /// With those that the service manager kept over a restart.
    pub(super) fn new(store: Store) -> Self {
        let kept = store.take().into_iter();
        let ports = kept.map(|(address, socket)| (address, Port { socket, users: BTreeSet::new() })).collect();
        Self { ports, store }
    }

    /// The addresses that are open.
    pub(super) fn open_count(&self) -> usize {
        self.ports.len()
    }

    /// Tells the service manager how it goes.
    pub(super) fn say(&self, text: &str) {
        self.store.say(text);
    }

    /// The socket for an address, for this worker; opened if it is not open.
    pub(super) fn open(&mut self, id: Id, address: SocketAddr) -> Result<BorrowedFd<'_>, Errno> {
        if !self.ports.contains_key(&address) {
            let socket = open(address)?;
            self.store.keep(address, socket.as_fd());
            self.ports.insert(address, Port { socket, users: BTreeSet::new() });
        }
        let port = self.ports.get_mut(&address).ok_or(Errno::BADF)?;
        port.users.insert(id);
        Ok(port.socket.as_fd())
    }

    /// A worker needs an address no more. Closed if it was the last one.
    pub(super) fn close(&mut self, id: Id, address: SocketAddr) {
        if let Some(port) = self.ports.get_mut(&address) {
            port.users.remove(&id);
            self.drop_unused(|of| of == address);
        }
    }

    /// A worker is gone, or accepts no more. Its sockets stay for whoever comes after it.
    pub(super) fn leave(&mut self, id: Id) {
        for port in self.ports.values_mut() {
            port.users.remove(&id);
        }
    }

    /// A worker leads: it has asked for all that it needs.
    pub(super) fn settle(&mut self) {
        self.drop_unused(|_| true);
    }

    fn drop_unused(&mut self, which: impl Fn(SocketAddr) -> bool) {
        let store = &self.store;
        self.ports.retain(|address, port| {
            let stays = !port.users.is_empty() || !which(*address);
            if !stays {
                store.forget(*address);
            }
            stays
        });
    }
}

/// `[::]` stands for all addresses of both families; where the machine has no IPv6, for those of IPv4.
fn open(address: SocketAddr) -> Result<OwnedFd, Errno> {
    match listening(address) {
        Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) if address.is_ipv6() && address.ip().is_unspecified() => {
            listening((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        opened => opened,
    }
}

fn listening(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    // Shared by all workers, so none of them may ever block in it.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // Without it a port could not be opened again while old connections of it linger in the kernel.
    set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, !address.ip().is_unspecified())?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn ports() -> Ports {
        Ports::new(Store::none())
    }

    fn free() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn a_socket_outlives_its_workers_until_a_leader_does_without_it() {
        let (mut ports, address) = (ports(), free());
        ports.open(1, address).unwrap();
        ports.leave(1);
        TcpStream::connect(address).expect("it waits in the queue");
        ports.open(2, address).unwrap();
        ports.settle();
        TcpStream::connect(address).expect("the second needs it");
        ports.leave(2);
        ports.settle();
        TcpStream::connect(address).expect_err("nobody needs it");
    }

    #[test]
    fn a_socket_is_closed_with_its_last_user() {
        let (mut ports, address) = (ports(), free());
        ports.open(1, address).unwrap();
        ports.open(2, address).unwrap();
        ports.close(1, address);
        TcpStream::connect(address).unwrap();
        ports.close(2, address);
        TcpStream::connect(address).unwrap_err();
        assert_eq!(ports.open_count(), 0);
    }

    #[test]
    fn a_port_that_somebody_else_has_is_refused_by_number() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(ports().open(1, other.local_addr().unwrap()).unwrap_err(), Errno::ADDRINUSE);
    }

    #[test]
    fn all_addresses_are_those_of_both_families() {
        let mut ports = ports();
        let port = free().port();
        let all: SocketAddr = (std::net::Ipv6Addr::UNSPECIFIED, port).into();
        ports.open(1, all).unwrap();
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }
}
