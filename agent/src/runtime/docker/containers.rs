//! Reading our containers and images off the engine. Not here: changing anything.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{
    ContainerInspectResponse, ContainerState as EngineState, ContainerStateStatusEnum, ContainerSummary,
    ContainerSummaryStateEnum, ImageInspect, RestartPolicyNameEnum,
};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptions};

use evenkeel_machine::{Container, ContainerState, Place};
use evenkeel_model::{AppKey, Digest, ImagePin, Restart};

use crate::runtime::{Identity, Labels};

use super::errors::EngineError;
use super::network::{current_address, own_address};
use super::{CALL, DockerRuntime};

/// One container of ours, as a list shows it.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) identity: Identity,
    state: Option<ContainerSummaryStateEnum>,
}

impl Listed {
    pub(super) fn is_running(&self) -> bool {
        use ContainerSummaryStateEnum::{PAUSED, RESTARTING, RUNNING};
        matches!(self.state, Some(RUNNING | PAUSED | RESTARTING))
    }

    /// None if its labels can't be read: then it exists only as a name that is taken.
    fn read(summary: ContainerSummary) -> Option<Self> {
        let labels = summary.labels.unwrap_or_default();
        Some(Self { id: summary.id?, identity: Identity::read(|name| labels.get(name))?, state: summary.state })
    }
}

impl DockerRuntime {
    /// The containers that carry all these labels.
    pub(super) async fn list(&self, labels: &Labels) -> Result<Vec<Listed>, EngineError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(label_filter(labels)),
            ..ListContainersOptions::default()
        };
        let listed = self.call(CALL, async |docker| docker.list_containers(Some(options)).await).await?;
        Ok(listed.into_iter().filter_map(Listed::read).collect())
    }

    /// The containers in a place: one, or none. Found by label, so that one that was renamed is still ours.
    pub(super) async fn find(&self, key: &AppKey, place: &Place) -> Result<Vec<Listed>, EngineError> {
        self.list(&self.scope.place_labels(key, place)).await
    }

    /// All that is known of a container; none if it is gone.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<ContainerInspectResponse>, EngineError> {
        let inspected =
            self.call(CALL, async |docker| docker.inspect_container(id, None::<InspectContainerOptions>).await).await;
        present(inspected)
    }

    /// All that is known of the container in a place; none if there is none. Its name is tried first, which is one call in place of two.
    pub(super) async fn inspect_place(
        &self,
        key: &AppKey,
        place: &Place,
    ) -> Result<Option<ContainerInspectResponse>, EngineError> {
        let wanted = self.scope.place_labels(key, place);
        let is_there = |inspected: &ContainerInspectResponse| {
            let labels = inspected.config.as_ref().and_then(|config| config.labels.as_ref());
            labels.is_some_and(|labels| wanted.iter().all(|(name, value)| labels.get(name) == Some(value)))
        };
        if let Some(named) = self.inspect(&self.scope.container(key, place)).await?.filter(is_there) {
            return Ok(Some(named));
        }
        match self.find(key, place).await?.pop() {
            Some(renamed) => self.inspect(&renamed.id).await,
            None => Ok(None),
        }
    }

    /// The image, if it is here; its own digest is checked by whoever asks.
    pub(super) async fn inspect_image(&self, pin: &ImagePin) -> Result<Option<ImageInspect>, EngineError> {
        let reference = pin.engine_reference();
        present(self.call(CALL, async |docker| docker.inspect_image(&reference).await).await)
    }

    pub(super) async fn look(
        &self,
        key: &AppKey,
        pins: &[ImagePin],
    ) -> Result<(Vec<Container>, BTreeMap<Digest, String>), EngineError> {
        let mut containers = Vec::new();
        for Listed { id, identity, .. } in self.list(&self.scope.app_labels(key)).await? {
            // Gone since the list was made: then it is not there.
            let Some(inspected) = self.inspect(&id).await? else { continue };
            let address = address(&inspected, &self.scope.network(key));
            containers.push(Container { address, ..container(id, identity, inspected) });
        }
        containers.sort_by(|one, other| one.place.cmp(&other.place));
        let mut images = BTreeMap::new();
        for pin in pins {
            if let Some(image) = self.inspect_image(pin).await?.filter(|image| is_pinned(image, pin)) {
                images.extend(image.id.map(|id| (pin.digest().clone(), id)));
            }
        }
        Ok((containers, images))
    }
}

