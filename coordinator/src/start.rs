//! What the process does: the configuration, the real ports, the signals, the runtime. Not here: anything that the simulation
//! runs too (`serve.rs`).

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use evenkeel::clock::SteadyClock;
use evenkeel::config::{Config, LogFormat, RawConfig};
use evenkeel::gauge::WebGauge;
use evenkeel::listen::Limits;
use evenkeel::resolve::{RegistryResolver, RegistrySettings};
use evenkeel::serve::{FolderAdminFile, Parts, run};
use evenkeel::store::SqliteStore;
use evenkeel_certs::TimeSource;
use evenkeel_cli::{Exit, Globals, Terminal, Verb};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Threads of `serve`: one for the controller, one for handshakes and rpcs. A small machine runs it beside other things.
const THREADS: usize = 2;

/// Connections that the kernel holds until they are accepted; it takes its own limit where that is lower (4,096 by default). A fleet that comes back at once
/// after a restart fills the usual 1,024, and whoever finds no place tries again after one second, three and seven.
const BACKLOG: u32 = 4096;

/// The store's file, in the data folder.
const STORE_FILE: &str = "store.sqlite";

/// `serve`: until a signal ends it.
pub(crate) fn serve(file: Option<&Path>, flags: RawConfig) -> Result<()> {
    let config = Config::load(file, &environment(), flags)?;
    log(&config);
    if let Err(error) = raise_file_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is, and each agent needs one");
    }
    let runtime = runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(run_until_signalled(config))
}

/// `config check`.
pub(crate) fn check(file: Option<&Path>) -> Result<()> {
    let config = Config::load(file, &environment(), RawConfig::default())?;
    let Config { fleet, listen, data_dir, .. } = &config;
    writeln!(
        io::stdout(),
        "the configuration is valid: fleet {fleet}, listens on {listen}, data in {}",
        data_dir.display()
    )?;
    Ok(())
}

/// An operator's verb.
pub(crate) fn operate(verb: Verb, globals: &Globals, command: clap::Command) -> Exit {
    match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(evenkeel_cli::run(verb, globals, command, &mut Terminal::of_process())),
        Err(error) => {
            complain(&error.into());
            Exit::Error
        }
    }
}

/// An error with its causes, as the last words of the process.
pub(crate) fn complain(error: &anyhow::Error) {
    // Nothing is left to be done if even this can't be said.
    let _ = writeln!(io::stderr(), "evenkeel: {error:#}");
}

async fn run_until_signalled(config: Config) -> Result<()> {
    let data_dir = config.data_dir.clone();
    let _lock = lock(&data_dir)?;
    // Before anything is made: whoever can't listen founds no fleet.
    let listener = bind("listen", config.listen)?;
    let http = bind("http_listen", config.http_listen)?;
    let store = data_dir.join(STORE_FILE);
    let store =
        SqliteStore::open(&store).await.with_context(|| format!("the store {} can't be opened", store.display()))?;
    let admin = FolderAdminFile::new(&data_dir);
    let resolver = RegistryResolver::new(registries(&config))?;
    tracing::info!(
        listen = %config.listen,
        http = %config.http_listen,
        context = %admin.path().display(),
        "the coordinator listens; the context file is the first operator's"
    );
    let parts = Parts {
        config,
        store: Arc::new(store),
        clock: Arc::new(SteadyClock::start()),
        time: TimeSource::system(),
        listener: Box::new(listener),
        limits: Limits::default(),
        http: Some(Box::new(http)),
        resolver: Arc::new(resolver),
        gauge: Arc::new(WebGauge::with_system_roots()),
        admin: Arc::new(admin),
    };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(run(parts, told).await?)
}

fn bind(key: &'static str, address: std::net::SocketAddr) -> Result<TcpListener> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for connections of the process before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().with_context(|| format!("can't listen on {address} ({key})"))
}

/// Each agent is an open file, and shells and service managers begin with a thousand: as many as this process may have.
fn raise_file_limit() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
}

fn registries(config: &Config) -> RegistrySettings {
    RegistrySettings {
        insecure: config.insecure_registries.iter().cloned().collect(),
        docker_config: Some(config.registry_config.clone()),
        ..RegistrySettings::default()
    }
}

/// Two coordinators on one folder would make two fleets of one.
fn lock(folder: &Path) -> Result<Flock<File>> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{} can't be made", folder.display()))?;
    let file = File::create(folder.join("lock")).with_context(|| format!("{} can't be written", folder.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
        // "Try again" is not what helps.
        Errno::EWOULDBLOCK => anyhow!("another coordinator runs with {}: stop it first", folder.display()),
        error => anyhow::Error::new(error).context(format!("{} can't be locked", folder.display())),
    })
}

/// Variables that are not Unicode can't be ours.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log_filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_coordinator_on_the_same_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path()).unwrap();
        let refused = format!("{:#}", lock(folder.path()).unwrap_err());
        assert!(refused.contains("another coordinator runs with"), "{refused}");
        drop(first);
        lock(folder.path()).unwrap();
    }

    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(256), hard).unwrap();
        raise_file_limit().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
    }

    #[tokio::test]
    async fn what_listens_can_be_reached_and_its_port_is_taken() {
        let listener = bind("listen", "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, connected) = tokio::join!(listener.accept(), tokio::net::TcpStream::connect(address));
        assert!(accepted.is_ok() && connected.is_ok());
        let refused = format!("{:#}", bind("listen", address).unwrap_err());
        assert!(refused.contains(&format!("can't listen on {address} (listen)")), "{refused}");
    }
}
