//! A host on which everything works at once: what its agent reports of what it is told. Not here: the stream (`agent.rs`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use evenkeel_model::{
    AppKey, AppReport, Assignment, ContainerStats, Content, Digest, HostStats, Manifest, Phase, ServiceName,
    ServiceReport, Slot, Stage,
};
use evenkeel_proto::v1;

type Services = BTreeMap<ServiceName, ServiceReport>;

/// What releases are made of, read once for all hosts.
#[derive(Debug, Default)]
pub(crate) struct Manifests(Mutex<BTreeMap<Digest, Arc<Services>>>);

impl Manifests {
    /// What runs on a host that runs this.
    fn services(&self, content: &Content) -> Result<Arc<Services>> {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(services) = read.get(&content.digest) {
            return Ok(Arc::clone(services));
        }
        let manifest = Manifest::decode(&content.manifest)?;
        let services = manifest.services.into_iter().filter(|(name, _)| content.services.contains(name));
        let services = services.map(|(name, service)| {
            let pin = service.image.digest().clone();
            let (release, image_id) = (content.release, pin.to_string());
            (name, ServiceReport { release, image_id, pin, running: true, healthy: true, restarts: 0 })
        });
        let services = Arc::new(services.collect::<Services>());
        read.insert(content.digest.clone(), Arc::clone(&services));
        Ok(services)
    }
}

/// What a host has done with what it was told.
#[derive(Debug, Default)]
pub(crate) struct Obeyed {
    /// What it says, one after the other.
    pub(crate) reports: Vec<v1::Report>,
    /// Assignments that it was told to go back from.
    pub(crate) withdrawn: u64,
}

/// One host. It outlives its streams.
#[derive(Debug)]
pub(crate) struct Host {
    apps: BTreeMap<AppKey, AppReport>,
    manifests: Arc<Manifests>,
}

impl Host {
    pub(crate) fn new(manifests: &Arc<Manifests>) -> Self {
        Self { apps: BTreeMap::new(), manifests: Arc::clone(manifests) }
    }

    /// Does what it is told. What is new is acknowledged as being worked at, and is done with the next word.
    pub(crate) fn obey(&mut self, desired: &v1::Desired) -> Result<Obeyed> {
        let mut obeyed = Obeyed::default();
        let before = self.apps.clone();
        let mut done = BTreeMap::new();
        for wire in &desired.assignments {
            let assignment = Assignment::try_from(wire)?;
            let now = self.apps.get(&assignment.key);
            obeyed.withdrawn += u64::from(assignment.phase == Phase::Withdrawn);
            if now.is_none_or(|now| now.version != assignment.version) {
                let working = working(&assignment, now);
                self.apps.insert(assignment.key.clone(), working);
            }
            done.insert(assignment.key.clone(), self.done(&assignment)?);
        }
        if self.apps != before {
            obeyed.reports.push(self.report());
        }
        if done.iter().any(|(key, report)| self.apps.get(key) != Some(report)) {
            self.apps.extend(done);
            obeyed.reports.push(self.report());
        }
        Ok(obeyed)
    }

    /// Everything that it has to say.
    pub(crate) fn report(&self) -> v1::Report {
        v1::Report { apps: self.apps.values().map(Into::into).collect(), ..v1::Report::default() }
    }

    /// A machine that has little to do.
    pub(crate) fn stats(&self) -> HostStats {
        let containers = self.apps.values().flat_map(|app| {
            let stats = |service: &ServiceName| ContainerStats {
                key: app.key.clone(),
                service: service.clone(),
                slot: Slot::A,
                cpu_millicores: 12,
                memory: 48 << 20,
            };
            app.services.keys().map(stats).collect::<Vec<_>>()
        });
        HostStats {
            cpu_millicores: 40,
            load_hundredths: 7,
            memory_available: 3 << 30,
            disk_available: 40 << 30,
            disk_total: 60 << 30,
            containers: containers.collect(),
        }
    }

