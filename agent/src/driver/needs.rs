//! What the ledgers name: each app's images and whether it has routed ports, and for each app the images that the others need; and beside
//! them the images that are fetched ahead. Not here: which images go (crate `evenkeel-machine`; what was fetched ahead in vain: `crate::prefetch`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_machine::Ledger;
use evenkeel_model::{AppKey, Digest, ImagePin, Manifest};

/// What one ledger names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The images of the release on its way, of the one to go back to, and of one that is kept running.
    pub(super) pins: Vec<ImagePin>,
    /// Whether one of those has a routed port.
    pub(super) routed: bool,
    /// The images that must stay on this host: those, and of all releases that are kept.
    needed: BTreeSet<Digest>,
    /// Of these, the ones of the releases that are kept: they go when the machine says so.
    kept: BTreeSet<Digest>,
}

impl Named {
    pub(super) fn by(ledger: &Ledger) -> Self {
        let accepted = ledger.accepted.as_ref().and_then(|accepted| accepted.assignment.content.as_ref());
        let blue = ledger.blue.as_ref().map(|blue| &blue.content);
        let contents = accepted.into_iter().chain(&ledger.base).chain(blue);
        let manifests = contents.filter_map(|content| Manifest::decode(&content.manifest).ok());
        let services: Vec<_> = manifests.flat_map(|manifest| manifest.services.into_values()).collect();
        let routed = services.iter().any(|service| service.spec.routed_ports().next().is_some());
        let mut pins: Vec<ImagePin> = services.into_iter().map(|service| service.image).collect();
        pins.sort_by(|one, other| one.digest().cmp(other.digest()));
        pins.dedup();
        let kept: BTreeSet<Digest> =
            ledger.kept.iter().flat_map(|kept| &kept.images).map(|pin| pin.digest().clone()).collect();
        let needed = pins.iter().map(|pin| pin.digest().clone()).chain(kept.iter().cloned()).collect();
        Self { pins, routed, needed, kept }
    }
}

/// Whose an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A ledger keeps it: it goes when the machine says so.
    Kept,
    /// A release on its way, the one to go back to, or one that is kept running is made of it; or it is fetched ahead.
    Needed,
    /// Nobody's.
    None,
}

/// What is needed on this host.
#[derive(Debug, Default)]
struct Lists {
    by_app: BTreeMap<AppKey, Named>,
    ahead: BTreeSet<Digest>,
}

/// The images that each app on this host needs, and those that are fetched ahead. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs(Arc<Mutex<Lists>>);

impl Needs {
    /// What the app needs from now on.
    pub(super) fn set(&self, key: &AppKey, named: &Named) {
        self.lists().by_app.insert(key.clone(), named.clone());
    }

    /// What is fetched ahead from now on: all of it.
    pub(crate) fn set_ahead(&self, images: BTreeSet<Digest>) {
        self.lists().ahead = images;
    }

    /// Whose an image is.
    pub(crate) fn claim(&self, image: &Digest) -> Claim {
        let lists = self.lists();
        if lists.by_app.values().any(|named| named.kept.contains(image)) {
            Claim::Kept
        } else if lists.ahead.contains(image) || lists.by_app.values().any(|named| named.needed.contains(image)) {
            Claim::Needed
        } else {
            Claim::None
        }
    }

    /// What all other apps need, and what is fetched ahead: for this one too, if it goes back to an older release.
    pub(crate) fn elsewhere(&self, key: &AppKey) -> BTreeSet<Digest> {
        let lists = self.lists();
        let others = lists.by_app.iter().filter(|(other, _)| *other != key).flat_map(|(_, named)| &named.needed);
        others.chain(&lists.ahead).cloned().collect()
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        // Each change is one assignment, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
