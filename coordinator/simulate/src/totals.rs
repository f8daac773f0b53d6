//! What an imagined rollout comes to: counted on the way, host by host. Not here: the rule of what counts as unavailable (module `availability`).

use evenkeel_model::{HostId, Millis, Stage, UnixMillis};
use evenkeel_rollout::{Contact, HostState, HostView, Rollout};
use serde::Serialize;

use crate::availability::is_down;
use crate::fleet::NEW;
use crate::host::Host;

/// What one run comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many hosts there are.
    pub hosts: usize,
    /// How many were ordered the new release.
    pub touched: usize,
    /// How many have it in the end, committed.
    pub moved: usize,
    /// How many of those are not healthy with it, or will not be: what no bake has seen.
    pub unhealthy: usize,
    /// How many were touched and have the release before again (or nothing, if there was none).
    pub back: usize,
    /// How many were touched and are neither: in trial, on their way, or not heard.
    pub between: usize,
    /// How many failed at some time.
    pub failed: usize,
    /// On how many the new release served at once, at most: in trial with a share of what is new, or committed.
    pub most_exposed: usize,
    /// When the most hosts were unavailable.
    pub most_unavailable: MostUnavailable,
    /// The host that was heard and unavailable for the longest time, without a gap.
    pub longest_unavailable: Option<LongestUnavailable>,
    /// How long it took, in all.
    pub took: Millis,
    /// How long of that it stood before closed gates.
    pub waited_at_gates: Millis,
    /// The waves that began.
    pub waves: Vec<WaveTotals>,
    /// How often the planner was asked.
    pub plans: usize,
}

/// The most hosts that were unavailable at once, as the budget counts: from the order until healthy, whether the old container serves or not, and
/// while not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MostUnavailable {
    /// How many.
    pub hosts: usize,
    /// How many of them were not heard.
    pub silent: usize,
    /// How many could be then.
    pub budget: usize,
    /// When.
    pub at: Millis,
}

/// The host that was unavailable for the longest time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LongestUnavailable {
    /// Which.
    pub host: HostId,
    /// For how long.
    pub lasting: Millis,
}

/// One wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaveTotals {
    /// Which, counted from 0.
    pub wave: usize,
    /// How many hosts it has.
    pub hosts: usize,
    /// How many of them have committed when it was through, or the rollout over.
    pub committed: usize,
    /// How many of them failed.
    pub failed: usize,
    /// When it began.
    pub began: Millis,
    /// From there until it was through; none: it never was.
    pub took: Option<Millis>,
    /// How long it stood before closed gates.
    pub waited_at_gates: Millis,
}

/// Counts on the way.
#[derive(Debug)]
pub(crate) struct Meter {
    start: UnixMillis,
    down: Vec<bool>,
    silent: Vec<bool>,
    since: Vec<Option<UnixMillis>>,
    exposed: Vec<bool>,
    failed: Vec<bool>,
    down_count: usize,
    silent_count: usize,
    exposed_count: usize,
    most_exposed: usize,
    most: MostUnavailable,
    longest: Option<(usize, Millis)>,
}

impl Meter {
    /// Of so many hosts, of whom nothing is known.
    pub(crate) fn new(hosts: usize, start: UnixMillis) -> Self {
        Self {
            start,
            down: vec![false; hosts],
            silent: vec![false; hosts],
            since: vec![None; hosts],
            exposed: vec![false; hosts],
            failed: vec![false; hosts],
            down_count: 0,
            silent_count: 0,
            exposed_count: 0,
            most_exposed: 0,
            most: MostUnavailable::default(),
            longest: None,
        }
    }

    /// How many hosts count as unavailable now.
    pub(crate) fn down(&self) -> usize {
        self.down_count
    }

    /// What is known of a host has changed.
    pub(crate) fn know(&mut self, place: usize, view: &HostView, now: UnixMillis) {
        let (is_down, is_silent) = (is_down(view), view.contact != Contact::Live);
        set(&mut self.down[place], is_down, &mut self.down_count);
        set(&mut self.silent[place], is_silent, &mut self.silent_count);
        if is_down && !is_silent {
            self.since[place].get_or_insert(now);
        } else if let Some(since) = self.since[place].take() {
            self.lasted(place, now.since(since));
        }
    }

    fn lasted(&mut self, place: usize, lasting: Millis) {
        if self.longest.is_none_or(|(_, longest)| lasting > longest) {
            self.longest = Some((place, lasting));
        }
    }

