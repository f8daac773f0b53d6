//! The context file: where the coordinator is, and the operator's certificate. Not here: connecting.

mod new_file;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use config::{Config, File, FileFormat};
use serde::Deserialize;

use evenkeel_certs::{Credentials, CredentialsError, Identity, VerifyError};
use evenkeel_model::{FleetName, UnixMillis};

pub(crate) use new_file::NewContextFile;

/// The port that an address gets which names none.
pub(crate) const DEFAULT_PORT: u16 = 7400;

/// Where the context file is by default, below the home directory.
const DEFAULT_PLACE: &str = ".config/evenkeel/context.toml";

/// What begins a PEM text: anything else in its place is a path.
const PEM: &str = "-----BEGIN";

/// Why there is no usable context.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// No file was named, and there is no home directory to look in.
    #[error("no context file is named, and HOME is not set")]
    NoHome,
    /// It is not there.
    #[error("there is no context file {0}")]
    Missing(PathBuf),
    /// It is there and can't be read.
    #[error("{what} {path} cannot be read")]
    Unreadable {
        /// `the context file`, or which of the files that it names.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML, has unknown keys, or lacks some.
    #[error("the context file {path} is malformed")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and how.
        #[source]
        source: Box<config::ConfigError>,
    },
    /// Values that can't be.
    #[error("the context file {path} is malformed: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What can't be.
        problem: String,
    },
    /// The certificate, key or authority.
    #[error("the credentials in the context file {path} cannot be used")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<CredentialsError>,
    },
    /// A new one would replace it.
    #[error("there is a file {0} already, and it is left as it is")]
    Taken(PathBuf),
    /// A new one can't be written.
    #[error("the context file {path} cannot be written")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ContextError {
    /// What the operator can do about it.
    pub(crate) fn next_step(&self) -> String {
        let example =
            "keys: addresses = [\"HOST:7400\"], fleet, certificate, key, authority (PEM text, or paths of PEM files)";
        match self {
            Self::NoHome | Self::Missing(_) => "name a context file with --context FILE or EVENKEEL_CONTEXT. \
                `evenkeel serve` writes one for the first operator when it starts for the first time: copy that one here"
                .to_owned(),
            Self::Unreadable { path, .. } => format!("make {} readable for this user", path.display()),
            Self::Malformed { .. } | Self::Invalid { .. } => format!("correct it; {example}"),
            Self::Credentials { source, .. } => credentials_next_step(source).to_owned(),
            Self::Taken(_) => "name another file with --out FILE, or replace this one with --force".to_owned(),
            Self::Unwritable { .. } => {
                "name another file with --out FILE; adding the same operator again gives it a new certificate".to_owned()
            }
        }
    }
}

fn credentials_next_step(error: &CredentialsError) -> &'static str {
    match error {
        CredentialsError::Refused { source, .. } => match &**source {
            VerifyError::Expired { .. } => {
                "the certificate has run out: get a new context file from whoever runs the coordinator"
            }
            VerifyError::NotYetValid { .. } => "compare this machine's clock with the coordinator's",
            _ => "get a new context file from whoever runs the coordinator",
        },
        _ => "copy the context file again as it was written: certificate, key and authority belong together",
    }
}

/// The keys of a context file, each required.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContext {
    /// The coordinators' addresses, `HOST:PORT` or `HOST`; tried in turn.
    addresses: Vec<String>,
    /// The fleet's name.
    fleet: String,
    /// The operator's certificate: PEM text, or the path of a PEM file, from the context file's directory if relative.
    certificate: String,
    /// Its private key, likewise.
    key: String,
    /// The fleet's authority's certificate, likewise.
    authority: String,
}

/// A context file as `evenkeel serve` writes it for the first operator: all PEM texts inside.
#[derive(Debug, Clone, Copy)]
pub struct ContextFile<'a> {
    /// The coordinators' addresses, `HOST:PORT`.
    pub addresses: &'a [String],
    /// Certificate, key and authority.
    pub credentials: &'a Credentials,
}

