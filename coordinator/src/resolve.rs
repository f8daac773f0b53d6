//! From an image reference to its pin, once per release: the port. Not here: the registry protocol (`resolve/registry.rs`), the
//! other services of a release (`api`), and images that exist in engines only, which the operator's machine resolves.

use async_trait::async_trait;

use evenkeel_model::{CauseKind, ImagePin};

mod reference;
mod registry;

pub use reference::{InvalidReference, Reference};
pub use registry::{RegistryResolver, RegistrySettings, RegistrySettingsError};

/// Why an image reference has no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The text is no image reference.
    #[error(transparent)]
    Invalid(#[from] InvalidReference),
    /// The registry has no such image.
    #[error("image {reference} is not there: {registry} says 404 Not Found")]
    NotFound {
        /// As written.
        reference: String,
        /// The registry's host.
        registry: String,
    },
    /// The registry refuses us.
    #[error("{registry} does not let us see image {reference}: {answer}")]
    Denied {
        /// As written.
        reference: String,
        /// The registry's host.
        registry: String,
        /// What it said.
        answer: String,
    },
    /// The registry can't be reached, or can't answer now.
    #[error("image {reference} can't be looked up: {registry}: {problem}")]
    Unreachable {
        /// As written.
        reference: String,
        /// The registry's host.
        registry: String,
        /// What went wrong.
        problem: String,
        /// The HTTP status, if there was an answer.
        status: Option<u16>,
    },
    /// The registry answered with something else than was asked for.
    #[error("{registry} answers for image {reference} with digest {found}")]
    OtherDigest {
        /// As written, with a digest.
        reference: String,
        /// The registry's host.
        registry: String,
        /// The digest in its answer.
        found: String,
    },
}

impl ResolveError {
    /// What kind of trouble it is; none: the reference itself is wrong.
    pub fn kind(&self) -> Option<CauseKind> {
        match self {
            Self::Invalid(_) => None,
            Self::NotFound { .. } => Some(CauseKind::ImageNotFound),
            Self::Denied { .. } => Some(CauseKind::ImageDenied),
            Self::Unreachable { .. } => Some(CauseKind::RegistryUnreachable),
            Self::OtherDigest { .. } => Some(CauseKind::DigestMismatch),
        }
    }
}

/// Where pins come from.
#[async_trait]
pub trait ImageResolver: Send + Sync {
    /// The pin of an image reference as written: the manifest digest that its tag has now. A digest that is in the reference
    /// already is checked to exist.
    async fn resolve(&self, reference: &str) -> Result<ImagePin, ResolveError>;
}
