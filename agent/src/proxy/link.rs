//! One end of the line between the parent and a worker: whole messages as JSON, a socket beside one where needed. Not here: their meaning.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No message is longer: names and a container's id are a few hundred bytes.
const LARGEST: usize = 8 * 1024;

/// One end. Both directions are independent, and every message is whole.
#[derive(Debug)]
pub(super) struct Link(OwnedFd);

/// Something from the other end.
#[derive(Debug)]
pub(super) enum Received<T> {
    /// A message, and what came with it.
    Message(T, Option<OwnedFd>),
    /// A message that this version does not know.
    Unknown,
    /// The other end is gone.
    Closed,
}

impl Link {
    /// Takes one end.
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// A line: our end, and the one to hand on.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), theirs))
    }

    /// Sends, and waits for room if there is none.
    pub(super) fn send<T: Serialize>(&self, message: &T) -> io::Result<()> {
        self.send_with(message, None, SendFlags::NOSIGNAL)
    }

    /// Sends, and fails (`WouldBlock`) if there is no room: the other end does not read.
    pub(super) fn try_send<T: Serialize>(&self, message: &T, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.send_with(message, file, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }

    fn send_with<T: Serialize>(&self, message: &T, file: Option<BorrowedFd<'_>>, flags: SendFlags) -> io::Result<()> {
        let text = serde_json::to_vec(message)?;
        if text.len() > LARGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"));
        }
        let files: Vec<BorrowedFd<'_>> = file.into_iter().collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&files));
        }
        rustix::io::retry_on_intr(|| sendmsg(&self.0, &[IoSlice::new(&text)], &mut control, flags))?;
        Ok(())
    }

    /// Waits for a message.
    pub(super) fn receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        self.receive_with(RecvFlags::CMSG_CLOEXEC)
    }

    /// A message that is there; `WouldBlock` if there is none.
    pub(super) fn try_receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        self.receive_with(RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)
    }

    fn receive_with<T: DeserializeOwned>(&self, flags: RecvFlags) -> io::Result<Received<T>> {
        let mut text = [0; LARGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got =
            rustix::io::retry_on_intr(|| recvmsg(&self.0, &mut [IoSliceMut::new(&mut text)], &mut control, flags));
        let got = match got {
            Ok(got) => got,
            Err(rustix::io::Errno::CONNRESET) => return Ok(Received::Closed),
            Err(error) => return Err(error.into()),
        };
        let files = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        if got.bytes == 0 {
            return Ok(Received::Closed);
        }
        if got.flags.contains(ReturnFlags::TRUNC) {
            return Ok(Received::Unknown);
        }
        match serde_json::from_slice(&text[..got.bytes]) {
            Ok(message) => Ok(Received::Message(message, files)),
            Err(_) => Ok(Received::Unknown),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn messages_stay_whole_and_a_file_comes_with_its_own() {
        let (ours, theirs) = Link::pair().unwrap();
        let theirs = Link::new(theirs);
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"here").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        ours.send(&"one").unwrap();
        ours.try_send(&"two", Some(file.as_fd())).unwrap();
        let Received::Message(one, None) = theirs.receive::<String>().unwrap() else { panic!("not a message alone") };
        let Received::Message(two, Some(file)) = theirs.receive::<String>().unwrap() else { panic!("no file") };
        assert_eq!((one.as_str(), two.as_str()), ("one", "two"));
        let mut text = String::new();
        std::fs::File::from(file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "here");
    }

    #[test]
    fn an_unknown_message_is_no_end_and_an_end_is_told() {
        let (ours, theirs) = Link::pair().unwrap();
        let theirs = Link::new(theirs);
        assert_eq!(theirs.try_receive::<u64>().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        ours.send(&"text").unwrap();
        drop(ours);
        assert!(matches!(theirs.receive::<u64>().unwrap(), Received::Unknown));
        assert!(matches!(theirs.receive::<u64>().unwrap(), Received::Closed));
    }

    #[test]
    fn an_end_that_does_not_read_is_noticed_without_waiting() {
        let (ours, _theirs) = Link::pair().unwrap();
        let full = std::iter::repeat_with(|| ours.try_send(&"x".repeat(4000), None)).take(10_000).find_map(Result::err);
        assert_eq!(full.unwrap().kind(), io::ErrorKind::WouldBlock);
    }
}
