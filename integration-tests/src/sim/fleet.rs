//! A simulated fleet: one coordinator, some hosts, one operator, and the handles by which they are hurt and looked at.
//! Not here: what is done to them and when (`scenario.rs`), what must hold (`invariants.rs`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use evenkeel::config::{Config, RawConfig};
use evenkeel::listen::Limits;
use evenkeel::resolve::{ImageResolver, ResolveError};
use evenkeel::serve::{AdminFile, MemoryAdminFile};
use evenkeel::store::{MemoryStore, Snapshot};
use evenkeel_agent::router::FakeRouter;
use evenkeel_agent::runtime::{FakeEngine, FakeRuntime, Runtime as _, Scope};
use evenkeel_certs::TimeSource;
use evenkeel_machine::Container;
use evenkeel_model::{AppKey, EnvironmentName, FleetName, HostId, ImagePin, Millis, UnixMillis};
use turmoil::Sim;

use super::disk::Disk;
use super::operator::{Ask, Operator, Told};
use super::watch::{Watch, Watched};
use super::{Random, Release, net, people};

/// How much simulated time passes between two looks at everything.
pub const STEP: Duration = Duration::from_millis(20);
/// When the simulation begins: a fixed day, so that certificates are the same in every run.
pub(super) const BEGINNING: u64 = 1_790_000_000;
/// Where all images are.
pub(super) const REPOSITORY: &str = "registry.example/app";
/// The coordinator's port.
const PORT: u16 = 7400;

/// Which host, counted from 0.
pub type HostNumber = usize;

/// What of one host outlives its agent.
#[derive(Debug, Clone)]
pub(super) struct HostWorld {
    pub(super) name: String,
    pub(super) engine: FakeEngine,
    /// The host's proxy: a process of its own.
    pub(super) router: FakeRouter,
    pub(super) watch: Watch,
    pub(super) disk: Disk,
    pub(super) token: Arc<Mutex<Option<String>>>,
}

/// The simulated fleet.
pub struct Fleet {
    sim: Sim<'static>,
    /// Simulated milliseconds since the beginning, for those who are asked outside of the simulation.
    now: Arc<AtomicU64>,
    store: Arc<MemoryStore>,
    hosts: Vec<HostWorld>,
    operator: Operator,
    registry: Registry,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("hosts", &self.hosts.len()).finish_non_exhaustive()
    }
}

/// A registry that knows every image that was pushed, and can be down.
#[derive(Debug, Clone, Default)]
struct Registry {
    images: Arc<Mutex<BTreeMap<String, evenkeel_model::Digest>>>,
}

#[async_trait::async_trait]
impl ImageResolver for Registry {
    async fn resolve(&self, reference: &str) -> Result<ImagePin, ResolveError> {
        let images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let reference = reference.to_owned();
        match images.get(&reference).cloned() {
            Some(digest) => Ok(ImagePin::Registry { reference, repository: REPOSITORY.to_owned(), digest }),
            None => Err(ResolveError::NotFound { reference, registry: "registry.example".to_owned() }),
        }
    }
}

fn clock(now: &Arc<AtomicU64>) -> impl Fn() -> Duration + Send + Sync + Clone + use<> {
    let now = Arc::clone(now);
    move || turmoil::sim_elapsed().unwrap_or_else(|| Duration::from_millis(now.load(Ordering::Relaxed)))
}

fn wall(now: &Arc<AtomicU64>) -> TimeSource {
    let elapsed = clock(now);
    TimeSource::new(move || UnixMillis(BEGINNING * 1000) + Millis::from(elapsed()))
}

