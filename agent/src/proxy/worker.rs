//! A worker's process: the data path with its file and its control socket, led by the parent. Not here: listening sockets of its own.

mod acme;
mod book;
mod control;
mod disk;
mod line;
mod order;
mod service;
mod status;
mod steward;
mod tls;
mod upkeep;

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use evenkeel_certs::TimeSource;

use self::book::BookFiles;
use self::line::Line;
use self::steward::Steward;
use self::tls::Certificates;
use self::upkeep::kept_up;
use crate::config::ProxyConfig;

/// Why a worker can't work.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkerError {
    /// Nobody is at the other end of its standard input.
    #[error("a worker is started by `evenkeel-agent proxy` alone")]
    NoParent(#[source] io::Error),
    /// There is nowhere to keep routes.
    #[error("the state directory {} can't be used", .0.display())]
    State(std::path::PathBuf, #[source] io::Error),
    /// No threads.
    #[error("the runtime can't be started")]
    Runtime(#[source] io::Error),
}

/// Runs until the parent is gone, or has told it to retire.
pub(super) fn run(config: &ProxyConfig) -> Result<(), WorkerError> {
    let socket = io::stdin().as_fd().try_clone_to_owned().map_err(WorkerError::NoParent)?;
    rustix::net::getpeername(&socket).map_err(|error| WorkerError::NoParent(error.into()))?;
    let files = BookFiles::in_directory(&config.state_dir)
        .map_err(|error| WorkerError::State(config.state_dir.clone(), error))?;
    let time = TimeSource::system();
    let issued = config.acme.as_ref().map(|acme| acme::folder(&config.state_dir, acme));
    let certificates = Certificates::new(&config.certificates, issued.as_deref(), &time);
    let (line, words) = Line::start(socket).map_err(WorkerError::NoParent)?;
    let mut runtime = match config.workers {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(config.workers).enable_all().build().map_err(WorkerError::Runtime)?;
    runtime.block_on(async {
        // Before it leads: none that is there must be missing to the first client. Not for long: plain HTTP waits, too.
        certificates.look().await;
        let looking = Arc::clone(&certificates);
        tokio::spawn(async move { kept_up("certificates are looked at", || looking.keep_looking()).await });
        Steward::new(config, line, files, &certificates, &time).run(words).await;
    });
    // The reader's thread waits for the parent, and a write to a dead disk for the disk: neither is waited for.
    runtime.shutdown_background();
    Ok(())
}
