//! Ledgers as files, one per key. Not here: locking, because there is one agent per directory.
//!
//! A file is two lines: a header with the format and the digest of the second line, and the record as JSON. It is replaced by writing
//! beside it, syncing, keeping the old one as `.prev`, renaming and syncing the directory: at every moment one of the two is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use evenkeel_machine::Ledger;
use evenkeel_model::{AppKey, Epoch};

use super::{Fetched, LedgerError, LedgerStore, Remembered};
use crate::disk::{blocking, write_and_sync};
use crate::sealed::{self, Broken, seal};

/// The format that is written. A newer one is refused by name.
const FORMAT: u32 = 1;
/// Not a key's file: those have an `@`.
const EPOCH_FILE: &str = "epoch.json";
/// Nor is this.
const FETCHED_FILE: &str = "fetched.json";

/// A directory of ledgers.
#[derive(Debug, Clone)]
pub struct FileLedgers {
    directory: PathBuf,
}

/// The key is inside too, so that a file copied under another name is seen.
#[derive(Serialize, Deserialize)]
struct Record<T> {
    key: Option<AppKey>,
    value: T,
}

enum Problem {
    Absent,
    Newer(u32),
    Damaged(String),
    Io(io::Error),
}

impl FileLedgers {
    /// Opens the directory, and makes it if it is not there.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        let directory = directory.into();
        fs::create_dir_all(&directory).map_err(|source| write_error(&directory, source))?;
        Ok(Self { directory })
    }

    fn path(&self, key: &AppKey) -> PathBuf {
        // `@` can't be part of a name, so no two keys share a file.
        self.directory.join(format!("{}@{}.json", key.environment, key.app))
    }

    fn load_all(&self) -> Result<Remembered, LedgerError> {
        let mut remembered = Remembered::default();
        let epoch = self.directory.join(EPOCH_FILE);
        if let Some(record) = recover::<Epoch>(&epoch, None, &mut remembered.recovered)? {
            remembered.epoch = record.value;
        }
        remembered.fetched = self.load_fetched(&mut remembered.recovered)?;
        for path in self.key_files()? {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let key = stem.split_once('@').and_then(|(environment, app)| {
                Some(AppKey { environment: environment.parse().ok()?, app: app.parse().ok()? })
            });
            let Some(key) = key else { continue };
            if let Some(record) = recover::<Ledger>(&path, Some(&key), &mut remembered.recovered)? {
                remembered.ledgers.insert(key, record.value);
            }
        }
        Ok(remembered)
    }

    /// A list that can't be read any more is no reason not to run: what was in it stays on the disk.
    fn load_fetched(&self, recovered: &mut Vec<PathBuf>) -> Result<Vec<Fetched>, LedgerError> {
        let path = self.directory.join(FETCHED_FILE);
        match recover::<Vec<Fetched>>(&path, None, recovered) {
            Ok(record) => Ok(record.map(|record| record.value).unwrap_or_default()),
            Err(LedgerError::Damaged { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The keys' files, also those of which only the record before is left. In order, so that messages are.
    fn key_files(&self) -> Result<Vec<PathBuf>, LedgerError> {
        let read_error = |source| LedgerError::Read { path: self.directory.clone(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => paths.push(path),
                Some("prev") => paths.push(path.with_extension("")),
                _ => {}
            }
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }
}

#[async_trait]
impl LedgerStore for FileLedgers {
    async fn load(&self) -> Result<Remembered, LedgerError> {
        let store = self.clone();
        blocking(move || store.load_all()).await
    }

    async fn save(&self, key: &AppKey, ledger: &Ledger) -> Result<(), LedgerError> {
        let path = self.path(key);
        let bytes = seal(FORMAT, &Record { key: Some(key.clone()), value: ledger });
        blocking(move || replace(&path, &bytes)).await
    }

    async fn save_epoch(&self, epoch: Epoch) -> Result<(), LedgerError> {
        let path = self.directory.join(EPOCH_FILE);
        let bytes = seal(FORMAT, &Record { key: None, value: epoch });
        blocking(move || replace(&path, &bytes)).await
    }

    async fn save_fetched(&self, fetched: &[Fetched]) -> Result<(), LedgerError> {
        let path = self.directory.join(FETCHED_FILE);
        let bytes = seal(FORMAT, &Record { key: None, value: fetched });
        blocking(move || replace(&path, &bytes)).await
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8], key: Option<&AppKey>) -> Result<Record<T>, Problem> {
    let damaged = |problem: &str| Problem::Damaged(problem.to_owned());
    let body = sealed::open(FORMAT, bytes).map_err(|broken| match broken {
        Broken::Format(0) => damaged("there is no format 0"),
        Broken::Format(newer) => Problem::Newer(newer),
        Broken::Damaged(what) => damaged(what),
    })?;
    let record: Record<T> = serde_json::from_slice(body).map_err(|error| Problem::Damaged(error.to_string()))?;
    if record.key.as_ref() != key {
        return Err(damaged("it is another app's"));
    }
    Ok(record)
}

fn read<T: DeserializeOwned>(path: &Path, key: Option<&AppKey>) -> Result<Record<T>, Problem> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Problem::Absent,
        _ => Problem::Io(error),
    })?;
    decode(&bytes, key)
}

/// The record, or the one before it where it is damaged or (killed between two renames) not there; none if there never was one.
fn recover<T: DeserializeOwned>(
    path: &Path,
    key: Option<&AppKey>,
    recovered: &mut Vec<PathBuf>,
) -> Result<Option<Record<T>>, LedgerError> {
    let problem = match read(path, key) {
        Ok(record) => return Ok(Some(record)),
        Err(Problem::Newer(found)) => return Err(LedgerError::NewerFormat { path: path.to_owned(), found }),
        Err(Problem::Io(source)) => return Err(LedgerError::Read { path: path.to_owned(), source }),
        Err(Problem::Absent) => None,
        Err(Problem::Damaged(problem)) => Some(problem),
    };
    match (read(&beside(path, "prev"), key), problem) {
        (Ok(record), Some(_)) => {
            // Out of the way, or the next save would put it where the good one is.
            fs::rename(path, beside(path, "damaged"))
                .map_err(|source| LedgerError::Write { path: path.to_owned(), source })?;
            recovered.push(path.to_owned());
            Ok(Some(record))
        }
        (Ok(record), None) => Ok(Some(record)),
        (Err(Problem::Absent), None) => Ok(None),
        (Err(_), problem) => {
            let problem = problem.unwrap_or_else(|| "it is gone".to_owned());
            Err(LedgerError::Damaged { path: path.to_owned(), problem })
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), LedgerError> {
    let fresh = beside(path, "new");
    let written = write_and_sync(&fresh, bytes).and_then(|()| {
        match fs::rename(path, beside(path, "prev")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(&fresh, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    });
    written.map_err(|source| {
        // Whatever was half written must not take the space that is missing.
        let _ = fs::remove_file(&fresh);
        write_error(path, source)
    })
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn write_error(path: &Path, source: io::Error) -> LedgerError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LedgerError::DiskFull { path, source },
        _ => LedgerError::Write { path, source },
    }
}

#[cfg(test)]
mod tests;
