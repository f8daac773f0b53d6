//! A folder of certificates that may change at any moment. What can't be read leaves the one before in use. Not here: who is shown them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_certs::PublicCertificate;
use evenkeel_model::UnixMillis;

use super::Known;
use super::expiry::expiry;
use crate::day::day;

/// Bytes of the largest file that is read: a chain has a few thousand.
const LARGEST: u64 = 1024 * 1024;

/// Certificates by name of file.
#[derive(Debug)]
pub(super) struct Folder {
    directory: PathBuf,
    /// How the file with the chain ends, and the one with the key.
    ends: [&'static str; 2],
    pairs: BTreeMap<String, Pair>,
    /// Why it can't be listed.
    trouble: Option<String>,
}

#[derive(Debug, Default)]
struct Pair {
    /// What its files were like when they were read.
    seen: Option<[Stamp; 2]>,
    serving: Option<Arc<PublicCertificate>>,
    trouble: Option<String>,
    /// It was not there at the last look. Whoever replaces files may remove them first: one look does not count.
    gone: bool,
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
        Self { directory: directory.to_owned(), ends, pairs: BTreeMap::new(), trouble: None }
    }

    /// Reads what has changed. Says whether there are other certificates than before.
    pub(super) fn look(&mut self) -> bool {
        let names = match self.list() {
            Ok(names) => names,
            Err(error) => {
                let trouble =
                    format!("{} can't be read: {error}; what was read before is used", self.directory.display());
                if self.trouble.as_ref() != Some(&trouble) {
                    tracing::warn!(trouble, "certificates can't be looked at");
                }
                self.trouble = Some(trouble);
                return false;
            }
        };
        self.trouble = None;
        let mut changed = false;
        for name in &names {
            changed |= self.look_at(name);
        }
        self.pairs.retain(|name, pair| {
            let gone = !names.contains(name);
            let keep = !(gone && std::mem::replace(&mut pair.gone, gone));
            if !keep {
                changed = true;
                tracing::info!(name, "a certificate is no longer in use, because its files are gone");
            }
            keep
        });
        changed
    }

    /// Those that can be used, by the names of their files.
    pub(super) fn serving(&self) -> impl Iterator<Item = &Arc<PublicCertificate>> {
        self.pairs.values().filter_map(|pair| pair.serving.as_ref())
    }

    /// The one in the file of this name.
    pub(super) fn get(&self, name: &str) -> Option<Arc<PublicCertificate>> {
        self.pairs.get(name).and_then(|pair| pair.serving.clone())
    }

    /// The first thing that is wrong with the files.
    pub(super) fn trouble(&self) -> Option<&str> {
        let of_pairs = || self.pairs.values().find_map(|pair| pair.trouble.as_deref());
        self.trouble.as_deref().or_else(of_pairs)
    }

    /// All of them, and what is wrong with each.
    pub(super) fn known(&self, now: UnixMillis) -> Vec<Known> {
        let known = self.pairs.iter().map(|(name, pair)| Known {
            names: pair.serving.as_ref().map_or_else(Vec::new, |serving| serving.names().to_vec()),
            source: self.path(name, 0).display().to_string(),
            not_after: pair.serving.as_ref().map(|serving| serving.not_after()),
            trouble: pair.trouble.clone().or_else(|| expiry(pair.serving.as_ref()?, now)),
        });
        let whole = self.trouble.clone().map(|trouble| Known {
            names: vec![],
            source: self.directory.display().to_string(),
            not_after: None,
            trouble: Some(trouble),
        });
        whole.into_iter().chain(known).collect()
    }

    /// The names of both files, without their ends. A folder that is not there is empty.
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
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

    fn path(&self, name: &str, which: usize) -> PathBuf {
        self.directory.join(format!("{name}{}", self.ends[which]))
    }

    fn look_at(&mut self, name: &str) -> bool {
        let paths = [self.path(name, 0), self.path(name, 1)];
        let pair = self.pairs.entry(name.to_owned()).or_default();
        pair.gone = false;
        // Before the content: what changes meanwhile is seen by the next look.
        let stamps = stamp(&paths[0]).and_then(|one| Ok([one, stamp(&paths[1])?]));
        let fresh = stamps.as_ref().ok().copied();
        if fresh.is_some() && pair.seen == fresh {
            return false;
        }
        // A pair that is wrong is wrong until a file changes.
        pair.seen = fresh;
        let read = stamps.and_then(|_| load(&paths));
        match read {
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

fn stamp(path: &Path) -> Result<Stamp, String> {
    let file = fs::metadata(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    if file.len() > LARGEST {
        return Err(format!("{} is larger than {LARGEST} bytes", path.display()));
    }
    Ok(file.into())
}

fn load(paths: &[PathBuf; 2]) -> Result<PublicCertificate, String> {
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{} can't be read: {error}", path.display()));
    let (chain, key) = (read(&paths[0])?, read(&paths[1])?);
    PublicCertificate::from_pem(&chain, &key).map_err(|error| format!("{}: {error}", paths[0].display()))
}
