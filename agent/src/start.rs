//! What the verbs do: the configuration, the real ports, the signals. Not here: anything that the simulation runs too.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use evenkeel_agent::config::{self, Config, LogFormat, RawConfig};
use evenkeel_agent::credentials::{CredentialsFile, CredentialsFileError};
use evenkeel_agent::dial::TcpDialer;
use evenkeel_agent::facts::SystemFacts;
use evenkeel_agent::failpoint::{Failpoint, Never};
use evenkeel_agent::ledger::FileLedgers;
use evenkeel_agent::probe::NetworkProber;
use evenkeel_agent::proxy::client::ProxyClient;
use evenkeel_agent::run::{MIN_FREE_DISK, Parts, host_of};
use evenkeel_agent::runtime::{DockerOptions, DockerRuntime, Scope};
use evenkeel_agent::status::{Socket, ask, render};
use evenkeel_certs::{Credentials, CredentialsStore, JoinToken, KeyAndRequest, TimeSource};
use evenkeel_model::HostId;
use tokio::signal::unix::{SignalKind, signal};

/// What `join` needs to know.
#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    /// The coordinator's address [default: the first of `coordinators` in the configuration]
    #[arg(long, value_name = "HOST:PORT")]
    coordinator: Option<String>,
    /// The join token. Better in a file or in `EVENKEEL_TOKEN`: arguments can be seen by every process
    #[arg(long, env = "EVENKEEL_TOKEN", hide_env_values = true, conflicts_with = "token_file")]
    token: Option<String>,
    /// A file with the join token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// This host's id in the fleet [default: the machine's host name]
    #[arg(long, value_name = "NAME")]
    host: Option<HostId>,
}

fn raw(file: Option<&Path>) -> Result<RawConfig> {
    Ok(config::read(file, std::env::vars().collect())?)
}

fn checked(file: Option<&Path>) -> Result<Config> {
    Ok(Config::try_from(raw(file)?)?)
}

/// `config check`.
pub(crate) fn check(file: Option<&Path>) -> Result<()> {
    let config = checked(file)?;
    writeln!(io::stdout(), "the configuration is valid: coordinators {}", config.coordinators.join(", "))?;
    Ok(())
}

/// `status`.
pub(crate) fn status(file: Option<&Path>, output: &str) -> Result<()> {
    let config = checked(file)?;
    let mut status = ask(&config.socket)?;
    status.proxy = Some(evenkeel_agent::proxy::ask(&config.proxy.socket));
    let text = if output == "json" { serde_json::to_string_pretty(&status)? + "\n" } else { render(&status) };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// `join`. Joined already: says so, and is done.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn join(file: Option<&Path>, arguments: JoinArguments) -> Result<()> {
    let mut raw = raw(file)?;
    let written = raw.coordinators.clone().unwrap_or_default();
    if let Some(address) = arguments.coordinator {
        raw.coordinators = Some(vec![address]);
    }
    let config = Config::try_from(raw)?;
    let kept = CredentialsFile::in_folder(&config.data_dir);
    let time = TimeSource::system();
    if let Some(credentials) = joined_already(&kept, &time)? {
        writeln!(io::stdout(), "this host has joined already as {}", credentials.identity())?;
        return Ok(());
    }
    let token = token(arguments.token, arguments.token_file.as_deref())?;
    let host = match arguments.host {
        Some(host) => host,
        None => machine_name()?,
    };
    let key = pending_key(&config.data_dir)?;
    let address = &config.coordinators[0];
    let joined = evenkeel_agent::join::join(Arc::new(TcpDialer), address, &token, &host, &key, &time).await?;
    kept.store(&joined.credentials)?;
    std::fs::remove_file(pending_path(&config.data_dir)).context("the key's first copy could not be removed")?;
    let response = joined.response;
    writeln!(io::stdout(), "{host} has joined fleet {} in environment {}", response.fleet, response.environment)?;
    if !written.contains(address) {
        let file = file.unwrap_or(Path::new(config::DEFAULT_FILE)).display();
        writeln!(io::stdout(), "next: write coordinators = [\"{address}\"] into {file}")?;
    }
    writeln!(io::stdout(), "next: systemctl start evenkeel-agent")?;
    Ok(())
}

