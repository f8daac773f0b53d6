//! How the containers of an image behave. Not here: acting on it.

use std::time::Duration;

use evenkeel_model::CauseKind;

/// How a pull goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// At once.
    Ok,
    /// It takes so long.
    Slow(Duration),
    /// It fails for this cause.
    Fails(CauseKind),
}

/// How a container ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// From its start.
    pub after: Duration,
    /// Its exit code.
    pub code: i64,
    /// Whether it is killed for its memory.
    pub oom_killed: bool,
}

/// What an image's containers do. All times are from the container's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// How a pull of the image goes.
    pub pull: Pull,
    /// How long the engine takes to start it.
    pub start: Duration,
    /// Whether it can be started at all.
    pub startable: bool,
    /// When probes begin to be answered well; none: never.
    pub healthy_after: Option<Duration>,
    /// When probes are answered badly again; none: never.
    pub sick_after: Option<Duration>,
    /// When and how it ends by itself; none: never.
    pub exits: Option<Exit>,
    /// How long it takes to end after SIGTERM; none: it ignores it, and is killed after the grace period.
    pub stops_after: Option<Duration>,
    /// How long an answer to a probe takes.
    pub answers_after: Duration,
    /// What it writes to its log.
    pub log: Vec<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            pull: Pull::Ok,
            start: Duration::ZERO,
            startable: true,
            healthy_after: Some(Duration::ZERO),
            sick_after: None,
            exits: None,
            stops_after: Some(Duration::ZERO),
            answers_after: Duration::ZERO,
            log: Vec::new(),
        }
    }
}

impl Behaviour {
    /// Never healthy.
    pub fn unready() -> Self {
        Self { healthy_after: None, ..Self::default() }
    }

    /// Healthy so long after its start.
    pub fn slow(healthy_after: Duration) -> Self {
        Self { healthy_after: Some(healthy_after), ..Self::default() }
    }

    /// Healthy at first, and no more so long after its start.
    pub fn sick(sick_after: Duration) -> Self {
        Self { sick_after: Some(sick_after), ..Self::default() }
    }

    /// Ends by itself so long after its start.
    pub fn crash(after: Duration, code: i64) -> Self {
        Self { exits: Some(Exit { after, code, oom_killed: false }), ..Self::default() }
    }

    /// Whether a probe is answered well so long after the start.
    pub(super) fn is_healthy(&self, up: Duration) -> bool {
        self.healthy_after.is_some_and(|after| up >= after) && self.sick_after.is_none_or(|after| up < after)
    }
}
