//! Who gets the traffic: the plan that the proxy should have at this moment, worked out anew each time from what is wanted, what is there and
//! what the proxy does now, so that a crash anywhere ends with the same plan. Not here: when a container may be stopped (`drain`), the
//! plan of each stage (`parts`; `beside` while the release before serves on), which of two claims on a port wins (`claims`).

use evenkeel_model::{Millis, Port, ServiceName, ServiceSpec};

use crate::release::{Goal, Target};
use crate::situation::Situation;
use crate::{Action, Container, End, Proxy, RoutePlan};

mod beside;
mod claims;
mod parts;

pub(crate) use self::beside::why_not_divided;

/// One service's part of the plan, before it is known which of its ports it can have.
#[derive(Debug)]
pub(crate) struct Part<'s> {
    pub(crate) name: &'s ServiceName,
    /// The ports that lead to who serves.
    pub(crate) ports: Vec<&'s Port>,
    /// Ports that will be needed, so that it shows in time if somebody else has them.
    pub(crate) claims: Vec<&'s Port>,
    /// Whether who should serve does: its ports come before those of what it replaces.
    pub(crate) switched: bool,
    /// Who gets what is new, and in what proportion.
    pub(crate) upstreams: Vec<(&'s Container, u32)>,
    pub(crate) hold: Millis,
    pub(crate) holding: bool,
    pub(crate) failing: bool,
}

impl<'s> Part<'s> {
    /// The ports of `spec` lead to `upstreams`, to each as to the others, and nothing is in the way.
    pub(crate) fn serving(name: &'s ServiceName, spec: &'s ServiceSpec, upstreams: Vec<&'s Container>) -> Self {
        Self::divided(name, spec, upstreams.into_iter().map(|container| (container, 1)).collect())
    }

    /// The ports of `spec` lead to `upstreams` in these proportions, and nothing is in the way.
    pub(crate) fn divided(name: &'s ServiceName, spec: &'s ServiceSpec, upstreams: Vec<(&'s Container, u32)>) -> Self {
        Self {
            name,
            ports: spec.routed_ports().collect(),
            claims: Vec::new(),
            switched: true,
            upstreams,
            hold: spec.traffic.hold,
            holding: false,
            failing: false,
        }
    }
}

/// How the plan that should be in force relates to the one that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Routing {
    /// It is in force, or there is nothing to route.
    InForce,
    /// Another one is.
    Due(RoutePlan),
    /// The proxy does not answer, and never did in this process's life.
    Unknown(RoutePlan),
}

impl Routing {
    /// What puts the plan in force; none if it is.
    pub(crate) fn action(&self) -> Option<Action> {
        match self {
            Self::InForce => None,
            Self::Due(plan) | Self::Unknown(plan) => Some(Action::Route(Box::new(plan.clone()))),
        }
    }
}

impl Situation<'_> {
    /// How the plan that should be in force relates to the one that is.
    pub(crate) fn routing(&self) -> Routing {
        let Some(plan) = self.plan().cloned() else { return Routing::InForce };
        match self.in_force(&plan) {
            Some(true) => Routing::InForce,
            Some(false) => Routing::Due(plan),
            None => Routing::Unknown(plan),
        }
    }

    /// The plan that should be in force; none if there is nothing to route, or what should be can't be known.
    pub(crate) fn plan(&self) -> Option<&RoutePlan> {
        self.plan.get_or_init(|| self.make_plan()).as_ref()
    }

    fn make_plan(&self) -> Option<RoutePlan> {
        if !self.is_routed_app() {
            return None;
        }
        match (self.goal(), &self.accepted.end) {
            (Goal::Unreadable, _) => None,
            (Goal::Nothing, _) => Some(RoutePlan::default()),
            (Goal::Release(wanted), None) => parts::forward(self, wanted),
            (Goal::Release(base), Some(End::Reverting { failure })) => Some(parts::back(self, base, failure)),
            (Goal::Release(serves), Some(End::Committed | End::Reverted { .. })) => parts::settled(self, serves),
        }
    }

    /// Whether `plan` is in force; none if the proxy does not answer, and never did in this process's life.
    pub(crate) fn in_force(&self, plan: &RoutePlan) -> Option<bool> {
        let sight = self.memory.sight()?;
        Some(match &sight.mark {
            Some(mark) => *mark == plan.mark(),
            None => plan.services.is_empty(),
        })
    }

    /// Whether the proxy has, or should have, anything to do for this app.
    fn is_routed_app(&self) -> bool {
        let goals = [&self.wanted, &self.base, &self.blue].into_iter();
        let mut services = goals.filter_map(Goal::target).flat_map(Target::services);
        services.any(|(_, wanted)| wanted.is_routed()) || self.memory.sight().is_some_and(|sight| sight.mark.is_some())
    }

    /// Whether the proxy has, or should have, anything to do for this service.
    pub(crate) fn is_routed_service(&self, name: &ServiceName) -> bool {
        let goals = [&self.wanted, &self.base, &self.blue].into_iter();
        goals.filter_map(|goal| goal.get(name)).any(crate::release::Wanted::is_routed)
    }

    /// Whether the proxy gives this container what is new, as it was seen last.
    pub(crate) fn is_routed_to(&self, container: &Container) -> bool {
        self.memory.sight().is_some_and(|sight| sight.routes_to(&container.id))
    }

    /// Whether the proxy gives what is new to whoever should have it, and to nobody else, as it was seen last.
    pub(crate) fn serves_as_planned(&self) -> bool {
        let mut services = self.plan().into_iter().flat_map(|plan| &plan.services);
        services.all(|(name, routes)| match self.memory.sight() {
            Some(sight) => sight.routes_only_to(name, &routes.upstreams),
            // One that may have the traffic is not stopped unheard where two can run side by side: so none ever had.
            None => routes.upstreams.is_empty() || (self.can_run_twice(name) && self.containers_of(name).count() == 1),
        })
    }

    fn can_run_twice(&self, name: &ServiceName) -> bool {
        let releases = [&self.wanted, &self.base];
        let mut known = releases.into_iter().filter_map(|goal| goal.get(name));
        known.all(|wanted| !self.one_at_a_time(name, wanted))
    }

    /// Whether the proxy may give this container what is new: it did when it was seen last, or this process has never seen it.
    pub(crate) fn may_be_routed_to(&self, container: &Container) -> bool {
        match self.memory.sight() {
            Some(sight) => sight.routes_to(&container.id),
            None => self.is_routed_service(&container.place.service),
        }
    }

    /// Whether the proxy should give this container what is new.
    pub(crate) fn should_be_routed_to(&self, container: &Container) -> bool {
        let routes = self.plan().and_then(|plan| plan.services.get(&container.place.service));
        routes.is_some_and(|routes| routes.upstreams.iter().any(|upstream| upstream.container == container.id))
    }

    /// Whether requests wait, or should, while this service is replaced.
    pub(crate) fn is_held(&self, name: &ServiceName) -> bool {
        self.plan().and_then(|plan| plan.services.get(name)).is_some_and(|routes| routes.holding)
    }

    /// Whether the proxy answers.
    pub(crate) fn proxy_answers(&self) -> bool {
        matches!(self.observed.proxy, Proxy::Up { .. })
    }
}

#[cfg(test)]
mod tests;
