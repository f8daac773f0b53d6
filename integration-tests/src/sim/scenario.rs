//! One run of the simulation, all by its seed: a fleet joins, releases good and bad are deployed while things go wrong, and when they
//! have been mended everything must come to the right end.

use std::fmt;
use std::time::Duration;

use evenkeel_model::{Count, Manifest, Millis, OnFailure, Policy, ReleaseNumber, Share, Strategy, Wave, Waves};
use evenkeel_rollout::{HostState, Outcome, Rollout, State};

use super::faults::Faults;
use super::fleet::key;
use super::invariants::{Checker, Violation};
use super::people::{People, add_gates};
use super::release::service;
use super::traffic::Traffic;
use super::{Ask, Door, Fleet, HostNumber, Kind, Random, Release, Told};

/// How long things go wrong during one rollout, at most.
const STORM: Duration = Duration::from_mins(2);
/// How long everything may take to settle once nothing goes wrong any more. Longer than all deadlines of the policies together.
const SETTLING: Duration = Duration::from_mins(15);

/// What happened in a run that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How each rollout ended.
    pub outcomes: Vec<(u64, Kind, State)>,
    /// How many faults there were.
    pub faults: usize,
    /// How often a host had a release's image before it was ordered there.
    pub fetched_ahead: usize,
    /// Simulated time.
    pub elapsed: Duration,
}

/// A run that did not hold, with all that is needed to see why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// When.
    pub at: Duration,
    /// What did not hold.
    pub violation: Violation,
    /// What was deployed and what went wrong until then.
    pub trace: Vec<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "  {:>9.2}s  VIOLATION {}", self.at.as_secs_f64(), self.violation)?;
        write!(f, "replay it: SEED={} ./integration-tests/run simulation", self.seed)
    }
}

struct Run {
    fleet: Fleet,
    random: Random,
    faults: Faults,
    traffic: Traffic,
    checker: Checker,
    trace: Vec<(Duration, String)>,
    outcomes: Vec<(u64, Kind, State)>,
    previous_is_good: bool,
    people: People,
}

/// Runs the scenario of a seed.
pub fn run(seed: u64) -> Result<Summary, Box<Failed>> {
    let mut random = Random::new(seed);
    let hosts = usize::try_from(random.between(2, 6)).expect("a small number");
    let fleet = Fleet::start(hosts, seed);
    let people = People::new(None, &mut random);
    let mut run = Run {
        fleet,
        people,
        random,
        faults: Faults::new(),
        traffic: Traffic::new(seed),
        checker: Checker::default(),
        trace: vec![(Duration::ZERO, format!("{hosts} hosts"))],
        outcomes: Vec::new(),
        previous_is_good: true,
    };
    run.all().map_err(|violation| Box::new(run.failed(seed, violation)))?;
    Ok(Summary {
        outcomes: run.outcomes,
        faults: run.faults.history.len() / 2,
        fetched_ahead: run.checker.fetched_ahead(),
        elapsed: run.fleet.elapsed(),
    })
}

impl Run {
    fn all(&mut self) -> Result<(), Violation> {
        self.join()?;
        let mut door = *self.random.pick(&Door::ALL);
        let rollouts = self.random.between(2, 5);
        let mut before = None;
        for number in 1..=rollouts {
            let mut policy = policy(&mut self.random);
            // Old and new side by side, and the traffic divided between them, take a service that can run twice and is reached as before.
            if before.replace(door) == Some(door) && matches!(door, Door::None | Door::Routed) {
                (policy.strategy, policy.weights) = strategy(&mut self.random);
            }
            add_gates(&mut policy, &mut self.random);
            let release = match number {
                1 => Release { number, kind: Kind::Good, door, policy },
                _ => Release::random(number, door, &policy, &mut self.random),
            };
            self.deploy(&release)?;
            // Sometimes the next release is reached in another way.
            if self.random.chance(20) {
                door = *self.random.pick(&Door::ALL);
            }
        }
        Ok(())
    }

