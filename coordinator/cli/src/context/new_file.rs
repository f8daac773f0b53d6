//! A context file for somebody else. Its place is taken before the coordinator is asked for anything, so that a key that was certified always has
//! somewhere to go. Not here: its text (`context.rs`).

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::ContextError;

/// A file that is there already and has nothing in it yet, for its owner alone. Dropped without being written, it is taken away again.
#[derive(Debug)]
pub(crate) struct NewContextFile {
    file: File,
    /// Where the text goes first.
    beside: PathBuf,
    path: PathBuf,
    is_written: bool,
}

impl NewContextFile {
    /// Takes the place. A file that is there is left alone, or with `replace` replaced as soon as the new one is whole.
    pub(crate) fn take(path: &Path, replace: bool) -> Result<Self, ContextError> {
        let beside = if replace { with_suffix(path, ".new") } else { path.to_owned() };
        if replace {
            // One that a crash left behind could have another mode.
            match std::fs::remove_file(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(path)(error)),
                _ => {}
            }
        }
        let file =
            File::options().write(true).create_new(true).mode(0o600).open(&beside).map_err(|error| {
                match error.kind() {
                    io::ErrorKind::AlreadyExists => ContextError::Taken(path.to_owned()),
                    _ => unwritable(path)(error),
                }
            })?;
        Ok(Self { file, beside, path: path.to_owned(), is_written: false })
    }

    /// Writes it, whole and durable or not at all.
    pub(crate) fn write(mut self, text: &str) -> Result<(), ContextError> {
        self.put(text).map_err(unwritable(&self.path))?;
        self.is_written = true;
        Ok(())
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        if self.beside == self.path { Ok(()) } else { std::fs::rename(&self.beside, &self.path) }
    }
}

impl Drop for NewContextFile {
    fn drop(&mut self) {
        if !self.is_written {
            // What can't be taken away is empty or half a file: it opens nothing.
            let _ = std::fs::remove_file(&self.beside);
        }
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> ContextError + use<> {
    let path = path.to_owned();
    |source| ContextError::Unwritable { path, source }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn files(directory: &tempfile::TempDir) -> usize {
        std::fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn it_is_for_its_owner_alone_and_replaces_nothing_unasked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bob.toml");
        NewContextFile::take(&path, false).unwrap().write("one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(NewContextFile::take(&path, false), Err(ContextError::Taken(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        NewContextFile::take(&path, true).unwrap().write("two").unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), files(&directory)), ("two", 1));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn nothing_is_left_of_one_that_was_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bob.toml");
        drop(NewContextFile::take(&path, false).unwrap());
        assert_eq!(files(&directory), 0);
        std::fs::write(&path, "old").unwrap();
        drop(NewContextFile::take(&path, true).unwrap());
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), files(&directory)), ("old", 1));
    }

    #[test]
    fn a_place_that_is_none_is_told() {
        let error = NewContextFile::take(Path::new("/nonexistent/bob.toml"), false).unwrap_err();
        assert!(matches!(error, ContextError::Unwritable { .. }), "{error}");
        assert!(error.next_step().contains("--out"), "{}", error.next_step());
    }
}
