//! What happens on hosts: orders reach them, what they are at is done or fails, they fall silent and are heard again. Not here: what they fetch ahead
//! (module `ahead`), what an agent does with an order (module `agent`).

use evenkeel_model::{CauseKind, Failure, Generation, Millis, Phase, RefusedAssignment, Stage, UnixMillis};
use evenkeel_rollout::{Contact, Order, Ordered};

use super::World;
use crate::agent::Task;
use crate::fleet::NEW;
use crate::host::Step;
use crate::news::Befell;
use crate::queue::Event;
use crate::registry::{Pull, pull};

/// How long the coordinator waits for a host's word before it counts as silent: its default.
const LEASE: Millis = Millis::seconds(5);

impl World<'_> {
    /// The stored order reaches the host, if that is heard.
    pub(super) fn deliver(&mut self, place: usize) {
        let (view, host) = (&mut self.views[place], &mut self.hosts[place]);
        let Some(Ordered { version, release, phase, share }) = view.ordered.filter(|_| host.cuts == 0) else { return };
        let order = Order { generation: version.generation, release, phase, share };
        view.refused = None;
        if host.agent.accepted == Some(order) {
            return;
        }
        match host.agent.accept(order) {
            Ok(is_new) => {
                if is_new {
                    (host.task, host.pull_began) = (None, None);
                }
                let is_tried = is_new && release == Some(NEW) && phase == Phase::Trial;
                if is_tried && !std::mem::replace(&mut host.touched, true) {
                    self.foresee_silence(place);
                }
            }
            Err(refusal) => {
                let key = self.key.clone();
                view.refused = Some(RefusedAssignment { key, version, refusal });
            }
        }
        self.go_on(place);
        self.hear(place);
    }

    fn foresee_silence(&mut self, host: usize) {
        let Some((after, lasting)) = self.hosts[host].fate.vanishes else { return };
        let from = self.clock.after(self.now, after);
        self.queue.push(from, Event::Cut { host });
        self.queue.push(self.clock.after(from, lasting), Event::Heard { host });
    }

    /// The host turns to what is next, unless it is at that already.
    fn go_on(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        let task = host.agent.task(NEW);
        if host.task == task {
            return;
        }
        (host.task, host.step) = (task, None);
        host.ticket += 1;
        if let Some(task) = task {
            self.take_up(place, task);
        }
    }

    /// What will come of what the host takes up now.
    fn take_up(&mut self, place: usize, task: Task) {
        let fate = &self.hosts[place].fate;
        let (at, step) = match task {
            Task::Pull => return self.take_up_pull(place),
            Task::Start => return self.take_up_start(place),
            Task::Shift | Task::Commit => (self.clock.after(self.now, Millis(0)), Step::Done(task)),
            Task::GoBack | Task::Remove => (self.clock.after(self.now, fate.back), Step::Done(task)),
        };
        self.will(place, at, step);
    }

    fn take_up_pull(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        let began = *host.pull_began.get_or_insert(self.now);
        let deadline = began + self.policy.pull_deadline;
        // What it has fetched ahead it does not fetch again.
        let fetched = host.fetching.as_ref().and_then(|fetching| fetching.done);
        let time = fetched.map_or(host.fate.pull, |done| done.since(self.now));
        let (at, step) = match pull(&self.clock, self.away.filter(|_| time.0 > 0), self.now, time, deadline) {
            Pull::Done(at) => (at, Step::Done(Task::Pull)),
            Pull::Breaks(at) => (at, Step::Stalls),
            Pull::Late(at) => (at, Step::Fails(self.late())),
        };
        self.will(place, at, step);
    }

    fn take_up_start(&mut self, place: usize) {
        let host = &self.hosts[place];
        let is_new = host.agent.accepted.is_some_and(|accepted| accepted.release == Some(NEW));
        let boot = if is_new { host.fate.boot } else { host.fate.boot_before };
        let deadline = self.policy.health_deadline;
        let (time, step) = match host.fate.fails.filter(|_| is_new) {
            Some(time) if time <= deadline => {
                (time, Step::Fails(failure(CauseKind::Exited, "it ended with exit code 1")))
            }
            _ if boot > deadline => {
                let message = format!("it was not healthy within {deadline}");
                (deadline, Step::Fails(failure(CauseKind::HealthTimeout, &message)))
            }
            _ => (boot, Step::Done(Task::Start)),
        };
        self.will(place, self.clock.after(self.now, time), step);
    }

    fn will(&mut self, place: usize, at: UnixMillis, step: Step) {
        let host = &mut self.hosts[place];
        host.step = Some(step);
        self.queue.push(at, Event::Step { host: place, ticket: host.ticket });
    }

    /// What the host was at comes to its end.
    pub(super) fn step(&mut self, place: usize, ticket: u64) {
        let host = &mut self.hosts[place];
        let Some(step) = host.step.take_if(|_| host.ticket == ticket) else { return };
        match step {
            Step::Done(task) => {
                host.agent.finish(task);
                host.task = None;
                if task == Task::Start {
                    self.foresee_illness(place);
                }
                self.go_on(place);
            }
            Step::Fails(failure) => {
                host.agent.fail(failure);
                host.task = None;
                self.go_on(place);
            }
            Step::Stalls => {
                host.agent.failure = Some(failure(CauseKind::RegistryUnreachable, "the registry does not answer"));
                let back = self.away.map_or(self.now, |away| away.until);
                let again = self.clock.after(back, host.fate.retry);
                let deadline = host.pull_began.unwrap_or(self.now) + self.policy.pull_deadline;
                let late = Step::Fails(failure(CauseKind::RegistryUnreachable, "the registry does not answer"));
                let (at, step) =
                    if again > deadline { (self.clock.not_before(deadline), late) } else { (again, Step::Retries) };
                self.will(place, at, step);
            }
            Step::Retries => {
                host.agent.failure = None;
                self.take_up_pull(place);
            }
        }
        self.hear(place);
    }

    fn late(&self) -> Failure {
        failure(CauseKind::PullTimeout, &format!("the image is not here within {}", self.policy.pull_deadline))
    }

    /// A new release that is healthy now may not stay so.
    fn foresee_illness(&mut self, place: usize) {
        let host = &self.hosts[place];
        let Some(accepted) = host.agent.accepted.filter(|accepted| accepted.release == Some(NEW)) else { return };
        if let Some(time) = host.fate.unhealthy {
            let event = Event::TurnsUnhealthy { host: place, generation: accepted.generation };
            self.queue.push(self.clock.after(self.now, time), event);
        }
    }

    /// The release of this order is not healthy any more, if it is still there.
    pub(super) fn turn_unhealthy(&mut self, place: usize, generation: Generation) {
        let host = &mut self.hosts[place];
        let is_it = host.agent.accepted.is_some_and(|accepted| accepted.generation == generation);
        if !is_it || !matches!(host.agent.stage, Stage::Trial | Stage::Committed) {
            return;
        }
        if host.agent.stage == Stage::Committed {
            self.befell.push((Befell::Unhealthy, self.views[place].host.clone()));
        }
        host.agent.fail(failure(CauseKind::Unhealthy, "its probe failed 3 times in a row"));
        self.go_on(place);
        self.hear(place);
    }

    /// The host's word reaches the coordinator, if it is heard.
    pub(super) fn hear(&mut self, place: usize) {
        let (view, host) = (&mut self.views[place], &mut self.hosts[place]);
        self.meter.serve(place, host);
        if host.cuts > 0 {
            return;
        }
        view.contact = Contact::Live;
        view.report = host.report(&self.services);
        view.prefetch = host.prefetch_report(&self.services);
        let is_healthy = view.report.as_ref().zip(view.ordered).is_some_and(|(report, ordered)| {
            let has_its_share = ordered.share == report.share || report.stage != Stage::Trial;
            report.healthy && report.version.generation == ordered.version.generation && has_its_share
        });
        host.healthy_since = is_healthy.then(|| host.healthy_since.unwrap_or(self.now));
        self.meter.know(place, view, self.now);
    }

    /// The host is not heard any more; the coordinator does not know it yet.
    pub(super) fn cut(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        host.cuts += 1;
        if host.cuts == 1 {
            host.cut += 1;
            let event = Event::Missed { host: place, cut: host.cut };
            self.queue.push(self.clock.after(self.now, LEASE), event);
        }
    }

    /// The coordinator takes note of a host's silence.
    pub(super) fn miss(&mut self, place: usize, cut: u64) {
        let (view, host) = (&mut self.views[place], &mut self.hosts[place]);
        if host.cuts == 0 || host.cut != cut {
            return;
        }
        view.contact = Contact::Silent { since: self.now };
        host.healthy_since = None;
        self.befell.push((Befell::Silent, view.host.clone()));
        self.meter.know(place, view, self.now);
    }

    /// It finds its newest order, and says what it has.
    pub(super) fn hear_again(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        host.cuts = host.cuts.saturating_sub(1);
        if host.cuts > 0 {
            return;
        }
        if self.views[place].contact != Contact::Live {
            self.befell.push((Befell::Heard, self.views[place].host.clone()));
        }
        self.deliver(place);
        self.hear(place);
    }
}

/// A failure of the imagined service.
pub(super) fn failure(kind: CauseKind, message: &str) -> Failure {
    Failure::plain(kind, format!("{message} (imagined)"))
}
