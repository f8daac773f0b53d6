//! An engine in memory, for tests and the simulation. It is the host: it outlives the agent's crash, and several agents may share it.
//!
//! Deterministic: no randomness, no wall clock, everything in order. It is held to the real engine's behaviour by the contract tests.
//! Deliberately not here: networks, volumes, and the programs themselves (a [`Behaviour`] per image stands for them).

mod behaviour;
mod perform;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use evenkeel_machine::{Action, Engine, Outcome};
use evenkeel_model::{
    AppKey, CauseKind, ContainerStats, Digest, Failure, HostId, ImagePin, LogAnswer, LogQuestion, Millis, Pressure,
    Probe, ReleaseNumber, ServiceName, Slot, Version,
};

use crate::probe::{Answer, Prober};

use super::{EngineDown, Runtime, Scope, Sight};
pub use behaviour::{Behaviour, Exit, Pull};
use world::World;

/// One engine. Clones are the same engine.
#[derive(Clone)]
pub struct FakeEngine {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    wake: watch::Sender<()>,
}

impl fmt::Debug for FakeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeEngine").field("world", &*self.world()).finish_non_exhaustive()
    }
}

/// One action that was begun on an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performed {
    /// The host whose agent asked for it.
    pub host: HostId,
    /// For which app.
    pub key: AppKey,
    /// What.
    pub action: Action,
    /// When it began, on the engine's clock.
    pub began: Duration,
    /// When and how it ended; none: it is in flight, or the agent died over it.
    pub ended: Option<(Duration, Outcome)>,
}

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// Its place.
    pub slot: Slot,
    /// The release it was made for.
    pub release: ReleaseNumber,
    /// The generation it was made for.
    pub version: Version,
    /// What it was made from.
    pub fingerprint: Digest,
    /// What its image was pinned by.
    pub pin: Digest,
    /// Whether a probe would be answered well.
    pub healthy: bool,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeEngine {
    /// An empty engine on the async runtime's clock, which a test may move.
    pub fn new() -> Self {
        let beginning = Instant::now();
        Self::with_clock(move || beginning.elapsed())
    }

    /// An empty engine on a clock that outlives the async runtime, as a simulated crash of the agent needs it.
    pub fn with_clock(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { world: Arc::default(), clock: Arc::new(clock), wake: watch::Sender::new(()) }
    }

    /// This engine as the agent of `scope` sees it.
    pub fn runtime(&self, scope: Scope) -> FakeRuntime {
        FakeRuntime { engine: self.clone(), scope }
    }

    /// How containers of the image pinned by `pin` behave, from now on. Without this: well.
    pub fn behave(&self, pin: &Digest, behaviour: Behaviour) {
        self.change(|world, _| world.behaviours.insert(pin.clone(), behaviour));
    }

    /// The image is here without a pull, as a local one is.
    pub fn load(&self, pin: &Digest) {
        self.change(|world, _| world.images.insert(pin.clone()));
    }

    /// The image is not here any more.
    pub fn unload(&self, pin: &Digest) {
        self.change(|world, _| world.images.remove(pin));
    }

    /// From now on no registry is reachable, or they are again.
    pub fn registry_down(&self, down: bool) {
        self.change(|world, _| world.registry_down = down);
    }

    /// From now on the engine does not answer, or it does again: in another session. Containers run on meanwhile.
    pub fn engine_down(&self, down: bool) {
        self.change(|world, _| world.set_down(down));
    }

    /// The host starts anew: all that ran has ended, and what the restart policy says runs again.
    pub fn reboot(&self) {
        self.change(World::reboot);
    }

    /// A container that no agent made. It has no labels of ours.
    pub fn add_foreign(&self, name: &str) {
        self.change(|world, _| world.foreign.insert(name.to_owned()));
    }

    /// Whether that container is still there.
    pub fn has_foreign(&self, name: &str) -> bool {
        self.world().foreign.contains(name)
    }

    /// Whether the container with this id runs, whether or not the engine answers.
    pub fn is_running(&self, id: &str) -> bool {
        self.settle().bodies.values().any(|body| body.id == id && body.runs())
    }

    /// Somebody else on the host has the port, or gives it back.
    pub fn occupy(&self, port: u16, occupied: bool) {
        self.change(|world, _| if occupied { world.occupied.insert(port) } else { world.occupied.remove(&port) });
    }

    /// The next action of that name (`Action::name`) fails so, and changes nothing. Several of them queue up.
    pub fn fail_next(&self, action: &'static str, failure: Failure) {
        self.change(|world, _| world.refusals.push((action, failure)));
    }

    /// What the evidence says of the host.
    pub fn set_pressure(&self, pressure: Pressure) {
        self.change(|world, _| world.pressure = pressure);
    }

    /// All actions begun so far, in their order.
    pub fn log(&self) -> Vec<Performed> {
        self.world().log.clone()
    }

    /// As [`Self::log`], and forgets the actions that have ended: for long simulations.
    pub fn take_log(&self) -> Vec<Performed> {
        let mut world = self.world();
        let taken = world.log.clone();
        world.forget_ended();
        taken
    }

    fn now(&self) -> Duration {
        (self.clock)()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A test that panics with the lock held has failed already.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the world up to now, and wakes those who wait for a change.
    fn settle(&self) -> MutexGuard<'_, World> {
        let mut world = self.world();
        if world.settle(self.now()) {
            self.wake.send_replace(());
        }
        world
    }

    fn change<T>(&self, change: impl FnOnce(&mut World, Duration) -> T) -> T {
        let now = self.now();
        let changed = change(&mut self.settle(), now);
        self.wake.send_replace(());
        changed
    }
}

