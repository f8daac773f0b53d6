//! The shared vocabulary as operators see it. One way only: nothing is read back from a view.

use evenkeel_model::{
    ContainerStats, Evidence, Failure, HostFacts, HostStats, ImagePin, Policy, Pressure, ServiceName, ServiceReport,
    Share, Waves,
};

use crate::v1;

impl From<&Failure> for v1::FailureView {
    fn from(failure: &Failure) -> Self {
        let measured = failure.evidence != Evidence::default();
        Self {
            cause_class: failure.kind.class().as_str().to_owned(),
            cause: failure.kind.as_str().to_owned(),
            service: failure.service.as_ref().map(ToString::to_string),
            message: failure.message.clone(),
            evidence: measured.then(|| (&failure.evidence).into()),
        }
    }
}

impl From<&Evidence> for v1::EvidenceView {
    fn from(evidence: &Evidence) -> Self {
        Self {
            exit_code: evidence.exit_code,
            oom_killed: evidence.oom_killed,
            log: evidence.log.clone(),
            probe_request: evidence.probe.as_ref().map(|probe| probe.request.clone()),
            probe_answer: evidence.probe.as_ref().map(|probe| probe.answer.clone()),
            pressure: evidence.pressure.as_ref().map(Into::into),
        }
    }
}

impl From<&Pressure> for v1::PressureView {
    fn from(pressure: &Pressure) -> Self {
        Self {
            load_hundredths: pressure.load_hundredths,
            memory_available: pressure.memory_available,
            memory_total: pressure.memory_total,
            disk_available: pressure.disk_available,
        }
    }
}

impl From<&Policy> for v1::PolicyView {
    fn from(policy: &Policy) -> Self {
        let waves = match &policy.waves {
            Waves::List(waves) => waves.iter().map(ToString::to_string).collect(),
            exponential @ Waves::Exponential { .. } => vec![exponential.to_string()],
        };
        Self {
            strategy: policy.strategy.as_str().to_owned(),
            waves,
            max_unavailable: policy.max_unavailable.map(|count| count.to_string()),
            max_failures: policy.max_failures.map(|count| count.to_string()),
            bake_ms: policy.bake.0,
            health_deadline_ms: policy.health_deadline.0,
            pull_deadline_ms: policy.pull_deadline.0,
            progress_deadline_ms: policy.progress_deadline.0,
            on_failure: policy.on_failure.as_str().to_owned(),
            by: policy.by.clone(),
            first: policy.first.iter().map(ToString::to_string).collect(),
            min_healthy: policy.min_healthy.map(|count| count.to_string()),
            promote: policy.promote.as_str().to_owned(),
            shares: policy.shares().into_iter().map(Share::percent).collect(),
            keep_blue_ms: policy.keep_blue.0,
            gates: policy.gates.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<(&ServiceName, &ServiceReport)> for v1::ServiceView {
    fn from((name, service): (&ServiceName, &ServiceReport)) -> Self {
        Self {
            service: name.to_string(),
            release: service.release.0,
            pin: service.pin.to_string(),
            image_id: service.image_id.clone(),
            running: service.running,
            healthy: service.healthy,
            restarts: service.restarts,
        }
    }
}

impl From<(&ServiceName, &ImagePin)> for v1::ImageView {
    fn from((name, image): (&ServiceName, &ImagePin)) -> Self {
        Self {
            service: name.to_string(),
            reference: image.reference().to_owned(),
            digest: image.digest().to_string(),
            local: matches!(image, ImagePin::Local { .. }),
        }
    }
}

impl From<&HostFacts> for v1::HostFactsView {
    fn from(facts: &HostFacts) -> Self {
        Self {
            agent_version: facts.agent_version.clone(),
            os: facts.os.clone(),
            kernel: facts.kernel.clone(),
            architecture: facts.architecture.clone(),
            cpus: facts.cpus,
            memory_total: facts.memory_total,
            engine: facts.engine.clone(),
        }
    }
}

impl From<&HostStats> for v1::HostStatsView {
    fn from(stats: &HostStats) -> Self {
        Self {
            cpu_millicores: stats.cpu_millicores,
            load_hundredths: stats.load_hundredths,
            memory_available: stats.memory_available,
            disk_available: stats.disk_available,
            disk_total: stats.disk_total,
            containers: stats.containers.iter().map(Into::into).collect(),
        }
    }
}

impl From<&ContainerStats> for v1::ContainerStatsView {
    fn from(stats: &ContainerStats) -> Self {
        Self {
            environment: stats.key.environment.to_string(),
            app: stats.key.app.to_string(),
            service: stats.service.to_string(),
            slot: stats.slot.to_string(),
            cpu_millicores: stats.cpu_millicores,
            memory: stats.memory,
        }
    }
}
