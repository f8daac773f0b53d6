//! Where this host's key and certificate are kept, and the authority's certificate beside them: a port, and its files.
//! Not here: what makes them valid (crate `evenkeel-certs`), when they are renewed (`session/stream.rs`).

use std::fmt::Debug;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use evenkeel_certs::{Credentials, CredentialsError};
use serde::{Deserialize, Serialize};

/// Why this host's credentials can't be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFileError {
    /// There are none.
    #[error("this host has not joined a fleet: {0} does not exist; run `evenkeel-agent join`")]
    Missing(PathBuf),
    /// The file can't be read.
    #[error("{0} can't be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The file can't be written.
    #[error("{0} can't be written")]
    Unwritable(PathBuf, #[source] std::io::Error),
    /// It is not what `join` wrote.
    #[error("{0} is damaged; restore it from a backup, or remove the host from the fleet and join again")]
    Damaged(PathBuf, #[source] serde_json::Error),
    /// What it holds is no certificate and key that belong together.
    #[error(
        "{0} holds no valid credentials; restore it from a backup, or remove the host from the fleet and join again"
    )]
    Invalid(PathBuf, #[source] CredentialsError),
}

/// Keeps renewed credentials.
#[async_trait]
pub trait CredentialsFiles: Send + Sync + Debug {
    /// Makes them durable before it returns; whatever happens in between, either the old or the new ones are there.
    async fn save(&self, credentials: &Credentials) -> Result<(), CredentialsFileError>;
}

/// One file for all three, so that a certificate is never beside another key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    certificate: String,
    key: String,
    authority: String,
}

/// The file `credentials.json` (mode 0600) in the agent's folder.
#[derive(Debug, Clone)]
pub struct CredentialsFile {
    path: PathBuf,
}

impl CredentialsFile {
    /// In this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("credentials.json") }
    }

    /// Reads them.
    pub fn load(&self) -> Result<Credentials, CredentialsFileError> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => CredentialsFileError::Missing(self.path.clone()),
            _ => CredentialsFileError::Unreadable(self.path.clone(), error),
        })?;
        let stored: Stored =
            serde_json::from_str(&text).map_err(|error| CredentialsFileError::Damaged(self.path.clone(), error))?;
        Credentials::new(&stored.certificate, &stored.key, &stored.authority)
            .map_err(|error| CredentialsFileError::Invalid(self.path.clone(), error))
    }

    /// Writes them, durably and at once.
    pub fn store(&self, credentials: &Credentials) -> Result<(), CredentialsFileError> {
        let stored = Stored {
            certificate: credentials.certificate_pem().to_owned(),
            key: credentials.key_pem().to_owned(),
            authority: credentials.authority_pem().to_owned(),
        };
        let text = serde_json::to_vec_pretty(&stored).expect("texts have a JSON form");
        self.replace(&text).map_err(|error| CredentialsFileError::Unwritable(self.path.clone(), error))
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let fresh = self.path.with_extension("json.new");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        std::fs::File::open(folder)?.sync_all()
    }
}

#[async_trait]
impl CredentialsFiles for CredentialsFile {
    async fn save(&self, credentials: &Credentials) -> Result<(), CredentialsFileError> {
        // A few kilobytes once a day: not worth a thread.
        self.store(credentials)
    }
}
