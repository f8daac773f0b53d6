//! The controller on a memory store, with agents that do what they are told, on paused time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use evenkeel_model::{
    AppReport, Assignment, CauseKind, Content, Count, Digest, Epoch, Failure, HostFacts, HostId, Manifest, Phase,
    Policy, Prefetch, PrefetchReport, PrefetchState, RefusedAssignment, ReleaseNumber, Service, ServiceName,
    ServiceReport, Stage, UnixMillis, Waves,
};
use evenkeel_rollout::{Outcome, Rollout};

use super::*;
use crate::fixture::{app, host, host_id, manifest};
use crate::gauge::ScriptedGauge;
use crate::store::{MemoryStore, Snapshot, Write, contract};

mod crash;
mod membership;
mod prefetch;
mod rollouts;
mod streams;

/// How often an agent beats: well within the lease.
const BEAT: Duration = Duration::from_secs(1);

/// The wall clock of the tests: it goes on through restarts of the coordinator.
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_700_000_000_000) + Millis::from(self.0.elapsed())
    }
}

/// A coordinator that can be crashed and started again on what its store holds.
struct World {
    store: Arc<MemoryStore>,
    clock: Arc<dyn Clock>,
    running: JoinHandle<()>,
    /// The way to the coordinator that runs now. Agents look here when they connect.
    handle: watch::Sender<Handle>,
}

impl World {
    /// With hosts 1 to `hosts`, that have joined and whose agents do not run yet.
    async fn with_hosts(hosts: u32) -> Self {
        let store = Arc::new(MemoryStore::new());
        store.apply(&[Write::PutFleet(contract::fleet(1))]).await.unwrap();
        let joined: Vec<Write> = (1..=hosts).map(|number| Write::PutHost(Arc::new(host(number)))).collect();
        store.apply(&joined).await.unwrap();
        Self::on(Arc::clone(&store), store).await
    }

    /// `store` is what the coordinator is given; `memory` what is behind it.
    async fn on(memory: Arc<MemoryStore>, store: Arc<dyn Store>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TestClock(Instant::now()));
        let (running, handle) = start(store, Arc::clone(&clock)).await;
        Self { store: memory, clock, running, handle: watch::Sender::new(handle) }
    }

    /// As by `kill -9`, and started again at once.
    async fn restart(&mut self) {
        self.running.abort();
        let _ = (&mut self.running).await;
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let (running, handle) = start(store, Arc::clone(&self.clock)).await;
        self.running = running;
        self.handle.send_replace(handle);
    }

    fn handle(&self) -> Handle {
        self.handle.borrow().clone()
    }

    async fn stored(&self) -> Snapshot {
        self.store.load().await.unwrap()
    }

    /// Runs an agent for the host.
    fn agent(&self, number: u32) -> Agent {
        let seen = Seen::default();
        let agent = run_agent(self.handle.subscribe(), host_id(number), seen.clone());
        Agent { seen, task: tokio::spawn(agent) }
    }

    fn agents(&self, numbers: std::ops::RangeInclusive<u32>) -> Vec<Agent> {
        numbers.map(|number| self.agent(number)).collect()
    }

    async fn deploy(&self, version: u32) -> Result<RolloutSnapshot, RolloutError> {
        self.handle().deploy(deploy(version)).await
    }

    /// Deploys, and waits until it has ended.
    async fn deployed(&self, version: u32) -> Rollout {
        self.deploy(version).await.unwrap();
        self.ended().await
    }

    /// Waits until the newest rollout has ended.
    async fn ended(&self) -> Rollout {
        let mut watched = self.handle().watch_rollout(Pick::NewestOf(app())).await.unwrap();
        let ended = tokio::time::timeout(
            Duration::from_hours(1),
            watched.wait_for(|snapshot| snapshot.rollout.outcome().is_some()),
        );
        ended.await.expect("it ends").unwrap().rollout.as_ref().clone()
    }
}

async fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> (JoinHandle<()>, Handle) {
    let (controller, handle) = Controller::start(store, clock, gauges(), &Settings::default()).await.unwrap();
    (tokio::spawn(controller.run(CancellationToken::new())), handle)
}

/// Of which nothing is asked.
fn gauges() -> Gauges {
    Gauges::new(Arc::new(ScriptedGauge::new()), TaskTracker::new())
}

fn deploy(version: u32) -> Deploy {
    let waves = Waves::List(vec![Count::Hosts(1).into()]);
    let policy = Policy { waves, bake: Millis::seconds(5), ..Policy::default() };
    let by = "ada".parse().unwrap();
    Deploy { manifest: manifest(version), policy, by, turn: Turn::Alone, override_freeze: None, fingerprint: None }
}

/// What an agent was told and how it is to answer.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<SeenInner>>);

#[derive(Default)]
struct SeenInner {
    /// Every assignment, in the order in which it came.
    assignments: Vec<Assignment>,
    /// What it is told to fetch ahead, each time that this is new.
    ahead: Vec<Vec<Prefetch>>,
    /// The release that is committed here.
    base: Option<ReleaseNumber>,
    /// Releases that never become healthy here.
    bad: Vec<ReleaseNumber>,
    /// Releases that it calls healthy though it runs another image.
    faked: Vec<ReleaseNumber>,
}

