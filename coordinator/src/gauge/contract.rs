//! What every gauge must do, run on each of them: `contract_tests!` makes the tests. Not here: what only a network does (`web/tests.rs`).

use std::sync::Arc;

use evenkeel_model::analysis::{Baseline, Compare, Source};
use evenkeel_model::decimal::Bounds;
use evenkeel_model::{HostId, ReleaseNumber, UnixMillis};
use evenkeel_rollout::{GateId, Measure, Measured};

use super::Gauge;

/// When the rollouts of these tests began.
const BEGAN: UnixMillis = UnixMillis(1_700_000_000_500);

const ERRORS: &str = "sum(errors{host=~\"$hosts\"})";
const NOT_A_NUMBER: &str = "0 / 0";
const ENDLESS: &str = "1 / 0";
const WITHOUT_HOSTS: &str = "sum(errors)";
const EMPTY: &str = "nothing{host=~\"$hosts\"}";

/// All that these tests ask.
pub(crate) const QUERIES: [&str; 5] = [ERRORS, NOT_A_NUMBER, ENDLESS, WITHOUT_HOSTS, EMPTY];

/// Where a gauge finds the world of these tests: the numbers of [`number`] at an address, and below it `/good`, which answers well, and `/bad`.
pub(crate) trait Place: Default {
    async fn open(&self) -> (Arc<dyn Gauge>, String);
}

/// What the queries ask for in this world: ten errors now on each host, and one when the rollout began. So every question has an answer of its own.
pub(crate) fn number(query: &str, hosts: &[HostId], at: Option<UnixMillis>) -> Result<f64, String> {
    let hosts = u32::try_from(hosts.len()).unwrap();
    match (query, at) {
        (ERRORS, None) => Ok(f64::from(hosts * 10)),
        (ERRORS, Some(BEGAN)) => Ok(f64::from(hosts)),
        (WITHOUT_HOSTS, None) => Ok(77.0),
        (NOT_A_NUMBER, None) => Ok(f64::NAN),
        (ENDLESS, None) => Ok(f64::INFINITY),
        _ => Err("no data".to_owned()),
    }
}

macro_rules! contract_tests {
    ($place:ty: $($name:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            $crate::gauge::contract::$name(<$place>::default()).await;
        })*
    };
    ($place:ty) => {
        $crate::gauge::contract::contract_tests!($place:
            the_number_of_the_hosts_with_the_release_is_measured,
            what_is_no_finite_number_is_passed_on,
            no_data_is_nothing,
            other_hosts_are_asked_about_now,
            without_other_hosts_the_same_are_asked_about_of_when_it_began,
            before_is_the_same_hosts_when_it_began,
            what_has_nothing_beside_it_says_why,
            a_query_about_no_hosts_is_not_asked,
            a_web_server_is_good_or_bad,
        );
    };
}
pub(crate) use contract_tests;

/// A measurement of three hosts with the release, beside one without.
fn measure(source: Source) -> Measure {
    let hosts = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    Measure {
        id: GateId { gate: 0, wave: 0, step: 0 },
        number: 0,
        key: crate::fixture::app(),
        release: ReleaseNumber(2),
        source,
        hosts: hosts(&["h1", "web-2.example", "h_3"]),
        others: hosts(&["h4"]),
        began: BEGAN,
    }
}

pub(crate) fn prometheus(url: &str, query: &str, with: Option<Baseline>) -> Measure {
    measure(Source::Prometheus {
        url: url.to_owned(),
        query: query.to_owned(),
        bounds: Bounds::default(),
        compare: with.map(|with| Compare { with, max_ratio: None, max_increase: None }),
    })
}

pub(crate) fn http(url: String, status: (u16, u16), body: Option<&str>) -> Measure {
    measure(Source::Http { url, status, body: body.map(str::to_owned) })
}

fn without_others(what: Measure) -> Measure {
    Measure { others: Vec::new(), ..what }
}