/// An engine in memory, as one host's agent sees it.
#[derive(Debug, Clone)]
pub struct FakeRuntime {
    engine: FakeEngine,
    scope: Scope,
}

impl FakeRuntime {
    /// The engine behind it.
    pub fn engine(&self) -> &FakeEngine {
        &self.engine
    }

    /// What runs for a service on this host, in order of the slots.
    pub fn serving(&self, key: &AppKey, service: &ServiceName) -> Vec<Serving> {
        let now = self.engine.now();
        self.engine.settle().serving(&self.scope, key, service, now)
    }

    fn ask_engine<T>(&self, question: impl FnOnce(&World, Duration) -> T) -> Result<T, EngineDown> {
        let now = self.engine.now();
        let world = self.engine.settle();
        world.check_up()?;
        Ok(question(&world, now))
    }
}

#[async_trait]
impl Runtime for FakeRuntime {
    async fn observe(&self, key: &AppKey, pins: &[ImagePin]) -> Sight {
        let seen = self.ask_engine(|world, _| Sight {
            engine: Engine::Up { session: world.session },
            containers: world.containers(&self.scope, key),
            images: pins.iter().filter_map(|pin| Some((pin.digest().clone(), world.image_id(pin)?))).collect(),
        });
        seen.unwrap_or_else(|down| Sight {
            engine: Engine::Down { message: down.message },
            containers: Vec::new(),
            images: BTreeMap::new(),
        })
    }

    async fn keys(&self) -> Result<BTreeSet<AppKey>, EngineDown> {
        self.ask_engine(|world, _| world.keys(&self.scope))
    }

    async fn perform(&self, key: &AppKey, action: &Action) -> Outcome {
        self.do_and_note(key, action).await
    }

    async fn engine_version(&self) -> Option<String> {
        self.ask_engine(|_, _| "fake".to_owned()).ok()
    }

    async fn data_root(&self) -> Option<PathBuf> {
        self.ask_engine(|_, _| PathBuf::from("/var/lib/docker")).ok()
    }

    async fn stats(&self) -> Vec<ContainerStats> {
        self.ask_engine(|world, _| world.stats(&self.scope)).unwrap_or_default()
    }

    async fn search_logs(&self, question: &LogQuestion) -> LogAnswer {
        let found = self.ask_engine(|world, _| world.search(&self.scope, question));
        found.map_err(|down| down.to_string())
    }

    fn wakeups(&self) -> watch::Receiver<()> {
        self.engine.wake.subscribe()
    }

    async fn listen(&self) {
        let mut changes = self.engine.wake.subscribe();
        loop {
            let next = self.engine.settle().next_change();
            let wait = next.map(|at| at.saturating_sub(self.engine.now()));
            // What was changed up to here is in `next`; only news ends the wait.
            changes.mark_unchanged();
            // However it ends, the loop looks again; being dropped loses nothing.
            match wait {
                Some(wait) => drop(tokio::time::timeout(wait, changes.changed()).await),
                None => drop(changes.changed().await),
            }
        }
    }
}

#[async_trait]
impl Prober for FakeRuntime {
    async fn ask(&self, address: IpAddr, probe: &Probe, timeout: Millis) -> Answer {
        self.answer(probe, &address.to_string(), timeout, |world| world.find_by_address(address).cloned()).await
    }
}

impl World {
    fn check_up(&self) -> Result<(), EngineDown> {
        if self.down { Err(EngineDown { message: "connection refused".to_owned() }) } else { Ok(()) }
    }

    fn refuse(&mut self, action: &str) -> Option<Failure> {
        if let Err(down) = self.check_up() {
            return Some(Failure::plain(CauseKind::EngineUnavailable, down.to_string()));
        }
        let at = self.refusals.iter().position(|(name, _)| *name == action)?;
        Some(self.refusals.remove(at).1)
    }
}

#[cfg(test)]
mod tests;