/// A running agent; aborting it is like pulling the plug.
struct Agent {
    seen: Seen,
    task: JoinHandle<()>,
}

impl Agent {
    fn assignments(&self) -> Vec<Assignment> {
        self.seen.0.lock().unwrap().assignments.clone()
    }

    fn ahead(&self) -> Vec<Vec<Prefetch>> {
        self.seen.0.lock().unwrap().ahead.clone()
    }

    fn last(&self) -> Assignment {
        self.assignments().last().cloned().expect("it was told something")
    }

    fn dislikes(&self, release: u64) {
        self.seen.0.lock().unwrap().bad.push(ReleaseNumber(release));
    }

    fn fakes(&self, release: u64) {
        self.seen.0.lock().unwrap().faked.push(ReleaseNumber(release));
    }

    fn is_told_to_commit(&self, release: u64) -> bool {
        let last = self.last();
        last.phase == Phase::Committed && last.content.map(|content| content.release) == Some(ReleaseNumber(release))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, does at once all that it is told, beats; connects again when the stream ends.
async fn run_agent(mut coordinators: watch::Receiver<Handle>, host: HostId, seen: Seen) {
    loop {
        let handle = coordinators.borrow_and_update().clone();
        let connected = handle.connect(host.clone(), Epoch(0), HostFacts::default()).await;
        if let Ok(connected) = connected {
            converse(&handle, &host, &seen, connected).await;
        }
        tokio::select! {
            biased;
            _ = coordinators.changed() => {}
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

async fn converse(handle: &Handle, host: &HostId, seen: &Seen, connected: Connected) {
    let connection = connected.connection;
    let mut wanted = connected.wanted.expect("no conflict");
    loop {
        let told = wanted.borrow_and_update().clone();
        let apps = told.assignments.iter().map(|assignment| seen.obey(assignment)).collect();
        let prefetch = seen.fetch(&told.prefetch);
        let reported = Reported { apps, prefetch, ..Reported::default() };
        if handle.reported(host.clone(), connection, reported).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                biased;
                () = connected.over.cancelled() => return,
                changed = wanted.changed() => if changed.is_err() { return } else { break },
                () = tokio::time::sleep(BEAT) => connected.heard.note(),
            }
        }
    }
}

impl Seen {
    /// Has everything at once.
    fn fetch(&self, told: &[Prefetch]) -> Vec<PrefetchReport> {
        let mut seen = self.0.lock().unwrap();
        if seen.ahead.last().map(Vec::as_slice) != Some(told) {
            seen.ahead.push(told.to_vec());
        }
        let has = |told: &Prefetch| PrefetchReport {
            key: told.key.clone(),
            release: told.release,
            state: PrefetchState::Present,
        };
        told.iter().map(has).collect()
    }

    fn obey(&self, assignment: &Assignment) -> AppReport {
        let mut seen = self.0.lock().unwrap();
        seen.assignments.push(assignment.clone());
        let release = assignment.content.as_ref().map(|content| content.release);
        let is_bad = release.is_some_and(|release| seen.bad.contains(&release));
        let stage = match assignment.phase {
            _ if is_bad => Stage::Reverted,
            Phase::Trial => Stage::Trial,
            Phase::Committed => Stage::Committed,
            Phase::Withdrawn => Stage::Reverted,
        };
        if stage == Stage::Committed {
            seen.base = release;
        }
        let mut services = assignment.content.as_ref().map(running).unwrap_or_default();
        if release.is_some_and(|release| seen.faked.contains(&release)) {
            for service in services.values_mut() {
                service.pin = Digest::of(b"another image");
            }
        }
        AppReport {
            key: assignment.key.clone(),
            version: assignment.version,
            release,
            stage,
            share: assignment.share,
            base: seen.base,
            healthy: stage != Stage::Reverted,
            failure: is_bad.then(|| Failure::plain(CauseKind::Exited, "exited with code 1")),
            services,
            why: format!("does what it was told: {stage}"),
        }
    }
}

/// All services of a release, run as they should be.
fn running(content: &Content) -> BTreeMap<ServiceName, ServiceReport> {
    let manifest = Manifest::decode(&content.manifest).unwrap();
    let report = |service: Service| {
        let pin = service.image.digest().clone();
        let (release, image_id) = (content.release, pin.to_string());
        ServiceReport { release, image_id, pin, running: true, healthy: true, restarts: 0 }
    };
    manifest.services.into_iter().map(|(name, service)| (name, report(service))).collect()
}

/// Waits for a condition on what is asked again and again, each time after a little (paused) time.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    for _ in 0..2_000 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came about: {what}");
}

fn refused(assignment: &Assignment, refusal: evenkeel_model::Refusal) -> RefusedAssignment {
    RefusedAssignment { key: assignment.key.clone(), version: assignment.version, refusal }
}
