//! The book over restarts: a file for each app's page, so that a switch writes what it changes and no more, and one for the hosts that were ever
//! accepted. Each is replaced as a whole: at every moment it is the old one or the new one. Not here: what is in them (`book`, `accepted`).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::accepted::Accepted;
use super::{Book, Page};
use crate::proxy::worker::disk;
use crate::sealed::{self, Broken};

/// The format that is written.
const FORMAT: u32 = 1;
/// In the proxy's state directory: the pages, a file each.
const PAGES: &str = "routes";
/// And the hosts that may be gone back to.
const ACCEPTED: &str = "accepted.json";
/// What a damaged file is renamed to ends so.
const DAMAGED: &str = "damaged";

/// The files.
#[derive(Debug, Clone)]
pub(in crate::proxy::worker) struct BookFiles {
    state: PathBuf,
    pages: PathBuf,
}

/// What the files say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::proxy::worker) struct Loaded {
    pub(in crate::proxy::worker) book: Book,
    /// The files that say nothing, and what is wrong with each.
    damaged: BTreeMap<PathBuf, String>,
}

/// A page's file. The owner is inside too, so that one that was copied under another name is seen.
#[derive(Serialize, Deserialize)]
struct Record<P> {
    owner: String,
    page: P,
}

impl Loaded {
    /// Whether this owner's page can't be known.
    pub(in crate::proxy::worker) fn lacks(&self, owner: &str) -> bool {
        let name = file_name(owner);
        self.damaged.keys().any(|path| name_of(path) == name.as_str())
    }

    /// A file's record; none: there is no file, or it is damaged, which is noted.
    fn take<T: DeserializeOwned>(
        &mut self,
        path: PathBuf,
        is_in_place: impl FnOnce(&T) -> bool,
    ) -> io::Result<Option<T>> {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match decode(&bytes) {
            Ok(record) if is_in_place(&record) => return Ok(Some(record)),
            Ok(_) => self.damaged.insert(path, "it is another app's".to_owned()),
            Err(problem) => self.damaged.insert(path, problem),
        };
        Ok(None)
    }

    /// Whether every file says what it was written to say.
    pub(in crate::proxy::worker) fn is_whole(&self) -> bool {
        self.damaged.is_empty()
    }
}

impl BookFiles {
    /// In the state directory, which is made if it is not there.
    pub(in crate::proxy::worker) fn in_directory(state: &Path) -> io::Result<Self> {
        let pages = state.join(PAGES);
        fs::create_dir_all(&pages)?;
        Ok(Self { state: state.to_owned(), pages })
    }

    /// Where the pages are.
    pub(in crate::proxy::worker) fn path(&self) -> &Path {
        &self.pages
    }

    /// What they say. A damaged one is put aside, and said.
    pub(in crate::proxy::worker) fn load(&self) -> io::Result<Loaded> {
        let loaded = self.read()?;
        for (path, problem) in &loaded.damaged {
            let aside = path.with_extension(DAMAGED);
            fs::rename(path, &aside)?;
            tracing::error!(
                path = %path.display(), kept = %aside.display(), problem,
                "a file of the routes is damaged: what it said is served again when the agent has given it again; check the disk"
            );
        }
        Ok(loaded)
    }

    /// What they say; a damaged one is left where it is.
    pub(in crate::proxy::worker) fn read(&self) -> io::Result<Loaded> {
        let mut loaded = Loaded::default();
        if let Some(accepted) = loaded.take(self.state.join(ACCEPTED), |_: &Accepted| true)? {
            loaded.book.accepted = accepted;
        }
        for entry in entries(&self.pages)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = name_of(&path).to_owned();
                let is_in_place = |record: &Record<Page>| name == file_name(&record.owner).as_str();
                if let Some(record) = loaded.take(path, is_in_place)? {
                    loaded.book.owners.insert(record.owner, record.page);
                }
            }
        }
        Ok(loaded)
    }

    /// Replaces an owner's page, durably; none: takes it away.
    pub(in crate::proxy::worker) fn store(&self, owner: &str, page: Option<&Page>) -> io::Result<()> {
        let path = self.pages.join(file_name(owner));
        match page {
            Some(page) => disk::replace(&path, &sealed::seal(FORMAT, &Record { owner: owner.to_owned(), page })),
            None => disk::remove(&path),
        }
    }

    /// Replaces the hosts that may be gone back to, durably.
    pub(in crate::proxy::worker) fn store_accepted(&self, accepted: &Accepted) -> io::Result<()> {
        disk::replace(&self.state.join(ACCEPTED), &sealed::seal(FORMAT, accepted))
    }

    /// Makes the files say what the book says, whatever became of them.
    pub(in crate::proxy::worker) fn store_all(&self, book: &Book) -> io::Result<()> {
        // The directory itself may be gone.
        fs::create_dir_all(&self.pages)?;
        let found = self.read()?;
        if found.book.accepted != book.accepted {
            self.store_accepted(&book.accepted)?;
        }
        for owner in found.book.owners.keys().filter(|owner| !book.owners.contains_key(*owner)) {
            self.store(owner, None)?;
        }
        for (owner, page) in book.owners.iter().filter(|(owner, page)| found.book.owners.get(*owner) != Some(page)) {
            self.store(owner, Some(page))?;
        }
        Ok(())
    }
}

/// None: there is no directory.
fn entries(directory: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let body = sealed::open(FORMAT, bytes).map_err(|broken| match broken {
        Broken::Format(other) => format!("its format is {other}, and this version knows {FORMAT}"),
        Broken::Damaged(what) => what.to_owned(),
    })?;
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// Of two owners never the same: `default/shop` is `default@shop.json`, and what has no place in a file's name is written as its bytes.
fn file_name(owner: &str) -> String {
    let mut name: String = owner
        .bytes()
        .map(|byte| match byte {
            b'/' => "@".to_owned(),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02x}"),
        })
        .collect();
    name.push_str(".json");
    name
}

#[cfg(test)]
mod tests;
