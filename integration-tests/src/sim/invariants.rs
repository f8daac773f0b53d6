//! What must hold at every moment, whatever goes wrong: checked against the engines' truth and the disks, not against what anybody reports.
//! Not here: what must hold at the end (`scenario.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use evenkeel::store::Snapshot;
use evenkeel_agent::ledger::LedgerStore as _;
use evenkeel_agent::runtime::{Performed, Serving};
use evenkeel_machine::{Action, End};
use evenkeel_model::{Generation, ReleaseNumber, RolloutId, Version};
use evenkeel_rollout::{HostState, Outcome};

use super::ahead::Ahead;
use super::fleet::{at_once, key};
use super::release::service;
use super::{Fleet, HostNumber};

/// How old the proof of a success may be: a report on its way, a lease, and the coordinator's store in between.
const PROOF_AGE: Duration = Duration::from_secs(12);
/// How long after a fault a host is not held to the budget: its agent must see, prove and report again.
const RECOVERY: Duration = Duration::from_secs(40);

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.seen)
    }
}

/// What is remembered from step to step.
#[derive(Debug, Default)]
pub(super) struct Checker {
    ends: BTreeMap<(HostNumber, Version), bool>,
    orders: BTreeMap<HostNumber, (Generation, Option<ReleaseNumber>)>,
    last_served: BTreeMap<(HostNumber, ReleaseNumber), Duration>,
    served: BTreeSet<HostNumber>,
    hurt: BTreeMap<HostNumber, Duration>,
    succeeded: BTreeSet<RolloutId>,
    ahead: Ahead,
}

pub(super) fn ensure(holds: bool, invariant: &'static str, seen: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { invariant, seen: seen() }) }
}

impl Checker {
    /// From now on a host is held to the budget only once it has served again: what it served before may have been taken away rightly.
    pub(super) fn forget_who_served(&mut self) {
        self.served.clear();
    }

    /// How often a host had a release's image before it was ordered there, because it was fetched ahead.
    pub(super) fn fetched_ahead(&self) -> usize {
        self.ahead.count()
    }

    /// Checks all of them. `victims` are hurt now; `budget`: how many hosts may be down by our hand, if only good releases are about.
    pub(super) fn check(
        &mut self,
        fleet: &Fleet,
        victims: &BTreeSet<HostNumber>,
        budget: Option<usize>,
    ) -> Result<(), Violation> {
        let (now, stored) = (fleet.elapsed(), fleet.stored());
        for host in victims {
            self.hurt.insert(*host, now);
        }
        for host in 0..fleet.hosts() {
            if let Some(Violation { invariant, seen }) = fleet.world(host).watch.take().pop() {
                return Err(Violation { invariant, seen: format!("host {host}: {seen}") });
            }
            let serving = fleet.runtime(host).serving(&key(), &service());
            for one in serving.iter().filter(|one| one.healthy) {
                self.last_served.insert((host, one.release), now);
                self.served.insert(host);
            }
            self.g6_each_generation_ends_once(fleet, host)?;
            let log = fleet.world(host).engine.take_log();
            self.g6_a_reverted_generation_is_never_tried_again(&log, host)?;
            self.ahead.check(host, &log, &stored, fleet)?;
            at_most_two_run(host, &serving)?;
            self.generations_rise(host, &stored, fleet)?;
        }
        self.g5_hosts_down_by_our_hand_stay_in_the_budget(fleet, budget)?;
        self.g4_success_means_every_host(fleet, &stored)
    }

    fn g6_each_generation_ends_once(&mut self, fleet: &Fleet, host: HostNumber) -> Result<(), Violation> {
        let ledgers = at_once(fleet.world(host).disk.ledgers.load()).expect("a disk in memory can be read").ledgers;
        for accepted in ledgers.values().filter_map(|ledger| ledger.accepted.as_ref()) {
            let committed = match accepted.end {
                None => continue,
                Some(End::Committed) => true,
                Some(End::Reverting { .. } | End::Reverted { .. }) => false,
            };
            let version = accepted.assignment.version;
            let first = *self.ends.entry((host, version)).or_insert(committed);
            ensure(first == committed, "g6_each_generation_ends_once", || {
                format!("host {host}: {version} ended as committed={first}, and then as committed={committed}")
            })?;
        }
        Ok(())
    }

