//! Analysis gates with a real Prometheus on real hosts: its numbers are read as they are, a release that answers errors goes back by itself, and while
//! nothing can be measured nothing goes on. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;

use anyhow::Result;
use evenkeel::gauge::{Gauge as _, WebGauge};
use evenkeel_integration_tests::hosts::{Fleet, Prometheus, Traffic, eventually};
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};
use evenkeel_model::analysis::{Baseline, Compare, Source};
use evenkeel_model::decimal::Bounds;
use evenkeel_model::{AppKey, EnvironmentName, HostId, ReleaseNumber, UnixMillis};
use evenkeel_rollout::{GateId, Measure, Measured};
use tokio::runtime::Runtime;

/// The port of the program on each host.
const PORT: u16 = 8080;
/// Errors a second on the hosts that are asked about.
const ERRORS: &str = "sum(rate(errors_total{host=~\"$hosts\"}[1m]))";

/// Asks a Prometheus as the coordinator does.
struct Asker<'a> {
    runtime: Runtime,
    gauge: WebGauge,
    prometheus: &'a Prometheus,
    hosts: Vec<HostId>,
    others: Vec<HostId>,
}

impl<'a> Asker<'a> {
    fn new(prometheus: &'a Prometheus, hosts: &[&str], others: &[&str]) -> Self {
        let ids = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, gauge: WebGauge::with_system_roots(), prometheus, hosts: ids(hosts), others: ids(others) }
    }

    fn ask(&self, query: &str, with: Option<Baseline>) -> Measured {
        let measure = Measure {
            id: GateId { gate: 0, wave: 0, step: 0 },
            number: 0,
            key: AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() },
            release: ReleaseNumber(1),
            source: Source::Prometheus {
                url: self.prometheus.url(),
                query: query.to_owned(),
                bounds: Bounds::default(),
                compare: with.map(|with| Compare { with, max_ratio: None, max_increase: None }),
            },
            hosts: self.hosts.clone(),
            others: self.others.clone(),
            began: UnixMillis(1_700_000_000_250),
        };
        self.runtime.block_on(self.gauge.measure(&measure))
    }

    /// Whether there is a number, and what the error is if not.
    fn has_number(&self, query: &str) -> bool {
        matches!(self.ask(query, None), Measured::Number { value, .. } if value.is_finite())
    }

    #[track_caller]
    fn is_told(&self, query: &str, words: &str) {
        let measured = self.ask(query, None);
        assert!(matches!(&measured, Measured::Nothing(why) if why.contains(words)), "{query}: {measured:?}");
    }
}

fn number(value: f64) -> Measured {
    Measured::Number { value, baseline: None }
}

