//! Which numbers one measurement takes: of which hosts, and of when. The same for all gauges. Not here: asking for them.

use std::future::Future;

use futures_util::future::join;

use evenkeel_model::analysis::{Baseline, Compare};
use evenkeel_model::{HostId, UnixMillis};
use evenkeel_rollout::{Measure, Measured};

/// What stands in a query for the hosts that it asks about.
pub(super) const HOSTS: &str = "$hosts";

/// One number that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The query as written, with `$hosts` in it.
    pub query: &'a str,
    /// The hosts that this stands for.
    pub hosts: &'a [HostId],
    /// Of when; none: of now.
    pub at: Option<UnixMillis>,
}

/// The number of the hosts with the release, and what it is compared with. Both are asked for at the same time.
pub(super) async fn measure<'a, F>(
    what: &'a Measure,
    query: &'a str,
    compare: Option<&Compare>,
    ask: impl Fn(Asked<'a>) -> F,
) -> Measured
where
    F: Future<Output = Result<f64, String>>,
{
    // An alternative of nothing would match what has no such label.
    if query.contains(HOSTS) && what.hosts.is_empty() {
        return Measured::Nothing(format!(
            "no host has the release yet, and the query asks about those that do ({HOSTS})"
        ));
    }
    let value = ask(Asked { query, hosts: &what.hosts, at: None });
    let Some(compare) = compare else {
        return value.await.map_or_else(Measured::Nothing, |value| Measured::Number { value, baseline: None });
    };
    let (value, baseline) = join(value, ask(beside(what, query, compare.with))).await;
    value.map_or_else(Measured::Nothing, |value| Measured::Number { value, baseline: Some(baseline) })
}

/// What the number is compared with.
fn beside<'a>(what: &'a Measure, query: &'a str, with: Baseline) -> Asked<'a> {
    match with {
        Baseline::OtherHosts if !what.others.is_empty() => Asked { query, hosts: &what.others, at: None },
        Baseline::OtherHosts | Baseline::Before => Asked { query, hosts: &what.hosts, at: Some(what.began) },
    }
}
