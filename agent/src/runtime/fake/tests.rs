//! What the engine in memory does beyond the contract: time, faults, reboots, and its log.

use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_machine::{ContainerPlan, ContainerState, Place};
use evenkeel_model::{Epoch, Generation, Health, Order, Port, Restart, Service, ServiceSpec, service::Protocol};

use super::*;

/// A host with a clock of its own, one app, and images that are here.
struct Host {
    engine: FakeEngine,
    runtime: FakeRuntime,
    clock: Arc<AtomicU64>,
}

fn key() -> AppKey {
    AppKey { environment: "eu".parse().unwrap(), app: "shop".parse().unwrap() }
}

fn place(slot: Slot) -> Place {
    Place { service: "web".parse().unwrap(), slot }
}

fn service(image: &str) -> Service {
    let spec = ServiceSpec {
        command: None,
        entrypoint: None,
        environment: BTreeMap::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health::with_defaults(Probe::Http(evenkeel_model::HttpProbe::get(80, "/"))),
        restart: Restart::UnlessStopped,
        user: None,
        labels: BTreeMap::new(),
        stop_grace_period: Millis::seconds(10),
        stop_signal: None,
        order: Order::StartFirst,
        keep_old: None,
        traffic: evenkeel_model::Traffic::default(),
        constraints: Vec::new(),
    };
    let digest = Digest::of(image.as_bytes());
    let image = ImagePin::Registry { reference: format!("r/{image}:1"), repository: format!("r/{image}"), digest };
    Service { image, spec }
}

impl Host {
    fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(0));
        let hand = Arc::clone(&clock);
        let engine = FakeEngine::with_clock(move || Duration::from_millis(hand.load(Ordering::SeqCst)));
        let scope = Scope { fleet: "f".parse().unwrap(), host: "h".parse().unwrap(), publish_address: None };
        Self { runtime: engine.runtime(scope), engine, clock }
    }

    fn pass(&self, millis: u64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    async fn perform(&self, action: Action) -> Outcome {
        self.runtime.perform(&key(), &action).await
    }

    async fn done(&self, action: Action) {
        assert_eq!(self.perform(action.clone()).await, Outcome::Done, "{action:?}");
    }

    async fn kind(&self, action: Action) -> CauseKind {
        let Outcome::Failed(failure) = self.perform(action).await else { panic!("it should have failed") };
        failure.kind
    }

    async fn run(&self, slot: Slot, service: Service) {
        self.engine.load(service.image.digest());
        let version = Version { epoch: Epoch(1), generation: Generation(1) };
        let plan = ContainerPlan { key: key(), place: place(slot), version, release: ReleaseNumber(1), service };
        self.done(Action::Create(Box::new(plan))).await;
        self.done(Action::Start(place(slot))).await;
    }

    /// The states, and how often each was restarted.
    async fn states(&self) -> Vec<(ContainerState, u64)> {
        let seen = self.runtime.observe(&key(), &[]).await;
        seen.containers.into_iter().map(|container| (container.state, container.restarts)).collect()
    }

    async fn session(&self) -> Option<u64> {
        match self.runtime.observe(&key(), &[]).await.engine {
            Engine::Up { session } => Some(session),
            Engine::Down { .. } => None,
        }
    }

    fn healthy(&self) -> Vec<bool> {
        let serving = self.runtime.serving(&key(), &"web".parse().unwrap());
        serving.into_iter().map(|serving| serving.healthy).collect()
    }
}

fn exited(code: i64) -> ContainerState {
    ContainerState::Exited { code, oom_killed: false }
}

#[tokio::test]
async fn a_container_becomes_healthy_and_sick_with_time() {
    let host = Host::new();
    let service = service("web");
    let behaviour =
        Behaviour { healthy_after: Some(Duration::from_millis(100)), ..Behaviour::sick(Duration::from_millis(300)) };
    host.engine.behave(service.image.digest(), behaviour);
    host.run(Slot::A, service.clone()).await;
    let address = host.runtime.observe(&key(), &[]).await.containers[0].address.unwrap();
    for (pass, healthy, answer) in [(0, false, "503"), (100, true, "200"), (199, true, "200"), (1, false, "503")] {
        host.pass(pass);
        assert_eq!(host.healthy(), [healthy]);
        let answered = host.runtime.ask(address, &service.spec.health.probe, Millis::seconds(1)).await;
        assert_eq!((answered.healthy, &answered.evidence.answer[..3]), (healthy, answer));
    }
    host.done(Action::Remove(place(Slot::A))).await;
    let gone = host.runtime.ask(address, &service.spec.health.probe, Millis::seconds(1)).await;
    assert_eq!(gone.evidence.answer, "connection refused");
}

#[tokio::test]
async fn a_crash_is_an_end_in_trial_and_a_restart_once_committed() {
    let host = Host::new();
    let service = service("web");
    host.engine.behave(service.image.digest(), Behaviour::crash(Duration::from_millis(50), 3));
    host.run(Slot::A, service).await;
    host.pass(50);
    assert_eq!(host.states().await, [(exited(3), 0)]);

    host.done(Action::SetRestart { place: place(Slot::A), restart: Restart::OnFailure }).await;
    host.done(Action::Start(place(Slot::A))).await;
    host.pass(50);
    // Between two restarts it counts as running, and answers nobody.
    assert_eq!((host.states().await, host.healthy()), (vec![(ContainerState::Running, 1)], vec![false]));
    host.pass(100);
    assert_eq!((host.states().await, host.healthy()), (vec![(ContainerState::Running, 1)], vec![true]));
    host.pass(10_000);
    assert!(host.states().await[0].1 > 3);
}

