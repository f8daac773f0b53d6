//! What the planner answers, in lines that people read. Not here: what happens in the world.

use std::fmt::Write as _;

use evenkeel_model::{HostId, PrefetchState, ReleaseNumber, UnixMillis};
use evenkeel_rollout::{Change, HostState, Kind, Outcome, Rollout, State, WaitingOn};

use crate::world::World;

/// Writes answers; says a rollout's state only where it changes.
#[derive(Default)]
pub(crate) struct Answers {
    state: String,
}

impl Answers {
    /// Plans, asserts that planning again changes nothing, and sends the orders.
    pub(crate) fn plan(&mut self, world: &mut World) -> String {
        let mut text = String::new();
        let plan = world.plan();
        let mut again = world.clone();
        let second = again.plan();
        assert!(second.orders.is_empty() && again.rollout == world.rollout, "planning twice changes nothing");
        assert_eq!(second.prefetch, plan.prefetch, "planning twice changes nothing");
        for (host, order) in &plan.orders {
            let release = release(order.release);
            let phase = format!("{:?}", order.phase).to_lowercase();
            let share = if order.share.is_partial() { format!(" with {}", order.share) } else { String::new() };
            writeln!(text, "-> {host}: generation {}, {release}, {phase}{share}", order.generation).unwrap();
        }
        world.send(&plan);
        let state = world.rollout.as_ref().map(state).unwrap_or_default();
        if state != self.state {
            writeln!(text, "== {state}").unwrap();
            self.state = state;
            let failure = world.rollout.as_ref().and_then(|rollout| rollout.failure.as_ref());
            for line in failure.iter().flat_map(|failure| &failure.evidence.log) {
                writeln!(text, "   | {line}").unwrap();
            }
        }
        for measure in &plan.measures {
            let [hosts, others] = [&measure.hosts, &measure.others].map(|hosts| names(hosts));
            writeln!(text, "?? reading {} of {hosts}, beside {others}", measure.number + 1).unwrap();
        }
        for waiting in &plan.waiting {
            writeln!(text, ".. {}", reason(waiting, world.now)).unwrap();
        }
        if let Some(wake_at) = plan.wake_at {
            writeln!(text, "@ {} from now", wake_at.since(world.now)).unwrap();
        }
        text
    }
}

fn state(rollout: &Rollout) -> String {
    let mut text = match (rollout.kind, rollout.from) {
        (Kind::Deploy, from) => format!("deploy of release {} over {}: ", rollout.to, release(from)),
        (Kind::Rollback, from) => format!("rollback from {} to release {}: ", release(from), rollout.to),
    };
    match rollout.state {
        State::Advancing if rollout.shares.len() > 1 => {
            write!(text, "advancing, wave {} of {}, {}", rollout.wave + 1, rollout.waves, rollout.share())
        }
        State::Advancing => write!(text, "advancing, wave {} of {}", rollout.wave + 1, rollout.waves),
        State::Queued => write!(text, "queued"),
        State::Paused => write!(text, "paused"),
        State::RollingBack => write!(text, "rolling back"),
        State::Withdrawing => write!(text, "withdrawing"),
        State::Ended { outcome } => write!(text, "{}", ended(outcome)),
    }
    .unwrap();
    if let Some(failure) = &rollout.failure {
        write!(text, " ({failure})").unwrap();
    }
    text
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "SUCCEEDED",
        Outcome::RolledBack => "ROLLED BACK",
        Outcome::Halted => "HALTED",
        Outcome::Aborted => "ABORTED",
        Outcome::Superseded => "SUPERSEDED",
    }
}

fn reason(waiting: &WaitingOn, now: UnixMillis) -> String {
    match waiting {
        WaitingOn::Bake { until } => format!("bakes for {} more", until.since(now)),
        WaitingOn::Unhealthy { hosts } => format!("not healthy: {}", names(hosts)),
        WaitingOn::Share { hosts, share } => format!("told to give it {share}: {}", names(hosts)),
        WaitingOn::Acknowledgement { hosts } => format!("told to commit: {}", names(hosts)),
        WaitingOn::Returning { hosts } => format!("on the way back: {}", names(hosts)),
        WaitingOn::BudgetSpent { unavailable, budget } => format!("{unavailable} unavailable of {budget} that may be"),
        WaitingOn::HostLost { hosts } => format!("not heard from: {}", names(hosts)),
        WaitingOn::Obstacle { host, failure } => format!("{host} meets {failure}"),
        WaitingOn::Conflict { hosts } => format!("in conflict: {}", names(hosts)),
        WaitingOn::Person => "a person".to_owned(),
        WaitingOn::Paused { by, why } => match by {
            Some(by) => format!("paused by {by}: {why}"),
            None => format!("paused: {why}"),
        },
        WaitingOn::Frozen { by, why, .. } => format!("frozen by {by}: {why}"),
        WaitingOn::Approval { needed, given, except } => {
            let given: Vec<&str> = given.iter().map(evenkeel_model::OperatorName::as_str).collect();
            let given = if given.is_empty() { String::new() } else { format!(", given by {}", given.join(", ")) };
            let except = except.as_ref().map(|name| format!(", not by {name}")).unwrap_or_default();
            format!("{needed} more to approve{except}{given}")
        }
        WaitingOn::Window { window, opens } => match opens {
            Some(opens) => format!("window {window}, open in {}", opens.since(now)),
            None => format!("window {window}, never open"),
        },
        WaitingOn::Analysis { name, taken, samples, bad } => {
            format!("analysis {name}: {taken} of {samples} readings, {bad} bad")
        }
        WaitingOn::Promotion => "a promotion".to_owned(),
        WaitingOn::Queue { rollout } => format!("its turn, after rollout {rollout}"),
        WaitingOn::Drain { hosts } => format!("being emptied: {}", names(hosts)),
    }
}

