//! What the program has answered since its start, as a Prometheus reads it. Not here: what is counted (`answer.rs`).

use std::sync::atomic::{AtomicU64, Ordering};

/// All answers, and those that were errors.
#[derive(Debug, Default)]
pub(super) struct Counted {
    requests: AtomicU64,
    errors: AtomicU64,
}

impl Counted {
    pub(super) fn add(&self, is_error: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(is_error), Ordering::Relaxed);
    }

    /// The counters in the text format of a Prometheus.
    pub(super) fn text(&self) -> String {
        let counter = |name: &str, help: &str, value: &AtomicU64| {
            format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {}\n", value.load(Ordering::Relaxed))
        };
        counter("requests_total", "Requests answered, those for /healthz and /metrics aside.", &self.requests)
            + &counter("errors_total", "Those of them that were answered with an error.", &self.errors)
    }
}
