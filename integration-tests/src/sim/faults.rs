//! What goes wrong, when, and for how long: all by the seed. Every fault ends. Not here: what must hold meanwhile (`invariants.rs`).

use std::collections::BTreeSet;
use std::time::Duration;

use super::fleet::Cut;
use super::{Fleet, HostNumber, Random};

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The agent is killed.
    Agent(HostNumber),
    /// The machine is rebooted: agent and containers end, and what the engine restarts runs again.
    Reboot(HostNumber),
    /// The engine does not answer; the containers go on.
    Engine(HostNumber),
    /// The engine is restarted: it does not answer, and the containers have ended when it does.
    EngineRestart(HostNumber),
    /// The line to the host is hurt.
    Line(HostNumber, Cut),
    /// The host's disk is full: no ledger can be written.
    Disk(HostNumber),
    /// No registry can be reached from the host.
    Registry(HostNumber),
    /// The host's proxy does not answer the agent; what is routed goes on.
    Proxy(HostNumber),
    /// The host's proxy is killed, and answers again after a while; what was under way has ended.
    ProxyRestart(HostNumber),
    /// The coordinator is killed.
    Coordinator,
    /// The coordinator's store takes no writes.
    Store,
}

impl Fault {
    fn random(hosts: usize, random: &mut Random) -> Self {
        let host = usize::try_from(random.between(0, hosts as u64)).expect("a small number");
        match random.between(0, 14) {
            0 | 1 => Self::Agent(host),
            2 => Self::Reboot(host),
            3 => Self::Engine(host),
            4 => Self::EngineRestart(host),
            5..=7 => Self::Line(host, *random.pick(&[Cut::Both, Cut::Up, Cut::Down, Cut::Held])),
            8 => Self::Disk(host),
            9 => Self::Registry(host),
            10 => Self::Proxy(host),
            11 => Self::ProxyRestart(host),
            12 => Self::Coordinator,
            _ => Self::Store,
        }
    }

    /// What it hurts: two faults at once never hurt the same.
    fn victim(self) -> Option<HostNumber> {
        match self {
            Self::Agent(host)
            | Self::Reboot(host)
            | Self::Engine(host)
            | Self::EngineRestart(host)
            | Self::Line(host, _)
            | Self::Disk(host)
            | Self::Registry(host)
            | Self::Proxy(host)
            | Self::ProxyRestart(host) => Some(host),
            Self::Coordinator | Self::Store => None,
        }
    }

    fn begin(self, fleet: &mut Fleet) {
        match self {
            Self::Agent(host) => fleet.kill_agent(host),
            Self::Reboot(host) => {
                fleet.kill_agent(host);
                fleet.world(host).engine.reboot();
            }
            Self::Engine(host) | Self::EngineRestart(host) => fleet.world(host).engine.engine_down(true),
            Self::Line(host, way) => fleet.cut(host, way),
            Self::Disk(host) => fleet.world(host).disk.ledgers.fail_writes(true),
            Self::Registry(host) => fleet.world(host).engine.registry_down(true),
            Self::Proxy(host) => fleet.world(host).router.down(true),
            Self::ProxyRestart(host) => {
                fleet.world(host).router.restart();
                fleet.world(host).router.down(true);
            }
            Self::Coordinator => fleet.kill_coordinator(),
            Self::Store => fleet.fail_store(true),
        }
    }

    fn end(self, fleet: &mut Fleet) {
        match self {
            Self::Agent(host) | Self::Reboot(host) => fleet.start_agent(host),
            Self::Engine(host) => fleet.world(host).engine.engine_down(false),
            Self::EngineRestart(host) => {
                fleet.world(host).engine.reboot();
                fleet.world(host).engine.engine_down(false);
            }
            Self::Line(host, _) => fleet.mend(host),
            Self::Disk(host) => fleet.world(host).disk.ledgers.fail_writes(false),
            Self::Registry(host) => fleet.world(host).engine.registry_down(false),
            Self::Proxy(host) | Self::ProxyRestart(host) => fleet.world(host).router.down(false),
            Self::Coordinator => fleet.start_coordinator(),
            Self::Store => fleet.fail_store(false),
        }
    }
}

/// The faults of one run.
#[derive(Debug)]
pub(super) struct Faults {
    going: Vec<(Fault, Duration)>,
    next: Duration,
    /// All that went wrong, for the trace of a run that failed.
    pub(super) history: Vec<(Duration, &'static str, Fault)>,
}

impl Faults {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { going: Vec::new(), next: Duration::ZERO, history: Vec::new() }
    }

    /// Ends what is over, and begins what is due.
    pub(super) fn storm(&mut self, fleet: &mut Fleet, random: &mut Random) {
        let now = fleet.elapsed();
        let over: Vec<_> = self.going.extract_if(.., |(_, until)| *until <= now).collect();
        for (fault, _) in over {
            self.finish(fault, fleet);
        }
        if now < self.next {
            return;
        }
        self.next = now + Duration::from_millis(random.between(500, 8_000));
        let fault = Fault::random(fleet.hosts(), random);
        let coordinator = matches!(fault, Fault::Coordinator | Fault::Store);
        let taken = |other: &Fault| match fault.victim() {
            Some(host) => other.victim() == Some(host),
            None => coordinator && other.victim().is_none(),
        };
        if !self.going.iter().any(|(other, _)| taken(other)) {
            fault.begin(fleet);
            self.history.push((now, "begins", fault));
            self.going.push((fault, now + Duration::from_millis(random.between(100, 15_000))));
        }
    }

    /// Mends everything.
    pub(super) fn calm(&mut self, fleet: &mut Fleet) {
        for (fault, _) in std::mem::take(&mut self.going) {
            self.finish(fault, fleet);
        }
    }

    fn finish(&mut self, fault: Fault, fleet: &mut Fleet) {
        fault.end(fleet);
        self.history.push((fleet.elapsed(), "ends", fault));
    }

    /// The hosts that are hurt now.
    pub(super) fn victims(&self) -> BTreeSet<HostNumber> {
        self.going.iter().filter_map(|(fault, _)| fault.victim()).collect()
    }
}