impl Fleet {
    /// A fleet of so many hosts, all unjoined, and a coordinator that starts for the first time.
    pub fn start(hosts: usize, seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xf1ee7);
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .enable_random_order()
            .tick_duration(STEP)
            .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(BEGINNING))
            .simulation_duration(Duration::from_hours(10))
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(random.between(5, 200)))
            .tcp_capacity(4096)
            .build();
        let now = Arc::new(AtomicU64::new(0));
        let fleet: FleetName = "sim".parse().expect("a valid name");
        let (store, registry) = (Arc::new(MemoryStore::new()), Registry::default());
        let admin = Arc::new(MemoryAdminFile::default());
        coordinator(&mut sim, &store, &registry, &now, &admin);
        let operator = Operator::start(&mut sim, admin, wall(&now), format!("coordinator:{PORT}"));
        let hosts = (1..=hosts).map(|number| host(&mut sim, &fleet, number, &now, random.bits())).collect();
        Self { sim, now, store, hosts, operator, registry }
    }

    /// Lets one step of simulated time pass.
    pub fn step(&mut self) {
        self.sim.step().expect("no simulated process ends with an error");
        let elapsed = u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now.store(elapsed, Ordering::Relaxed);
    }

    /// Simulated time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.sim.elapsed()
    }

    /// The same by the wall clock.
    pub(super) fn wall(&self) -> UnixMillis {
        UnixMillis(BEGINNING * 1000) + Millis::from(self.elapsed())
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn world(&self, host: HostNumber) -> &HostWorld {
        &self.hosts[host]
    }

    /// One host's containers, as they truly are.
    pub fn runtime(&self, host: HostNumber) -> FakeRuntime {
        self.hosts[host].engine.runtime(scope("sim", &self.hosts[host].name))
    }

    /// The app's containers on one host; none are known while its engine does not answer.
    pub(super) fn containers(&self, host: HostNumber) -> Vec<Container> {
        at_once(self.runtime(host).observe(&key(), &[])).containers
    }

    /// All that is stored.
    pub fn stored(&self) -> Snapshot {
        self.store.peek()
    }

    /// Makes an image known to the registry and to every engine.
    pub fn push(&self, release: &Release) {
        let (reference, digest) = (release.image(), Release::digest(&release.image()));
        for host in &self.hosts {
            host.engine.behave(&digest, release.behaviour());
        }
        self.registry.images.lock().unwrap_or_else(PoisonError::into_inner).insert(reference, digest);
    }

    /// Gives a host its join token, as user data would.
    pub fn give_token(&self, host: HostNumber, token: String) {
        *self.hosts[host].token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// Asks the coordinator something, as an operator; the answer comes later.
    pub fn ask(&self, ask: Ask) {
        self.operator.ask(ask);
    }

    /// The answers that have come since the last time.
    pub fn told(&self) -> Vec<Told> {
        self.operator.told()
    }

    /// Ends the coordinator at once, without any clean-up.
    pub fn kill_coordinator(&mut self) {
        self.sim.crash("coordinator");
    }

    /// Starts the coordinator again.
    pub fn start_coordinator(&mut self) {
        self.sim.bounce("coordinator");
    }

    /// Ends an agent at once, without any clean-up; its containers go on.
    pub fn kill_agent(&mut self, host: HostNumber) {
        let name = self.hosts[host].name.clone();
        self.sim.crash(name.as_str());
    }

    /// Starts an agent again.
    pub fn start_agent(&mut self, host: HostNumber) {
        let name = self.hosts[host].name.clone();
        self.sim.bounce(name.as_str());
    }

    /// Cuts a host off, one way or both.
    pub fn cut(&self, host: HostNumber, way: Cut) {
        let name = self.hosts[host].name.as_str();
        match way {
            Cut::Both => self.sim.partition(name, "coordinator"),
            Cut::Up => self.sim.partition_oneway(name, "coordinator"),
            Cut::Down => self.sim.partition_oneway("coordinator", name),
            Cut::Held => self.sim.hold(name, "coordinator"),
        }
    }

    /// Mends the line to a host.
    pub fn mend(&self, host: HostNumber) {
        let name = self.hosts[host].name.as_str();
        self.sim.release(name, "coordinator");
        self.sim.repair(name, "coordinator");
    }

    /// Whether the store takes writes.
    pub fn fail_store(&self, fails: bool) {
        self.store.fail(fails);
    }
}

/// What a port in memory answers: it never waits.
pub(super) fn at_once<T>(answer: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(answer).expect("a port in memory answers at once")
}

/// How a line is hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing gets through.
    Both,
    /// Nothing gets to the coordinator.
    Up,
    /// Nothing gets to the host.
    Down,
    /// Everything is kept, and arrives late and at once.
    Held,
}

/// Whose containers are a host's.
pub(super) fn scope(fleet: &str, host: &str) -> Scope {
    Scope {
        fleet: fleet.parse().expect("a valid name"),
        host: host.parse().expect("a valid name"),
        publish_address: None,
    }
}

/// The simulated app.
pub(super) fn key() -> AppKey {
    AppKey { environment: EnvironmentName::default(), app: "shop".parse().expect("a valid name") }
}