    fn failed(&self, seed: u64, violation: Violation) -> Failed {
        let faults = self.faults.history.iter().map(|(at, word, fault)| (*at, format!("{fault:?} {word}")));
        let mut trace: Vec<_> = self.trace.iter().cloned().chain(faults).collect();
        trace.sort_by_key(|(at, _)| *at);
        let trace = trace.into_iter().map(|(at, what)| format!("{:>9.2}s  {what}", at.as_secs_f64())).collect();
        Failed { seed, at: self.fleet.elapsed(), violation, trace }
    }

    fn note(&mut self, what: String) {
        self.trace.push((self.fleet.elapsed(), what));
    }

    /// Every host gets a token and joins, in fair weather.
    fn join(&mut self) -> Result<(), Violation> {
        for host in 0..self.fleet.hosts() {
            self.fleet.ask(Ask::Token { host });
        }
        self.until("every_host_joins", |run| {
            for told in run.fleet.told() {
                match told {
                    Told::Token { host, token } => run.fleet.give_token(host, token),
                    other => run.note(format!("{other:?}")),
                }
            }
            run.fleet.stored().hosts.len() == run.fleet.hosts()
        })
    }

    fn deploy(&mut self, release: &Release) -> Result<(), Violation> {
        self.fleet.push(release);
        let before = self.newest().map(|rollout| rollout.id);
        let good = release.kind.is_good() && self.previous_is_good;
        // Where there is no current release nothing is taken away from anybody, and going back means to nothing; and only good
        // releases let us tell our hand from the release's.
        let current = self.fleet.stored().current.contains_key(&key());
        let budget = (good && current).then(|| release.policy.budget(self.fleet.hosts(), None));
        self.checker.forget_who_served();
        self.people = People::new(before, &mut self.random);
        let Release { number, kind, door, policy } = release;
        let gates: Vec<String> = policy.gates.iter().map(ToString::to_string).collect();
        let strategy = policy.strategy.as_str();
        self.note(format!("deploy {number} {kind:?} {door:?} {strategy} {:?} {gates:?}", policy.on_failure));
        self.fleet.ask(Ask::Deploy(release.clone()));

        let beginning = self.fleet.elapsed();
        let interference = self.interference();
        let mut interfered = false;
        while self.fleet.elapsed() < beginning + STORM {
            self.step(budget, true)?;
            self.listen(release);
            let begun = self.newest().is_some_and(|rollout| Some(rollout.id) != before);
            if begun && self.newest().is_some_and(|rollout| rollout.outcome().is_some()) {
                break;
            }
            if let Some((after, ask)) = &interference
                && begun
                && !interfered
                && self.fleet.elapsed() > beginning + *after
            {
                interfered = true;
                self.note(format!("{ask:?}"));
                self.fleet.ask(ask.clone());
            }
        }
        self.faults.calm(&mut self.fleet);
        self.note("calm".to_owned());
        self.until("it_settles_when_nothing_goes_wrong", |run| {
            run.listen(release);
            run.newest().is_some_and(|rollout| Some(rollout.id) != before) && run.settled().is_ok()
        })
        .map_err(|violation| Violation { seen: format!("{}; {}", violation.seen, self.unsettled()), ..violation })?;
        // Else the next deploy would be refused.
        self.until("a_freeze_ends", |run| {
            let now = run.fleet.wall();
            run.fleet.stored().freezes.values().all(|freeze| freeze.until.is_some_and(|until| until <= now))
        })?;
        let newest = self.newest().expect("a rollout was begun");
        self.note(format!("ended: {:?}", newest.state));
        self.outcomes.push((newest.id.0, release.kind, newest.state));
        self.honest(release, &newest)?;
        self.previous_is_good = release.kind.is_good() || newest.outcome() == Some(Outcome::RolledBack);
        if newest.state == State::Paused {
            self.fleet.ask(Ask::Abort { rollback: true });
            self.until("a_paused_rollout_can_be_ended", |run| {
                run.listen(release);
                run.newest().is_some_and(|rollout| rollout.outcome().is_some()) && run.settled().is_ok()
            })?;
        }
        Ok(())
    }

    /// Sometimes an operator changes their mind.
    fn interference(&mut self) -> Option<(Duration, Ask)> {
        let after = Duration::from_millis(self.random.between(500, 30_000));
        match self.random.between(0, 10) {
            0 => Some((after, Ask::Abort { rollback: false })),
            1 => Some((after, Ask::Abort { rollback: true })),
            2 => Some((after, Ask::Rollback)),
            _ => None,
        }
    }