#[tokio::test]
async fn a_reboot_brings_back_what_the_restart_policy_says_in_another_session() {
    let host = Host::new();
    host.run(Slot::A, service("old")).await;
    host.run(Slot::B, service("new")).await;
    host.done(Action::SetRestart { place: place(Slot::A), restart: Restart::UnlessStopped }).await;
    let before = host.session().await;
    host.engine.reboot();
    assert_eq!(host.states().await, [(ContainerState::Running, 0), (exited(137), 0)]);
    assert!(host.session().await > before);
}

#[tokio::test]
async fn an_engine_that_is_down_answers_nothing_and_its_containers_run_on() {
    let host = Host::new();
    host.run(Slot::A, service("web")).await;
    let before = host.session().await;
    host.engine.engine_down(true);
    assert_eq!(host.session().await, None);
    assert!(host.runtime.keys().await.is_err() && host.runtime.engine_version().await.is_none());
    assert_eq!(host.kind(Action::Remove(place(Slot::A))).await, CauseKind::EngineUnavailable);
    assert_eq!(host.healthy(), [true]);
    host.engine.engine_down(false);
    assert!(host.session().await > before);
    assert_eq!(host.states().await.len(), 1);
}

#[tokio::test]
async fn pulls_go_as_told_and_a_slow_one_is_given_up() {
    let host = Host::new();
    let image = service("web").image;
    let pull = |millis| Action::Pull { image: image.clone(), timeout: Millis(millis) };
    host.engine
        .behave(image.digest(), Behaviour { pull: Pull::Slow(Duration::from_millis(20)), ..Behaviour::default() });
    assert_eq!(host.kind(pull(5)).await, CauseKind::PullTimeout);
    host.engine.registry_down(true);
    assert_eq!(host.kind(pull(100)).await, CauseKind::RegistryUnreachable);
    host.engine.registry_down(false);
    let denied = Behaviour { pull: Pull::Fails(CauseKind::ImageDenied), ..Behaviour::default() };
    host.engine.behave(image.digest(), denied);
    assert_eq!(host.kind(pull(100)).await, CauseKind::ImageDenied);
    host.engine.behave(image.digest(), Behaviour::default());
    host.done(pull(100)).await;
    // Once it is here, no registry is needed.
    host.engine.registry_down(true);
    host.done(pull(100)).await;
}

#[tokio::test]
async fn a_stop_ends_politely_or_after_the_grace_and_is_not_undone_by_a_reboot() {
    let host = Host::new();
    let stubborn = service("stubborn");
    host.engine.behave(stubborn.image.digest(), Behaviour { stops_after: None, ..Behaviour::default() });
    host.run(Slot::A, service("polite")).await;
    host.run(Slot::B, stubborn).await;
    host.done(Action::Stop { place: place(Slot::A), grace: Millis::seconds(10) }).await;
    assert_eq!(host.states().await, [(exited(143), 0), (ContainerState::Running, 0)]);
    // The agent dies over it; the engine goes on.
    let stop = Action::Stop { place: place(Slot::B), grace: Millis(500) };
    assert!(tokio::time::timeout(Duration::from_millis(5), host.perform(stop)).await.is_err());
    assert_eq!(host.states().await[1], (ContainerState::Running, 0));
    assert_eq!(host.engine.log().last().unwrap().ended, None);
    host.pass(500);
    assert_eq!(host.states().await[1], (exited(137), 0));
}

#[tokio::test]
async fn a_port_of_somebody_else_and_a_failure_that_was_ordered_fail_one_action() {
    let host = Host::new();
    let mut service = service("web");
    service.spec.ports = vec![Port {
        address: None,
        published: 80,
        target: 80,
        protocol: Protocol::Tcp,
        via: evenkeel_model::Via::Engine,
    }];
    host.run(Slot::A, service).await;
    host.done(Action::Stop { place: place(Slot::A), grace: Millis(0) }).await;
    host.engine.occupy(80, true);
    assert_eq!(host.kind(Action::Start(place(Slot::A))).await, CauseKind::PortTaken);
    host.engine.occupy(80, false);
    host.engine.fail_next("start", Failure::plain(CauseKind::DiskFull, "no space"));
    assert_eq!(host.kind(Action::Start(place(Slot::A))).await, CauseKind::DiskFull);
    host.done(Action::Start(place(Slot::A))).await;
}

#[tokio::test]
async fn the_log_has_every_action_in_order_with_its_times() {
    let host = Host::new();
    host.run(Slot::A, service("web")).await;
    host.pass(7);
    host.done(Action::Remove(place(Slot::A))).await;
    let log = host.engine.take_log();
    let names: Vec<_> = log.iter().map(|performed| (performed.action.name(), performed.began)).collect();
    let at = Duration::from_millis;
    assert_eq!(names, [("create", at(0)), ("start", at(0)), ("remove", at(7))]);
    assert!(log.iter().all(|performed| performed.ended == Some((performed.began, Outcome::Done))));
    assert_eq!(host.engine.log(), []);
    host.done(Action::Wait).await;
    assert_eq!(host.engine.log().len(), 1);
}
