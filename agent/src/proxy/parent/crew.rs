//! Which worker leads, and how the lead is handed on. Pure: events and the time go in, steps come out.
//!
//! ```text
//!  Preparing ─prepared─> Prepared ─(the one before has released)─> Leading ─ready─> Serving ─release─> Releasing ─released─> Released
//!                                                                     ^                                   │ kept                │
//!                                                                     └──(its successor has died)─────────┴─────────────────────┤
//!                                                                                          (its successor is ready) ──> Retiring
//! ```
//!
//! *Invariant:* at most one is Leading, Serving or Releasing. Deliberately not here: processes, sockets, what is under way (`underway`).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{Millis, Monotonic};

use super::restart::Restarts;
use super::underway::Underway;
use crate::proxy::message::Tell;

/// From a worker's start, or from its being told to lead, or to release, until it has done so.
const STEP_TIMEOUT: Millis = Millis::seconds(10);
/// How long a worker that retires may take to read the routes anew. Less than the agent waits for its order.
const FOLLOW_TIMEOUT: Millis = Millis::seconds(2);
/// What a worker that retires may take beyond its drain.
const RETIRE_SLACK: Millis = Millis::seconds(5);
/// The longest drain when the whole proxy is stopped: what comes meanwhile waits in the sockets' queues for the next start.
const STOP_DRAIN: Millis = Millis::seconds(5);

/// A worker, in the order of their starts.
pub(super) type Id = u64;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Start a worker, which gets this id.
    Start(Id),
    /// Tell a worker something.
    Tell(Id, Tell),
    /// End a worker at once.
    Kill(Id),
    /// This one leads now: sockets that no worker has asked for can go.
    Leads(Id),
    /// This one accepts no more.
    Leaves(Id),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Preparing,
    Prepared,
    Leading,
    Serving,
    Releasing,
    Released,
    Retiring,
}

#[derive(Debug)]
struct Member {
    role: Role,
    /// It is ended if it is still in this role then.
    deadline: Option<Monotonic>,
    drain: Millis,
}

#[derive(Debug)]
struct Following {
    leader: Id,
    number: u64,
    waiting: BTreeSet<Id>,
    deadline: Monotonic,
}

/// All workers.
#[derive(Debug, Default)]
pub(super) struct Crew {
    members: BTreeMap<Id, Member>,
    started: Id,
    /// A hand-over was asked for while one was under way.
    again: bool,
    ending: bool,
    following: Option<Following>,
    underway: Underway,
    restarts: Restarts,
}

impl Crew {
    /// The first worker.
    pub(super) fn begin(&mut self, now: Monotonic) -> Vec<Step> {
        vec![self.start(now)]
    }

    /// A new worker is to take over from the one that serves.
    pub(super) fn hand_over(&mut self, now: Monotonic) -> Vec<Step> {
        let settled = self.members.values().all(|member| matches!(member.role, Role::Serving | Role::Retiring));
        match (self.ending, settled, self.in_charge()) {
            (true, ..) | (_, true, None) => vec![],
            (_, true, Some(_)) => vec![self.start(now)],
            (_, false, _) => {
                self.again = true;
                vec![]
            }
        }
    }

    /// All are to end.
    pub(super) fn stop(&mut self, now: Monotonic) -> Vec<Step> {
        self.ending = true;
        let ids: Vec<Id> = self.members.keys().copied().collect();
        ids.into_iter().flat_map(|id| self.end(id, now)).collect()
    }

    /// Whether all have ended that were told to.
    pub(super) fn is_over(&self) -> bool {
        self.ending && self.members.is_empty()
    }

    /// A worker has started.
    pub(super) fn prepared(&mut self, id: Id, drain: Millis, now: Monotonic) -> Vec<Step> {
        let Some(member) = self.members.get_mut(&id) else { return vec![] };
        if member.role != Role::Preparing {
            return vec![];
        }
        *member = Member { role: Role::Prepared, deadline: None, drain };
        match self.in_charge() {
            None => self.lead(id, now),
            Some(serving) => {
                self.put(serving, Role::Releasing, Some(now + STEP_TIMEOUT));
                vec![Step::Tell(serving, Tell::Release)]
            }
        }
    }