    /// Answers: a deploy of which nobody knows whether it was begun is asked for again, as a CI job would.
    fn listen(&mut self, release: &Release) {
        for told in self.fleet.told() {
            match told {
                Told::Refused { message, unknown } => {
                    self.note(format!("refused: {message}"));
                    if unknown && !self.began(release) {
                        self.fleet.ask(Ask::Deploy(release.clone()));
                    }
                }
                Told::Rollout(rollout) => self.note(format!("rollout {} is {}", rollout.rollout, rollout.state)),
                Told::Token { .. } | Told::Done => {}
            }
        }
    }

    fn began(&self, release: &Release) -> bool {
        let stored = self.fleet.stored();
        let image = release.image();
        let made = stored.releases.get(&key()).into_iter().flat_map(|releases| releases.values());
        made.into_iter().any(|made| String::from_utf8_lossy(&made.manifest).contains(&image))
    }

    fn newest(&self) -> Option<Rollout> {
        self.fleet.stored().rollouts.values().next_back().map(|rollout| (**rollout).clone())
    }

    fn step(&mut self, budget: Option<usize>, storm: bool) -> Result<(), Violation> {
        if storm {
            self.faults.storm(&mut self.fleet, &mut self.random);
        }
        self.traffic.step(&self.fleet);
        self.fleet.step();
        let victims = self.faults.victims();
        self.checker.check(&self.fleet, &victims, budget)?;
        self.attend()
    }

    /// People look at the newest rollout, say what they have to, and what happened is held against what was said.
    fn attend(&mut self) -> Result<(), Violation> {
        let stored = self.fleet.stored();
        let Some(rollout) = stored.rollouts.values().next_back() else { return Ok(()) };
        self.people.check(rollout, &self.fleet, &stored)?;
        if let Some(ask) = self.people.attend(rollout, self.fleet.wall()) {
            self.note(format!("{ask:?}"));
            self.fleet.ask(ask);
        }
        Ok(())
    }

    fn until(&mut self, name: &'static str, mut holds: impl FnMut(&mut Self) -> bool) -> Result<(), Violation> {
        let beginning = self.fleet.elapsed();
        while !holds(self) {
            self.step(None, false)?;
            if self.fleet.elapsed() > beginning + SETTLING {
                return Err(Violation { invariant: name, seen: format!("it did not within {} s", SETTLING.as_secs()) });
            }
        }
        Ok(())
    }

    /// Nothing is under way: the rollout has ended (or waits for a person), and each host runs exactly what it should.
    fn settled(&self) -> Result<(), String> {
        let stored = self.fleet.stored();
        let rollout = self.newest().ok_or("no rollout was begun")?;
        let paused = rollout.state == State::Paused;
        if rollout.outcome().is_none() && !paused {
            return Err(format!("rollout {} is {:?}", rollout.id, rollout.state));
        }
        let current = stored.current.get(&key()).map(|current| current.release);
        // Without a current release, hosts that an aborted rollout had committed keep what they have.
        let clear = current.is_some() && matches!(rollout.outcome(), Some(Outcome::Succeeded | Outcome::RolledBack));
        // What is paused by a failure leaves others in trial, with old and new side by side.
        let in_trial = |host: HostNumber| {
            let name = self.fleet.world(host).name.as_str();
            let progress = rollout.hosts.iter().find(|(id, _)| id.as_str() == name);
            paused && progress.is_some_and(|(_, progress)| progress.state == HostState::Healthy)
        };
        for host in (0..self.fleet.hosts()).filter(|host| !in_trial(*host)) {
            let serving = self.fleet.runtime(host).serving(&key(), &service());
            self.routed_settled(host)?;
            let [one] = serving.as_slice() else {
                // Before a first success there may be nothing.
                if serving.is_empty() && current.is_none() {
                    continue;
                }
                return Err(format!("host {host} runs {serving:?}"));
            };
            let same = |release| {
                let digest =
                    |number| stored.releases.get(&key()).and_then(|all| all.get(&number)).map(|made| &made.digest);
                digest(release) == digest(one.release)
            };
            if !one.healthy || (clear && !current.is_some_and(same)) {
                return Err(format!("host {host} runs {one:?}, and the current release is {current:?}"));
            }
        }
        Ok(())
    }