/// What operators begin with: the defaults.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/config/coordinator.toml");

fn config() -> Config {
    let flags = RawConfig { fleet: Some("sim".to_owned()), ..RawConfig::default() };
    Config::load(Some(Path::new(SAMPLE)), &[], flags).expect("the sample is valid")
}

fn coordinator(
    sim: &mut Sim<'static>,
    store: &Arc<MemoryStore>,
    registry: &Registry,
    now: &Arc<AtomicU64>,
    admin: &Arc<MemoryAdminFile>,
) {
    let (store, registry, now, admin) = (Arc::clone(store), registry.clone(), Arc::clone(now), Arc::clone(admin));
    let gauge = Arc::new(people::gauge());
    sim.host("coordinator", move || {
        let (store, registry, now, admin) =
            (Arc::clone(&store), registry.clone(), Arc::clone(&now), Arc::clone(&admin));
        let gauge = Arc::clone(&gauge);
        async move {
            loop {
                let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
                let parts = evenkeel::serve::Parts {
                    config: config(),
                    store: Arc::clone(&store) as Arc<dyn evenkeel::store::Store>,
                    clock: Arc::new(SimClock(wall(&now))),
                    time: wall(&now),
                    listener: Box::new(net::SimListener(listener)),
                    limits: Limits::default(),
                    http: None,
                    resolver: Arc::new(registry.clone()),
                    gauge: Arc::clone(&gauge) as Arc<dyn evenkeel::gauge::Gauge>,
                    admin: Arc::clone(&admin) as Arc<dyn AdminFile>,
                };
                // A coordinator that can't start, because its store fails just then, is started again as systemd would.
                if let Err(error) = evenkeel::serve::run(parts, std::future::pending()).await {
                    tracing::warn!(%error, "the coordinator ended");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });
}

struct SimClock(TimeSource);

impl evenkeel::clock::Clock for SimClock {
    fn now(&self) -> UnixMillis {
        self.0.now()
    }
}

fn host(sim: &mut Sim<'static>, fleet: &FleetName, number: usize, now: &Arc<AtomicU64>, seed: u64) -> HostWorld {
    let world = HostWorld {
        name: format!("host-{number}"),
        engine: FakeEngine::with_clock(clock(now)),
        router: FakeRouter::new(),
        watch: Watch::default(),
        disk: Disk::default(),
        token: Arc::default(),
    };
    let (of_host, time, fleet) = (world.clone(), wall(now), fleet.clone());
    sim.host(world.name.as_str(), move || {
        let (world, time, fleet) = (of_host.clone(), time.clone(), fleet.clone());
        async move { agent(world, time, fleet, seed).await }
    });
    world
}

/// The agent's whole life on a host: wait for a token, join, run.
async fn agent(world: HostWorld, time: TimeSource, fleet: FleetName, seed: u64) -> turmoil::Result {
    let id: HostId = world.name.parse()?;
    let coordinator = format!("coordinator:{PORT}");
    let dialer = Arc::new(net::SimDialer);
    while world.disk.credentials().is_none() {
        let token = world.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = token {
            let key = world.disk.key();
            if let Ok(joined) =
                evenkeel_agent::join::join(dialer.clone(), &coordinator, &token.parse()?, &id, &key, &time).await
            {
                world.disk.keep(joined.credentials);
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let credentials = world.disk.credentials().expect("the host has joined");
    let runtime = world.engine.runtime(scope(fleet.as_str(), &world.name));
    let watched = Arc::new(Watched {
        runtime: runtime.clone(),
        router: world.router.clone(),
        disk: world.disk.clone(),
        watch: world.watch.clone(),
        pulls: Arc::default(),
    });
    let parts = evenkeel_agent::run::Parts {
        addresses: vec![coordinator],
        runtime: watched.clone(),
        router: watched,
        min_free_disk: evenkeel_agent::run::MIN_FREE_DISK,
        prober: Arc::new(runtime),
        ledgers: Arc::new(world.disk.ledgers.clone()),
        facts: Arc::new(super::disk::SimFacts),
        dialer,
        credentials: evenkeel_certs::CredentialsStore::new(credentials, time.clone())?,
        files: Arc::new(world.disk.clone()),
        time,
        failpoint: Arc::new(evenkeel_agent::failpoint::Never),
        socket: None,
        seed,
    };
    Ok(evenkeel_agent::run::run(parts, std::future::pending()).await?)
}
