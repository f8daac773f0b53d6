//! What the loop does when the disk is full, and with the proxy, on an engine and a proxy in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use evenkeel_machine::Container;
use evenkeel_model::manifest::{FORMAT, IfOrphaned};
use evenkeel_model::service::{Port, Protocol};
use evenkeel_model::{
    AppReport, Content, Digest, Epoch, Generation, Health, HostStats, HttpRoute, ImagePin, Manifest, Order, Phase,
    Probe, ReleaseNumber, Restart, Service, ServiceName, ServiceSpec, Share, Stage, Terms, Version, Via,
};

use super::*;
use crate::facts::FixedFacts;
use crate::fetched::FetchedImages;
use crate::ledger::MemoryLedgers;
use crate::router::{FakeRouter, Told};
use crate::runtime::{FakeEngine, FakeRuntime, Scope};

mod blue;
mod shares;

/// More than anything here takes, and less than a drain may.
const SOON: Duration = Duration::from_secs(25);
/// The port that the proxy owns.
const PORT: u16 = 8443;

pub(crate) fn assignment(number: u64, phase: Phase) -> Assignment {
    let key: AppKey = AppKey { environment: "default".parse().unwrap(), app: "shop".parse().unwrap() };
    let digest = Digest::of(format!("web-{number}").as_bytes());
    let spec = ServiceSpec {
        command: None,
        entrypoint: None,
        environment: BTreeMap::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health { interval: Millis(100), ..Health::with_defaults(Probe::Running) },
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
    let image = ImagePin::Registry { reference: "r/web".to_owned(), repository: "r/web".to_owned(), digest };
    let manifest = Manifest {
        format: FORMAT,
        environment: key.environment.clone(),
        app: key.app.clone(),
        services: [("web".parse().unwrap(), Service { image, spec })].into(),
        secrets: BTreeMap::new(),
        if_orphaned: IfOrphaned::Keep,
        keep: evenkeel_model::manifest::DEFAULT_KEEP,
    };
    let manifest = manifest.encode();
    let services = BTreeSet::from(["web".parse().unwrap()]);
    let content = Content { release: ReleaseNumber(number), digest: Digest::of(&manifest), manifest, services };
    Assignment {
        key,
        version: Version { epoch: Epoch(1), generation: Generation(number) },
        content: Some(content),
        phase,
        share: Share::ALL,
        terms: Terms {
            health_deadline: Millis::seconds(30),
            pull_deadline: Millis::seconds(60),
            orphan_after: Millis::seconds(90),
            keep_blue: Millis(0),
        },
    }
}

/// As [`assignment`], with a port that the proxy owns.
fn routed(number: u64, phase: Phase) -> Assignment {
    let mut assignment = assignment(number, phase);
    let content = assignment.content.as_mut().unwrap();
    let mut manifest = Manifest::decode(&content.manifest).unwrap();
    let via = Via::Http(HttpRoute::default());
    let port = Port { address: None, published: PORT, target: 8080, protocol: Protocol::Tcp, via };
    manifest.services.values_mut().for_each(|service| service.spec.ports = vec![port.clone()]);
    content.manifest = manifest.encode();
    content.digest = Digest::of(&content.manifest);
    assignment
}

fn web() -> ServiceName {
    "web".parse().unwrap()
}

/// Notes the places.
#[derive(Debug, Clone, Default)]
struct Noted(Arc<Mutex<BTreeSet<String>>>);

impl Failpoint for Noted {
    fn reached(&self, place: &str) {
        self.0.lock().unwrap().insert(place.to_owned());
    }
}

/// A driver at work.
struct Work {
    engine: FakeEngine,
    runtime: FakeRuntime,
    router: FakeRouter,
    places: Noted,
    key: AppKey,
    ledgers: MemoryLedgers,
    reports: Reports,
    assign: watch::Sender<Option<Assignment>>,
    shared: Shared,
    /// Ends with it.
    task: tokio_util::task::AbortOnDropHandle<()>,
}

fn work() -> Work {
    work_with(HostStats::default(), |_| {})
}

/// On a host like this, where this was done before the agent starts.
fn work_with(stats: HostStats, before: impl FnOnce(&FakeRouter)) -> Work {
    let (engine, ledgers, reports) = (FakeEngine::new(), MemoryLedgers::new(), Reports::default());
    let scope = Scope { fleet: "f".parse().unwrap(), host: "h".parse().unwrap(), publish_address: None };
    let (runtime, router, places) = (engine.runtime(scope), FakeRouter::new(), Noted::default());
    before(&router);
    let ticker = Ticker::start();
    let shared = Shared {
        runtime: Arc::new(runtime.clone()),
        router: Arc::new(router.clone()),
        prober: Arc::new(runtime.clone()),
        facts: Arc::new(FixedFacts { stats, ..FixedFacts::default() }),
        min_free_disk: 100,
        needs: Needs::default(),
        fetched: FetchedImages::new(vec![], ticker.now()),
        ledgers: Arc::new(ledgers.clone()),
        failpoint: Arc::new(places.clone()),
        reports: reports.clone(),
        contact: Contact::new(Epoch::default()),
        ticker,
    };
    let (assign, assigned) = watch::channel(None);
    let key = assignment(1, Phase::Trial).key;
    let task = drive(&shared, Ledger::default(), assigned);
    Work { engine, runtime, router, places, key, ledgers, reports, assign, shared, task }
}

fn drive(
    shared: &Shared,
    ledger: Ledger,
    assigned: watch::Receiver<Option<Assignment>>,
) -> tokio_util::task::AbortOnDropHandle<()> {
    let driver = Driver::new(shared.clone(), assignment(1, Phase::Trial).key, ledger, assigned);
    tokio_util::task::AbortOnDropHandle::new(tokio::spawn(driver.run(CancellationToken::new())))
}

impl Work {
    /// Waits for a report of which this is so.
    #[track_caller]
    fn until(&self, what: &'static str, so: impl Fn(&AppReport) -> bool) -> impl Future<Output = ()> {
        let mut reports = self.reports.subscribe();
        async move {
            let found = reports.wait_for(|apps| apps.values().filter_map(|app| app.report.as_ref()).any(&so));
            assert!(tokio::time::timeout(SOON, found).await.is_ok(), "no report of {what}");
        }
    }

    /// The agent is killed, and starts again with what is durable.
    async fn restart(&mut self) {
        self.task.abort();
        let ledger = self.ledgers.load().await.unwrap().ledgers.remove(&self.key).unwrap_or_default();
        self.task = drive(&self.shared, ledger, self.assign.subscribe());
    }

    /// The containers, by the release that they were made for.
    async fn containers(&self) -> BTreeMap<u64, Container> {
        let seen = self.runtime.observe(&self.key, &[]).await.containers;
        seen.into_iter().map(|container| (container.release.0, container)).collect()
    }

    /// Release 1 serves a request when `next` replaces it, and goes when that has ended.
    async fn replaced_once_drained(&self, next: Assignment) {
        self.assign.send_replace(Some(routed(1, Phase::Committed)));
        self.until("the first release", |report| report.stage == Stage::Committed && report.healthy).await;
        let old = self.containers().await[&1].id.clone();
        assert_eq!(self.routed(), std::slice::from_ref(&old));
        let request = self.router.begin(&self.key, &web()).expect("it is served");
        assert_eq!(request.container, old);

        self.assign.send_replace(Some(next));
        self.until("the drain", |report| report.why.contains("draining web: 1 under way")).await;
        let both = self.containers().await;
        assert!(both[&1].is_running() && both[&2].is_running(), "{both:?}");

        // Far sooner than the drain's deadline: the proxy tells.
        self.router.finish(&request);
        let alone = async {
            let mut changes = self.runtime.wakeups();
            while self.containers().await.len() > 1 {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(SOON, alone).await.expect("the old one goes");
        assert!(!self.router.log().iter().any(|told| matches!(told, Told::Cut(..))), "nothing had to be cut");
    }

    /// Who gets what is new.
    fn routed(&self) -> Vec<String> {
        let plan = self.router.plan(&self.key);
        plan.services.into_values().flat_map(|routes| routes.upstreams).map(|upstream| upstream.container).collect()
    }
}

#[tokio::test]
async fn a_full_disk_does_not_stop_the_looking_and_is_said() {
    let work = work();
    work.assign.send_replace(Some(assignment(1, Phase::Committed)));
    work.until("the first release", |report| report.stage == Stage::Committed && report.healthy).await;
    work.ledgers.fail_writes(true);
    work.assign.send_replace(Some(assignment(2, Phase::Trial)));
    work.until("the disk", |report| report.healthy && report.why.contains("no space is left")).await;
    // What goes wrong meanwhile is seen.
    work.engine.engine_down(true);
    work.until("the engine", |report| !report.healthy && report.version.generation.0 == 1).await;
    work.engine.engine_down(false);
    work.ledgers.fail_writes(false);
    work.until("the second release", |report| report.stage == Stage::Trial && report.release.unwrap().0 == 2).await;
}

#[tokio::test]
async fn an_image_that_is_pulled_in_its_turn_is_noted_so_that_it_can_go_again() {
    let work = work();
    work.assign.send_replace(Some(assignment(1, Phase::Trial)));
    work.until("the trial", |report| report.stage == Stage::Trial).await;
    let fetched = work.ledgers.load().await.unwrap().fetched;
    assert!(matches!(fetched.as_slice(), [only] if only.key == work.key && only.is_ours), "{fetched:?}");
}

#[tokio::test(start_paused = true)]
async fn what_happens_during_a_wait_is_looked_at_at_once_and_not_at_the_next_timer() {
    let work = work();
    work.assign.send_replace(Some(assignment(1, Phase::Committed)));
    work.until("rest", |report| report.healthy && report.why == "the release is final here").await;
    // On this clock a second passes only when nobody has anything to do.
    let before = tokio::time::Instant::now();
    work.engine.engine_down(true);
    work.until("the engine", |report| !report.healthy).await;
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
}

#[tokio::test]
async fn a_commit_that_can_not_be_made_durable_is_not_claimed_and_its_cause_is_said() {
    let work = work();
    work.assign.send_replace(Some(assignment(1, Phase::Trial)));
    work.until("the trial", |report| report.stage == Stage::Trial).await;
    work.ledgers.fail_writes(true);
    work.assign.send_replace(Some(assignment(1, Phase::Committed)));
    let full = |report: &AppReport| report.failure.as_ref().is_some_and(|failure| failure.kind == CauseKind::DiskFull);
    work.until("the disk", |report| report.stage == Stage::Trial && full(report)).await;
    work.ledgers.fail_writes(false);
    work.until("the commit", |report| report.stage == Stage::Committed && report.failure.is_none()).await;
}

#[tokio::test]
async fn an_old_container_goes_when_the_last_of_its_requests_ends_and_not_before() {
    let work = work();
    work.replaced_once_drained(routed(2, Phase::Committed)).await;
    let new = work.containers().await[&2].id.clone();
    assert_eq!(work.routed(), [new]);
    let places = work.places.0.lock().unwrap();
    assert!(["before:route", "after:route"].into_iter().all(|place| places.contains(place)), "{places:?}");
}

#[tokio::test]
async fn what_is_under_way_is_seen_also_when_no_route_is_left_that_it_could_have_come_by() {
    let work = work();
    work.replaced_once_drained(assignment(2, Phase::Committed)).await;
    assert_eq!(work.routed(), [""; 0]);
}

#[tokio::test]
async fn a_routed_port_that_somebody_else_has_is_said_before_any_container_is_made() {
    let work = work_with(HostStats::default(), |router| router.occupy(PORT, true));
    work.assign.send_replace(Some(routed(1, Phase::Trial)));
    let taken =
        |report: &AppReport| report.failure.as_ref().is_some_and(|failure| failure.kind == CauseKind::PortTaken);
    work.until("the port", taken).await;
    assert!(work.containers().await.is_empty());
    work.router.occupy(PORT, false);
    work.until("the trial", |report| report.stage == Stage::Trial && report.healthy).await;
}

#[tokio::test]
async fn an_app_without_routed_ports_needs_no_proxy_and_does_not_ask_it_at_each_look() {
    let work = work_with(HostStats::default(), |router| router.down(true));
    work.assign.send_replace(Some(assignment(1, Phase::Committed)));
    work.until("the commit", |report| report.stage == Stage::Committed && report.healthy).await;
    assert_eq!(work.router.asked(), 1);
    // It is there again: perhaps with routes that an earlier life of this agent left.
    work.router.down(false);
    let again = async {
        while work.router.asked() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, again).await.expect("it is asked again");
}

#[tokio::test]
async fn no_image_is_pulled_onto_a_disk_that_is_nearly_full() {
    let work = work_with(HostStats { disk_available: 99, disk_total: 1000, ..HostStats::default() }, |_| {});
    work.assign.send_replace(Some(assignment(1, Phase::Trial)));
    let full = |report: &AppReport| report.failure.as_ref().is_some_and(|failure| failure.kind == CauseKind::DiskFull);
    work.until("the disk", full).await;
    assert!(!work.places.0.lock().unwrap().contains("before:pull"));
}

#[test]
fn an_app_needs_its_images_and_those_of_the_releases_that_it_keeps_and_others_know() {
    use evenkeel_machine::{Accepted, Blue, Kept};
    let pin = |image: &str| ImagePin::Registry {
        reference: image.to_owned(),
        repository: image.to_owned(),
        digest: Digest::of(image.as_bytes()),
    };
    let accepted = Some(Accepted { assignment: assignment(2, Phase::Trial), end: None });
    let kept = vec![Kept { release: ReleaseNumber(0), images: vec![pin("web-0")] }];
    let blue = routed(3, Phase::Trial).content.map(|content| Blue { content, keep: Millis(1) });
    let ledger = Ledger { accepted, base: assignment(1, Phase::Trial).content, kept, blue: None };
    let named = Named::by(&ledger);
    assert_eq!((named.pins.len(), named.routed), (2, false));
    let beside = Named::by(&Ledger { blue, ..ledger });
    assert_eq!((beside.pins.len(), beside.routed), (3, true));
    let key = |app: &str| AppKey { environment: "default".parse().unwrap(), app: app.parse().unwrap() };
    let needs = Needs::default();
    needs.set(&key("shop"), &named);
    needs.set(&key("blog"), &Named::by(&Ledger::default()));
    assert_eq!(needs.elsewhere(&key("shop")), [].into());
    let all = ["web-0", "web-1", "web-2"].map(|image| Digest::of(image.as_bytes()));
    assert_eq!(needs.elsewhere(&key("blog")), all.into());
    let routed = Ledger { base: routed(1, Phase::Trial).content, ..Ledger::default() };
    assert!(Named::by(&routed).routed);
}
