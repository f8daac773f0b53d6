//! Image ids from this machine's engine, for images that exist in engines only. Not here: registries, which the coordinator
//! asks.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use evenkeel_model::{Digest, Specification};

use crate::verb::Resolve;

/// Why an image id is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The engine's program does not run here.
    #[error(
        "the image `{image}` of service {service} has to be looked up in this machine's engine, and `{program}` cannot be run"
    )]
    NoProgram {
        /// The image as written.
        image: String,
        /// The service.
        service: String,
        /// The program.
        program: String,
        /// Why it can't.
        #[source]
        source: io::Error,
    },
    /// The engine does not have the image, or does not answer: it says which.
    #[error("this machine's engine does not tell the id of the image `{image}` of service {service}: {answer}")]
    NotFound {
        /// The image as written.
        image: String,
        /// The service.
        service: String,
        /// What the engine's program said.
        answer: String,
    },
}

impl EngineError {
    /// What the operator can do about it.
    pub(crate) fn next_step(&self) -> String {
        match self {
            Self::NoProgram { .. } => {
                "run this where the engine is that has the image, or push the image to a registry and \
                take `pull_policy: never` (and `--resolve local`) away"
                    .to_owned()
            }
            Self::NotFound { image, .. } => {
                format!("build or load it there first (`docker image ls {image}` must show it)")
            }
        }
    }
}

/// Asks the engine for the ids of the images that exist in engines only: those of services with `pull_policy: never`, and all
/// with [`Resolve::Local`], which are marked so in the specification.
pub(crate) async fn local_images(
    program: &Path,
    specification: &mut Specification,
    resolve: Resolve,
) -> Result<BTreeMap<String, String>, EngineError> {
    let mut ids = BTreeMap::new();
    for (service, draft) in &mut specification.services {
        draft.local |= resolve == Resolve::Local;
        if draft.local {
            let id = image_id(program, &draft.image, service.as_str()).await?;
            ids.insert(service.to_string(), id.to_string());
        }
    }
    Ok(ids)
}

async fn image_id(program: &Path, image: &str, service: &str) -> Result<Digest, EngineError> {
    let mut command = Command::new(program);
    // `--`: an image's name never counts as an option, whatever it begins with.
    command.args(["image", "inspect", "--format", "{{.Id}}", "--", image]).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|source| EngineError::NoProgram {
        image: image.to_owned(),
        service: service.to_owned(),
        program: program.display().to_string(),
        source,
    })?;
    let answer = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
    let id = answer.trim().parse().ok().filter(|_| output.status.success());
    id.ok_or_else(|| EngineError::NotFound {
        image: image.to_owned(),
        service: service.to_owned(),
        answer: answer.trim().replace('\n', " "),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A program in place of the engine's.
    fn program(directory: &tempfile::TempDir, script: &str) -> std::path::PathBuf {
        let path = directory.path().join("engine");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[tokio::test]
    async fn the_image_is_one_argument_whatever_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let script = "[ \"$5\" = '--' ] && [ \"$6\" = '$(reboot) -x' ] && echo sha256:$(printf 'a%.0s' $(seq 64))";
        let id = image_id(&program(&directory, script), "$(reboot) -x", "web").await.unwrap();
        assert_eq!(id.short(), "aaaaaaaaaaaa");
    }

    #[tokio::test]
    async fn an_image_that_the_engine_does_not_have_is_told_in_its_words() {
        let directory = tempfile::tempdir().unwrap();
        let program = program(&directory, "echo 'Error: No such image: app:1' >&2; exit 1");
        let error = image_id(&program, "app:1", "web").await.unwrap_err();
        assert!(error.to_string().ends_with("of service web: Error: No such image: app:1"), "{error}");
        assert!(error.next_step().contains("docker image ls app:1"));
    }

    #[tokio::test]
    async fn without_an_engine_the_way_out_is_told() {
        let error = image_id(Path::new("/nonexistent/docker"), "app:1", "web").await.unwrap_err();
        assert!(matches!(error, EngineError::NoProgram { .. }));
        assert!(error.next_step().contains("registry"));
    }
}
