//! What a rollout would do, for `evenkeel plan`: the rollout itself, begun and not stored, and what each host would see of it.
//! Not here: whether it will be healthy.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{
    HostId, KeepOld, Manifest, Millis, Order as ServiceOrder, Port, ReleaseNumber, RolloutId, Service, ServiceName,
    ServiceSpec, Share,
};
use serde::Serialize;

use crate::row::Row;
use crate::{Begin, BeginError, HostView, Input, Rollout, begin, plan};

mod diff;

/// What a rollout would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The rollout as it would begin.
    pub rollout: Rollout,
    /// How many hosts may be unavailable at any moment.
    pub budget: usize,
    /// The waves in their order.
    pub waves: Vec<PreviewWave>,
    /// How many hosts would fetch the release's images ahead of their turn as it begins.
    pub prefetch: usize,
    /// The rollout that goes on now, and would have to end (or be superseded) first.
    pub going: Option<RolloutId>,
    /// How long it takes at least: its bakes alone. Gates and hosts take what they take.
    pub shortest: Millis,
}

/// One wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewWave {
    /// Its hosts, in the order of their ids.
    pub hosts: Vec<PreviewHost>,
    /// How long it must stay healthy, with each share that has traffic.
    pub bake: Millis,
    /// The gates that stand in it, for people.
    pub gates: Vec<String>,
}

/// What one host would see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewHost {
    /// The host.
    pub host: HostId,
    /// Whether it is heard now. One that is not keeps the rollout from succeeding.
    pub live: bool,
    /// The release committed there now, as far as is known.
    pub base: Option<ReleaseNumber>,
    /// What becomes of each service.
    pub services: BTreeMap<ServiceName, Change>,
    /// What differs from what runs there, for people.
    pub differences: Vec<String>,
}

/// What becomes of a service on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// Its container stays: nothing that it is made of changes.
    Unchanged,
    /// Its container stays, and the proxy leads other ports to it, or leads them differently.
    Rerouted {
        /// The ports that it then has by the proxy, in the order written.
        ports: Vec<u16>,
    },
    /// A new container beside the old one.
    Replace {
        /// The ports that the proxy leads to the new one when it is proven.
        ports: Vec<u16>,
        /// What becomes of the old one while the new one is in trial.
        keep_old: KeepOld,
    },
    /// The old container is stopped before the new one starts.
    StopFirst {
        /// Why they can't run side by side.
        reason: String,
        /// The ports at which the proxy holds what comes meanwhile.
        held: Vec<u16>,
        /// How long it holds it.
        hold: Millis,
    },
    /// It was not there before.
    New,
    /// It is stopped and not started again.
    Remove,
}

/// Begins a rollout without storing it. `input` is the fleet as it would be planned on; `args` what `begin` would be given.
pub fn preview(input: &Input<'_>, args: &Begin<'_>) -> Result<Preview, BeginError> {
    let rollout = begin(args.clone())?;
    let mut waves: Vec<PreviewWave> = (0..rollout.waves).map(|wave| empty_wave(&rollout, wave)).collect();
    for view in args.hosts {
        if let Some(progress) = rollout.hosts.get(&view.host) {
            waves[progress.wave].hosts.push(host(args, view));
        }
    }
    let going = input.rollout.filter(|rollout| rollout.outcome().is_none()).map(|rollout| rollout.id);
    let prefetch = plan(&Input { rollout: Some(&rollout), ..input.clone() }).prefetch.len();
    let baking = rollout.shares.iter().filter(|share| **share != Share::NONE).count();
    let bakes: u64 = waves.iter().map(|wave| wave.bake.0).sum();
    let shortest = Millis(bakes.saturating_mul(u64::try_from(baking).unwrap_or(u64::MAX)));
    Ok(Preview { budget: rollout.budget(), rollout, waves, prefetch, going, shortest })
}

