//! Having an image here, and checking that it is the one that was pinned. Not here: resolving tags, which is done once per release.

use std::time::Duration;

use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;

use evenkeel_model::{CauseKind, Failure, ImagePin, Millis};

use super::DockerRuntime;
use super::containers::is_pinned;
use super::credentials;
use super::errors::{EngineError, pulling};

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
}