/// The credentials that there are, if they are good. Those that are damaged are what joining again is for.
fn joined_already(kept: &CredentialsFile, time: &TimeSource) -> Result<Option<Credentials>> {
    match kept.load() {
        Ok(credentials) => Ok(credentials.validate(time.now()).is_ok().then_some(credentials)),
        Err(error @ CredentialsFileError::Unreadable(..)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

fn token(argument: Option<String>, file: Option<&Path>) -> Result<JoinToken> {
    let text = match (argument, file) {
        (Some(text), _) => text,
        (None, Some(file)) => {
            std::fs::read_to_string(file).with_context(|| format!("the token file {} can't be read", file.display()))?
        }
        (None, None) => {
            bail!("a join token is needed: --token-file, or EVENKEEL_TOKEN; `evenkeel token create` makes one")
        }
    };
    Ok(text.trim().parse()?)
}

fn machine_name() -> Result<HostId> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").context("this machine's name can't be read")?;
    let short = name.trim().split('.').next().unwrap_or_default().to_lowercase();
    short.parse().context("this machine's name is no host id: give one with --host")
}

fn pending_path(folder: &Path) -> PathBuf {
    folder.join("join-key.pem")
}

/// The key is kept before it is used: a join whose answer was lost is repeated with the same key, and the same token works again.
fn pending_key(folder: &Path) -> Result<KeyAndRequest> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = pending_path(folder);
    if let Ok(pem) = std::fs::read_to_string(&path)
        && let Ok(key) = KeyAndRequest::for_key(&pem)
    {
        return Ok(key);
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let key = KeyAndRequest::generate()?;
    let write = || -> io::Result<()> {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(key.key_pem().as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("{} can't be written", path.display()))?;
    Ok(key)
}

/// `run`.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(file: Option<&Path>) -> Result<()> {
    let config = checked(file)?;
    log(&config);
    let _lock = lock(&config.data_dir)?;
    let time = TimeSource::system();
    let kept = CredentialsFile::in_folder(&config.data_dir);
    // Valid or not: the session says what is wrong with it, and what runs here is looked after meanwhile.
    let credentials = CredentialsStore::valid_or_not(kept.load()?, time.clone());
    let (fleet, host) = host_of(&credentials)?;
    let facts = Arc::new(SystemFacts::new(config.data_dir.clone())?);
    let scope = Scope { fleet, host: host.clone(), publish_address: config.publish_address };
    let runtime = DockerRuntime::new(scope, docker(&config), facts.clone());
    let proxy = Arc::new(ProxyClient::new(&config.proxy.socket, config.publish_address));
    let parts = Parts {
        addresses: config.coordinators,
        runtime: Arc::new(runtime),
        router: proxy.clone(),
        min_free_disk: MIN_FREE_DISK,
        prober: Arc::new(NetworkProber),
        ledgers: Arc::new(FileLedgers::open(config.data_dir.join("ledger"))?),
        facts,
        dialer: Arc::new(TcpDialer),
        credentials,
        files: Arc::new(kept),
        time,
        failpoint: failpoint(),
        socket: Some(
            Socket::bind(config.socket.clone())
                .with_context(|| format!("{} can't be bound", config.socket.display()))?,
        ),
        seed: uuid::Uuid::new_v4().as_u64_pair().0,
    };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! {
        biased;
        ended = evenkeel_agent::run::run(parts, told) => Ok(ended?),
        // The proxy's wake-ups. It never ends.
        () = proxy.listen() => Ok(()),
    }
}

fn docker(config: &Config) -> DockerOptions {
    DockerOptions {
        address: Some(format!("unix://{}", config.docker_socket.display())),
        credentials: Some(config.docker_config.clone()),
        address_pool: config.address_pool,
    }
}

/// Two agents with one ledger would undo each other's work.
fn lock(folder: &Path) -> Result<nix::fcntl::Flock<File>> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let file = File::create(folder.join("lock")).with_context(|| format!("{} can't be written", folder.display()))?;
    nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock)
        .map_err(|(_, error)| error)
        .with_context(|| format!("another agent runs with {}: stop it first", folder.display()))
}

#[cfg(feature = "failpoints")]
fn failpoint() -> Arc<dyn Failpoint> {
    match std::env::var("EVENKEEL_FAILPOINT") {
        Ok(place) => Arc::new(evenkeel_agent::failpoint::KillAt { place }),
        Err(_) => Arc::new(Never),
    }
}

#[cfg(not(feature = "failpoints"))]
fn failpoint() -> Arc<dyn Failpoint> {
    Arc::new(Never)
}

fn log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log_filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// An error with its causes, as the last words of the process.
pub(crate) fn complain(error: &anyhow::Error) {
    // Nothing is left to be done if even this can't be said.
    let _ = writeln!(io::stderr(), "evenkeel-agent: {error:#}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_credentials_do_not_stand_in_the_way_of_joining_again() {
        let folder = tempfile::tempdir().unwrap();
        let kept = CredentialsFile::in_folder(folder.path());
        assert!(joined_already(&kept, &TimeSource::system()).unwrap().is_none());
        for text in ["{", r#"{"certificate":"","key":"","authority":""}"#] {
            std::fs::write(folder.path().join("credentials.json"), text).unwrap();
            assert!(kept.load().is_err() && joined_already(&kept, &TimeSource::system()).unwrap().is_none());
        }
        std::fs::remove_file(folder.path().join("credentials.json")).unwrap();
        std::fs::create_dir(folder.path().join("credentials.json")).unwrap();
        assert!(joined_already(&kept, &TimeSource::system()).is_err(), "what can't be read is not replaced");
    }
}