fn names(hosts: &[HostId]) -> String {
    if hosts.is_empty() {
        return "nobody".to_owned();
    }
    hosts.iter().map(HostId::as_str).collect::<Vec<_>>().join(", ")
}

fn release(release: Option<ReleaseNumber>) -> String {
    release.map_or("nothing".to_owned(), |release| format!("release {release}"))
}

/// Every host: how far the rollout is with it, and what it has by itself.
pub(crate) fn show(world: &World) -> String {
    let mut text = String::new();
    for (id, host) in &world.hosts {
        let progress = world.rollout.as_ref().and_then(|rollout| rollout.hosts.get(id));
        let state = progress.map_or("not covered".to_owned(), |progress| {
            format!("wave {} {}", progress.wave + 1, host_state(progress.state))
        });
        let there = host.agent.stage.map_or("nothing yet".to_owned(), |stage| {
            let accepted = host.agent.accepted.expect("what has a stage was accepted");
            format!("{} {stage}, base {}", release(accepted.release), release(host.agent.base))
        });
        writeln!(text, "{id}: {state}; there: {there}").unwrap();
    }
    writeln!(text, "current: {}", release(world.current)).unwrap();
    text
}

/// Who fetches what ahead, in the coordinator's eyes.
pub(crate) fn prefetch(world: &World) -> String {
    let views = world.views();
    let mut text = String::new();
    for (id, release) in &world.prefetch {
        let said = views.iter().find(|view| view.host == *id).and_then(|view| view.prefetched(*release));
        let how = match said {
            None => "told to".to_owned(),
            Some(PrefetchState::GivenUp { failure }) => format!("given up: {failure}"),
            Some(state) => state.as_str().to_owned(),
        };
        writeln!(text, "{id}: release {release}, {how}").unwrap();
    }
    if text.is_empty() { "nobody".to_owned() } else { text }
}

fn host_state(state: HostState) -> &'static str {
    match state {
        HostState::Waiting => "waiting",
        HostState::Ordered => "ordered",
        HostState::Healthy => "healthy",
        HostState::Committing => "committing",
        HostState::Committed => "committed",
        HostState::Failed => "failed",
        HostState::Returning => "returning",
        HostState::Returned => "returned",
    }
}

/// What `evenkeel plan` would say.
pub(crate) fn preview(world: &mut World, to: ReleaseNumber) -> String {
    world.release(to);
    let views = world.views();
    let preview =
        world.with_input(|input| evenkeel_rollout::preview(input, &world.begin_args(Kind::Deploy, to, &views)));
    let preview = match preview {
        Ok(preview) => preview,
        Err(error) => return format!("!! {error}"),
    };
    let mut text = format!("{} waves, {} may be unavailable\n", preview.waves.len(), preview.budget);
    for (number, wave) in preview.waves.iter().enumerate() {
        for host in &wave.hosts {
            let services: Vec<String> =
                host.services.iter().map(|(name, change)| format!("{name} {}", change_in_words(change))).collect();
            let silent = if host.live { "" } else { " (not heard from)" };
            writeln!(text, "wave {}: {}{silent}: {}", number + 1, host.host, services.join(", ")).unwrap();
        }
    }
    text
}

fn change_in_words(change: &Change) -> String {
    match change {
        Change::Unchanged => "unchanged".to_owned(),
        Change::Rerouted { .. } => "rerouted".to_owned(),
        Change::Replace { .. } => "replaced".to_owned(),
        Change::StopFirst { reason, .. } => format!("stopped first, because {reason}"),
        Change::New => "new".to_owned(),
        Change::Remove => "removed".to_owned(),
    }
}
