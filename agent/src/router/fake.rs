//! A proxy in memory, for tests and the simulation. It outlives the agent's crash, as the real one does.
//!
//! Deterministic: no randomness, no clock. Whoever holds it says when requests come and end.
//! Deliberately not here: holding requests, bytes, sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use evenkeel_machine::{Proxy, RoutePlan, ServiceRoutes};
use evenkeel_model::{AppKey, CauseKind, Failure, ServiceName};

use super::Router;

/// One proxy. Clones are the same proxy.
#[derive(Debug, Clone)]
pub struct FakeRouter {
    state: Arc<Mutex<State>>,
    wake: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    down: bool,
    occupied: BTreeSet<u16>,
    apps: BTreeMap<AppKey, App>,
    log: Vec<Told>,
    asked: u64,
    begun: u64,
}

#[derive(Debug, Default)]
struct App {
    plan: RoutePlan,
    /// By container, the numbers of the requests.
    under_way: BTreeMap<String, BTreeSet<u64>>,
}

/// A request that was given to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The container's id.
    pub container: String,
    key: AppKey,
    number: u64,
}

impl App {
    fn routes_to(&self, container: &str) -> bool {
        let goes_to = |routes: &ServiceRoutes| !routes.holding && ids(routes).any(|id| id == container);
        self.plan.services.values().any(goes_to)
    }
}

/// What the proxy was told, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// To put a plan in force.
    Route(AppKey, RoutePlan),
    /// To end what is under way at a container.
    Cut(AppKey, String),
}

impl Default for FakeRouter {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeRouter {
    /// A proxy without routes.
    pub fn new() -> Self {
        Self { state: Arc::default(), wake: watch::Sender::new(()) }
    }

    /// From now on it does not answer the agent, or does again. What is routed goes on meanwhile.
    pub fn down(&self, down: bool) {
        self.change(|state| state.down = down);
    }

    /// It is started again: its routes are in a file, and what was under way has ended.
    pub fn restart(&self) {
        self.change(|state| state.apps.values_mut().for_each(|app| app.under_way.clear()));
    }

    /// Somebody else on the host has the port, or gives it back.
    pub fn occupy(&self, port: u16, occupied: bool) {
        self.change(|state| if occupied { state.occupied.insert(port) } else { state.occupied.remove(&port) });
    }

    /// A request for a service comes, and is under way until it is [`Self::finish`]ed. None: it waits.
    pub fn begin(&self, key: &AppKey, service: &ServiceName) -> Option<Request> {
        let mut state = self.state();
        let number = state.begun;
        let app = state.apps.get_mut(key)?;
        let routes = app.plan.services.get(service).filter(|routes| !routes.holding)?;
        let container = choose(routes, number)?.clone();
        app.under_way.entry(container.clone()).or_default().insert(number);
        state.begun += 1;
        Some(Request { container, key: key.clone(), number })
    }

    /// A request ends. One that was cut has ended already.
    pub fn finish(&self, request: &Request) {
        let mut state = self.state();
        let Some(app) = state.apps.get_mut(&request.key) else { return };
        let Some(under_way) = app.under_way.get_mut(&request.container) else { return };
        if under_way.remove(&request.number) && under_way.is_empty() {
            app.under_way.remove(&request.container);
            // As the real one: only the end of a drain is news.
            if !app.routes_to(&request.container) {
                self.wake.send_replace(());
            }
        }
    }

    /// How much is under way at a container.
    pub fn in_flight(&self, key: &AppKey, container: &str) -> u64 {
        let state = self.state();
        state.apps.get(key).and_then(|app| app.under_way.get(container)).map_or(0, |numbers| numbers.len() as u64)
    }

    /// Whether it answers the agent.
    pub fn is_down(&self) -> bool {
        self.state().down
    }

    /// What is in force for an app; the empty plan: nothing.
    pub fn plan(&self, key: &AppKey) -> RoutePlan {
        self.state().apps.get(key).map(|app| app.plan.clone()).unwrap_or_default()
    }

    /// Whether a request that comes now may go to this container.
    pub fn routes_to(&self, key: &AppKey, container: &str) -> bool {
        self.state().apps.get(key).is_some_and(|app| app.routes_to(container))
    }

    /// All that it was told and did so far, in its order.
    pub fn log(&self) -> Vec<Told> {
        self.state().log.clone()
    }

    /// How often it was asked what it does, whether it answered or not.
    pub fn asked(&self) -> u64 {
        self.state().asked
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.wake.send_replace(());
        changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panics with the lock held has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: it does not answer.
    fn answering(&self) -> Option<MutexGuard<'_, State>> {
        Some(self.state()).filter(|state| !state.down)
    }
}

const REFUSED: &str = "the proxy does not answer: connection refused";

fn refused() -> Failure {
    Failure::plain(CauseKind::ProxyUnavailable, REFUSED)
}

/// 2^64 divided by the golden ratio: its multiples fill the circle evenly.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// As the real one: over any run of numbers each gets its share.
fn choose(routes: &ServiceRoutes, number: u64) -> Option<&String> {
    let total: u64 = routes.upstreams.iter().map(|upstream| u64::from(upstream.weight)).sum();
    let spot = (u128::from(number.wrapping_mul(STEP)) * u128::from(total)) >> 64;
    let mut end = 0;
    let chosen = routes.upstreams.iter().find(|upstream| {
        end += u128::from(upstream.weight);
        spot < end
    });
    chosen.map(|upstream| &upstream.container)
}

fn weights(routes: &ServiceRoutes) -> impl Iterator<Item = (String, u32)> {
    let told = routes.upstreams.iter().filter(|upstream| upstream.weight > 0);
    told.map(|upstream| (upstream.container.clone(), upstream.weight))
}

fn ids(routes: &ServiceRoutes) -> impl Iterator<Item = &String> {
    routes.upstreams.iter().filter(|upstream| upstream.weight > 0).map(|upstream| &upstream.container)
}

#[async_trait]
impl Router for FakeRouter {
    async fn observe(&self, key: &AppKey) -> Proxy {
        self.state().asked += 1;
        let Some(state) = self.answering() else { return Proxy::Down { message: REFUSED.to_owned() } };
        let Some(app) = state.apps.get(key) else { return Proxy::default() };
        let routed = app.plan.services.iter().map(|(name, routes)| (name.clone(), weights(routes).collect()));
        Proxy::Up {
            mark: (!app.plan.services.is_empty()).then(|| app.plan.mark()),
            routed: routed.collect(),
            in_flight: app.under_way.iter().map(|(id, numbers)| (id.clone(), numbers.len() as u64)).collect(),
        }
    }

    async fn route(&self, key: &AppKey, plan: &RoutePlan) -> Result<(), Failure> {
        let mut state = self.answering().ok_or_else(refused)?;
        let taken = plan.services.values().flat_map(|routes| &routes.ports);
        if let Some(port) = taken.map(|port| port.published).find(|port| state.occupied.contains(port)) {
            let message = format!("port {port} is taken by another program: stop it, or publish another port");
            return Err(Failure::plain(CauseKind::PortTaken, message));
        }
        state.apps.entry(key.clone()).or_default().plan = plan.clone();
        state.log.push(Told::Route(key.clone(), plan.clone()));
        Ok(())
    }

    async fn cut(&self, key: &AppKey, container: &str) -> Result<(), Failure> {
        let mut state = self.answering().ok_or_else(refused)?;
        if let Some(app) = state.apps.get_mut(key) {
            app.under_way.remove(container);
        }
        state.log.push(Told::Cut(key.clone(), container.to_owned()));
        Ok(())
    }

    fn wakeups(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }
}
