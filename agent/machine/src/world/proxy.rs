//! The fake proxy: the plan in force, and what is under way at each container. Not here: any knowledge of when a plan should change.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{CauseKind, Monotonic};

use super::World;
use super::engine::failed;
use crate::{Outcome, Proxy, RoutePlan, Upstream};

/// So much is under way at a container that is routed to.
const UNDER_WAY: u64 = 3;

/// The host's proxy, as it is, whether or not it answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeProxy {
    /// None: it has never heard of the app.
    pub(crate) plan: Option<RoutePlan>,
    /// How many steps what is under way lasts after the last new request; none: for ever.
    pub(crate) lasting: Option<u32>,
    /// Ports that somebody else has.
    pub(crate) taken: BTreeSet<u16>,
    /// Until then somebody else has every port that the proxy has not.
    pub(super) taken_until: Option<Monotonic>,
    /// Whether it is of the version before, and does not say the weights.
    pub(crate) is_older: bool,
    /// Whether cutting has no effect.
    pub(crate) deaf: bool,
    /// By container: how many steps are left, none for ever.
    pub(super) flights: BTreeMap<String, Option<u32>>,
    /// When each container was taken off the routes.
    pub(crate) unrouted: BTreeMap<String, Monotonic>,
    /// The containers that were cut, or should have been.
    pub(crate) cuts: BTreeSet<String>,
    pub(super) down_until: Option<Monotonic>,
}

impl FakeProxy {
    pub(crate) fn has(&self, port: u16) -> bool {
        let services = self.plan.iter().flat_map(|plan| plan.services.values());
        services.flat_map(|routes| &routes.ports).any(|had| had.published == port)
    }

    pub(crate) fn routes_to(&self, id: &str) -> bool {
        let services = self.plan.iter().flat_map(|plan| plan.services.values());
        services.flat_map(|routes| &routes.upstreams).any(|upstream| upstream.container == id)
    }

    pub(crate) fn under_way(&self, id: &str) -> bool {
        self.flights.contains_key(id)
    }

    /// When something happens at the proxy that wakes the agent: it comes back, or what is under way has ended.
    pub(super) fn event(&self, now: Monotonic) -> Option<Monotonic> {
        let drains = self.flights.iter().any(|(id, left)| left.is_some() && !self.routes_to(id));
        let ended = drains.then(|| Monotonic(now.0 + 1000));
        self.down_until.filter(|until| *until > now).into_iter().chain(ended).min()
    }

    pub(super) fn is_down(&self, now: Monotonic) -> bool {
        self.down_until.is_some_and(|until| now < until)
    }
}

impl World {
    pub(crate) fn proxy_down(&mut self, seconds: u64) {
        self.proxy.down_until = Some(Monotonic(self.now.0 + seconds * 1000));
    }

    /// It keeps its routes, which are in a file; what was under way is gone.
    pub(crate) fn proxy_restart(&mut self) {
        self.proxy.flights.clear();
    }

    /// Time passes for what is under way: new requests come where they are routed to, others end.
    pub(super) fn traffic(&mut self) {
        let running: BTreeSet<String> = self
            .bodies
            .values()
            .filter(|body| body.container.is_running())
            .map(|body| body.container.id.clone())
            .collect();
        let proxy = &mut self.proxy;
        for id in &running {
            if proxy.routes_to(id) {
                proxy.flights.insert(id.clone(), proxy.lasting);
                proxy.unrouted.remove(id);
            } else {
                proxy.unrouted.entry(id.clone()).or_insert(self.now);
            }
        }
        let plan = proxy.plan.clone().unwrap_or_default();
        let routed = |id: &str| {
            plan.services.values().flat_map(|routes| &routes.upstreams).any(|upstream| upstream.container == id)
        };
        proxy.flights.retain(|id, left| {
            if !routed(id)
                && let Some(left) = left
            {
                *left = left.saturating_sub(1);
            }
            running.contains(id) && *left != Some(0)
        });
    }

    pub(super) fn proxy_seen(&self) -> Proxy {
        if self.proxy.is_down(self.now) {
            return Proxy::Down { message: "connection refused".to_owned() };
        }
        let plan = self.proxy.plan.as_ref();
        let weight_told = |upstream: &Upstream| if self.proxy.is_older { 1 } else { upstream.weight };
        let routed = plan.iter().flat_map(|plan| &plan.services).map(|(name, routes)| {
            let weights = routes.upstreams.iter().map(|upstream| (upstream.container.clone(), weight_told(upstream)));
            (name.clone(), weights.collect())
        });
        let in_flight = self.proxy.flights.keys().map(|id| (id.clone(), UNDER_WAY));
        Proxy::Up { mark: plan.map(RoutePlan::mark), routed: routed.collect(), in_flight: in_flight.collect() }
    }

    pub(super) fn route(&mut self, plan: &RoutePlan) -> Outcome {
        if self.proxy.is_down(self.now) {
            return failed(CauseKind::ProxyUnavailable);
        }
        let direct = self.bodies.values().filter(|body| body.container.is_running());
        let direct = direct.flat_map(|body| &body.service.spec.ports).filter(|port| !port.is_routed());
        let taken: BTreeSet<u16> = direct.map(|port| port.published).chain(self.proxy.taken.iter().copied()).collect();
        let mut ports: Vec<u16> =
            plan.services.values().flat_map(|routes| &routes.ports).map(|port| port.published).collect();
        ports.sort_unstable();
        assert!(ports.windows(2).all(|pair| pair[0] != pair[1]), "one port is routed twice: {plan:#?}");
        let all = self.proxy.taken_until.is_some_and(|until| self.now < until);
        if ports.iter().any(|port| (all || taken.contains(port)) && !self.proxy.has(*port)) {
            return failed(CauseKind::PortTaken);
        }
        self.proxy.plan = (!plan.services.is_empty()).then(|| plan.clone());
        self.traffic();
        Outcome::Done
    }

    pub(super) fn cut(&mut self, id: &str) -> Outcome {
        if self.proxy.is_down(self.now) {
            return failed(CauseKind::ProxyUnavailable);
        }
        assert!(!self.proxy.routes_to(id), "what is cut gets nothing new any more");
        if !self.proxy.deaf {
            self.proxy.flights.remove(id);
        }
        Outcome::Done
    }

    /// The plan in words: `web:good-2`, with what is special about it (`web:good-1*75+good-2*25`); `-` if nothing is routed.
    pub(crate) fn told(&self, plan: &RoutePlan) -> String {
        let services = plan.services.iter().map(|(name, routes)| {
            let mut words: Vec<String> = routes.upstreams.iter().map(|upstream| self.weighed(upstream)).collect();
            words.extend(routes.holding.then(|| "holding".to_owned()));
            words.extend(routes.failing.then(|| "failing".to_owned()));
            let ports = routes.ports.iter().filter(|port| port.published != 80).map(|port| port.published.to_string());
            words.extend(ports);
            format!("{name}:{}", words.join("+"))
        });
        let services: Vec<String> = services.collect();
        if services.is_empty() { "-".to_owned() } else { services.join(" ") }
    }

    fn weighed(&self, upstream: &Upstream) -> String {
        let image = self.image_of(&upstream.container);
        if upstream.weight == 1 { image } else { format!("{image}*{}", upstream.weight) }
    }

    pub(crate) fn image_of(&self, id: &str) -> String {
        let body = self.bodies.values().find(|body| body.container.id == id);
        body.map_or_else(|| "gone".to_owned(), |body| body.image().to_owned())
    }
}
