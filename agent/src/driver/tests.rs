//! What the loop does when the disk is full, on an engine in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_model::manifest::{FORMAT, IfOrphaned};
use evenkeel_model::{
    AppReport, Content, Digest, Epoch, Generation, Health, Order, Phase, Probe, ReleaseNumber, Restart, Service,
    ServiceSpec, Stage, Terms, Version,
};

use super::*;
use crate::failpoint::Never;
use crate::ledger::MemoryLedgers;
use crate::runtime::{FakeEngine, Scope};

/// More than anything here takes.
const SOON: Duration = Duration::from_secs(20);

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
        order: Order::StartFirst,
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
    };
    let manifest = manifest.encode();
    let services = BTreeSet::from(["web".parse().unwrap()]);
    let content = Content { release: ReleaseNumber(number), digest: Digest::of(&manifest), manifest, services };
    Assignment {
        key,
        version: Version { epoch: Epoch(1), generation: Generation(number) },
        content: Some(content),
        phase,
        terms: Terms {
            health_deadline: Millis::seconds(30),
            pull_deadline: Millis::seconds(60),
            orphan_after: Millis::seconds(90),
        },
    }
}

/// A driver at work.
struct Work {
    engine: FakeEngine,
    ledgers: MemoryLedgers,
    reports: Reports,
    assign: watch::Sender<Option<Assignment>>,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

fn work() -> Work {
    let (engine, ledgers, reports) = (FakeEngine::new(), MemoryLedgers::new(), Reports::default());
    let scope = Scope { fleet: "f".parse().unwrap(), host: "h".parse().unwrap(), publish_address: None };
    let runtime = Arc::new(engine.runtime(scope));
    let shared = Shared {
        runtime: runtime.clone(),
        prober: runtime,
        ledgers: Arc::new(ledgers.clone()),
        failpoint: Arc::new(Never),
        reports: reports.clone(),
        contact: Contact::new(Epoch::default()),
        ticker: Ticker::start(),
    };
    let (assign, assigned) = watch::channel(None);
    let driver = Driver::new(shared, assignment(1, Phase::Trial).key, Ledger::default(), assigned);
    let task = tokio::spawn(driver.run(CancellationToken::new()));
    Work { engine, ledgers, reports, assign, _task: tokio_util::task::AbortOnDropHandle::new(task) }
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