/// Whether an image is what was pinned. The repository may be written in several ways, the digest in one.
pub(super) fn is_pinned(image: &ImageInspect, pin: &ImagePin) -> bool {
    match pin {
        ImagePin::Local { id, .. } => image.id.as_deref() == Some(id.as_str()),
        ImagePin::Registry { digest, .. } => image
            .repo_digests
            .iter()
            .flatten()
            .any(|pinned| pinned.rsplit_once('@').is_some_and(|(_, found)| found == digest.as_str())),
    }
}

/// The engine's filter for objects with all these labels.
pub(super) fn label_filter(labels: &Labels) -> HashMap<String, Vec<String>> {
    let labels = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    HashMap::from([("label".to_owned(), labels)])
}

/// Our word for the engine's restart policy.
pub(super) fn engine_policy(restart: Restart) -> RestartPolicyNameEnum {
    match restart {
        Restart::No => RestartPolicyNameEnum::NO,
        Restart::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        Restart::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
    }
}

/// Where the container is on its app's network: the address it was made with, else the one that it has while it runs.
fn address(inspected: &ContainerInspectResponse, network: &str) -> Option<IpAddr> {
    let endpoint = inspected.network_settings.as_ref()?.networks.as_ref()?.get(network)?;
    own_address(endpoint).or_else(|| current_address(endpoint)).map(IpAddr::from)
}

/// Whether it ran and runs no more, so that its exit code means something.
pub(super) fn has_ended(state: &EngineState) -> bool {
    use ContainerStateStatusEnum::{DEAD, EXITED, REMOVING};
    matches!(state.status, Some(EXITED | DEAD | REMOVING))
}

fn container(id: String, identity: Identity, inspected: ContainerInspectResponse) -> Container {
    let state = inspected.state.unwrap_or_default();
    let policy = inspected.host_config.and_then(|config| config.restart_policy).and_then(|policy| policy.name);
    Container {
        id,
        place: identity.place,
        version: identity.version,
        release: identity.release,
        fingerprint: identity.fingerprint,
        pin: identity.pin,
        image_id: inspected.image.unwrap_or_default(),
        state: if has_ended(&state) {
            let oom_killed = state.oom_killed == Some(true);
            ContainerState::Exited { code: state.exit_code.unwrap_or_default(), oom_killed }
        } else if state.status == Some(ContainerStateStatusEnum::CREATED) {
            ContainerState::Created
        } else {
            ContainerState::Running
        },
        restart: match policy {
            Some(RestartPolicyNameEnum::ON_FAILURE) => Restart::OnFailure,
            Some(RestartPolicyNameEnum::UNLESS_STOPPED | RestartPolicyNameEnum::ALWAYS) => Restart::UnlessStopped,
            Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY) | None => Restart::No,
        },
        restarts: inspected.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        address: None,
    }
}

fn present<T>(result: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_the_pinned_one_by_its_digest_alone() {
        let image = |id: &str, digests: &[&str]| ImageInspect {
            id: Some(id.to_owned()),
            repo_digests: Some(digests.iter().map(|digest| (*digest).to_owned()).collect()),
            ..ImageInspect::default()
        };
        let (digest, other) = (Digest::of(b"web"), Digest::of(b"other"));
        let repository = "docker.io/library/web".to_owned();
        let pin = ImagePin::Registry { reference: "web:1".to_owned(), repository, digest: digest.clone() };
        // Engines leave out the registry and folder that are meant where none is named.
        assert!(is_pinned(&image("sha256:x", &["a@sha256:b", &format!("web@{digest}")]), &pin));
        assert!(!is_pinned(&image(digest.as_str(), &[&format!("web@{other}")]), &pin));
        assert!(!is_pinned(&image(digest.as_str(), &[]), &pin));
        let local = ImagePin::Local { reference: "web".to_owned(), id: digest.clone() };
        assert!(is_pinned(&image(digest.as_str(), &[]), &local));
        assert!(!is_pinned(&image(other.as_str(), &[]), &local));
    }
}
