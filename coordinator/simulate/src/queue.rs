//! What will happen, by its moment; what was told earlier first. Not here: what it does (module `world`).

use std::collections::BTreeMap;

use evenkeel_model::{Generation, UnixMillis};
use evenkeel_rollout::GateId;

use crate::What;

/// Something that happens. Hosts are meant by their place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// What a host was at is done, if it still is at that.
    Step { host: usize, ticket: u64 },
    /// A host has what it was to fetch ahead, or has heard that the registry is away.
    Fetched { host: usize, ticket: u64 },
    /// The release of this order turns unhealthy.
    TurnsUnhealthy { host: usize, generation: Generation },
    /// A host is not heard any more.
    Cut { host: usize },
    /// The coordinator takes note of that.
    Missed { host: usize, cut: u64 },
    /// A host is heard again.
    Heard { host: usize },
    /// The persons approve that a gate asked for.
    Approve,
    /// A person promotes.
    Promote,
    /// A reading was taken.
    Read { id: GateId, number: usize },
    /// Something that is only told, and may concern the planner.
    Told(What),
}

/// What will happen.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(UnixMillis, u64), Event>,
    told: u64,
}

impl Queue {
    /// Something will happen.
    pub(crate) fn push(&mut self, at: UnixMillis, event: Event) {
        self.told += 1;
        self.events.insert((at, self.told), event);
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<UnixMillis> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    /// What happens by this moment.
    pub(crate) fn pop(&mut self, now: UnixMillis) -> Option<Event> {
        self.next().filter(|at| *at <= now)?;
        self.events.pop_first().map(|(_, event)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_their_moment_and_then_as_they_were_told() {
        let mut queue = Queue::default();
        for (at, host) in [(5, 1), (3, 2), (5, 3), (9, 4)] {
            queue.push(UnixMillis(at), Event::Cut { host });
        }
        assert_eq!(queue.next(), Some(UnixMillis(3)));
        let hosts = std::iter::from_fn(|| match queue.pop(UnixMillis(5))? {
            Event::Cut { host } => Some(host),
            _ => None,
        });
        assert_eq!(hosts.collect::<Vec<_>>(), [2, 1, 3]);
        assert_eq!(queue.next(), Some(UnixMillis(9)));
    }
}
