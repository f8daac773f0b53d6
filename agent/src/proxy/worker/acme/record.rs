//! What was tried, in memory and in a file, so that a worker that is restarted does not begin again. Not here: what follows from it (`plan`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_model::{Millis, UnixMillis};

use super::plan::{self, Failure, Tried, Tries};
use crate::proxy::worker::disk;

/// In the server's folder.
const FILE: &str = "tries.json";
/// Said of a try that nobody saw the end of.
const NO_END: &str = "the last try did not end";

/// All tries. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Record {
    path: Arc<PathBuf>,
    tried: Arc<Mutex<Tried>>,
}

impl Record {
    /// In this folder. Nothing is read yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: Arc::new(folder.join(FILE)), tried: Arc::default() }
    }

    /// Reads the file. One that is not there, or damaged, leaves what is known. What can't be right is corrected there, too: else it would
    /// be corrected to a later time again and again.
    pub(super) fn read(&self, now: UnixMillis) {
        let read = fs::read(&*self.path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut all: Tried = read.unwrap_or_else(|| self.all());
        if !all.correct(now) {
            *self.tried() = all;
        } else if let Err(error) = self.keep(all) {
            tracing::warn!(path = %self.path.display(), %error, "a file that a clock ahead has left can't be corrected");
        }
    }

    /// All of it.
    pub(super) fn all(&self) -> Tried {
        self.tried().clone()
    }

    /// What people should know of one host; none if nothing failed.
    pub(super) fn trouble(&self, host: &str, now: UnixMillis) -> Option<String> {
        let Tries { failures, next, problem } = self.tried().hosts.get(host)?.clone();
        let wait = Millis(next.since(now).0 / 1000 * 1000);
        let count = if failures == 1 { "once".to_owned() } else { format!("{failures} times") };
        Some(format!("could not be had ({count}): {problem}; tried again in {wait}"))
    }

    /// A try begins. It counts as failed until it has ended well.
    pub(super) fn begin(&self, host: &str, now: UnixMillis) -> io::Result<()> {
        let mut all = self.all();
        all.correct(now);
        all.orders.retain(|order| now.since(*order) < plan::WINDOW);
        all.orders.push(now);
        let failures = all.hosts.get(host).map_or(0, |tries| tries.failures).saturating_add(1);
        let next = now + plan::wait(host, failures, Failure::Ordered);
        all.hosts.insert(host.to_owned(), Tries { failures, next, problem: NO_END.to_owned() });
        self.keep(all)
    }

    /// It has ended. Says when the next one may begin, if it failed. (Should the disk be full, memory knows it.)
    pub(super) fn end(&self, host: &str, problem: Option<(String, Failure)>, now: UnixMillis) -> Option<UnixMillis> {
        let mut all = self.all();
        let next = match problem {
            None => {
                all.hosts.remove(host);
                None
            }
            Some((problem, failure)) => {
                let failures = all.hosts.get(host).map_or(1, |tries| tries.failures);
                let next = now + plan::wait(host, failures, failure);
                all.hosts.insert(host.to_owned(), Tries { failures, next, problem });
                Some(next)
            }
        };
        if let Err(error) = self.keep(all) {
            tracing::error!(path = %self.path.display(), %error, "it can't be kept which certificates were asked for: free some space, or mend the disk");
        }
        next
    }

    fn keep(&self, tried: Tried) -> io::Result<()> {
        let bytes = serde_json::to_vec(&tried).expect("plain data has a JSON form");
        *self.tried() = tried;
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        disk::replace(&self.path, &bytes)
    }

    fn tried(&self) -> MutexGuard<'_, Tried> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000_000);

    #[test]
    fn a_try_that_did_not_end_has_failed_for_the_next_worker_too() {
        let folder = tempfile::tempdir().unwrap();
        let first = Record::new(&folder.path().join("acme"));
        first.begin("a.test", NOW).unwrap();
        let second = Record::new(&folder.path().join("acme"));
        second.read(NOW);
        assert_eq!(second.all().hosts["a.test"].failures, 1);
        assert!(second.trouble("a.test", NOW).unwrap().contains("did not end"));
        second.begin("a.test", NOW).unwrap();
        let next = second.end("a.test", Some(("no".to_owned(), Failure::BeforeOrder)), NOW).unwrap();
        assert_eq!(next, NOW + plan::wait("a.test", 2, Failure::BeforeOrder), "the second in a row");
        assert_eq!(second.all().orders.len(), 2);
        second.begin("a.test", NOW).unwrap();
        assert_eq!(second.end("a.test", None, NOW), None);
        first.read(NOW);
        assert_eq!(first.trouble("a.test", NOW), None, "nothing is left of it");
    }

    #[test]
    fn a_clock_that_was_ahead_is_waited_for_no_longer_than_after_any_failure() {
        let folder = tempfile::tempdir().unwrap();
        let ahead = NOW + Millis(1_000_000_000);
        Record::new(folder.path()).begin("a.test", ahead).unwrap();
        let record = Record::new(folder.path());
        record.read(NOW);
        let next = record.all().hosts["a.test"].next;
        assert!(next < ahead && record.all().orders.is_empty());
        record.read(NOW + Millis(60_000));
        assert_eq!(record.all().hosts["a.test"].next, next, "it comes nearer");
    }

    #[test]
    fn orders_are_forgotten_after_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::new(folder.path());
        record.begin("a.test", NOW).unwrap();
        record.begin("a.test", NOW + plan::WINDOW).unwrap();
        assert_eq!(record.all().orders, [NOW + plan::WINDOW]);
    }
}