pub(crate) async fn the_number_of_the_hosts_with_the_release_is_measured(place: impl Place) {
    let (gauge, url) = place.open().await;
    for (query, value) in [(ERRORS, 30.0), (WITHOUT_HOSTS, 77.0)] {
        let measured = gauge.measure(&prometheus(&url, query, None)).await;
        assert_eq!(measured, Measured::Number { value, baseline: None }, "{query}");
    }
}

pub(crate) async fn what_is_no_finite_number_is_passed_on(place: impl Place) {
    let (gauge, url) = place.open().await;
    let endless = gauge.measure(&prometheus(&url, ENDLESS, None)).await;
    assert_eq!(endless, Measured::Number { value: f64::INFINITY, baseline: None });
    let measured = gauge.measure(&prometheus(&url, NOT_A_NUMBER, None)).await;
    assert!(matches!(measured, Measured::Number { value, .. } if value.is_nan()), "{measured:?}");
}

pub(crate) async fn no_data_is_nothing(place: impl Place) {
    let (gauge, url) = place.open().await;
    for with in [None, Some(Baseline::OtherHosts), Some(Baseline::Before)] {
        let measured = gauge.measure(&prometheus(&url, EMPTY, with)).await;
        assert_eq!(measured, Measured::Nothing("no data".to_owned()), "{with:?}");
    }
}

pub(crate) async fn other_hosts_are_asked_about_now(place: impl Place) {
    let (gauge, url) = place.open().await;
    let measured = gauge.measure(&prometheus(&url, ERRORS, Some(Baseline::OtherHosts))).await;
    assert_eq!(measured, Measured::Number { value: 30.0, baseline: Some(Ok(10.0)) });
}

pub(crate) async fn without_other_hosts_the_same_are_asked_about_of_when_it_began(place: impl Place) {
    let (gauge, url) = place.open().await;
    let alone = without_others(prometheus(&url, ERRORS, Some(Baseline::OtherHosts)));
    assert_eq!(gauge.measure(&alone).await, Measured::Number { value: 30.0, baseline: Some(Ok(3.0)) });
}

pub(crate) async fn before_is_the_same_hosts_when_it_began(place: impl Place) {
    let (gauge, url) = place.open().await;
    let measured = gauge.measure(&prometheus(&url, ERRORS, Some(Baseline::Before))).await;
    assert_eq!(measured, Measured::Number { value: 30.0, baseline: Some(Ok(3.0)) });
}

pub(crate) async fn what_has_nothing_beside_it_says_why(place: impl Place) {
    let (gauge, url) = place.open().await;
    let measured = gauge.measure(&prometheus(&url, WITHOUT_HOSTS, Some(Baseline::Before))).await;
    assert_eq!(measured, Measured::Number { value: 77.0, baseline: Some(Err("no data".to_owned())) });
}

pub(crate) async fn a_query_about_no_hosts_is_not_asked(place: impl Place) {
    let (gauge, url) = place.open().await;
    let nobody = |query| Measure { hosts: Vec::new(), ..prometheus(&url, query, None) };
    let measured = gauge.measure(&nobody(ERRORS)).await;
    assert!(matches!(&measured, Measured::Nothing(why) if why.contains("no host has the release")), "{measured:?}");
    let measured = gauge.measure(&nobody(WITHOUT_HOSTS)).await;
    assert_eq!(measured, Measured::Number { value: 77.0, baseline: None });
}

pub(crate) async fn a_web_server_is_good_or_bad(place: impl Place) {
    let (gauge, url) = place.open().await;
    for (path, expected) in [("/good", true), ("/bad", false)] {
        let url = format!("{url}{path}");
        let measured = gauge.measure(&http(url.clone(), (200, 299), None)).await;
        let Measured::Answer { good, said } = measured else { panic!("{measured:?}") };
        assert_eq!(good, expected, "{said}");
        assert!(said.starts_with(&format!("GET {url}: ")), "{said}");
    }
}
