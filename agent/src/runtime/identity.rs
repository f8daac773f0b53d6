//! Which containers, networks and volumes are ours, by label, and what they are called. Not here: asking the engine for them.
//!
//! Names alone prove nothing: `a-b` + `c` and `a` + `b-c` make the same name. Labels decide, names only have to be unique.

use std::collections::BTreeMap;
use std::net::IpAddr;

use evenkeel_machine::{ContainerPlan, Place};
use evenkeel_model::{AppKey, Digest, Epoch, FleetName, Generation, HostId, ReleaseNumber, Version};

const FLEET: &str = "evenkeel.fleet";
/// The label that says whose host an object is for.
pub(crate) const HOST: &str = "evenkeel.host";
const ENVIRONMENT: &str = "evenkeel.environment";
const APP: &str = "evenkeel.app";
const SERVICE: &str = "evenkeel.service";
const SLOT: &str = "evenkeel.slot";
const RELEASE: &str = "evenkeel.release";
const GENERATION: &str = "evenkeel.generation";
const EPOCH: &str = "evenkeel.epoch";
const FINGERPRINT: &str = "evenkeel.fingerprint";
const PIN: &str = "evenkeel.pin";

/// Labels as the engine carries them. Ordered, so that what is sent does not depend on chance.
pub type Labels = BTreeMap<String, String>;

/// Whose containers these are, and what the host adds to what a release says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The fleet.
    pub fleet: FleetName,
    /// The host.
    pub host: HostId,
    /// Where ports without an address of their own are published; none: on all addresses.
    pub publish_address: Option<IpAddr>,
}

impl Scope {
    /// What every object of ours carries.
    pub fn labels(&self) -> Labels {
        [(FLEET, self.fleet.as_str()), (HOST, self.host.as_str())].map(owned).into()
    }

    /// What every object of an app carries.
    pub fn app_labels(&self, key: &AppKey) -> Labels {
        let mut labels = self.labels();
        labels.extend([(ENVIRONMENT, key.environment.as_str()), (APP, key.app.as_str())].map(owned));
        labels
    }

    /// What the container in a place carries, whatever it was made from.
    pub fn place_labels(&self, key: &AppKey, place: &Place) -> Labels {
        let mut labels = self.app_labels(key);
        labels.extend([(SERVICE, place.service.as_str()), (SLOT, place.slot.as_str())].map(owned));
        labels
    }

    /// All that a new container carries: the app's own labels, and ours over them.
    pub fn container_labels(&self, plan: &ContainerPlan) -> Labels {
        let mut labels = plan.service.spec.labels.clone();
        labels.append(&mut self.place_labels(&plan.key, &plan.place));
        let numbers = [
            (RELEASE, plan.release.to_string()),
            (GENERATION, plan.version.generation.to_string()),
            (EPOCH, plan.version.epoch.to_string()),
            (FINGERPRINT, plan.service.fingerprint().to_string()),
            (PIN, plan.service.image.digest().to_string()),
        ];
        labels.extend(numbers.map(|(name, value)| (name.to_owned(), value)));
        labels
    }

    /// The app's network on this host.
    pub fn network(&self, key: &AppKey) -> String {
        format!("ek-{}-{}-{}", self.host, key.environment, key.app)
    }

    /// The container in a place.
    pub fn container(&self, key: &AppKey, place: &Place) -> String {
        format!("{}-{}-{}", self.network(key), place.service, place.slot)
    }

    /// A named volume of the app. With the host's id, because agents that share an engine must not share data.
    pub fn volume(&self, key: &AppKey, name: &str) -> String {
        format!("ek-{}_{}_{}_{name}", self.host, key.environment, key.app)
    }

    /// Whether an object with these labels is ours and the app's.
    pub fn owns<'a>(&self, key: &AppKey, label: impl Fn(&str) -> Option<&'a String>) -> bool {
        self.app_labels(key).iter().all(|(name, value)| label(name) == Some(value))
    }

    /// Whether an object with these labels belongs to another agent of the fleet: one that shares this engine.
    pub(crate) fn is_a_neighbours<'a>(&self, label: impl Fn(&str) -> Option<&'a String>) -> bool {
        let is = |name: &str, value: &str| label(name).is_some_and(|own| own == value);
        is(FLEET, self.fleet.as_str()) && !is(HOST, self.host.as_str())
    }
}

/// Whether an object with these labels is some agent's.
pub(crate) fn is_managed<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    names.any(|name| name == FLEET)
}

