//! SIGTERM as a message on a channel, through a signalfd.
//!
//! A program that is PID 1 of a container gets no default action for signals; blocking SIGTERM and reading it from a
//! descriptor works there and everywhere else, and needs no signal handler. Deliberately not here: any other signal.

use std::sync::mpsc::Sender;
use std::{io, thread};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Blocks SIGTERM in this thread and every one it starts from now on.
pub(crate) fn block() -> nix::Result<SigSet> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGTERM);
    mask.thread_block()?;
    Ok(mask)
}

/// Sends a message for every SIGTERM received, from a thread of its own, until nobody listens any more.
pub(crate) fn forward(mask: SigSet, terminations: Sender<()>) -> io::Result<()> {
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC)?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || while signals.read_signal().is_ok() && terminations.send(()).is_ok() {})?;
    Ok(())
}
