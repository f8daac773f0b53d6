//! The release that a commit replaced: its containers run on for a while without traffic, so that going back to it is one switch. They are
//! asked, and never started again: whoever ends, goes. Not here: the trial that goes back to it, which is one like any other (`swap`).

use evenkeel_model::{Monotonic, Order, ServiceName};

use crate::Container;
use crate::release::Wanted;
use crate::situation::Situation;

impl Situation<'_> {
    /// Whether this container was made of the release that was committed before the one that is, and of neither that nor the one on its way.
    pub(crate) fn is_blue(&self, container: &Container) -> bool {
        let same = |wanted: &Wanted| wanted.fingerprint == container.fingerprint;
        let name = &container.place.service;
        let is_other =
            [&self.wanted, &self.base].into_iter().filter_map(|goal| goal.get(name)).all(|wanted| !same(wanted));
        is_other && self.blue.get(name).is_some_and(same)
    }

    /// Whether this container runs on though nothing comes to it any more.
    pub(crate) fn is_kept(&self, container: &Container) -> bool {
        let is_in_time = self.blue_until.is_some_and(|until| self.now < until);
        is_in_time && container.is_running() && self.is_blue(container) && self.can_be_kept(&container.place.service)
    }

    /// Whether it can run beside who serves.
    fn can_be_kept(&self, name: &ServiceName) -> bool {
        let Some(blue) = self.blue.get(name).map(|blue| &blue.service.spec) else { return false };
        match self.base.get(name) {
            Some(serves) => serves.service.spec.why_not_beside(blue).is_none(),
            None => blue.order == Order::StartFirst && blue.clash().is_none(),
        }
    }

    /// Until when the last of the kept containers runs on, if none ends before; none: none is kept.
    pub(crate) fn kept_until(&self) -> Option<Monotonic> {
        self.blue_until.filter(|_| self.observed.containers.iter().any(|container| self.is_kept(container)))
    }
}

#[cfg(test)]
mod tests;