impl ContextFile<'_> {
    /// The file's text. It holds the private key: to be written with mode 0600.
    pub fn to_toml(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(|address| format!("{address:?}")).collect();
        let credentials = self.credentials;
        let mut text =
            String::from("# An operator's way to the coordinator. It holds a private key: keep it to yourself.\n");
        writeln!(text, "addresses = [{}]", addresses.join(", ")).expect("writing to a string does not fail");
        writeln!(text, "fleet = \"{}\"", credentials.identity().fleet()).expect("writing to a string does not fail");
        for (key, pem) in [
            ("certificate", credentials.certificate_pem()),
            ("key", credentials.key_pem()),
            ("authority", credentials.authority_pem()),
        ] {
            writeln!(text, "{key} = '''\n{}\n'''", pem.trim()).expect("writing to a string does not fail");
        }
        text
    }
}

/// A context that was read: addresses with ports, and credentials that peers accept now.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) path: PathBuf,
    pub(crate) addresses: Vec<String>,
    pub(crate) credentials: Credentials,
}

impl Context {
    /// Reads the named file, or the one in its usual place below `HOME`.
    pub(crate) fn load(
        named: Option<&Path>,
        variables: &BTreeMap<String, String>,
        now: UnixMillis,
    ) -> Result<Self, ContextError> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => Path::new(variables.get("HOME").ok_or(ContextError::NoHome)?).join(DEFAULT_PLACE),
        };
        let raw = parse(&path)?;
        let invalid = |problem: String| ContextError::Invalid { path: path.clone(), problem };
        let fleet: FleetName = raw.fleet.parse().map_err(|error| invalid(format!("fleet: {error}")))?;
        let addresses = addresses(&raw.addresses).map_err(invalid)?;
        let [certificate, key, authority] = [
            ("the certificate", &raw.certificate),
            ("the key", &raw.key),
            ("the authority's certificate", &raw.authority),
        ]
        .map(|(what, value)| pem(what, value, &path));
        let credentials = Credentials::new(&certificate?, &key?, &authority?)
            .and_then(|credentials| credentials.validate(now).map(|()| credentials))
            .map_err(|source| ContextError::Credentials { path: path.clone(), source: Box::new(source) })?;
        check_identity(credentials.identity(), &fleet)
            .map_err(|problem| ContextError::Invalid { path: path.clone(), problem })?;
        Ok(Self { path, addresses, credentials })
    }
}

fn parse(path: &Path) -> Result<RawContext, ContextError> {
    let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ContextError::Missing(path.to_owned()),
        _ => ContextError::Unreadable { what: "the context file", path: path.to_owned(), source },
    })?;
    Config::builder()
        .add_source(File::from_str(&text, FileFormat::Toml))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|source| ContextError::Malformed { path: path.to_owned(), source: Box::new(source) })
}

fn addresses(written: &[String]) -> Result<Vec<String>, String> {
    if written.is_empty() {
        return Err("addresses: at least one is needed".to_owned());
    }
    written.iter().map(|address| with_port(address)).collect()
}

/// `HOST:PORT`, with the default port if none is written; an IPv6 address has brackets before a port.
fn with_port(address: &str) -> Result<String, String> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
        _ => (address, None),
    };
    let in_brackets = host.starts_with('[') && host.ends_with(']');
    let host_is_fine = !host.is_empty() && !host.contains(['/', ' ', '@']);
    if !host_is_fine || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(format!("addresses: `{address}` is no address: write HOST:PORT, such as coordinator.example:7400"));
    }
    match port {
        Some(_) => Ok(address.to_owned()),
        None if host.contains(':') && !in_brackets => Ok(format!("[{host}]:{DEFAULT_PORT}")),
        None => Ok(format!("{host}:{DEFAULT_PORT}")),
    }
}

fn pem(what: &'static str, value: &str, context: &Path) -> Result<String, ContextError> {
    if value.trim_start().starts_with(PEM) {
        return Ok(value.to_owned());
    }
    let path = context.parent().unwrap_or(Path::new("")).join(value);
    std::fs::read_to_string(&path).map_err(|source| ContextError::Unreadable { what, path, source })
}

fn check_identity(identity: &Identity, fleet: &FleetName) -> Result<(), String> {
    if identity.fleet() != fleet {
        return Err(format!("fleet: it says {fleet}, and the certificate is for {identity}"));
    }
    if matches!(identity, Identity::Operator { .. }) {
        return Ok(());
    }
    Err(format!("certificate: it is for {identity}, and only an operator's can be used here"))
}

#[cfg(test)]
mod tests;
