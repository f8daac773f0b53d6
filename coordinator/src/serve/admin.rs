//! The first operator's context file: made at the first start, and made anew when its certificate is past half of its life, is
//! missing or unreadable. Whoever can read the folder can read the authority's key, so nothing is given away by that.
//!
//! Not here: other operators.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_certs::{Authority, Credentials, Identity, TimeSource};
use evenkeel_cli::ContextFile;
use evenkeel_model::{Millis, OperatorName, UnixMillis};

use super::ServeError;
use crate::controller::Handle;

/// How long the first operator's certificate is good for: 30 days, so that a copy on a laptop lives through a holiday, and one
/// that was lost does not open the fleet for a year. The file beside the store is kept younger than half of that.
pub const ADMIN_LIFETIME: Millis = Millis::minutes(30 * 24 * 60);

/// The file's name, in the data folder.
const FILE_NAME: &str = "admin.toml";

/// The first operator's name.
pub(super) fn admin_name() -> OperatorName {
    "admin".parse().expect("it is a valid name")
}

/// Where the first operator's context is kept. It holds a private key.
pub trait AdminFile: Send + Sync {
    /// Its text; none: there is no file.
    fn read(&self) -> io::Result<Option<String>>;

    /// Replaces it, whole or not at all, readable for the owner alone.
    fn write(&self, text: &str) -> io::Result<()>;
}

/// `admin.toml` in a folder.
#[derive(Debug, Clone)]
pub struct FolderAdminFile {
    path: PathBuf,
}

impl FolderAdminFile {
    /// In this folder, which exists.
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(FILE_NAME) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AdminFile for FolderAdminFile {
    fn read(&self) -> io::Result<Option<String>> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // Not text: as good as none.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
            Err(error) => Err(error),
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let beside = self.path.with_extension("toml.new");
        // One that a crash left behind could have another mode.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// In memory, for the simulation and for tests.
#[derive(Debug, Default)]
pub struct MemoryAdminFile {
    text: Mutex<Option<String>>,
}

impl AdminFile for MemoryAdminFile {
    fn read(&self) -> io::Result<Option<String>> {
        Ok(self.text.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn write(&self, text: &str) -> io::Result<()> {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        Ok(())
    }
}

impl MemoryAdminFile {
    /// The certificate, key and authority in it; none: it was not written yet.
    pub fn credentials(&self) -> Option<Credentials> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).as_deref().and_then(read_credentials)
    }
}

/// Keeps the context file.
pub(super) struct Admin {
    pub(super) handle: Handle,
    pub(super) authority: Arc<Authority>,
    pub(super) file: Arc<dyn AdminFile>,
    pub(super) addresses: Vec<String>,
    pub(super) time: TimeSource,
}

impl Admin {
    /// Writes the file if it is missing, old, or has other addresses. Not for an operator that was removed.
    pub(super) async fn keep_young(&self) -> Result<(), ServeError> {
        let operators = self.handle.operators().await.map_err(ServeError::Unavailable)?;
        if !operators.iter().any(|operator| operator.name == admin_name()) {
            return Ok(());
        }
        let now = self.time.now();
        let kept = self.file.read().map_err(ServeError::Admin)?;
        let young = kept.as_deref().and_then(read_credentials).filter(|credentials| self.is_good(credentials, now));
        let credentials = match young {
            Some(credentials) => credentials,
            None => self.issue(now)?,
        };
        let text = ContextFile { addresses: &self.addresses, credentials: &credentials }.to_toml();
        if kept.as_deref() != Some(text.as_str()) {
            self.file.write(&text).map_err(ServeError::Admin)?;
            tracing::info!(expires = %crate::moment::Moment(credentials.not_after()), "the first operator's context file was written");
        }
        Ok(())
    }

    fn is_good(&self, credentials: &Credentials, now: UnixMillis) -> bool {
        credentials.authority_fingerprint() == self.authority.fingerprint()
            && *credentials.identity() == self.identity()
            && credentials.validate(now).is_ok()
            && now < credentials.renew_at()
    }

    fn issue(&self, now: UnixMillis) -> Result<Credentials, ServeError> {
        self.authority.issue(&self.identity(), ADMIN_LIFETIME, now).map_err(ServeError::Authority)
    }

    fn identity(&self) -> Identity {
        Identity::Operator { fleet: self.authority.fleet().clone(), operator: admin_name() }
    }
}

/// None: it can't be read, and is to be made anew.
fn read_credentials(text: &str) -> Option<Credentials> {
    let file = config::File::from_str(text, config::FileFormat::Toml);
    let context = config::Config::builder().add_source(file).build().ok()?;
    let [certificate, key, authority] = ["certificate", "key", "authority"].map(|key| context.get_string(key).ok());
    Credentials::new(&certificate?, &key?, &authority?).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_for_its_owner_alone_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = FolderAdminFile::new(folder.path());
        assert_eq!(file.read().unwrap(), None);
        std::fs::write(folder.path().join("admin.toml.new"), "left by a crash").unwrap();
        for text in ["one", "two"] {
            file.write(text).unwrap();
            assert_eq!(file.read().unwrap().as_deref(), Some(text));
        }
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