    /// The proxy gives everything to the one container that runs, if its ports are the proxy's, and nothing waits.
    fn routed_settled(&self, host: HostNumber) -> Result<(), String> {
        let containers = self.fleet.containers(host);
        let plan = self.fleet.world(host).router.plan(&key());
        let running: Vec<&str> = containers.iter().filter(|one| one.is_running()).map(|one| one.id.as_str()).collect();
        let routed =
            plan.services.values().flat_map(|routes| &routes.upstreams).map(|upstream| upstream.container.as_str());
        let routed: Vec<&str> = routed.collect();
        let is_routed = match running.as_slice() {
            [one] => {
                containers.iter().find(|container| container.id == *one).is_some_and(|one| self.has_routes(one.release))
            }
            _ => false,
        };
        let expected = if is_routed { running } else { Vec::new() };
        let waits = plan.services.values().any(|routes| routes.holding || routes.failing);
        if routed == expected && !waits && plan.services.is_empty() != is_routed {
            Ok(())
        } else {
            Err(format!("host {host} should route to {expected:?}, and its proxy does {plan:?}"))
        }
    }

    /// Whether the release's port is the proxy's.
    fn has_routes(&self, release: ReleaseNumber) -> bool {
        let stored = self.fleet.stored();
        let made = stored.releases.get(&key()).and_then(|releases| releases.get(&release));
        let manifest = made.and_then(|made| Manifest::decode(&made.manifest).ok());
        let mut services = manifest.into_iter().flat_map(|manifest| manifest.services.into_values());
        services.any(|service| service.spec.routed_ports().next().is_some())
    }

    fn unsettled(&self) -> String {
        let waiting = self.newest().map(|rollout| {
            let hosts: Vec<_> = rollout.hosts.iter().map(|(name, host)| format!("{name} {:?}", host.state)).collect();
            format!("; hosts: {}", hosts.join(", "))
        });
        self.settled().err().unwrap_or_default() + &waiting.unwrap_or_default()
    }

    /// The outcome is what truly happened.
    fn honest(&self, release: &Release, rollout: &Rollout) -> Result<(), Violation> {
        let succeeded = rollout.outcome() == Some(Outcome::Succeeded);
        let of_release = self.began(release) && rollout.kind == evenkeel_rollout::Kind::Deploy;
        if succeeded && of_release && !release.kind.is_good() {
            let seen = format!("rollout {} of a {:?} release succeeded", rollout.id, release.kind);
            return Err(Violation { invariant: "g4_a_bad_release_never_succeeds", seen });
        }
        Ok(())
    }
}

fn strategy(random: &mut Random) -> (Strategy, Vec<Share>) {
    let strategy = *random.pick(&[Strategy::Rolling, Strategy::Canary, Strategy::Canary, Strategy::BlueGreen]);
    let quarter = Share::try_from(25).expect("a share");
    (strategy, if strategy == Strategy::Canary { vec![quarter] } else { Vec::new() })
}

fn policy(random: &mut Random) -> Policy {
    let waves = [
        &[Count::Hosts(1), Count::Percent(100)][..],
        &[Count::Percent(50)],
        &[Count::Percent(100)],
        &[Count::Hosts(1), Count::Hosts(2)],
    ];
    let waves = Waves::List(random.pick(&waves).iter().map(|count| Wave::from(*count)).collect());
    let on_failure =
        [OnFailure::Rollback, OnFailure::Rollback, OnFailure::Rollback, OnFailure::Pause, OnFailure::RevertFailed];
    Policy {
        waves,
        max_unavailable: Some(Count::Hosts(u32::try_from(random.between(1, 4)).expect("a small number"))),
        max_failures: random.chance(30).then_some(Count::Hosts(1)),
        bake: Millis::seconds(8),
        health_deadline: Millis::seconds(20),
        pull_deadline: Millis::seconds(40),
        progress_deadline: Millis::seconds(120),
        on_failure: *random.pick(&on_failure),
        ..Policy::default()
    }
}
