//! Which images a host keeps: those of the releases committed last, so that none that may be rolled back to is ever missing. Not here: the
//! rest of the tidying after the end (`settle`); images of releases that were never committed (those that were fetched ahead the agent takes away
//! by a list of its own, `prefetch` in crate `evenkeel-agent`; while they are announced they are among `needed_elsewhere` here).

use std::collections::BTreeSet;

use evenkeel_model::{Digest, ImagePin};

use crate::Action;
use crate::ledger::Kept;
use crate::release::{Goal, Target};
use crate::situation::Situation;

/// Whatever a release says, the one that serves and the one before it are kept: that is where a rollback goes.
const FEWEST_KEPT: usize = 2;
/// An image that could not be taken away so often is left to the operator: somebody else uses it.
const MOST_FAILURES: u32 = 3;

/// What is next to tidy up.
#[derive(Debug)]
pub(crate) enum Tidying {
    /// An image of the oldest release goes.
    Image(Action),
    /// The oldest release has no image left that is to go.
    Done,
}

/// What the ledger is to keep of the release that is being committed.
pub(crate) fn kept(s: &Situation<'_>) -> Option<Kept> {
    let target = s.wanted.target()?;
    let mut images: Vec<ImagePin> = Vec::new();
    for (_, wanted) in target.services() {
        if !images.contains(&wanted.service.image) {
            images.push(wanted.service.image.clone());
        }
    }
    Some(Kept { release: target.number(), images })
}

/// What is next where more releases are kept than `goal`, which serves, says; none: nothing is.
pub(crate) fn next(s: &Situation<'_>, goal: &Goal<'_>) -> Option<Tidying> {
    let most = match goal {
        Goal::Nothing => 0,
        Goal::Unreadable => return None,
        Goal::Release(target) => usize::try_from(target.keep()).unwrap_or(usize::MAX).max(FEWEST_KEPT),
    };
    let (oldest, others) = s.kept.split_last()?;
    if s.kept.len() <= most {
        return None;
    }
    let needed = needed(s, others);
    let next = oldest.images.iter().find_map(|image| forget(s, image, &needed));
    Some(next.map_or(Tidying::Done, Tidying::Image))
}

/// The digests of the images that this app or another still needs, beside those of the oldest release.
fn needed<'a>(s: &'a Situation<'_>, kept: &'a [Kept]) -> BTreeSet<&'a Digest> {
    let releases = [&s.wanted, &s.base, &s.blue].into_iter().filter_map(Goal::target).flat_map(Target::services);
    let named = releases.map(|(_, wanted)| wanted.service.image.digest());
    let kept = kept.iter().flat_map(|kept| &kept.images).map(ImagePin::digest);
    let here = s.observed.containers.iter().map(|container| &container.pin);
    named.chain(kept).chain(here).chain(&s.observed.needed_elsewhere).collect()
}

/// What takes an image away; none if it is to stay, is gone, or can't be had away. A local one could not be pulled again.
fn forget(s: &Situation<'_>, image: &ImagePin, needed: &BTreeSet<&Digest>) -> Option<Action> {
    if needed.contains(image.digest()) || matches!(image, ImagePin::Local { .. }) {
        return None;
    }
    let action = Action::Forget { image: image.clone() };
    let settled = s.memory.attempt(&action).is_some_and(|attempt| attempt.done > 0 || attempt.tries() >= MOST_FAILURES);
    (!settled).then_some(action)
}

#[cfg(test)]
mod tests;