    /// What a host does has changed, heard or not.
    pub(crate) fn serve(&mut self, place: usize, host: &Host) {
        set(&mut self.exposed[place], host.agent.serves() == Some(NEW), &mut self.exposed_count);
        self.most_exposed = self.most_exposed.max(self.exposed_count);
    }

    /// A host has failed.
    pub(crate) fn fail(&mut self, place: usize) {
        self.failed[place] = true;
    }

    /// A moment is over, and its orders are given.
    pub(crate) fn look(&mut self, budget: usize, now: UnixMillis) {
        let is_first = self.most.budget == 0;
        if self.down_count > self.most.hosts || is_first {
            let (hosts, silent) = (self.down_count, self.silent_count);
            self.most = MostUnavailable { hosts, silent, budget, at: now.since(self.start) };
        }
    }

    /// The totals, but for what the news know.
    pub(crate) fn totals(mut self, hosts: &[Host], views: &[HostView], rollout: &Rollout, now: UnixMillis) -> Totals {
        for place in 0..views.len() {
            if let Some(since) = self.since[place].take() {
                self.lasted(place, now.since(since));
            }
        }
        let named = |(place, lasting): (usize, Millis)| LongestUnavailable { host: views[place].host.clone(), lasting };
        let mut totals = Totals {
            hosts: hosts.len(),
            touched: 0,
            moved: 0,
            unhealthy: 0,
            back: 0,
            between: 0,
            failed: self.failed.iter().filter(|failed| **failed).count(),
            most_exposed: self.most_exposed,
            most_unavailable: self.most,
            longest_unavailable: self.longest.map(named),
            took: now.since(self.start),
            waited_at_gates: Millis(0),
            waves: Vec::new(),
            plans: 0,
        };
        for (host, view) in hosts.iter().zip(views).filter(|(host, _)| host.touched) {
            totals.touched += 1;
            match place(host, view, rollout) {
                Place::Moved => {
                    totals.moved += 1;
                    totals.unhealthy += usize::from(host.fate.unhealthy.is_some());
                }
                Place::Back => totals.back += 1,
                Place::Between => totals.between += 1,
            }
        }
        totals
    }
}

enum Place {
    Moved,
    Back,
    Between,
}

/// Where a host that was touched is in the end, as far as it is known.
fn place(host: &Host, view: &HostView, rollout: &Rollout) -> Place {
    let is_heard = view.contact == Contact::Live;
    let has = host.agent.accepted.and_then(|accepted| accepted.release);
    let state = rollout.hosts.get(&view.host).map(|progress| progress.state);
    match host.agent.stage {
        _ if !is_heard => Place::Between,
        Stage::Committed if has == Some(NEW) && state == Some(HostState::Committed) => Place::Moved,
        Stage::Committed if has == Some(NEW) => Place::Between,
        Stage::Committed | Stage::Reverted => Place::Back,
        Stage::Working | Stage::Trial | Stage::Reverting => Place::Between,
    }
}

fn set(flag: &mut bool, to: bool, count: &mut usize) {
    *count = *count + usize::from(to) - usize::from(*flag);
    *flag = to;
}

#[cfg(test)]
mod tests {
    use evenkeel_model::Policy;

    use super::*;
    use crate::Settings;
    use crate::fleet::{Services, hosts};

    #[test]
    fn a_host_is_unavailable_without_a_gap_while_it_is_heard() {
        let settings = Settings { hosts: 2, ..Settings::default() };
        let mut views: Vec<HostView> =
            hosts(&settings, &Policy::default(), &Services::new()).into_iter().map(|(view, _)| view).collect();
        let at = |seconds: u64| settings.starts + Millis::seconds(seconds);
        let mut meter = Meter::new(2, settings.starts);
        let serving = views[0].report.clone();
        for (second, serves, is_live) in [
            (0, true, true),
            (10, false, true),
            (25, true, true),
            (30, false, true),
            (40, false, false),
            (90, true, true),
        ] {
            views[0].report.as_mut().unwrap().healthy = serves;
            views[0].contact = if is_live { Contact::Live } else { Contact::Silent { since: at(second) } };
            meter.know(0, &views[0], at(second));
            meter.look(1, at(second));
        }
        assert_eq!(views[0].report, serving);
        assert_eq!(meter.longest, Some((0, Millis::seconds(15))), "not heard is counted apart");
        assert_eq!(meter.most, MostUnavailable { hosts: 1, silent: 0, budget: 1, at: Millis::seconds(10) });
        assert_eq!((meter.down(), meter.silent_count), (0, 0));
    }
}
