//! A release's content: as read from Compose (`Specification`), and pinned, in the bytes that are hashed and carried (`Manifest`).
//! Not here: resolving tags to pins, which the coordinator or the operator's machine does once per release.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{AppKey, AppName, Digest, EnvironmentName, ImagePin, Policy, ServiceName, ServiceSpec};

/// The manifest's format that this version writes. A reader refuses a newer one by name.
pub const FORMAT: u32 = 1;

/// The releases that a host keeps the images of where nothing was written (the contract's `keep`).
pub const DEFAULT_KEEP: u32 = 5;

/// What happens in trial when no coordinator has been heard for `orphan_after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfOrphaned {
    /// Stay in trial and go on probing.
    #[default]
    Keep,
    /// Go back to the release before.
    Revert,
}

/// One service before its image is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceDraft {
    /// The image as written, with tag or digest.
    pub image: String,
    /// Whether the image exists in engines only (`pull_policy: never`).
    pub local: bool,
    /// The rest.
    pub spec: ServiceSpec,
}

/// What a Compose file says, checked, before tags are resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Specification {
    /// The app: the Compose project's name.
    pub app: AppName,
    /// The services by name.
    pub services: BTreeMap<ServiceName, ServiceDraft>,
    /// What an orphaned trial does.
    pub if_orphaned: IfOrphaned,
    /// How many releases a host keeps the images of, the one that serves included. See [`DEFAULT_KEEP`].
    pub keep: u32,
    /// How it is rolled out. Not part of the release.
    pub policy: Policy,
    /// What the operator should know though nothing is wrong: an order chosen by itself, a default that matters.
    pub notes: Vec<String>,
}

/// One service of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its image, pinned.
    pub image: ImagePin,
    /// The rest.
    pub spec: ServiceSpec,
}

impl Service {
    /// What identifies its container.
    pub fn fingerprint(&self) -> Digest {
        self.spec.fingerprint(&self.image)
    }
}

/// A release's content. Its RFC 8785 bytes are made once, hashed, and carried as made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u32,
    /// The environment it was made for.
    pub environment: EnvironmentName,
    /// The app.
    pub app: AppName,
    /// The services by name.
    pub services: BTreeMap<ServiceName, Service>,
    /// Names and versions of the secrets that services use.
    pub secrets: BTreeMap<String, u64>,
    /// What an orphaned trial does.
    pub if_orphaned: IfOrphaned,
    /// How many releases a host keeps the images of, the one that serves included.
    pub keep: u32,
}

/// Bytes that are no manifest for us.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON that we write.
    #[error("the release's manifest can't be read")]
    Malformed(#[source] serde_json::Error),
    /// Written by a newer version.
    #[error("the release's manifest has format {found}, and this version reads up to {FORMAT}: upgrade it")]
    NewerFormat {
        /// The format found.
        found: u32,
    },
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// The canonical bytes (RFC 8785).
    pub fn encode(&self) -> Vec<u8> {
        serde_json_canonicalizer::to_vec(self).expect("plain data has a canonical JSON form")
    }

    /// Reads bytes made by [`Self::encode`], of this format or an older one.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let FormatOnly { format } = serde_json::from_slice(bytes).map_err(ManifestError::Malformed)?;
        if format > FORMAT {
            return Err(ManifestError::NewerFormat { found: format });
        }
        serde_json::from_slice(bytes).map_err(ManifestError::Malformed)
    }

    /// App and environment.
    pub fn key(&self) -> AppKey {
        AppKey { environment: self.environment.clone(), app: self.app.clone() }
    }

    /// The services that a host with these labels runs.
    pub fn services_for(&self, labels: &BTreeMap<String, String>) -> BTreeSet<ServiceName> {
        let matching = |service: &Service| service.spec.constraints.iter().all(|constraint| constraint.matches(labels));
        self.services.iter().filter(|(_, service)| matching(service)).map(|(name, _)| name.clone()).collect()
    }
}
