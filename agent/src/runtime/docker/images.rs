//! Having an image here, checking that it is the one that was pinned, and taking it away. Not here: resolving tags, which is done once per
//! release; which images go (crate `evenkeel-machine`).

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::{CreateImageOptions, ListContainersOptions, RemoveImageOptions};
use futures_util::StreamExt;

use evenkeel_model::{CauseKind, Failure, ImagePin, Millis};

use crate::runtime::identity::HOST;

use super::containers::is_pinned;
use super::credentials;
use super::errors::{EngineError, Refused, pulling};
use super::{CALL, DockerRuntime, WORK, unless_gone};

impl DockerRuntime {
    /// Pulls the image unless it is here. Giving up in time also tells the engine to stop pulling.
    pub(super) async fn pull(&self, pin: &ImagePin, limit: Duration) -> Result<(), Failure> {
        if self.inspect_image(pin).await?.is_some_and(|image| is_pinned(&image, pin)) {
            return Ok(());
        }
        let ImagePin::Registry { repository, .. } = pin else {
            let message = format!("{pin} is not on this host, and exists in engines only: load it here first");
            return Err(Failure::plain(CauseKind::ImageNotFound, message));
        };
        let Ok(fetched) = tokio::time::timeout(limit, self.fetch(repository, pin.engine_reference())).await else {
            let message = format!("{pin} was not pulled within {}", Millis::from(limit));
            return Err(Failure::plain(CauseKind::PullTimeout, message));
        };
        fetched.map_err(pulling)?;
        match self.inspect_image(pin).await? {
            Some(image) if is_pinned(&image, pin) => Ok(()),
            _ => {
                let message = format!("what was pulled for {pin} does not have the digest {}", pin.digest());
                Err(Failure::plain(CauseKind::DigestMismatch, message))
            }
        }
    }

    async fn fetch(&self, repository: &str, reference: String) -> Result<(), EngineError> {
        let credentials = match &self.credentials {
            Some(file) => credentials::read(file, repository).await,
            None => None,
        };
        let options = CreateImageOptions { from_image: Some(reference), ..CreateImageOptions::default() };
        let docker = credentials::with_readable_header(self.contact.engine().await?);
        let mut progress = std::pin::pin!(docker.create_image(Some(options), None, credentials));
        while let Some(step) = progress.next().await {
            // Progress is for people at a terminal; only its end matters here.
            step?;
        }
        Ok(())
    }

    /// Takes the pinned image away. One that is gone, or that a container needs, or another name holds, is done: it is nobody's trouble.
    /// One that was never in a registry could not be had again, and stays. On an engine that agents share all stay: which images another
    /// one may have to go back to, only that one knows.
    pub(super) async fn forget(&self, pin: &ImagePin) -> Result<(), Failure> {
        let ImagePin::Registry { .. } = pin else { return Ok(()) };
        let (reference, options) = (pin.engine_reference(), RemoveImageOptions::default());
        // The engine itself looks only when the last of an image's names goes.
        if self.is_used(&reference).await? || self.has_neighbours().await? {
            return Ok(());
        }
        let removed = self.call(WORK, async |docker| docker.remove_image(&reference, Some(options), None).await).await;
        match unless_gone(removed.map(drop)) {
            Err(EngineError::Refused(Refused { status: 409, message })) => {
                tracing::debug!(image = %pin, message, "an image that no kept release needs is in use, and stays");
                Ok(())
            }
            removed => Ok(removed?),
        }
    }

    /// Whether there is a container of the image, anybody's, running or not.
    async fn is_used(&self, reference: &str) -> Result<bool, EngineError> {
        let filters = Some(HashMap::from([("ancestor".to_owned(), vec![reference.to_owned()])]));
        let options = ListContainersOptions { all: true, filters, ..ListContainersOptions::default() };
        Ok(!self.call(CALL, async |docker| docker.list_containers(Some(options)).await).await?.is_empty())
    }

    /// Whether another agent of the fleet has containers on this engine, running or not.
    async fn has_neighbours(&self) -> Result<bool, EngineError> {
        let filters = Some(HashMap::from([("label".to_owned(), vec![HOST.to_owned()])]));
        let options = ListContainersOptions { all: true, filters, ..ListContainersOptions::default() };
        let all = self.call(CALL, async |docker| docker.list_containers(Some(options)).await).await?;
        let mut labels = all.iter().filter_map(|container| container.labels.as_ref());
        Ok(labels.any(|labels| self.scope.is_a_neighbours(|name| labels.get(name))))
    }
}
