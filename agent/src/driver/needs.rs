//! What the ledgers name: each app's images and whether it has routed ports, and for each app the images that the others need.
//! Not here: which images go (crate `evenkeel-machine`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_machine::Ledger;
use evenkeel_model::{AppKey, Digest, ImagePin, Manifest};

/// What one ledger names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The images of the release on its way and of the one to go back to.
    pub(super) pins: Vec<ImagePin>,
    /// Whether one of those two has a routed port.
    pub(super) routed: bool,
    /// The images that must stay on this host: those, and of all releases that are kept.
    needed: BTreeSet<Digest>,
}

impl Named {
    pub(super) fn by(ledger: &Ledger) -> Self {
        let accepted = ledger.accepted.as_ref().and_then(|accepted| accepted.assignment.content.as_ref());
        let contents = accepted.into_iter().chain(&ledger.base);
        let manifests = contents.filter_map(|content| Manifest::decode(&content.manifest).ok());
        let services: Vec<_> = manifests.flat_map(|manifest| manifest.services.into_values()).collect();
        let routed = services.iter().any(|service| service.spec.routed_ports().next().is_some());
        let mut pins: Vec<ImagePin> = services.into_iter().map(|service| service.image).collect();
        pins.sort_by(|one, other| one.digest().cmp(other.digest()));
        pins.dedup();
        let kept = ledger.kept.iter().flat_map(|kept| &kept.images);
        let needed = pins.iter().chain(kept).map(|pin| pin.digest().clone()).collect();
        Self { pins, routed, needed }
    }
}

/// The images that each app on this host needs. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs(Arc<Mutex<BTreeMap<AppKey, BTreeSet<Digest>>>>);

impl Needs {
    /// What the app needs from now on.
    pub(super) fn set(&self, key: &AppKey, named: &Named) {
        self.by_app().insert(key.clone(), named.needed.clone());
    }

    /// What all other apps need.
    pub(super) fn elsewhere(&self, key: &AppKey) -> BTreeSet<Digest> {
        self.by_app().iter().filter(|(other, _)| *other != key).flat_map(|(_, needed)| needed).cloned().collect()
    }

    fn by_app(&self) -> MutexGuard<'_, BTreeMap<AppKey, BTreeSet<Digest>>> {
        // Each change is one insertion, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
