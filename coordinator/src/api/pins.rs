//! The content of the release that a specification makes: images that exist in engines only are pinned by the id that the
//! operator's machine found, all others through the registry. Each distinct reference is asked for once, and not all at once.
//! Not here: speaking to registries (`resolve.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_model::manifest::{FORMAT, ServiceDraft};
use evenkeel_model::{Digest, EnvironmentName, ImagePin, Manifest, Service, ServiceName, Specification};
use futures_util::stream::{self, StreamExt as _};

use super::Invalid;
use crate::resolve::{ImageResolver, ResolveError};

/// Registries asked at the same time, for one request: a specification may have many services.
const AT_ONCE: usize = 8;

/// Why images are not pinned: of each. Nothing was begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing was begun: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub(super) struct NotPinned(pub(super) Vec<ResolveError>);

/// The image ids that the operator's machine found, by service: of all that exist in engines only, and of no other.
pub(super) fn local_images(
    specification: &Specification,
    sent: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<ServiceName, Digest>, Invalid> {
    let invalid = |problem: String| Invalid::new("local_images", problem);
    let mut ids = BTreeMap::new();
    for (service, id) in sent {
        let name: ServiceName = super::parse("local_images", &service)?;
        match specification.services.get(&name) {
            None => return Err(invalid(format!("the specification has no service {name}"))),
            Some(ServiceDraft { local: false, image, .. }) => {
                return Err(invalid(format!(
                    "service {name}: {image} comes from a registry, and an engine's id is of no use"
                )));
            }
            Some(_) => {
                let id = id.parse().map_err(|problem| invalid(format!("service {service}: {problem}")))?;
                ids.insert(name, id);
            }
        }
    }
    match specification.services.iter().find(|(name, draft)| draft.local && !ids.contains_key(*name)) {
        Some((name, draft)) => Err(invalid(format!(
            "service {name}: {} exists in engines only (`pull_policy: never`), and its image id was not sent along",
            draft.image
        ))),
        None => Ok(ids),
    }
}

/// The specification with every image pinned. `local` is what [`local_images`] gave for it.
pub(super) async fn pin(
    resolver: &Arc<dyn ImageResolver>,
    specification: &Specification,
    environment: &EnvironmentName,
    local: &BTreeMap<ServiceName, Digest>,
) -> Result<Manifest, NotPinned> {
    let remote = resolve(resolver, specification, local).await?;
    let services = specification.services.iter().map(|(name, draft)| {
        let reference = draft.image.clone();
        let image = match local.get(name) {
            Some(id) => ImagePin::Local { reference, id: id.clone() },
            None => remote[&reference].clone(),
        };
        (name.clone(), Service { image, spec: draft.spec.clone() })
    });
    Ok(Manifest {
        format: FORMAT,
        environment: environment.clone(),
        app: specification.app.clone(),
        services: services.collect(),
        secrets: BTreeMap::new(),
        if_orphaned: specification.if_orphaned,
        keep: specification.keep,
    })
}

/// Once for each reference: all services of a release that name the same tag get the same image, even if it moves meanwhile.
async fn resolve(
    resolver: &Arc<dyn ImageResolver>,
    specification: &Specification,
    local: &BTreeMap<ServiceName, Digest>,
) -> Result<BTreeMap<String, ImagePin>, NotPinned> {
    let references: BTreeSet<String> = specification
        .services
        .iter()
        .filter(|(name, _)| !local.contains_key(*name))
        .map(|(_, draft)| draft.image.clone())
        .collect();
    let answers = stream::iter(references.into_iter().map(|reference| async move {
        let pin = resolver.resolve(&reference).await;
        (reference, pin)
    }));
    let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
    let (mut pins, mut problems) = (BTreeMap::new(), Vec::new());
    for (reference, answer) in answers {
        match answer {
            Ok(pin) => drop(pins.insert(reference, pin)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(pins) } else { Err(NotPinned(problems)) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use evenkeel_model::Policy;
    use evenkeel_model::manifest::IfOrphaned;

    use super::*;
    use crate::fixture;

    /// Gives another digest each time, and counts how many ask at once.
    #[derive(Default)]
    struct Moving {
        asked: AtomicUsize,
        now: AtomicUsize,
        most: AtomicUsize,
    }

    #[async_trait]
    impl ImageResolver for Moving {
        async fn resolve(&self, reference: &str) -> Result<ImagePin, ResolveError> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            let digest = Digest::of(&self.asked.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            Ok(ImagePin::Registry { reference: reference.to_owned(), repository: "r.example/any".to_owned(), digest })
        }
    }

    fn specification(images: &[(&str, &str)]) -> Specification {
        let draft = |image: &str| ServiceDraft { image: image.to_owned(), local: false, spec: fixture::spec() };
        Specification {
            app: "shop".parse().unwrap(),
            services: images.iter().map(|(name, image)| (name.parse().unwrap(), draft(image))).collect(),
            if_orphaned: IfOrphaned::Keep,
            keep: evenkeel_model::manifest::DEFAULT_KEEP,
            policy: Policy::default(),
            notes: Vec::new(),
        }
    }

    #[tokio::test]
    async fn services_with_the_same_tag_get_the_same_image() {
        let moving = Arc::new(Moving::default());
        let resolver: Arc<dyn ImageResolver> = moving.clone();
        let shop =
            specification(&[("web", "r.example/shop:1"), ("worker", "r.example/shop:1"), ("db", "r.example/db:1")]);
        let manifest = pin(&resolver, &shop, &EnvironmentName::default(), &BTreeMap::new()).await.unwrap();
        let digests: Vec<&Digest> = manifest.services.values().map(|service| service.image.digest()).collect();
        assert_eq!(moving.asked.load(Ordering::SeqCst), 2);
        // In the order of their names: db, web, worker.
        assert_ne!(digests[0], digests[1]);
        assert_eq!(digests[1], digests[2]);
    }

    #[tokio::test]
    async fn not_all_registries_are_asked_at_once() {
        let moving = Arc::new(Moving::default());
        let resolver: Arc<dyn ImageResolver> = moving.clone();
        let names: Vec<String> = (0..40).map(|number| format!("s{number}")).collect();
        let images: Vec<(&str, String)> =
            names.iter().map(|name| (name.as_str(), format!("r.example/{name}:1"))).collect();
        let images: Vec<(&str, &str)> = images.iter().map(|(name, image)| (*name, image.as_str())).collect();
        pin(&resolver, &specification(&images), &EnvironmentName::default(), &BTreeMap::new()).await.unwrap();
        assert_eq!((moving.asked.load(Ordering::SeqCst), moving.most.load(Ordering::SeqCst)), (40, AT_ONCE));
    }

    #[tokio::test]
    async fn an_image_id_pins_a_local_image_and_must_be_one() {
        let resolver: Arc<dyn ImageResolver> = Arc::new(Moving::default());
        let mut shop = specification(&[("web", "shop:dev")]);
        shop.services.values_mut().for_each(|draft| draft.local = true);
        let sent = |service: &str, id: &str| [(service.to_owned(), id.to_owned())];
        let id = Digest::of(b"image");
        let local = local_images(&shop, sent("web", id.as_str())).unwrap();
        let manifest = pin(&resolver, &shop, &EnvironmentName::default(), &local).await.unwrap();
        let image = &manifest.services.values().next().unwrap().image;
        assert_eq!(*image, ImagePin::Local { reference: "shop:dev".to_owned(), id });
        for (service, id) in [("web", "latest"), ("worker", local[&"web".parse().unwrap()].as_str())] {
            assert_eq!(local_images(&shop, sent(service, id)).unwrap_err().field, "local_images");
        }
        assert!(local_images(&shop, []).unwrap_err().problem.contains("was not sent along"));
        let remote = specification(&[("web", "r.example/shop:1")]);
        assert!(local_images(&remote, sent("web", local[&"web".parse().unwrap()].as_str())).is_err());
    }
}