    /// The one that served takes no more orders.
    pub(super) fn released(&mut self, id: Id, now: Monotonic) -> Vec<Step> {
        if self.role(id) != Some(Role::Releasing) {
            return vec![];
        }
        match self.first(Role::Prepared) {
            Some(successor) => {
                self.put(id, Role::Released, None);
                self.lead(successor, now)
            }
            None => self.lead(id, now),
        }
    }

    /// The one that serves can't be replaced now.
    pub(super) fn kept(&mut self, id: Id) -> Vec<Step> {
        if self.role(id) != Some(Role::Releasing) {
            return vec![];
        }
        self.put(id, Role::Serving, None);
        self.first(Role::Prepared).map(Step::Kill).into_iter().collect()
    }

    /// The one that was told to lead does.
    pub(super) fn ready(&mut self, id: Id, now: Monotonic) -> Vec<Step> {
        if self.role(id) != Some(Role::Leading) {
            return vec![];
        }
        self.put(id, Role::Serving, None);
        self.restarts.ready(id, now);
        let mut steps: Vec<Step> =
            self.all(Role::Released).into_iter().flat_map(|id| self.retire(id, now, None)).collect();
        steps.push(Step::Leads(id));
        if std::mem::take(&mut self.again) {
            steps.extend(self.hand_over(now));
        }
        steps
    }

    /// A worker's process has ended.
    pub(super) fn ended(&mut self, id: Id, now: Monotonic) -> Vec<Step> {
        let Some(member) = self.members.remove(&id) else { return vec![] };
        let in_charge = matches!(member.role, Role::Leading | Role::Serving | Role::Releasing);
        let successor = matches!(member.role, Role::Preparing | Role::Prepared);
        if in_charge || (successor && self.in_charge().is_none()) {
            self.restarts.ended(id, now);
        }
        let gone = self.underway.forget(id);
        let mut steps = self.tell_elsewhere(gone);
        if self.following.as_ref().is_some_and(|following| following.leader == id) {
            self.following = None;
        }
        steps.extend(self.followed(id, None));
        if self.ending {
            return steps;
        }
        if self.in_charge().is_some() {
            if successor && std::mem::take(&mut self.again) {
                steps.extend(self.hand_over(now));
            }
            return steps;
        }
        // Whoever has served before is better proven than who has not.
        if let Some(heir) = self.first(Role::Released).or_else(|| self.first(Role::Prepared)) {
            steps.extend(self.lead(heir, now));
        } else if self.first(Role::Preparing).is_none() {
            self.restarts.schedule(now);
            steps.extend(self.due(now));
        }
        steps
    }

    /// The leader's routes have changed.
    pub(super) fn follow(&mut self, leader: Id, number: u64, now: Monotonic) -> Vec<Step> {
        let followers: BTreeSet<Id> = self.all(Role::Released).into_iter().chain(self.all(Role::Retiring)).collect();
        let steps = followers.iter().map(|id| Step::Tell(*id, Tell::Follow { number })).collect();
        self.following = Some(Following { leader, number, waiting: followers, deadline: now + FOLLOW_TIMEOUT });
        self.answer_follow(steps)
    }

    /// A worker has read the routes anew; without a number, it never will.
    pub(super) fn followed(&mut self, id: Id, number: Option<u64>) -> Vec<Step> {
        if let Some(following) = &mut self.following
            && number.is_none_or(|number| number == following.number)
        {
            following.waiting.remove(&id);
        }
        self.answer_follow(vec![])
    }

    /// What a worker that does not lead has under way.
    pub(super) fn underway(&mut self, id: Id, owner: String, container: String, in_flight: u64) -> Vec<Step> {
        if !matches!(self.role(id), Some(Role::Releasing | Role::Released | Role::Retiring)) {
            return vec![];
        }
        self.underway.set(id, (owner.clone(), container.clone()), in_flight);
        self.tell_elsewhere(vec![(owner, container)])
    }

    /// What is under way at a container is to end, in those who do not lead.
    pub(super) fn cut(&self, owner: &str, container: &str) -> Vec<Step> {
        let cut = || Tell::Cut { owner: owner.to_owned(), container: container.to_owned() };
        let others = self.all(Role::Released).into_iter().chain(self.all(Role::Retiring));
        others.map(|id| Step::Tell(id, cut())).collect()
    }