    fn done(&self, assignment: &Assignment) -> Result<AppReport> {
        let release = assignment.content.as_ref().map(|content| content.release);
        let base = self.apps.get(&assignment.key).and_then(|app| app.base);
        let runs = assignment.content.as_ref().map(|content| self.manifests.services(content)).transpose()?;
        let (stage, base, why) = match assignment.phase {
            Phase::Trial => (Stage::Trial, base, "all services are healthy; waiting for the commit"),
            Phase::Committed => (Stage::Committed, release, "all services are healthy"),
            Phase::Withdrawn => (Stage::Reverted, base, "went back as it was told"),
        };
        Ok(AppReport {
            key: assignment.key.clone(),
            version: assignment.version,
            release,
            stage,
            base,
            healthy: stage != Stage::Reverted,
            failure: None,
            services: runs.map(|services| services.as_ref().clone()).unwrap_or_default(),
            why: why.to_owned(),
            share: assignment.share,
        })
    }
}

/// It has accepted this, and what it had before serves still.
fn working(assignment: &Assignment, before: Option<&AppReport>) -> AppReport {
    AppReport {
        key: assignment.key.clone(),
        version: assignment.version,
        release: assignment.content.as_ref().map(|content| content.release),
        stage: Stage::Working,
        base: before.and_then(|before| before.base),
        healthy: false,
        failure: None,
        services: before.map(|before| before.services.clone()).unwrap_or_default(),
        why: "pulls the images".to_owned(),
        share: assignment.share,
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{Epoch, Generation, Millis, ReleaseNumber, Share, Terms, Version};

    use super::*;
    use crate::planner::manifest;

    fn told(release: u64, generation: u64, phase: Phase) -> v1::Desired {
        let manifest = manifest(release).unwrap();
        let bytes = manifest.encode();
        let content = Content {
            release: ReleaseNumber(release),
            digest: Digest::of(&bytes),
            services: manifest.services.keys().cloned().collect(),
            manifest: bytes,
        };
        let assignment = Assignment {
            key: manifest.key(),
            version: Version { epoch: Epoch(1), generation: Generation(generation) },
            content: Some(content),
            phase,
            share: Share::ALL,
            terms: Terms {
                health_deadline: Millis(1),
                pull_deadline: Millis(1),
                orphan_after: Millis(1),
                keep_blue: Millis(0),
            },
        };
        v1::Desired { assignments: vec![(&assignment).into()], prefetch: Vec::new() }
    }

    fn stages(obeyed: &Obeyed) -> Vec<(Stage, Option<u64>)> {
        let read = |report: &v1::Report| AppReport::try_from(&report.apps[0]).unwrap();
        obeyed.reports.iter().map(read).map(|app| (app.stage, app.base.map(|base| base.0))).collect()
    }

    #[test]
    fn what_is_new_is_acknowledged_and_done_and_what_is_known_is_not_said_again() {
        let mut host = Host::new(&Arc::default());
        let trial = host.obey(&told(1, 1, Phase::Trial)).unwrap();
        assert_eq!(stages(&trial), [(Stage::Working, None), (Stage::Trial, None)]);
        let committed = host.obey(&told(1, 1, Phase::Committed)).unwrap();
        assert_eq!(stages(&committed), [(Stage::Committed, Some(1))]);
        assert!(host.obey(&told(1, 1, Phase::Committed)).unwrap().reports.is_empty());
        let next = host.obey(&told(2, 2, Phase::Trial)).unwrap();
        assert_eq!(stages(&next), [(Stage::Working, Some(1)), (Stage::Trial, Some(1))]);
        let back = host.obey(&told(2, 2, Phase::Withdrawn)).unwrap();
        assert_eq!((stages(&back), back.withdrawn), (vec![(Stage::Reverted, Some(1))], 1));
        assert_eq!(host.stats().containers.len(), 1);
    }
}
