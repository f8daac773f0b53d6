//! What the proxy was seen to do for the app, or was told to: it goes on so when it stops answering. Not here: what it should do (`route`).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{Digest, Monotonic, ServiceName};

use crate::{Proxy, RoutePlan, Upstream};

/// The plan in force, as far as it can be told from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    /// The plan's mark; none: nothing of this app is routed.
    pub(crate) mark: Option<Digest>,
    /// Since when that plan has been in force, or was first seen to be.
    pub(crate) since: Monotonic,
    routed: BTreeMap<ServiceName, BTreeMap<String, u32>>,
    busy: BTreeSet<String>,
}

impl Sight {
    /// Whether something may be under way at this container.
    pub(crate) fn is_busy(&self, container: &str) -> bool {
        self.routes_to(container) || self.busy.contains(container)
    }

    /// Who gets what is new of this service, each with its weight; none: nobody.
    pub(crate) fn weights(&self, service: &ServiceName) -> Option<&BTreeMap<String, u32>> {
        self.routed.get(service)
    }

    /// Whether these get what is new of this service, and nobody else.
    pub(crate) fn routes_only_to(&self, service: &ServiceName, upstreams: &[Upstream]) -> bool {
        let has = |container: &String| upstreams.iter().any(|upstream| upstream.container == *container);
        let routed = self.routed.get(service);
        routed.map_or(0, BTreeMap::len) == upstreams.len() && routed.is_none_or(|weights| weights.keys().all(has))
    }

    /// Whether this container gets what is new.
    pub(crate) fn routes_to(&self, container: &str) -> bool {
        self.routed.values().any(|weights| weights.contains_key(container))
    }
}

/// The proxy, as this process knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Routing {
    pub(super) sight: Option<Sight>,
    pub(super) down_since: Option<Monotonic>,
}

impl Routing {
    /// Takes in what is seen now, and says whether the proxy has just come back.
    pub(super) fn look(&mut self, proxy: &Proxy, now: Monotonic) -> bool {
        match proxy {
            Proxy::Up { mark, routed, in_flight } => {
                let busy = in_flight.iter().filter(|(_, count)| **count > 0).map(|(container, _)| container.clone());
                self.set(mark.clone(), routed.clone(), busy.collect(), now);
                self.down_since.take().is_some()
            }
            Proxy::Down { .. } => {
                self.down_since.get_or_insert(now);
                false
            }
        }
    }

    /// A plan was put in force: known even if the proxy does not answer right after.
    pub(super) fn told(&mut self, plan: &RoutePlan, now: Monotonic) {
        let before =
            self.sight.iter().flat_map(|sight| sight.routed.values().flat_map(BTreeMap::keys).chain(&sight.busy));
        let busy = before.cloned().collect();
        let routed = plan.services.iter().map(|(name, routes)| {
            (
                name.clone(),
                routes.upstreams.iter().map(|upstream| (upstream.container.clone(), upstream.weight)).collect(),
            )
        });
        self.set(Some(plan.mark()), routed.collect(), busy, now);
    }

    fn set(
        &mut self,
        mark: Option<Digest>,
        routed: BTreeMap<ServiceName, BTreeMap<String, u32>>,
        busy: BTreeSet<String>,
        now: Monotonic,
    ) {
        let before = self.sight.take().filter(|sight| sight.mark == mark);
        self.sight = Some(Sight { since: before.map_or(now, |sight| sight.since), mark, routed, busy });
    }
}
