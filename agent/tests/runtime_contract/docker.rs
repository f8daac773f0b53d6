//! A real engine under the contract. Each rig has a fleet of its own, and takes away all that carries its label, also after a panic.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, NetworkingConfig};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, InspectContainerOptions, ListContainersOptions, ListImagesOptions,
    ListNetworksOptions, ListVolumesOptions, RemoveContainerOptions, RemoveImageOptions, RemoveVolumeOptions,
    StartContainerOptions,
};
use futures_util::TryStreamExt;

use evenkeel_agent::facts::SystemFacts;
use evenkeel_agent::runtime::{DockerOptions, DockerRuntime, Runtime, Scope};
use evenkeel_model::{Digest, ImagePin, Service};

use crate::rig::{Program, Rig, scope, service};

const BUSYBOX: &str = "/bin/busybox";
/// Ends at once on SIGTERM, which a shell as process 1 does only if told to.
const SERVE: &str = "trap 'exit 0' TERM; sleep 1000 & wait";

pub(crate) struct DockerRig {
    pub(crate) docker: Docker,
    pub(crate) fleet: String,
    pub(crate) image: ImagePin,
}

impl DockerRig {
    pub(crate) async fn new() -> Self {
        let docker = connect().await;
        let fleet = format!("contract-{}", uuid::Uuid::new_v4().simple());
        let program = std::fs::read(BUSYBOX).expect("/bin/busybox is missing: install Debian's busybox-static");
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(format!("{fleet}/busybox")),
            tag: Some("1".to_owned()),
            changes: vec![format!("LABEL evenkeel.fleet={fleet}")],
            ..CreateImageOptions::default()
        };
        let tar = bollard::body_full(tar("bin/busybox", &program).into());
        let _: Vec<_> = docker.create_image(Some(options), Some(tar), None).try_collect().await.expect("an image");
        let reference = format!("{fleet}/busybox:1");
        let id = docker.inspect_image(&reference).await.expect("the image just made").id.expect("it has an id");
        let id: Digest = id.parse().expect("ids are digests");
        Self { docker, fleet, image: ImagePin::Local { reference, id } }
    }

    /// As [`Rig::runtime`], of the real type.
    pub(crate) fn docker_runtime(&self, host: &str, options: DockerOptions) -> DockerRuntime {
        let facts = SystemFacts::new("/var/lib/docker".into()).expect("this machine can be read");
        DockerRuntime::new(self.scope(host), options, Arc::new(facts))
    }

    /// The host as this rig's runtimes know it.
    pub(crate) fn scope(&self, host: &str) -> Scope {
        scope(&self.fleet, &self.host(host))
    }

    /// Somebody's container, running, at this address of a network.
    pub(crate) async fn run_at(&self, network: &str, address: IpAddr) {
        let own = EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
        let endpoint = EndpointSettings { ipam_config: Some(own), ..EndpointSettings::default() };
        let body = ContainerCreateBody {
            image: Some(self.image.digest().to_string()),
            cmd: Some([BUSYBOX, "sh", "-c", SERVE].map(str::to_owned).to_vec()),
            host_config: Some(HostConfig { network_mode: Some(network.to_owned()), ..HostConfig::default() }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some([(network.to_owned(), endpoint)].into()),
            }),
            ..ContainerCreateBody::default()
        };
        let made = self.docker.create_container(None::<CreateContainerOptions>, body).await.expect("a container");
        self.docker.start_container(&made.id, None::<StartContainerOptions>).await.expect("it starts");
    }

    /// A service that runs this in a shell.
    pub(crate) fn shell(&self, script: &str) -> Service {
        service(self.image.clone(), &[BUSYBOX, "sh", "-c", script], &[BUSYBOX, "true"])
    }
}

impl Rig for DockerRig {
    /// With the fleet's number: names on an engine do not carry the fleet, and all tests share the engine.
    fn host(&self, host: &str) -> String {
        format!("{host}-{}", &self.fleet[self.fleet.len() - 8..])
    }

    fn runtime(&self, host: &str) -> Arc<dyn Runtime> {
        Arc::new(self.docker_runtime(host, DockerOptions::default()))
    }

    fn service(&self, program: Program) -> Service {
        match program {
            Program::Serves => self.shell(SERVE),
            Program::Unready => {
                service(self.image.clone(), &[BUSYBOX, "sh", "-c", SERVE], &[BUSYBOX, "sh", "-c", "echo ill; exit 1"])
            }
            Program::Crashes => {
                self.shell("echo one; /bin/busybox sleep 0.1; echo two >&2; /bin/busybox sleep 0.1; printf '%2000s\\n' | /bin/busybox tr ' ' x; exit 3")
            }
            Program::Missing => service(self.image.clone(), &["/not/there"], &[BUSYBOX, "true"]),
        }
    }

    fn unreachable(&self) -> ImagePin {
        // Nothing listens there.
        let repository = "127.0.0.1:1/app".to_owned();
        ImagePin::Registry { reference: format!("{repository}:1"), repository, digest: Digest::of(b"nothing") }
    }

    async fn add_foreign(&self, name: &str) {
        let body = ContainerCreateBody {
            image: Some(self.image.digest().to_string()),
            cmd: Some(vec![BUSYBOX.to_owned(), "true".to_owned()]),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptions { name: Some(name.to_owned()), ..CreateContainerOptions::default() };
        self.docker.create_container(Some(options), body).await.expect("a container");
    }

    async fn has_foreign(&self, name: &str) -> bool {
        self.docker.inspect_container(name, None::<InspectContainerOptions>).await.is_ok()
    }
}

impl Drop for DockerRig {
    fn drop(&mut self) {
        let fleet = self.fleet.clone();
        // A runtime of its own: this one may be unwinding.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(clean(&fleet));
        });
        let _ = cleaning.join();
    }
}

async fn connect() -> Docker {
    const NONE: &str =
        "no container engine answers (DOCKER_HOST, or /var/run/docker.sock): install docker.io and start dockerd";
    Docker::connect_with_defaults().expect(NONE).negotiate_version().await.expect(NONE)
}

/// Takes away what carries the fleet's label, and containers made of its image.
async fn clean(fleet: &str) {
    let docker = connect().await;
    let filter = |name: &str, value: String| Some(HashMap::from([(name.to_owned(), vec![value])]));
    let label = || filter("label", format!("evenkeel.fleet={fleet}"));
    // An image's label is its containers' too, the foreign ones' included.
    let options = ListContainersOptions { all: true, filters: label(), ..Default::default() };
    for container in docker.list_containers(Some(options)).await.unwrap_or_default() {
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        let _ = docker.remove_container(&container.id.unwrap_or_default(), Some(options)).await;
    }
    let options = ListNetworksOptions { filters: label() };
    for network in docker.list_networks(Some(options)).await.unwrap_or_default() {
        let _ = docker.remove_network(&network.id.unwrap_or_default()).await;
    }
    let options = ListVolumesOptions { filters: label() };
    for volume in docker.list_volumes(Some(options)).await.ok().and_then(|found| found.volumes).unwrap_or_default() {
        let _ = docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
    }
    let options = ListImagesOptions { filters: label(), ..Default::default() };
    for image in docker.list_images(Some(options)).await.unwrap_or_default() {
        let options = RemoveImageOptions { force: true, ..Default::default() };
        let _ = docker.remove_image(&image.id, Some(options), None).await;
    }
}

/// An archive with one program in it (ustar, the least that engines read).
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}
