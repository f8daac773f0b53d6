//! The routes in force and the marks they came with, and the file that keeps them over restarts. Not here: serving them.
//!
//! The file is two lines: a header with the format and the digest of the second line, and the book as JSON. It is replaced by writing
//! beside it, syncing, renaming and syncing the directory: at every moment it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use evenkeel_model::Digest;
use evenkeel_proxy::{Kind, Route};
use serde::{Deserialize, Serialize};

use self::accepted::Accepted;
use super::disk;

mod accepted;

/// The format that is written.
const FORMAT: u32 = 1;
/// In the proxy's state directory.
const FILE: &str = "routes.json";

/// One app's routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// What the agent calls them; none: not all of what it asked for is in force, or not durably.
    pub(super) mark: Option<String>,
    /// The routes.
    pub(super) routes: Vec<Route>,
    /// The services whose ports' readiness path answers 503.
    #[serde(default)]
    pub(super) failing: BTreeSet<String>,
}

/// All apps' routes, by owner. An owner without routes is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) owners: BTreeMap<String, Page>,
    /// What may be gone back to.
    #[serde(default, skip_serializing_if = "Accepted::is_empty")]
    pub(super) accepted: Accepted,
}

impl Book {
    /// All apps' routes.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.owners.values().flat_map(|page| &page.routes)
    }

    /// An owner's routes are these now. The hosts of both pages are remembered: those before may be gone back to.
    pub(super) fn turn_page(&mut self, owner: &str, page: Option<Page>) {
        let before = match page {
            Some(page) => self.owners.insert(owner.to_owned(), page),
            None => self.owners.remove(owner),
        };
        let pages = before.iter().chain(self.owners.get(owner));
        self.accepted.add(pages.flat_map(|page| &page.routes));
    }

    /// The ports where requests are spoken, and whether their readiness path is to answer 503: if any app on it says so.
    pub(super) fn readiness(&self) -> BTreeMap<SocketAddr, bool> {
        let mut ports = BTreeMap::new();
        for page in self.owners.values() {
            for route in page.routes.iter().filter(|route| matches!(route.kind, Kind::Http { .. })) {
                *ports.entry(route.listen).or_default() |= page.failing.contains(&route.name);
            }
        }
        ports
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    digest: Digest,
}

/// The file.
#[derive(Debug, Clone)]
pub(super) struct BookFile {
    path: PathBuf,
}

impl BookFile {
    /// In the state directory, which is made if it is not there.
    pub(super) fn in_directory(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { path: directory.join(FILE) })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; an empty book if there is none, or if it is damaged. Then it is put aside.
    pub(super) fn load(&self) -> io::Result<Book> {
        self.read().or_else(|error| {
            if error.kind() != io::ErrorKind::InvalidData {
                return Err(error);
            }
            let aside = self.path.with_extension("json.damaged");
            fs::rename(&self.path, &aside)?;
            tracing::error!(
                path = %self.path.display(), kept = %aside.display(), problem = %error,
                "the routes' file is damaged: nothing is served until the agent has given the routes again; check the disk"
            );
            Ok(Book::default())
        })
    }

    /// What it says; an empty book if there is none. `InvalidData`: it is damaged.
    pub(super) fn read(&self) -> io::Result<Book> {
        match fs::read(&self.path) {
            Ok(bytes) => decode(&bytes).map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Book::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces it, durably.
    pub(super) fn store(&self, book: &Book) -> io::Result<()> {
        disk::replace(&self.path, &encode(book))
    }
}

fn encode(book: &Book) -> Vec<u8> {
    let body = serde_json::to_vec(book).expect("plain data has a JSON form");
    let header = Header { format: FORMAT, digest: Digest::of(&body) };
    let mut bytes = serde_json::to_vec(&header).expect("plain data has a JSON form");
    bytes.push(b'\n');
    bytes.extend_from_slice(&body);
    bytes.push(b'\n');
    bytes
}

fn decode(bytes: &[u8]) -> Result<Book, String> {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let header: Header = lines.next().and_then(|line| serde_json::from_slice(line).ok()).ok_or("it has no header")?;
    if header.format != FORMAT {
        return Err(format!("its format is {}, and this version knows {FORMAT}", header.format));
    }
    let body = lines.next().and_then(|rest| rest.strip_suffix(b"\n")).ok_or("it is cut short")?;
    if Digest::of(body) != header.digest {
        return Err("its content does not match its digest".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
