//! People during a rollout: they approve, promote, pause, freeze and let go on, each when the seed says so, and a gauge that is bad, moody or good.
//! With it what must not happen before they have spoken. Not here: aborts and rollbacks (`scenario.rs`), who may say what (the coordinator's own
//! tests).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel::gauge::ScriptedGauge;
use evenkeel::store::Snapshot;
use evenkeel_agent::ledger::LedgerStore as _;
use evenkeel_machine::End;
use evenkeel_model::analysis::Source;
use evenkeel_model::decimal::Bounds;
use evenkeel_model::gate::{Approval, Check, GateWaves};
use evenkeel_model::{
    Analysis, Gate, GatePoint, HostId, Millis, Phase, Policy, Promote, RolloutId, Strategy, UnixMillis, Version,
};
use evenkeel_rollout::{Kind, Outcome, Rollout};

use super::fleet::{at_once, key};
use super::invariants::{Violation, ensure};
use super::{Ask, Fleet, Random, Word};

/// How long between two words of a person who was not heard, or not yet.
const PATIENCE: Duration = Duration::from_secs(3);
/// The questions of the analyses. One that says nothing says so for so many readings, and then is well.
const GOOD: &str = "errors";
const MOODY: &str = "errors_of_a_gauge_that_says_nothing_at_first";
const BAD: &str = "errors_of_a_gauge_that_is_never_well";
const MOODS: u64 = 3;

/// A gauge that answers the questions of [`gates`].
pub(super) fn gauge() -> ScriptedGauge {
    let gauge = ScriptedGauge::new();
    let asked = AtomicU64::new(0);
    gauge.number(GOOD, |_| Ok(0.0));
    gauge.number(BAD, |_| Ok(1.0));
    gauge.number(MOODY, move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        number if number < MOODS => Err("no data".to_owned()),
        _ => Ok(0.0),
    });
    gauge
}

/// Gates by the seed, for a policy whose strategy is chosen; most rollouts have none.
pub(super) fn add_gates(policy: &mut Policy, random: &mut Random) {
    if policy.strategy != Strategy::Rolling && random.chance(30) {
        policy.promote = Promote::Manual;
    }
    let mut points = vec![GatePoint::Before, GatePoint::Commit, GatePoint::Commit, GatePoint::After];
    if policy.shares().len() > 1 {
        points.push(GatePoint::Switch);
    }
    let waves = [GateWaves::First, GateWaves::Every, GateWaves::Last];
    if random.chance(25) {
        let check = Check::Approval(Approval { persons: 1 });
        policy.gates.push(Gate { at: *random.pick(&points), waves: *random.pick(&waves), check });
    }
    if random.chance(25) {
        let query = *random.pick(&[GOOD, GOOD, MOODY, BAD]);
        let check = Check::Analysis(analysis(query));
        policy.gates.push(Gate { at: *random.pick(&points), waves: *random.pick(&waves), check });
    }
}

