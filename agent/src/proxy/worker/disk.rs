//! Files that are whole at every moment, and readable to the proxy's user alone; and writes that are waited for though their task has ended.
//! Not here: what is in the files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::disk::{joined, write_and_sync};

/// Replaces a file, durably: written beside it, synced, renamed, and the directory synced. An error has changed nothing.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    // Of this process alone: another one that leads meanwhile, because this one was too slow, must not write into it.
    name.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(name);
    let written = write_and_sync(&fresh, bytes).and_then(|()| {
        fs::rename(&fresh, path)?;
        sync_directory_of(path)
    });
    written.inspect_err(|_| {
        // Whatever was half written must not take the space that is missing.
        let _ = fs::remove_file(&fresh);
    })
}

/// Takes a file away, durably. It may be gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_directory_of(path),
    }
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// How long writes are waited for: less than the parent waits for a worker that hands over.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes of a task that may be ended while they are under way. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Writes(TaskTracker);

impl Writes {
    /// As [`crate::disk::blocking`]. If nobody waits for it any more it is done nevertheless.
    pub(super) async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        joined(self.0.spawn_blocking(work).await)
    }

    /// Waits until all are done. Nobody begins another one meanwhile.
    pub(super) async fn finish(&self) {
        self.0.close();
        if tokio::time::timeout(PATIENCE, self.0.wait()).await.is_err() {
            tracing::error!("the proxy's state is still being written; it is not waited for: is the disk well?");
        }
        self.0.reopen();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_write_whose_task_was_ended_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (writes, path) = (Writes::default(), folder.path().join("file"));
        let ((begun, has_begun), (go, may_go)) = (tokio::sync::oneshot::channel(), mpsc::channel());
        let (its, at) = (writes.clone(), path.clone());
        let write = move || {
            begun.send(()).unwrap();
            may_go.recv().unwrap();
            replace(&at, b"whole")
        };
        let task = tokio::spawn(async move { its.blocking(write).await.unwrap() });
        has_begun.await.unwrap();
        task.abort();
        task.await.unwrap_err();
        let mut finished = Box::pin(writes.finish());
        assert!(futures_util::poll!(&mut finished).is_pending());
        go.send(()).unwrap();
        finished.await;
        assert_eq!(fs::read(path).unwrap(), b"whole");
    }
}
