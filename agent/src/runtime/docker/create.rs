//! Making a container, and the volumes it needs. Not here: its network (`network`), starting it, and taking away what others made.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, Mount as EngineMount,
    MountType, NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum, VolumeCreateRequest,
};
use bollard::query_parameters::CreateContainerOptions;

use evenkeel_machine::ContainerPlan;
use evenkeel_model::service::EngineHealthcheck;
use evenkeel_model::{AppKey, CauseKind, Failure, ImagePin, Millis, Mount, Port, Protocol, ServiceSpec};

use crate::runtime::identity::is_managed;

use super::errors::{EngineError, Refused, creating, taken};
use super::{CALL, DockerRuntime, WORK};

impl DockerRuntime {
    /// Makes the container unless one with its fingerprint is in its place already.
    pub(super) async fn create(&self, plan: &ContainerPlan) -> Result<(), Failure> {
        let fingerprint = plan.service.fingerprint();
        for container in self.find(&plan.key, &plan.place).await? {
            if container.identity.fingerprint == fingerprint {
                return Ok(());
            }
            if container.is_running() {
                let message = format!(
                    "{} is taken by a container of release {} that runs",
                    plan.place, container.identity.release
                );
                return Err(Failure::plain(CauseKind::EngineUnavailable, message));
            }
            self.remove_container(&container.id).await?;
        }
        let address = match self.ensure_network(&plan.key).await? {
            Some(network) => Some(self.free_address(&plan.key, network).await?),
            None => None,
        };
        self.ensure_volumes(plan).await?;
        let name = self.scope.container(&plan.key, &plan.place);
        let options = CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
        let body = self.body(plan, address);
        match self.call(WORK, async |docker| docker.create_container(Some(options), body).await).await {
            Ok(_) => Ok(()),
            // Nothing of ours is in the place, so the name is somebody else's.
            Err(EngineError::Refused(Refused { status: 409, message })) if message.contains("is already in use") => {
                Err(taken("container", &name))
            }
            Err(error) if error.is_absent() => Err(image_gone(&plan.service.image, &error)),
            Err(error) => Err(creating(error)),
        }
    }

    /// The named volumes. One that somebody made beforehand is used as it is; one that is another app's or host's never is.
    async fn ensure_volumes(&self, plan: &ContainerPlan) -> Result<(), Failure> {
        for mount in &plan.service.spec.mounts {
            let Mount::Volume { name, .. } = mount else { continue };
            let name = self.scope.volume(&plan.key, name);
            match self.call(CALL, async |docker| docker.inspect_volume(&name).await).await {
                Ok(volume) => {
                    let foreign = is_managed(volume.labels.keys());
                    if foreign && !self.scope.owns(&plan.key, |label| volume.labels.get(label)) {
                        return Err(taken("volume", &name));
                    }
                }
                Err(error) if error.is_absent() => {
                    let labels = self.scope.app_labels(&plan.key).into_iter().collect();
                    let request = VolumeCreateRequest {
                        name: Some(name),
                        labels: Some(labels),
                        ..VolumeCreateRequest::default()
                    };
                    self.call(WORK, async |docker| docker.create_volume(request).await).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn body(&self, plan: &ContainerPlan, address: Option<Ipv4Addr>) -> ContainerCreateBody {
        let spec = &plan.service.spec;
        let own =
            |address: Ipv4Addr| EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..Default::default() };
        let endpoint = EndpointSettings {
            aliases: Some(vec![plan.place.service.to_string()]),
            ipam_config: address.map(own),
            ..EndpointSettings::default()
        };
        let network = self.scope.network(&plan.key);
        ContainerCreateBody {
            image: Some(plan.service.image.engine_reference()),
            cmd: spec.command.clone(),
            entrypoint: spec.entrypoint.clone(),
            env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            user: spec.user.clone(),
            labels: Some(self.scope.container_labels(plan).into_iter().collect()),
            healthcheck: spec.engine_healthcheck.as_ref().map(healthcheck),
            stop_signal: spec.stop_signal.clone(),
            stop_timeout: i64::try_from(spec.stop_grace_period.0.div_ceil(1000)).ok(),
            exposed_ports: Some(spec.ports.iter().map(container_port).collect()),
            networking_config: Some(NetworkingConfig { endpoints_config: Some([(network.clone(), endpoint)].into()) }),
            host_config: Some(HostConfig { network_mode: Some(network), ..self.host_config(plan, spec) }),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self, plan: &ContainerPlan, spec: &ServiceSpec) -> HostConfig {
        let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
        // The proxy has the others: nothing but the network leads to them.
        for port in spec.ports.iter().filter(|port| !port.is_routed()) {
            let address =
                port.address.clone().or_else(|| self.scope.publish_address.map(|address| address.to_string()));
            let binding = PortBinding { host_ip: address, host_port: Some(port.published.to_string()) };
            bindings.entry(container_port(port)).or_default().get_or_insert_default().push(binding);
        }
        HostConfig {
            port_bindings: Some(bindings),
            mounts: Some(spec.mounts.iter().map(|mount| self.mount(&plan.key, mount)).collect()),
            // Until it is committed, one that ends is to be seen and not hidden by a restart.
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            ..HostConfig::default()
        }
    }

    fn mount(&self, key: &AppKey, mount: &Mount) -> EngineMount {
        let (typ, source, target, read_only) = match mount {
            Mount::Volume { name, target, read_only } => {
                (MountType::VOLUME, self.scope.volume(key, name), target, read_only)
            }
            Mount::Bind { source, target, read_only } => (MountType::BIND, source.clone(), target, read_only),
        };
        EngineMount {
            typ: Some(typ),
            source: Some(source),
            target: Some(target.clone()),
            read_only: Some(*read_only),
            ..EngineMount::default()
        }
    }
}

fn container_port(port: &Port) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", port.target)
}

fn healthcheck(check: &EngineHealthcheck) -> HealthConfig {
    let nanoseconds = |millis: Millis| i64::try_from(millis.to_std().as_nanos()).ok();
    HealthConfig {
        test: Some(check.test.clone()),
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: Some(i64::from(check.retries)),
        start_period: nanoseconds(check.start_period),
        start_interval: check.start_interval.and_then(nanoseconds),
    }
}

/// An image that was here when it was decided to create the container.
fn image_gone(image: &ImagePin, error: &EngineError) -> Failure {
    let kind = match image {
        ImagePin::Local { .. } => CauseKind::ImageNotFound,
        // It can be pulled again: passing, and no fault of the release.
        ImagePin::Registry { .. } => CauseKind::EngineUnavailable,
    };
    Failure::plain(kind, format!("{image} is not here any more: {error}"))
}
