//! What hosts fetch ahead of their turn, as the planner says. It decides nothing, so that its words are heard in tens of seconds: each would be planned
//! on. Not here: who is told to (the planner).

use evenkeel_model::{CauseKind, Failure, HostId, PrefetchState, ReleaseNumber, UnixMillis};

use super::World;
use super::hosts::failure;
use crate::host::Fetching;
use crate::queue::Event;
use crate::registry::{Pull, pull};

/// The words of what is fetched ahead are heard so many grains apart.
const GRAINS: u64 = 10;

impl World<'_> {
    /// All who are to fetch ahead now; whoever was told to before need not any more.
    pub(super) fn announce(&mut self, told: &[(HostId, ReleaseNumber)]) {
        let mut told = told.iter().map(|(host, _)| host).peekable();
        for place in 0..self.views.len() {
            let is_told = told.next_if(|host| **host == self.views[place].host).is_some();
            let (view, host) = (&mut self.views[place], &mut self.hosts[place]);
            if !is_told {
                if host.fetching.take().is_some() {
                    view.prefetch = None;
                }
            } else if host.fetching.is_none() && host.cuts == 0 && !host.agent.has_image {
                host.ticket_ahead += 1;
                let ticket = host.ticket_ahead;
                let (said, next) = (PrefetchState::Fetching { failure: None }, PrefetchState::Present);
                host.fetching = Some(Fetching { began: self.now, done: None, said, next, ticket });
                self.fetch(place, self.now);
                self.views[place].prefetch = self.hosts[place].prefetch_report(&self.services);
            }
        }
    }

    /// A host begins to fetch at this moment.
    fn fetch(&mut self, place: usize, from: UnixMillis) {
        let host = &mut self.hosts[place];
        let Some(fetching) = &mut host.fetching else { return };
        let deadline = fetching.began + self.policy.pull_deadline;
        let (at, next) = match pull(&self.clock, self.away, from, host.fate.pull, deadline) {
            Pull::Done(at) => {
                fetching.done = Some(at);
                (at, PrefetchState::Present)
            }
            Pull::Breaks(at) => (at, PrefetchState::Fetching { failure: Some(unreachable()) }),
            Pull::Late(at) => (at, PrefetchState::GivenUp { failure: unreachable() }),
        };
        fetching.next = next;
        let event = Event::Fetched { host: place, ticket: fetching.ticket };
        self.queue.push(self.clock.coarsely(at, GRAINS), event);
    }

    /// What a host has to say of what it fetches has changed.
    pub(super) fn fetched(&mut self, place: usize, ticket: u64) {
        let host = &mut self.hosts[place];
        let Some(fetching) = host.fetching.as_mut().filter(|fetching| fetching.ticket == ticket) else { return };
        fetching.said = fetching.next.clone();
        host.agent.has_image |= fetching.said == PrefetchState::Present;
        if !fetching.said.is_settled() {
            let back = self.away.map_or(self.now, |away| away.until);
            let again = self.clock.after(back.max(self.now), host.fate.retry);
            self.fetch(place, again);
        }
        self.hear(place);
    }
}

fn unreachable() -> Failure {
    failure(CauseKind::RegistryUnreachable, "the registry does not answer")
}
