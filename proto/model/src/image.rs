//! An image that can't change under our feet. Not here: resolving a tag, which is done once per release.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What a tag was resolved to when the release was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum ImagePin {
    /// Pulled from a registry by its manifest digest.
    Registry {
        /// As written, with its tag, for people: `registry.example/app:1.4`.
        reference: String,
        /// Registry and repository without tag or digest: `registry.example/app`.
        repository: String,
        /// The manifest's digest: what is pulled, whatever the tag says by then.
        digest: Digest,
    },
    /// Exists in engines only (`pull_policy: never`): its image id there.
    Local {
        /// As written, for people.
        reference: String,
        /// The engine's image id.
        id: Digest,
    },
}

impl ImagePin {
    /// As the engine is to be asked for it: `repository@digest`, or the image id.
    pub fn engine_reference(&self) -> String {
        match self {
            Self::Registry { repository, digest, .. } => format!("{repository}@{digest}"),
            Self::Local { id, .. } => id.to_string(),
        }
    }

    /// As the operator wrote it.
    pub fn reference(&self) -> &str {
        match self {
            Self::Registry { reference, .. } | Self::Local { reference, .. } => reference,
        }
    }

    /// The digest that pins it: of the manifest, or the image id of a local one.
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Registry { digest, .. } | Self::Local { id: digest, .. } => digest,
        }
    }
}

impl fmt::Display for ImagePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = if matches!(self, Self::Local { .. }) { " local" } else { "" };
        write!(f, "{} ({}{local})", self.reference(), self.digest().short())
    }
}
