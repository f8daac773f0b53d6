//! What `evenkeel-agent proxy` does with its configuration. Not here: the parent's loop, the worker's.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use nix::fcntl::{Flock, FlockArg};

use super::parent::Program;
use super::worker::WorkerError;
use crate::config::{self, ConfigError, LogFormat, ProxyProcessConfig, RawProxy};

/// What may be said on the command line; it outranks environment and file.
#[derive(Debug, Clone, Default, Args)]
pub struct ProxyFlags {
    /// Where the agent gives the routes [default: /run/evenkeel/proxy.sock]
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
    /// Where the routes are kept [default: /var/lib/evenkeel/proxy]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The path by which load balancers ask whether to send requests [default: none]
    #[arg(long, value_name = "PATH")]
    readiness_path: Option<String>,
    /// How long the old process may go on after an upgrade [default: 30s]
    #[arg(long, value_name = "DURATION")]
    drain_on_upgrade: Option<String>,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "NUMBER")]
    workers: Option<usize>,
}

impl ProxyFlags {
    fn over(self, raw: RawProxy) -> RawProxy {
        RawProxy {
            socket: self.socket.or(raw.socket),
            state_dir: self.state_dir.or(raw.state_dir),
            readiness_path: self.readiness_path.or(raw.readiness_path),
            drain_on_upgrade: self.drain_on_upgrade.or(raw.drain_on_upgrade),
            workers: self.workers.or(raw.workers),
            limits: raw.limits,
            tls: raw.tls,
            acme: raw.acme,
        }
    }
}

/// Why the proxy does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Two with one file would undo each other's work.
    #[error("another proxy runs with {}, or it can't be written: stop the other one first", .0.display())]
    Busy(PathBuf, #[source] io::Error),
    /// Which program to start workers from.
    #[error("the proxy's own program can't be found")]
    Program(#[source] io::Error),
    /// Signals, or waiting for them.
    #[error("the proxy's parent process can't go on")]
    Parent(#[source] io::Error),
    /// A worker.
    #[error("the proxy's worker process can't go on")]
    Worker(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<WorkerError> for StartError {
    fn from(error: WorkerError) -> Self {
        Self::Worker(Box::new(error))
    }
}

fn configured(file: Option<&Path>, flags: ProxyFlags) -> Result<ProxyProcessConfig, ConfigError> {
    let mut raw = config::read(file, std::env::vars().collect())?;
    raw.proxy = Some(flags.over(raw.proxy.unwrap_or_default()));
    ProxyProcessConfig::try_from(raw)
}

/// The parent's process, until it is told to end.
pub fn run(file: Option<&Path>, flags: ProxyFlags) -> Result<(), StartError> {
    // Whatever is wrong in it is said here, once, and not by one worker after the other.
    let config = configured(file, flags)?;
    log(&config);
    let _lock = lock(&config.proxy.state_dir)?;
    let mut arguments = std::env::args_os();
    let first = arguments.next().unwrap_or_default();
    let mut arguments: Vec<OsString> = arguments.collect();
    arguments.push("worker".into());
    super::parent::run(Program { path: program(first)?, arguments }).map_err(StartError::Parent)
}

/// A worker's process, until it has retired.
pub fn work(file: Option<&Path>, flags: ProxyFlags) -> Result<(), StartError> {
    let config = configured(file, flags)?;
    log(&config);
    Ok(super::worker::run(&config.proxy)?)
}

/// Held until the process ends, however it ends.
fn lock(directory: &Path) -> Result<Flock<File>, StartError> {
    let busy = |error| StartError::Busy(directory.to_owned(), error);
    std::fs::create_dir_all(directory).map_err(busy)?;
    let file = File::create(directory.join("lock")).map_err(busy)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| busy(error.into()))
}

/// The file by its name, as it was called: once it has been replaced, the system knows ours only as deleted.
fn program(called: OsString) -> Result<OsString, StartError> {
    if Path::new(&called).components().count() > 1 {
        return Ok(called);
    }
    std::env::current_exe().map(PathBuf::into_os_string).map_err(StartError::Program)
}

fn log(config: &ProxyProcessConfig) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log_filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}