#[test]
fn the_numbers_of_a_prometheus_are_read_as_they_are() -> Result<()> {
    let fleet = Fleet::start(1)?;
    let host = fleet.host(0);
    let image = fleet.publish("v1", &[("VERSION", "v1"), ("MODE", "graceful")])?;
    host.engine().pull(&image.pinned())?;
    host.engine().run_container("app", &image.pinned(), &[(PORT, PORT)])?;
    // The second name is one that the first would match if its dot were left as it is.
    let (with_dot, alike) = ("web-1.example", "web-1xexample");
    let prometheus = Prometheus::start_beside(&fleet, &[(with_dot, host.at(PORT)), (alike, host.at(PORT))])?;
    let asker = Asker::new(&prometheus, &[with_dot], &[alike]);
    eventually("both names were asked", SOON, || asker.ask("sum(up)", None) == number(2.0));

    for query in ["sum(up{host=~\"$hosts\"})", "sum(up{host=~'$hosts'})", "sum(up{host=~`$hosts`})"] {
        assert_eq!(asker.ask(query, None), number(1.0), "{query}");
    }
    let many: Vec<String> = (0..1000).map(|number| format!("host-{number}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain([with_dot]).collect();
    assert_eq!(Asker::new(&prometheus, &many, &[]).ask("sum(up{host=~\"$hosts\"})", None), number(1.0));
    eventually("the program's own numbers are there", SOON, || asker.has_number(ERRORS));
    assert_eq!(asker.ask(ERRORS, None), number(0.0));

    let counted = asker.ask("count(up{host=~\"$hosts\"})", Some(Baseline::OtherHosts));
    assert_eq!(counted, Measured::Number { value: 1.0, baseline: Some(Ok(1.0)) });
    let before = asker.ask("time()", Some(Baseline::Before));
    assert!(matches!(before, Measured::Number { baseline: Some(Ok(1_700_000_000.25)), .. }), "{before:?}");
    let earlier = asker.ask("sum(up)", Some(Baseline::Before));
    assert_eq!(earlier, Measured::Number { value: 2.0, baseline: Some(Err("no data".to_owned())) });

    assert_eq!(asker.ask("1 / 0", None), number(f64::INFINITY));
    assert!(matches!(asker.ask("0 / 0", None), Measured::Number { value, .. } if value.is_nan()));
    asker.is_told("unheard_of{host=~\"$hosts\"}", "no data");
    asker.is_told("up", "2 numbers");
    asker.is_told("sum(up", "parse error");
    asker.is_told("up[1m]", "a matrix");
    prometheus.stop();
    asker.is_told("sum(up)", "Connection refused");
    prometheus.start()?;
    assert_eq!(asker.ask("1", None), number(1.0));
    Ok(())
}

/// Five hosts in three zones that run v1, a Prometheus that knows their errors, and a client on each.
struct Ground {
    traffic: Vec<Traffic>,
    // Ended before the hosts.
    prometheus: Prometheus,
    installation: Installation,
}

impl Ground {
    fn start() -> Result<Self> {
        let installation = Installation::start_in_zones(&["a", "a", "b", "b", "c"])?;
        let fleet = installation.fleet();
        fleet.publish("v1", &[("VERSION", "v1"), ("MODE", "graceful")])?;
        let first = installation.deploy(&Compose::published("v1"))?;
        assert_eq!(first.code, 0, "{first}");
        let programs: Vec<(&str, SocketAddr)> = fleet.hosts().iter().map(|host| (host.name(), host.at(PORT))).collect();
        let prometheus = Prometheus::start_beside(fleet, &programs)?;
        let traffic = programs.iter().map(|(_, address)| Traffic::start(*address)).collect();
        let ground = Self { traffic, prometheus, installation };
        ground.until_measurable();
        Ok(ground)
    }

    /// A rate takes two numbers of each host.
    fn until_measurable(&self) {
        for host in self.installation.fleet().hosts() {
            let asker = Asker::new(&self.prometheus, &[host.name()], &[]);
            eventually("the errors of each host are known", SOON, || asker.has_number(ERRORS));
        }
    }

    /// A canary that is measured twice before its commit.
    fn canary(&self, tag: &str) -> Compose {
        // One dollar sign would be a variable of Compose.
        let query = ERRORS.replace('$', "$$");
        let source = format!("prometheus: {{ url: \"{}\", query: '{query}', max: 0.05 }}", self.prometheus.url());
        let gate = format!("{{ analysis: {{ name: errors, {source}, samples: 2, interval: 2s }} }}");
        Compose::published(tag).with("strategy", "canary").with("gates", &format!("[{gate}]"))
    }

    #[track_caller]
    fn all_serve(&self, version: &str) {
        for host in self.installation.fleet().hosts() {
            let serves =
                || host.http_get(PORT, "/").is_ok_and(|answer| answer.status == 200 && answer.text() == version);
            eventually(&format!("{} serves {version}", host.name()), SOON, serves);
        }
    }
}

#[test]
fn a_canary_that_answers_errors_fails_its_analysis_and_goes_back_by_itself() -> Result<()> {
    let ground = Ground::start()?;
    // Its health checks are good: only who counts its answers can tell.
    ground.installation.fleet().publish("v2", &[("VERSION", "v2"), ("MODE", "faulty")])?;
    let ended = ground.installation.deploy(&ground.canary("v2"))?;
    assert_eq!(ended.code, 3, "{ended}");
    ground.all_serve("v1");

    let shown = ground.installation.rollout()?;
    assert_eq!(shown["outcome"], "rolled_back", "{shown:#}");
    let table = ground.installation.verb(["rollout", "show"])?;
    assert!(table.out.contains("analysis errors: 1 of 1 readings bad"), "{table}");
    assert!(table.out.contains("it may be 0.05 at most"), "{table}");
    let records = ground.traffic.into_iter().map(Traffic::stop);
    let touched = records.filter(|record| record.lost.iter().any(|lost| lost.why.contains("500"))).count();
    assert_eq!(touched, 1, "only the clients of the canary have met the errors");
    Ok(())
}

#[test]
fn a_canary_that_can_not_be_measured_pauses_and_goes_on_when_it_is_resumed() -> Result<()> {
    let ground = Ground::start()?;
    ground.installation.fleet().publish("v2", &[("VERSION", "v2"), ("MODE", "graceful")])?;
    ground.prometheus.stop();
    let paused = ground.installation.deploy(&ground.canary("v2"))?;
    assert_eq!(paused.code, 5, "it needs a person, and nothing has failed: {paused}");
    let table = ground.installation.verb(["rollout", "show"])?;
    assert!(table.out.contains("analysis errors says nothing"), "{table}");
    assert!(table.out.contains("Connection refused"), "{table}");

    ground.prometheus.start()?;
    ground.until_measurable();
    let resumed = ground.installation.verb(["rollout", "resume"])?;
    assert_eq!(resumed.code, 0, "{resumed}");
    let ended = ground.installation.watch()?;
    assert_eq!(ended.code, 0, "{ended}");
    ground.all_serve("v2");
    Ok(())
}