fn empty_wave(rollout: &Rollout, wave: usize) -> PreviewWave {
    let rule = rollout.rules.get(wave).copied().flatten().and_then(|rule| rollout.policy.waves.get(rule));
    let gates = rollout.policy.gates.iter().filter(|gate| gate.waves.has(wave, rollout.waves));
    PreviewWave {
        hosts: Vec::new(),
        bake: rollout.policy.bake(rule),
        gates: gates.map(|gate| format!("{} ({})", gate.check, gate.at)).collect(),
    }
}

fn host(args: &Begin<'_>, view: &HostView) -> PreviewHost {
    let row = Row { view, order: None, progress: None, covered: true };
    let base = row.base();
    let services_of = |release: ReleaseNumber| {
        let manifest = args.releases.get(&release)?;
        Some((manifest.as_ref(), manifest.services_for(&view.labels)))
    };
    let (old, new) = (base.and_then(services_of), services_of(args.to));
    let names = |side: &Option<(&Manifest, BTreeSet<ServiceName>)>| {
        side.as_ref().map(|(_, names)| names.clone()).unwrap_or_default()
    };
    let all: BTreeSet<ServiceName> = names(&old).union(&names(&new)).cloned().collect();
    let on = |side: &Option<(&Manifest, BTreeSet<ServiceName>)>, name: &ServiceName| -> Option<Service> {
        let (manifest, names) = side.as_ref()?;
        names.contains(name).then(|| manifest.services.get(name).cloned())?
    };
    let mut services = BTreeMap::new();
    let mut differences = Vec::new();
    for name in all {
        let (was, is) = (on(&old, &name), on(&new, &name));
        differences.extend(diff::differences(&name, was.as_ref(), is.as_ref()));
        let change = change(was.as_ref(), is.as_ref(), base.is_some() && old.is_none());
        services.insert(name, change);
    }
    PreviewHost { host: view.host.clone(), live: row.is_live(), base, services, differences }
}

/// `unknown`: something runs there, but what it is made of is not kept.
fn change(old: Option<&Service>, new: Option<&Service>, unknown: bool) -> Change {
    let Some(new) = new else { return Change::Remove };
    match old {
        None if !unknown => Change::New,
        Some(old) if old.fingerprint() == new.fingerprint() => {
            let same_routes = old.spec.routed_ports().eq(new.spec.routed_ports());
            if same_routes { Change::Unchanged } else { Change::Rerouted { ports: routed(&new.spec) } }
        }
        _ => replacement(old.map(|old| &old.spec), &new.spec),
    }
}

/// How a container gives way to the next one. `old`: none if it is not known what it was made of.
fn replacement(old: Option<&ServiceSpec>, new: &ServiceSpec) -> Change {
    let stop_first = |reason, held| Change::StopFirst { reason, held, hold: new.traffic.hold };
    if let Some(reason) = new.clash() {
        return stop_first(reason, routed(new));
    }
    // The engine has the port until the old container has stopped, so that the proxy can't hold anything there.
    if let Some(port) = old.and_then(|old| new.routed_ports().find(|port| is_direct(old, port))) {
        return stop_first(format!("port {} is published directly by the old one", port.published), Vec::new());
    }
    match new.order {
        ServiceOrder::StopFirst => stop_first("the release says so".to_owned(), routed(new)),
        ServiceOrder::StartFirst => Change::Replace { ports: routed(new), keep_old: new.keep_old() },
    }
}

fn routed(spec: &ServiceSpec) -> Vec<u16> {
    spec.routed_ports().map(|port| port.published).collect()
}

/// Whether the engine publishes the port for a container of `spec`. One address written and one not may be the same.
fn is_direct(spec: &ServiceSpec, wanted: &Port) -> bool {
    spec.ports.iter().any(|port| {
        let apart = matches!((&port.address, &wanted.address), (Some(one), Some(other)) if one != other);
        !port.is_routed() && !apart && (port.published, port.protocol) == (wanted.published, wanted.protocol)
    })
}

#[cfg(test)]
mod tests;