/// What a container's labels say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// App and environment.
    pub key: AppKey,
    /// Service and slot.
    pub place: Place,
    /// The generation it was made for.
    pub version: Version,
    /// The release it was made for.
    pub release: ReleaseNumber,
    /// What it was made from.
    pub fingerprint: Digest,
    /// The digest that its image was pinned by.
    pub pin: Digest,
}

impl Identity {
    /// Reads labels that [`Scope::container_labels`] wrote; none if one is missing or was tampered with.
    pub fn read<'a>(label: impl Fn(&str) -> Option<&'a String>) -> Option<Self> {
        let number = |name| label(name)?.parse::<u64>().ok();
        Some(Self {
            key: AppKey { environment: label(ENVIRONMENT)?.parse().ok()?, app: label(APP)?.parse().ok()? },
            place: Place { service: label(SERVICE)?.parse().ok()?, slot: label(SLOT)?.parse().ok()? },
            version: Version { epoch: Epoch(number(EPOCH)?), generation: Generation(number(GENERATION)?) },
            release: ReleaseNumber(number(RELEASE)?),
            fingerprint: label(FINGERPRINT)?.parse().ok()?,
            pin: label(PIN)?.parse().ok()?,
        })
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests {
    use evenkeel_model::service::ServiceSpec;
    use evenkeel_model::{Health, ImagePin, Millis, Order, Probe, Restart, Service, Slot};

    use super::*;

    fn plan() -> ContainerPlan {
        let spec = ServiceSpec {
            command: None,
            entrypoint: None,
            environment: BTreeMap::new(),
            ports: vec![],
            mounts: vec![],
            engine_healthcheck: None,
            health: Health::with_defaults(Probe::Running),
            restart: Restart::No,
            user: None,
            labels: [("team".to_owned(), "blue".to_owned()), (FLEET.to_owned(), "forged".to_owned())].into(),
            stop_grace_period: Millis::seconds(10),
            stop_signal: None,
            order: Order::StartFirst,
            keep_old: None,
            traffic: evenkeel_model::Traffic::default(),
            constraints: vec![],
        };
        let image = ImagePin::Local { reference: "web".to_owned(), id: Digest::of(b"web") };
        ContainerPlan {
            key: AppKey { environment: "eu".parse().unwrap(), app: "shop".parse().unwrap() },
            place: Place { service: "web".parse().unwrap(), slot: Slot::B },
            version: Version { epoch: Epoch(7), generation: Generation(3) },
            release: ReleaseNumber(12),
            service: Service { image, spec },
        }
    }

    fn scope() -> Scope {
        Scope { fleet: "f".parse().unwrap(), host: "h1".parse().unwrap(), publish_address: None }
    }

    #[test]
    fn labels_say_what_the_container_was_made_from_and_ours_outrank_the_apps() {
        let plan = plan();
        let labels = scope().container_labels(&plan);
        let identity = Identity::read(|name| labels.get(name)).unwrap();
        assert_eq!((&identity.key, &identity.place), (&plan.key, &plan.place));
        assert_eq!((identity.version, identity.release), (plan.version, plan.release));
        assert_eq!(identity.fingerprint, plan.service.fingerprint());
        assert_eq!((labels["team"].as_str(), labels[FLEET].as_str()), ("blue", "f"));
        assert!(scope().owns(&plan.key, |name| labels.get(name)));
    }

    #[test]
    fn a_container_of_another_host_or_app_is_not_ours_even_under_the_same_name() {
        let plan = plan();
        let labels = scope().container_labels(&plan);
        let elsewhere = Scope { host: "h2".parse().unwrap(), ..scope() };
        assert!(!elsewhere.owns(&plan.key, |name| labels.get(name)));
        let key = |environment: &str, app: &str| AppKey {
            environment: environment.parse().unwrap(),
            app: app.parse().unwrap(),
        };
        assert_eq!(scope().network(&key("a-b", "c")), scope().network(&key("a", "b-c")));
        let labels = scope().app_labels(&key("a-b", "c"));
        assert!(!scope().owns(&key("a", "b-c"), |name| labels.get(name)));
    }

    #[test]
    fn unreadable_labels_are_no_identity() {
        let mut labels = scope().container_labels(&plan());
        labels.insert(GENERATION.to_owned(), "three".to_owned());
        assert_eq!(Identity::read(|name| labels.get(name)), None);
    }
}