fn analysis(query: &str) -> Analysis {
    Analysis {
        name: "errors".to_owned(),
        source: Source::Prometheus {
            url: "http://prometheus.example".to_owned(),
            query: query.to_owned(),
            bounds: Bounds { min: None, max: Some("0.5".parse().expect("a number")) },
            compare: None,
        },
        samples: 2,
        interval: Millis::seconds(2),
        max_bad: 0,
        max_inconclusive: 0,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Pause,
    Freeze,
}

/// The people of one rollout.
#[derive(Debug)]
pub(super) struct People {
    /// Rollouts up to this one are none of theirs.
    after: Option<RolloutId>,
    /// When they begin to speak, from the rollout's beginning.
    speaks: Duration,
    /// When somebody stops it, and for how long: by a pause, or by a freeze.
    stops: Option<(Stop, Duration, Duration)>,
    stopped: bool,
    approves: bool,
    spoke: Option<UnixMillis>,
    words: u64,
    /// What stood in the store when it was last seen at rest.
    rested: Option<BTreeMap<HostId, (Version, Phase)>>,
}

impl People {
    /// By the seed, for the rollout after that one.
    pub(super) fn new(after: Option<RolloutId>, random: &mut Random) -> Self {
        let seconds = |random: &mut Random, from, to| Duration::from_secs(random.between(from, to));
        let speaks = seconds(random, 2, 40);
        let stops = random.chance(20).then(|| {
            let stop = *random.pick(&[Stop::Pause, Stop::Freeze]);
            (stop, seconds(random, 1, 30), seconds(random, 5, 40))
        });
        Self { after, speaks, stops, stopped: false, approves: false, spoke: None, words: 0, rested: None }
    }

    /// Says what is to be said now, if anything.
    pub(super) fn attend(&mut self, rollout: &Rollout, now: UnixMillis) -> Option<Ask> {
        let since = now.since(rollout.began).to_std();
        let is_theirs = rollout.kind == Kind::Deploy && Some(rollout.id) > self.after;
        let is_patient = self.spoke.is_some_and(|spoke| now.since(spoke).to_std() < PATIENCE);
        if !is_theirs || rollout.outcome().is_some() || is_patient {
            return None;
        }
        let ask = match self.stops {
            Some((stop, from, how_long)) if !self.stopped && since >= from => {
                self.stopped = true;
                match stop {
                    Stop::Pause => Ask::Say(Word::Pause),
                    Stop::Freeze => Ask::Freeze(now + Millis::from(how_long)),
                }
            }
            Some((_, from, how_long)) if self.stopped && since < from + how_long => return None,
            _ => Ask::Say(self.word(rollout, since)?),
        };
        self.spoke = Some(now);
        self.words += 1;
        self.approves |= matches!(ask, Ask::Say(Word::Approve));
        Some(ask)
    }

    fn word(&self, rollout: &Rollout, since: Duration) -> Option<Word> {
        if rollout.hold.is_some() {
            return Some(Word::Resume);
        }
        if since < self.speaks || !rollout.waits_at_gate {
            return None;
        }
        let approval = |gate: &Gate| matches!(gate.check, Check::Approval(_));
        let is_asked = rollout.policy.gates.iter().any(approval);
        let manual = rollout.policy.promote == Promote::Manual;
        // Whoever is not needed is told so, and says the other word the next time.
        match (is_asked, manual) {
            (true, true) => Some(if self.words.is_multiple_of(2) { Word::Approve } else { Word::Promote }),
            (true, false) => Some(Word::Approve),
            (false, true) => Some(Word::Promote),
            (false, false) => None,
        }
    }

    /// Holds what has happened against what was said.
    pub(super) fn check(&mut self, rollout: &Rollout, fleet: &Fleet, stored: &Snapshot) -> Result<(), Violation> {
        if rollout.kind != Kind::Deploy || Some(rollout.id) <= self.after {
            return Ok(());
        }
        self.nothing_is_committed_before_somebody_approved(rollout, fleet)?;
        self.a_rollout_at_rest_orders_and_commits_nothing(rollout, stored)?;
        let has_failed = |gate: &Gate| match &gate.check {
            Check::Analysis(Analysis { source: Source::Prometheus { query, .. }, .. }) => query == BAD,
            _ => false,
        };
        let is_passed = rollout.outcome() == Some(Outcome::Succeeded) && rollout.policy.gates.iter().any(has_failed);
        ensure(!is_passed, "no_bad_analysis_is_passed", || format!("rollout {} succeeded", rollout.id))
    }

    /// By the hosts' own ledgers, of gates that stand before any commit.
    fn nothing_is_committed_before_somebody_approved(&self, rollout: &Rollout, fleet: &Fleet) -> Result<(), Violation> {
        let keeps = |gate: &Gate| {
            matches!(gate.check, Check::Approval(_))
                && gate.waves.has(0, rollout.waves)
                && matches!(gate.at, GatePoint::Before | GatePoint::Commit)
        };
        if self.approves || !rollout.policy.gates.iter().any(keeps) {
            return Ok(());
        }
        for host in 0..fleet.hosts() {
            let ledgers = at_once(fleet.world(host).disk.ledgers.load()).expect("a disk in memory can be read").ledgers;
            let accepted = ledgers.get(&key()).and_then(|ledger| ledger.accepted.as_ref());
            let is_past = accepted.is_some_and(|accepted| {
                let release = accepted.assignment.content.as_ref().map(|content| content.release);
                release == Some(rollout.to) && accepted.end == Some(End::Committed)
            });
            ensure(!is_past, "no_host_passes_a_gate_that_nobody_opened", || {
                format!("host {host} has committed release {} of rollout {}", rollout.to, rollout.id)
            })?;
        }
        Ok(())
    }

    /// While it is paused or frozen, going back is all that is ordered.
    fn a_rollout_at_rest_orders_and_commits_nothing(
        &mut self,
        rollout: &Rollout,
        stored: &Snapshot,
    ) -> Result<(), Violation> {
        let rests =
            rollout.outcome().is_none() && rollout.abort.is_none() && (rollout.hold.is_some() || rollout.frozen);
        let orders = stored.orders.iter().filter_map(|(host, orders)| Some((host, orders.get(&key())?)));
        let forward = orders.filter(|(_, order)| order.release == Some(rollout.to) && order.phase != Phase::Withdrawn);
        let now: BTreeMap<_, _> = forward.map(|(host, order)| (host.clone(), (order.version, order.phase))).collect();
        if let Some(before) = self.rested.replace(now.clone()).filter(|_| rests) {
            let new = now.iter().find(|(host, order)| before.get(*host) != Some(order));
            ensure(new.is_none(), "paused_or_frozen_means_nothing_new", || {
                format!("rollout {} rests, and {new:?} was ordered", rollout.id)
            })?;
        }
        if !rests {
            self.rested = None;
        }
        Ok(())
    }
}