    /// When [`Self::due`] has something to do; none: not before the next event.
    pub(super) fn wake_at(&self) -> Option<Monotonic> {
        let members = self.members.values().filter_map(|member| member.deadline);
        let following = self.following.as_ref().map(|following| following.deadline);
        members.chain(following).chain(self.restarts.at()).min()
    }

    /// What the time has brought.
    pub(super) fn due(&mut self, now: Monotonic) -> Vec<Step> {
        let mut steps = vec![];
        if self.restarts.take_due(now) && !self.ending {
            steps.push(self.start(now));
        }
        if let Some(following) = self.following.take_if(|following| following.deadline <= now) {
            steps.extend(following.waiting.iter().map(|id| Step::Kill(*id)));
            steps.push(Step::Tell(following.leader, Tell::Followed { number: following.number }));
        }
        let late = self.members.iter().filter(|(_, member)| member.deadline.is_some_and(|deadline| deadline <= now));
        for (id, role) in late.map(|(id, member)| (*id, member.role)).collect::<Vec<_>>() {
            if role == Role::Releasing {
                // It serves well enough: whoever should have followed it does not.
                steps.extend(self.all(Role::Prepared).into_iter().map(Step::Kill));
                steps.extend(self.lead(id, now));
            } else {
                self.put(id, role, None);
                steps.push(Step::Kill(id));
            }
        }
        steps
    }

    fn start(&mut self, now: Monotonic) -> Step {
        self.started += 1;
        let member = Member { role: Role::Preparing, deadline: Some(now + STEP_TIMEOUT), drain: Millis(0) };
        self.members.insert(self.started, member);
        Step::Start(self.started)
    }

    fn lead(&mut self, id: Id, now: Monotonic) -> Vec<Step> {
        self.put(id, Role::Leading, Some(now + STEP_TIMEOUT));
        self.underway.forget(id);
        let mut steps = vec![Step::Tell(id, Tell::Lead)];
        steps.extend(self.tell_elsewhere(self.underway.all()));
        steps
    }

    fn retire(&mut self, id: Id, now: Monotonic, at_most: Option<Millis>) -> Vec<Step> {
        let Some(member) = self.members.get_mut(&id) else { return vec![] };
        let drain = at_most.map_or(member.drain, |most| member.drain.min(most));
        member.role = Role::Retiring;
        member.deadline = Some(now + drain + RETIRE_SLACK);
        vec![Step::Leaves(id), Step::Tell(id, Tell::Retire { drain })]
    }

    fn end(&mut self, id: Id, now: Monotonic) -> Vec<Step> {
        match self.role(id) {
            Some(Role::Preparing | Role::Prepared) => vec![Step::Kill(id)],
            _ => self.retire(id, now, Some(STOP_DRAIN)),
        }
    }

    fn answer_follow(&mut self, mut steps: Vec<Step>) -> Vec<Step> {
        if let Some(done) = self.following.take_if(|following| following.waiting.is_empty()) {
            steps.push(Step::Tell(done.leader, Tell::Followed { number: done.number }));
        }
        steps
    }

    fn tell_elsewhere(&self, keys: Vec<(String, String)>) -> Vec<Step> {
        let leader = self.first(Role::Leading).or_else(|| self.first(Role::Serving));
        let tell = |(owner, container): (String, String)| {
            let in_flight = self.underway.sum(&owner, &container);
            leader.map(|leader| Step::Tell(leader, Tell::Elsewhere { owner, container, in_flight }))
        };
        keys.into_iter().filter_map(tell).collect()
    }

    fn put(&mut self, id: Id, role: Role, deadline: Option<Monotonic>) {
        if let Some(member) = self.members.get_mut(&id) {
            (member.role, member.deadline) = (role, deadline);
        }
    }

    fn role(&self, id: Id) -> Option<Role> {
        self.members.get(&id).map(|member| member.role)
    }

    fn all(&self, role: Role) -> Vec<Id> {
        self.members.iter().filter(|(_, member)| member.role == role).map(|(id, _)| *id).collect()
    }

    fn first(&self, role: Role) -> Option<Id> {
        self.all(role).first().copied()
    }

    /// The one that orders go to, or will.
    fn in_charge(&self) -> Option<Id> {
        [Role::Leading, Role::Serving, Role::Releasing].into_iter().find_map(|role| self.first(role))
    }
}

#[cfg(test)]
mod tests;
