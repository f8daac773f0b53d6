//! Finding and reading the Compose file. Not here: understanding it (crate `evenkeel-compose`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel_compose::{Input, Problems};
use evenkeel_model::{Specification, id::InvalidName};

use crate::variables::{self, VariablesError};
use crate::verb::FileArguments;

/// The names looked for, in this order, where none is given.
const USUAL_NAMES: [&str; 3] = ["compose.yaml", "compose.yml", "docker-compose.yaml"];

/// Why there is no specification.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeFileError {
    /// None was named, and none of the usual ones is here.
    #[error("there is no Compose file here: none of {} exists", USUAL_NAMES.join(", "))]
    NoneHere,
    /// It can't be read.
    #[error("the Compose file {0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    /// The app's name.
    #[error("--project-name cannot be used")]
    Name(#[source] InvalidName),
    /// The variables.
    #[error(transparent)]
    Variables(VariablesError),
    /// All that is wrong with it, one problem a line.
    #[error("{0}")]
    Problems(Problems),
}

impl ComposeFileError {
    /// What the operator can do about it.
    pub(crate) fn next_step(&self) -> String {
        match self {
            Self::NoneHere => "name one with -f FILE".to_owned(),
            Self::Read(..) => "name another one with -f FILE, or make it readable".to_owned(),
            Self::Name(_) => "choose another app name".to_owned(),
            Self::Variables(_) => "correct the file of --env-file".to_owned(),
            Self::Problems(_) => {
                "correct the file, and check it with `evenkeel compose show`; nothing was begun".to_owned()
            }
        }
    }
}

/// Reads the named file, or the usual one, with its variables.
pub(crate) fn read(
    arguments: &FileArguments,
    environment: &BTreeMap<String, String>,
) -> Result<Specification, ComposeFileError> {
    let path = match &arguments.file {
        Some(path) => path.clone(),
        None => usual(Path::new("")).ok_or(ComposeFileError::NoneHere)?,
    };
    let text = std::fs::read_to_string(&path).map_err(|source| ComposeFileError::Read(path.clone(), source))?;
    let project = arguments.project_name.as_deref().map(str::parse).transpose().map_err(ComposeFileError::Name)?;
    let variables = variables::gather(environment, &arguments.env_files, &arguments.set);
    let variables = variables.map_err(ComposeFileError::Variables)?;
    let file_name = path.display().to_string();
    let input = Input { text: &text, file_name: &file_name, variables: &variables, project };
    evenkeel_compose::read(&input).map_err(ComposeFileError::Problems)
}

fn usual(directory: &Path) -> Option<PathBuf> {
    USUAL_NAMES.iter().map(|name| directory.join(name)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_names_are_looked_for_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(usual(directory.path()), None);
        for name in ["docker-compose.yaml", "compose.yml", "compose.yaml"] {
            let path = directory.path().join(name);
            std::fs::write(&path, "").unwrap();
            assert_eq!(usual(directory.path()), Some(path));
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let arguments = FileArguments { file: Some("/nonexistent/compose.yaml".into()), ..FileArguments::default() };
        let error = read(&arguments, &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/compose.yaml"), "{error}");
    }
}
