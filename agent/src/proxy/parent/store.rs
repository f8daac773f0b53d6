//! Where listening sockets outlive this process: systemd's store of files (`FileDescriptorStoreMax=` of the unit). Without systemd nothing
//! is kept. Not here: which sockets are needed.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::UnixDatagram;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// The variables by which systemd hands over and is told; workers must not see them.
pub(super) const VARIABLES: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET"];
/// The number of the first file that is handed over.
const FIRST: RawFd = 3;
/// Ours in the store, before the address.
const PREFIX: &str = "listen-";

/// The service manager, if there is one.
#[derive(Debug)]
pub(super) struct Store {
    notify: Option<UnixDatagram>,
    handed: Vec<(RawFd, String)>,
}

impl Store {
    /// Nobody keeps anything.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { notify: None, handed: vec![] }
    }

    /// From what the environment says.
    pub(super) fn from_environment() -> Self {
        let notify = std::env::var("NOTIFY_SOCKET").ok().and_then(|path| {
            connect(&path).inspect_err(|error| tracing::warn!(%error, path, "systemd can't be told anything")).ok()
        });
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
        let count =
            if number("LISTEN_PID") == Some(std::process::id()) { number("LISTEN_FDS").unwrap_or(0) } else { 0 };
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names = names.split(':').map(str::to_owned).chain(std::iter::repeat(String::new()));
        let handed = (FIRST..).take(count as usize).zip(names).collect();
        Self { notify, handed }
    }

    /// The sockets that were kept. What is not ours, or makes no sense, is closed.
    pub(super) fn take(&self) -> Vec<(SocketAddr, OwnedFd)> {
        let mut taken = vec![];
        for (number, name) in &self.handed {
            let owned = own(*number);
            // The number itself would stay open for ever, and its port with it. Nothing else in this process knows it.
            let _ = nix::unistd::close(*number);
            match (address(name), owned) {
                (Some(address), Ok(socket)) => taken.push((address, socket)),
                (_, owned) => {
                    let error = owned.err().map(|error| error.to_string());
                    tracing::warn!(
                        name,
                        error,
                        "systemd handed over what is no listening socket of ours; it is closed"
                    );
                    self.tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), None);
                }
            }
        }
        taken
    }

    /// Keeps a socket over the next restart.
    pub(super) fn keep(&self, address: SocketAddr, socket: BorrowedFd<'_>) {
        self.tell(&format!("FDSTORE=1\nFDNAME={}", name(address)), Some(socket));
    }

    /// Keeps it no more.
    pub(super) fn forget(&self, address: SocketAddr) {
        self.tell(&format!("FDSTOREREMOVE=1\nFDNAME={}", name(address)), None);
    }

    /// Says how it goes: `READY=1`, `STATUS=…`.
    pub(super) fn say(&self, text: &str) {
        self.tell(text, None);
    }

    fn tell(&self, text: &str, socket: Option<BorrowedFd<'_>>) {
        let Some(notify) = &self.notify else { return };
        let sockets: Vec<BorrowedFd<'_>> = socket.into_iter().collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&sockets));
        }
        let text = [IoSlice::new(text.as_bytes())];
        if let Err(error) = rustix::io::retry_on_intr(|| sendmsg(notify, &text, &mut control, SendFlags::NOSIGNAL)) {
            tracing::warn!(%error, "systemd could not be told; a restart of the proxy may refuse connections");
        }
    }
}

fn connect(path: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match path.strip_prefix('@') {
        Some(name) => socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(path)?,
    }
    Ok(socket)
}

/// A duplicate that is ours to close: only a number names the one handed over, and a number can't be owned without `unsafe`. So the system is
/// asked for it as it would be for another process's.
fn own(number: RawFd) -> rustix::io::Result<OwnedFd> {
    let ourselves = pidfd_open(getpid(), PidfdFlags::empty())?;
    pidfd_getfd(ourselves, number, PidfdGetfdFlags::empty())
}

/// A name may not have a colon; an address has no underscore.
fn name(address: SocketAddr) -> String {
    format!("{PREFIX}{}", address.to_string().replace(':', "_"))
}

fn address(name: &str) -> Option<SocketAddr> {
    name.strip_prefix(PREFIX)?.replace('_', ":").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_again_by_its_name() {
        for text in ["127.0.0.1:80", "[::]:8080", "[fd00::1:2]:443"] {
            let address: SocketAddr = text.parse().unwrap();
            assert!(!name(address).contains(':'));
            assert_eq!(super::address(&name(address)), Some(address));
        }
        assert_eq!(super::address("stored"), None);
        assert_eq!(super::address("listen-nonsense"), None);
    }

    #[test]
    fn a_file_known_by_its_number_becomes_ours() {
        use std::os::fd::AsRawFd as _;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = std::net::TcpListener::from(own(listener.as_raw_fd()).unwrap());
        assert_eq!(ours.local_addr().unwrap(), listener.local_addr().unwrap());
    }
}
