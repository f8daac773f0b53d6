//! What the suite needs of an engine beside the port: programs, and things that are not ours. Not here: any case.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_agent::runtime::{Runtime, Scope};
use evenkeel_machine::{Action, Container, ContainerPlan, ContainerState, Outcome, Place};
use evenkeel_model::{
    AppKey, Digest, Epoch, Failure, Generation, Health, ImagePin, Millis, Order, Probe, ReleaseNumber, Restart,
    Service, ServiceSpec, Slot, Version,
};

/// How long the suite waits for an engine to do what it must.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Runs until SIGTERM; its own probe says that it is well.
    Serves,
    /// Runs until SIGTERM; its own probe says that it is not.
    Unready,
    /// Writes `one`, `two` and a line of 2,000 `x`, and ends with 3.
    Crashes,
    /// Is not in the image.
    Missing,
}

/// An engine under test.
pub(crate) trait Rig {
    /// The host's whole name.
    fn host(&self, host: &str) -> String;
    /// The engine as the agent of that host sees it.
    fn runtime(&self, host: &str) -> Arc<dyn Runtime>;
    /// A service with that program. `health` is its own probe, a command.
    fn service(&self, program: Program) -> Service;
    /// A pin in a registry that can't be reached.
    fn unreachable(&self) -> ImagePin;
    /// Makes a container with that name that no agent has made.
    async fn add_foreign(&self, name: &str);
    /// Whether it is still there.
    async fn has_foreign(&self, name: &str) -> bool;
}

pub(crate) fn scope(fleet: &str, host: &str) -> Scope {
    let publish_address = Some("127.0.0.1".parse().expect("an address"));
    Scope { fleet: fleet.parse().expect("a name"), host: host.parse().expect("a name"), publish_address }
}

pub(crate) fn key() -> AppKey {
    AppKey { environment: "eu".parse().expect("a name"), app: "shop".parse().expect("a name") }
}

pub(crate) fn place(slot: Slot) -> Place {
    Place { service: "web".parse().expect("a name"), slot }
}

pub(crate) fn service(image: ImagePin, command: &[&str], probe: &[&str]) -> Service {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let spec = ServiceSpec {
        command: Some(words(command)),
        entrypoint: None,
        environment: BTreeMap::from([("MODE".to_owned(), "graceful".to_owned())]),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health::with_defaults(Probe::Exec { command: words(probe) }),
        restart: Restart::UnlessStopped,
        user: None,
        labels: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        stop_grace_period: Millis::seconds(10),
        stop_signal: None,
        order: Order::StartFirst,
        keep_old: None,
        traffic: evenkeel_model::Traffic::default(),
        constraints: Vec::new(),
    };
    Service { image, spec }
}

pub(crate) fn local(seed: &str) -> ImagePin {
    ImagePin::Local { reference: seed.to_owned(), id: Digest::of(seed.as_bytes()) }
}

pub(crate) fn plan(slot: Slot, service: Service) -> ContainerPlan {
    let version = Version { epoch: Epoch(7), generation: Generation(3) };
    ContainerPlan { key: key(), place: place(slot), version, release: ReleaseNumber(12), service }
}

pub(crate) fn create(slot: Slot, service: &Service) -> Action {
    Action::Create(Box::new(plan(slot, service.clone())))
}

pub(crate) fn stop(slot: Slot) -> Action {
    Action::Stop { place: place(slot), grace: Millis::seconds(10) }
}

pub(crate) async fn done(runtime: &dyn Runtime, action: Action) {
    assert_eq!(runtime.perform(&key(), &action).await, Outcome::Done, "{action:?}");
}

pub(crate) async fn failure(runtime: &dyn Runtime, action: Action) -> Failure {
    match runtime.perform(&key(), &action).await {
        Outcome::Failed(failure) => *failure,
        other => panic!("{action:?} should have failed: {other:?}"),
    }
}

pub(crate) async fn containers(runtime: &dyn Runtime) -> Vec<Container> {
    runtime.observe(&key(), &[]).await.containers
}

pub(crate) async fn only(runtime: &dyn Runtime) -> Container {
    let mut containers = containers(runtime).await;
    assert_eq!(containers.len(), 1, "{containers:?}");
    containers.remove(0)
}

/// Waits, woken by the engine's own events, until the only container is as it should be.
pub(crate) async fn until(runtime: &dyn Runtime, what: &str, is: impl Fn(&Container) -> bool) -> Container {
    let mut wakeups = runtime.wakeups();
    let looking = async {
        loop {
            wakeups.borrow_and_update();
            let container = only(runtime).await;
            if is(&container) {
                return container;
            }
            wakeups.changed().await.expect("the runtime lives");
        }
    };
    let looked = tokio::select! {
        biased;
        looked = tokio::time::timeout(PATIENCE, looking) => looked,
        () = runtime.listen() => unreachable!("it never returns"),
    };
    match looked {
        Ok(container) => container,
        Err(late) => panic!("never {what} ({late}): {:?}", only(runtime).await),
    }
}

pub(crate) fn ended(container: &Container) -> bool {
    matches!(container.state, ContainerState::Exited { .. })
}
