//! The images that were pulled, in their turn or ahead of it, and that no ledger keeps yet: those that come to no use, because the release was given up
//! or never got its turn, are taken away again, and nobody else's. Such an image was noted, durably, before the pull that brought it, only where it was
//! not here before, and again when our own pull had brought it. Not here: images of the releases that were committed, which are the ledgers' (crate
//! `evenkeel-machine`, `hygiene`).

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_machine::{Action, Outcome};
use evenkeel_model::{AppKey, CauseKind, Digest, Failure, ImagePin, Millis, Monotonic};
use tokio::sync::{Mutex, MutexGuard};

use crate::driver::{Claim, Shared};
use crate::ledger::Fetched;
use crate::session::chain;

/// How often it is looked whether an image is still of use.
const LOOK: Millis = Millis::minutes(1);
/// How long an image stays though nobody needs it: a coordinator that is started again, a rollout that is begun anew, or one that waits for a
/// person to come, must not cost a second pull.
pub(crate) const KEPT_UNUSED: Millis = Millis::minutes(60);
/// An image that could not be taken away so often is left to the operator.
const MOST_FAILURES: u32 = 3;

/// The list. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct FetchedImages(Arc<Mutex<Images>>);

#[derive(Debug)]
struct Images {
    list: Vec<Fetched>,
    /// Since when nobody needs an image.
    unused: BTreeMap<Digest, Monotonic>,
    /// How often taking an image away has failed.
    failures: BTreeMap<Digest, u32>,
    look_at: Monotonic,
}

impl FetchedImages {
    /// As it was remembered.
    pub(crate) fn new(list: Vec<Fetched>, now: Monotonic) -> Self {
        let images = Images { list, unused: BTreeMap::new(), failures: BTreeMap::new(), look_at: now + LOOK };
        Self(Arc::new(Mutex::new(images)))
    }

    /// When it is looked next.
    pub(crate) async fn due(&self) -> Monotonic {
        self.images().await.look_at
    }

    /// Notes an image that is not here and is about to be pulled. An error: it could not be made durable, and must not be pulled.
    pub(crate) async fn note(&self, key: &AppKey, image: &ImagePin, shared: &Shared) -> Result<(), Failure> {
        self.images().await.note(key, image, shared).await
    }

    /// Notes that our pull has brought an image. If that can't be made durable, the image stays: it costs room and nothing else.
    pub(crate) async fn brought(&self, image: &ImagePin, shared: &Shared) {
        self.images().await.brought(image, shared).await;
    }

    /// Takes away what nobody has needed for long, and hands over what a ledger keeps.
    pub(crate) async fn tidy(&self, shared: &Shared) {
        self.images().await.tidy(shared).await;
    }

    /// One change at a time, its writing included.
    async fn images(&self) -> MutexGuard<'_, Images> {
        self.0.lock().await
    }
}

impl Images {
    async fn note(&mut self, key: &AppKey, image: &ImagePin, shared: &Shared) -> Result<(), Failure> {
        let is_local = matches!(image, ImagePin::Local { .. });
        if is_local || self.list.iter().any(|fetched| fetched.image.digest() == image.digest()) {
            return Ok(());
        }
        let mut list = self.list.clone();
        list.push(Fetched { key: key.clone(), image: image.clone(), is_ours: false });
        self.save(list, shared).await
    }

    async fn brought(&mut self, image: &ImagePin, shared: &Shared) {
        let mut list = self.list.clone();
        let Some(fetched) = list.iter_mut().find(|fetched| fetched.image.digest() == image.digest()) else { return };
        fetched.is_ours = true;
        if let Err(failure) = self.save(list, shared).await {
            tracing::warn!(%image, %failure, "an image that was pulled will not be taken away should it come to no use");
        }
    }

    async fn tidy(&mut self, shared: &Shared) {
        let now = shared.ticker.now();
        self.look_at = now + LOOK;
        let mut list = Vec::new();
        for fetched in self.list.clone() {
            if !self.is_done_with(&fetched, shared, now).await {
                list.push(fetched);
            }
        }
        if list.len() == self.list.len() {
            return;
        }
        if let Err(failure) = self.save(list, shared).await {
            tracing::warn!(%failure, "the list of pulled images is as it was, and looked at again");
        }
    }

    async fn is_done_with(&mut self, fetched: &Fetched, shared: &Shared, now: Monotonic) -> bool {
        let digest = fetched.image.digest();
        match shared.needs.claim(digest) {
            Claim::Kept => true,
            Claim::Needed => {
                self.unused.remove(digest);
                false
            }
            Claim::None => {
                let since = *self.unused.entry(digest.clone()).or_insert(now);
                now >= since + KEPT_UNUSED && (!fetched.is_ours || self.forget(fetched, shared).await)
            }
        }
    }

    /// Whether the image is gone, or left to the operator.
    async fn forget(&mut self, fetched: &Fetched, shared: &Shared) -> bool {
        let action = Action::Forget { image: fetched.image.clone() };
        let Outcome::Failed(failure) = shared.runtime.perform(&fetched.key, &action).await else {
            tracing::info!(image = %fetched.image, "an image that came to no use was taken away");
            return true;
        };
        let failures = self.failures.entry(fetched.image.digest().clone()).or_default();
        *failures += 1;
        tracing::warn!(image = %fetched.image, %failure, "an image that came to no use can't be taken away");
        *failures >= MOST_FAILURES
    }

    async fn save(&mut self, list: Vec<Fetched>, shared: &Shared) -> Result<(), Failure> {
        let saved = shared.ledgers.save_fetched(&list).await;
        saved.map_err(|error| {
            let trouble = chain(&error);
            Failure::plain(CauseKind::DiskFull, format!("what is pulled can't be noted: {trouble}"))
        })?;
        let is_listed = |digest: &Digest| list.iter().any(|fetched| fetched.image.digest() == digest);
        self.unused.retain(|digest, _| is_listed(digest));
        self.failures.retain(|digest, _| is_listed(digest));
        self.list = list;
        Ok(())
    }
}
