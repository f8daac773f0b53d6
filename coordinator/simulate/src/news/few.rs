//! Tells the first few times that something befalls hosts, with names, and counts the rest until something else is told. Not here: when.

use evenkeel_model::HostId;

use crate::timeline::{FailedHost, What};

/// So many times each is told; with a name for the first hosts of each time.
const TOLD: usize = 5;
/// So many hosts are named at a time.
const NAMED: usize = 5;

/// What befalls hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They turn unhealthy after their commit.
    Unhealthy,
    /// They are not heard any more.
    Silent,
    /// They are heard again.
    Heard,
}

/// How often it was told, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Few {
    failed: Count,
    unhealthy: Count,
    silent: Count,
    heard: Count,
}

#[derive(Debug, Default)]
struct Count {
    told: usize,
    untold: usize,
}

impl Count {
    /// Whether it is told this time.
    fn tells(&mut self, hosts: usize) -> bool {
        if hosts == 0 {
            return false;
        }
        if self.told >= TOLD {
            self.untold += hosts;
            return false;
        }
        self.told += 1;
        true
    }

    fn take(&mut self) -> usize {
        std::mem::take(&mut self.untold)
    }
}

impl Few {
    /// Hosts failed.
    pub(crate) fn failed(&mut self, mut hosts: Vec<FailedHost>) -> Option<What> {
        let count = hosts.len();
        hosts.truncate(NAMED);
        self.failed.tells(count).then_some(What::HostsFailed { count, hosts })
    }

    /// Something else befell them.
    pub(crate) fn hosts(&mut self, kind: Kind, mut hosts: Vec<HostId>) -> Option<What> {
        let count = hosts.len();
        hosts.truncate(NAMED);
        let (counted, what) = match kind {
            Kind::Unhealthy => (&mut self.unhealthy, What::HostsUnhealthy { count, hosts }),
            Kind::Silent => (&mut self.silent, What::HostsSilent { count, hosts }),
            Kind::Heard => (&mut self.heard, What::HostsHeard { count, hosts }),
        };
        counted.tells(count).then_some(what)
    }

    /// What was counted and not told.
    pub(crate) fn take_untold(&mut self) -> Option<What> {
        let (failed, unhealthy) = (self.failed.take(), self.unhealthy.take());
        let (silent, heard) = (self.silent.take(), self.heard.take());
        (failed + unhealthy + silent + heard > 0).then_some(What::More { failed, unhealthy, silent, heard })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(count: usize) -> Vec<HostId> {
        (0..count).map(|number| format!("h{number}").parse().unwrap()).collect()
    }

    #[test]
    fn the_first_few_are_told_and_the_rest_are_counted() {
        let mut few = Few::default();
        assert_eq!(few.hosts(Kind::Silent, hosts(0)), None);
        let Some(What::HostsSilent { count: 9, hosts: named }) = few.hosts(Kind::Silent, hosts(9)) else {
            panic!("it is told")
        };
        assert_eq!(named, hosts(NAMED));
        let told = (0..9).filter(|_| few.hosts(Kind::Silent, hosts(2)).is_some()).count();
        assert_eq!(told, TOLD - 1);
        assert!(few.hosts(Kind::Heard, hosts(1)).is_some(), "another thing is told for itself");
        let expected = What::More { failed: 0, unhealthy: 0, silent: 10, heard: 0 };
        assert_eq!((few.take_untold(), few.take_untold()), (Some(expected), None));
    }
}