    fn g6_a_reverted_generation_is_never_tried_again(
        &self,
        log: &[Performed],
        host: HostNumber,
    ) -> Result<(), Violation> {
        for performed in log {
            if let (Action::Create(plan), None) = (&performed.action, &performed.ended) {
                // A revert may make the base's container anew, which carries the number it was first made for.
                let reverted = self.ends.get(&(host, plan.version)) == Some(&false);
                ensure(!reverted, "g6_a_reverted_generation_is_never_tried_again", || {
                    format!("host {host}: {} was reverted, and a container for it is made", plan.version)
                })?;
            }
        }
        Ok(())
    }

    fn generations_rise(&mut self, host: HostNumber, stored: &Snapshot, fleet: &Fleet) -> Result<(), Violation> {
        let name = fleet.world(host).name.parse().expect("a valid name");
        let Some(order) = stored.orders.get(&name).and_then(|orders| orders.get(&key())) else { return Ok(()) };
        let now = (order.version.generation, order.release);
        let before = *self.orders.entry(host).or_insert(now);
        ensure(now.0 >= before.0 && (now.0 > before.0 || now.1 == before.1), "generations_rise", || {
            format!("host {host}: after {before:?} it was ordered {now:?}")
        })?;
        self.orders.insert(host, now);
        Ok(())
    }

    fn g5_hosts_down_by_our_hand_stay_in_the_budget(
        &self,
        fleet: &Fleet,
        budget: Option<usize>,
    ) -> Result<(), Violation> {
        let Some(budget) = budget else { return Ok(()) };
        let now = fleet.elapsed();
        let well = |host: &HostNumber| fleet.runtime(*host).serving(&key(), &service()).iter().any(|one| one.healthy);
        let recovering = |host: &HostNumber| self.hurt.get(host).is_some_and(|at| now < *at + RECOVERY);
        let down: Vec<_> = self.served.iter().filter(|host| !well(host) && !recovering(host)).collect();
        ensure(down.len() <= budget, "g5_hosts_down_by_our_hand_stay_in_the_budget", || {
            format!("hosts {down:?} are down, and {budget} may be")
        })
    }

    fn g4_success_means_every_host(&mut self, fleet: &Fleet, stored: &Snapshot) -> Result<(), Violation> {
        for rollout in stored.rollouts.values().filter(|rollout| rollout.outcome() == Some(Outcome::Succeeded)) {
            if !self.succeeded.insert(rollout.id) {
                continue;
            }
            for (name, progress) in &rollout.hosts {
                let host = (0..fleet.hosts()).find(|host| fleet.world(*host).name == name.as_str());
                let host = host.expect("a rollout covers hosts of the fleet");
                let at = self.release_served_since(host, rollout.to, stored);
                let proven = at.is_some_and(|at| fleet.elapsed() < at + PROOF_AGE);
                ensure(proven && progress.state == HostState::Committed, "g4_success_means_every_host", || {
                    format!(
                        "rollout {} succeeded; {name} is {:?}, and served release {} healthily at {at:?}",
                        rollout.id, progress.state, rollout.to
                    )
                })?;
            }
        }
        Ok(())
    }

    /// When the host last served this release healthily. A container made for another release with the same content is the same.
    fn release_served_since(&self, host: HostNumber, release: ReleaseNumber, stored: &Snapshot) -> Option<Duration> {
        let releases = stored.releases.get(&key())?;
        let digest = &releases.get(&release)?.digest;
        let same = releases.values().filter(|other| other.digest == *digest).map(|other| other.number);
        same.filter_map(|number| self.last_served.get(&(host, number)).copied()).max()
    }
}

fn at_most_two_run(host: HostNumber, serving: &[Serving]) -> Result<(), Violation> {
    ensure(serving.len() <= 2, "at_most_two_run", || format!("host {host} runs {serving:?}"))
}
