//! A folder of certificates that may change at any moment. What can't be read leaves the one before in use. Everything here waits for the
//! disk. Not here: what was found, for those who must not wait (`found`), and who is shown it.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_certs::PublicCertificate;
use tokio::time::Instant;

use super::LOOK;
use super::found::Found;
use crate::day::day;

/// Bytes of the largest file that is read: a chain has a few thousand.
const LARGEST: u64 = 1024 * 1024;

/// The way to certificates in files.
#[derive(Debug)]
pub(super) struct Folder {
    /// How the file with the chain ends, and the one with the key.
    ends: [&'static str; 2],
    found: Found,
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// What the files were like when they were read.
    stamps: Option<[Stamp; 2]>,
    /// Since when they are not there. Whoever replaces files may remove them first.
    missed: Option<Instant>,
}

/// What changes with a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
    modified: (i64, i64),
}

impl From<Metadata> for Stamp {
    fn from(file: Metadata) -> Self {
        Self {
            inode: file.ino(),
            size: file.size(),
            changed: (file.ctime(), file.ctime_nsec()),
            modified: (file.mtime(), file.mtime_nsec()),
        }
    }
}

impl Folder {
    /// The operator's: each `NAME.crt` with its `NAME.key`.
    pub(super) fn of_pairs(directory: &Path) -> Self {
        Self::of(directory, [".crt", ".key"])
    }

    /// Those that were issued: each in one file with its key, so that the two are replaced at once.
    pub(super) fn of_issued(directory: &Path) -> Self {
        Self::of(directory, [".pem", ".pem"])
    }

    fn of(directory: &Path, ends: [&'static str; 2]) -> Self {
        let found = Found { directory: directory.to_owned(), ..Found::default() };
        Self { ends, found, seen: BTreeMap::new() }
    }

    /// What the last look found.
    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    /// Reads what has changed. Says whether there are other certificates than before.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let names = match self.list() {
            Ok(names) => names,
            Err(error) => {
                let trouble =
                    format!("{} can't be read: {error}; what was read before is used", self.found.directory.display());
                if self.found.trouble.as_ref() != Some(&trouble) {
                    tracing::warn!(trouble, "certificates can't be looked at");
                }
                self.found.trouble = Some(trouble);
                return false;
            }
        };
        self.found.trouble = None;
        let mut changed = false;
        for name in &names {
            changed |= self.look_at(name);
        }
        self.give_up_gone(&names, now) || changed
    }

    /// Those whose files were not there for long enough.
    fn give_up_gone(&mut self, names: &[String], now: Instant) -> bool {
        let before = self.seen.len();
        self.seen.retain(|name, seen| {
            if names.contains(name) {
                return true;
            }
            let keep = now.duration_since(*seen.missed.get_or_insert(now)) < LOOK;
            if !keep {
                self.found.pairs.remove(name);
                tracing::info!(name, "a certificate is no longer in use, because its files are gone");
            }
            keep
        });
        self.seen.len() != before
    }

    /// The names of both files, without their ends. A folder that is not there is empty, unless there was something in it: then whatever
    /// it is on went away, and nobody has removed certificates.
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.found.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.found.pairs.is_empty() => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let mut names = vec![];
        for entry in entries {
            let file = entry?.file_name();
            let Some(file) = file.to_str().filter(|file| !file.starts_with('.')) else { continue };
            names.extend(self.ends.iter().find_map(|end| file.strip_suffix(end)).map(str::to_owned));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn look_at(&mut self, name: &str) -> bool {
        let paths = self.ends.map(|end| self.found.directory.join(format!("{name}{end}")));
        let seen = self.seen.entry(name.to_owned()).or_default();
        let pair = self.found.pairs.entry(name.to_owned()).or_default();
        pair.source.clone_from(&paths[0]);
        seen.missed = None;
        // Before the content: what changes meanwhile is seen by the next look.
        let stamps = stamp(&paths[0]).and_then(|one| Ok([one, stamp(&paths[1])?]));
        let fresh = stamps.as_ref().ok().copied();
        if fresh.is_some() && seen.stamps == fresh {
            return false;
        }
        // A pair that is wrong is wrong until a file changes.
        seen.stamps = fresh;
        match stamps.and_then(|_| load(&paths)) {
            Ok(certificate) => {
                tracing::info!(
                    name,
                    hosts = certificate.names().join(", "),
                    until = day(certificate.not_after()),
                    "a certificate is in use"
                );
                pair.serving = Some(Arc::new(certificate));
                pair.trouble = None;
                true
            }
            Err(problem) => {
                let kept = if pair.serving.is_some() { "; the one before is used" } else { "" };
                let trouble = format!("{problem}{kept}");
                if pair.trouble.as_ref() != Some(&trouble) {
                    tracing::warn!(name, trouble, "a certificate can't be used");
                }
                pair.trouble = Some(trouble);
                false
            }
        }
    }
}

/// Of a regular file alone: a pipe would never be read to its end.
fn stamp(path: &Path) -> Result<Stamp, String> {
    let file = fs::metadata(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    if !file.is_file() {
        return Err(format!("{} is no regular file", path.display()));
    }
    if file.len() > LARGEST {
        return Err(format!("{} is larger than {LARGEST} bytes", path.display()));
    }
    Ok(file.into())
}

fn load(paths: &[PathBuf; 2]) -> Result<PublicCertificate, String> {
    let read = |path: &Path| bytes(path).map_err(|error| format!("{} can't be read: {error}", path.display()));
    let (chain, key) = (read(&paths[0])?, read(&paths[1])?);
    PublicCertificate::from_pem(&chain, &key).map_err(|error| format!("{}: {error}", paths[0].display()))
}

/// No more than was allowed, even if the file grows meanwhile.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
