//! The keys of `x-rollout`, at the top and in a service, and of all that is in it. Not here: those of Compose itself.

use super::Keys;

pub(crate) const ROLLOUT: Keys = Keys {
    scope: "x-rollout",
    supported: &[
        "strategy",
        "waves",
        "by",
        "first",
        "max_unavailable",
        "min_healthy",
        "max_failures",
        "bake",
        "health_deadline",
        "pull_deadline",
        "progress_deadline",
        "on_failure",
        "promote",
        "weights",
        "keep_blue",
        "gates",
        "order",
        "drain",
        "hold",
        "lb_delay",
        "keep_old",
        "keep",
        "if_orphaned",
        "health",
    ],
    later: &["tasks"],
    refused: &[],
    extensions: false,
};

/// What to do with a setting of the whole app under a service.
const FOR_THE_APP: &str = "it is for the whole app: move it to `x-rollout` at the top of the file";

pub(crate) const SERVICE_ROLLOUT: Keys = Keys {
    scope: "services.NAME.x-rollout",
    supported: &["order", "drain", "hold", "lb_delay", "keep_old", "health"],
    later: &["tasks"],
    refused: &[
        ("strategy", FOR_THE_APP),
        ("waves", FOR_THE_APP),
        ("by", FOR_THE_APP),
        ("first", FOR_THE_APP),
        ("max_unavailable", FOR_THE_APP),
        ("min_healthy", FOR_THE_APP),
        ("max_failures", FOR_THE_APP),
        ("bake", FOR_THE_APP),
        ("health_deadline", FOR_THE_APP),
        ("pull_deadline", FOR_THE_APP),
        ("progress_deadline", FOR_THE_APP),
        ("on_failure", FOR_THE_APP),
        ("promote", FOR_THE_APP),
        ("weights", FOR_THE_APP),
        ("keep_blue", FOR_THE_APP),
        ("gates", FOR_THE_APP),
        ("keep", FOR_THE_APP),
        ("if_orphaned", FOR_THE_APP),
    ],
    extensions: false,
};

/// A map of nothing but these.
const fn only(scope: &'static str, supported: &'static [&'static str]) -> Keys {
    Keys { scope, supported, later: &[], refused: &[], extensions: false }
}

pub(crate) const WAVE: Keys = only("x-rollout.waves[]", &["hosts", "bake", "max_unavailable", "max_failures"]);

pub(crate) const EXPONENTIAL: Keys = only("x-rollout.waves", &["first", "times"]);

pub(crate) const GATE: Keys = only("x-rollout.gates[]", &["approval", "window", "analysis", "at", "wave"]);

pub(crate) const APPROVAL: Keys = only("x-rollout.gates[].approval", &["persons"]);

pub(crate) const WINDOW: Keys = only("x-rollout.gates[].window", &["days", "start", "length", "zone"]);

pub(crate) const ANALYSIS: Keys = only(
    "x-rollout.gates[].analysis",
    &["name", "prometheus", "http", "logs", "samples", "interval", "max_bad", "max_inconclusive"],
);

pub(crate) const PROMETHEUS: Keys =
    only("x-rollout.gates[].analysis.prometheus", &["url", "query", "min", "max", "compare"]);

pub(crate) const COMPARE: Keys =
    only("x-rollout.gates[].analysis.prometheus.compare", &["with", "max_ratio", "max_increase"]);

pub(crate) const HTTP_SOURCE: Keys = only("x-rollout.gates[].analysis.http", &["url", "status", "body"]);

pub(crate) const LOGS: Keys = only("x-rollout.gates[].analysis.logs", &["pattern", "max", "min", "services"]);

pub(crate) const HEALTH: Keys = only(
    "x-rollout.health",
    &[
        "http",
        "grpc",
        "tcp",
        "exec",
        "docker",
        "interval",
        "start_interval",
        "timeout",
        "successes",
        "failures",
        "start_period",
    ],
);

pub(crate) const HTTP: Keys =
    only("x-rollout.health.http", &["port", "path", "method", "host", "headers", "status", "body"]);

pub(crate) const GRPC: Keys = only("x-rollout.health.grpc", &["port", "service"]);

pub(crate) const TCP: Keys = only("x-rollout.health.tcp", &["port"]);
