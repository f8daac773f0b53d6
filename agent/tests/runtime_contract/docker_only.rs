//! What only a real engine has: networks, volumes, registries, and a socket that can be gone.

use std::sync::Arc;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{InspectContainerOptions, InspectNetworkOptions};
use tokio::net::{UnixListener, UnixStream};

use evenkeel_agent::runtime::{DockerOptions, Runtime};
use evenkeel_machine::{Action, Engine, Outcome};
use evenkeel_model::service::{EngineHealthcheck, Mount, Port, Protocol};
use evenkeel_model::{CauseKind, Digest, ImagePin, Millis, Probe, Slot};

use crate::docker::DockerRig;
use crate::registry::{PASSWORD, PUSHER, Registry, USER};
use crate::rig::{Program, Rig, containers, create, done, ended, failure, key, only, place, stop, until};

#[tokio::test]
async fn a_container_is_made_as_the_release_says() {
    let rig = DockerRig::new().await;
    let runtime = rig.runtime("h1");
    let mut service = rig.service(Program::Serves);
    let spec = &mut service.spec;
    spec.user = Some("1000:1000".to_owned());
    spec.stop_grace_period = Millis(1500);
    let port = |address, published| Port { address, published, target: 80, protocol: Protocol::Udp };
    spec.ports = vec![port(None, 7), port(Some("127.0.0.2".to_owned()), 8)];
    spec.mounts = vec![
        Mount::Volume { name: "data".to_owned(), target: "/data".to_owned(), read_only: false },
        Mount::Bind { source: "/etc".to_owned(), target: "/host".to_owned(), read_only: true },
    ];
    spec.engine_healthcheck = Some(EngineHealthcheck {
        test: vec!["CMD".to_owned(), "/bin/busybox".to_owned(), "true".to_owned()],
        interval: Millis::seconds(2),
        timeout: Millis::seconds(3),
        retries: 4,
        start_period: Millis::seconds(5),
    });
    done(&*runtime, create(Slot::A, &service)).await;

    let (id, scope) = (only(&*runtime).await.id, rig.scope("h1"));
    let network = scope.network(&key());
    let made = rig.docker.inspect_container(&id, None::<InspectContainerOptions>).await.unwrap();
    assert_eq!(made.name, Some(format!("/{network}-web-a")));
    let (config, host) = (made.config.unwrap(), made.host_config.unwrap());
    assert_eq!((config.user.as_deref(), config.stop_timeout), (Some("1000:1000"), Some(2)));
    assert!(config.env.unwrap().contains(&"MODE=graceful".to_owned()));
    let labels = config.labels.unwrap();
    assert_eq!((labels["team"].as_str(), labels["evenkeel.generation"].as_str()), ("blue", "3"));
    let check = config.healthcheck.unwrap();
    assert_eq!((check.interval, check.timeout, check.retries), (Some(2_000_000_000), Some(3_000_000_000), Some(4)));
    let bindings = host.port_bindings.unwrap().remove("80/udp").unwrap().unwrap();
    let bound: Vec<_> = bindings.into_iter().map(|to| (to.host_ip.unwrap(), to.host_port.unwrap())).collect();
    assert_eq!(bound, [("127.0.0.1".to_owned(), "7".to_owned()), ("127.0.0.2".to_owned(), "8".to_owned())]);
    let endpoint = &made.network_settings.unwrap().networks.unwrap()[&network];
    assert!(endpoint.aliases.clone().unwrap().contains(&"web".to_owned()));

    // The named volume stays for the next release; the network is needed by nobody any more.
    done(&*runtime, Action::Remove(place(Slot::A))).await;
    let volume = rig.docker.inspect_volume(&scope.volume(&key(), "data")).await.unwrap();
    assert_eq!(volume.labels["evenkeel.app"], "shop");
    assert!(rig.docker.inspect_network(&network, None::<InspectNetworkOptions>).await.is_err());
}

#[tokio::test]
async fn services_of_an_app_reach_each_other_by_name() {
    let rig = DockerRig::new().await;
    let runtime = rig.runtime("h1");
    done(&*runtime, create(Slot::A, &rig.service(Program::Serves))).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    let command = ["/bin/busybox", "ping", "-c", "1", "web"].map(str::to_owned).to_vec();
    let action = Action::Probe { place: place(Slot::A), probe: Probe::Exec { command }, timeout: Millis::seconds(20) };
    let Outcome::Probed { healthy, evidence } = runtime.perform(&key(), &action).await else { panic!() };
    assert!(healthy, "{evidence:?}");
}

#[tokio::test]
async fn the_engines_own_health_check_is_a_probe() {
    let rig = DockerRig::new().await;
    let runtime = rig.runtime("h1");
    let ask = Action::Probe { place: place(Slot::A), probe: Probe::Docker, timeout: Millis::seconds(20) };
    let answer = async || {
        let Outcome::Probed { healthy, evidence } = runtime.perform(&key(), &ask).await else { panic!() };
        (healthy, evidence.answer)
    };
    let mut service = rig.service(Program::Serves);
    done(&*runtime, create(Slot::A, &service)).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    assert_eq!(answer().await, (false, "neither the image nor the service has a health check".to_owned()));
    done(&*runtime, Action::Remove(place(Slot::A))).await;

    service.spec.engine_healthcheck = Some(EngineHealthcheck {
        test: ["CMD", "/bin/busybox", "echo", "fine"].map(str::to_owned).to_vec(),
        interval: Millis(100),
        timeout: Millis::seconds(5),
        retries: 1,
        start_period: Millis(0),
    });
    done(&*runtime, create(Slot::A, &service)).await;
    let mut wakeups = runtime.wakeups();
    let healthy = async {
        done(&*runtime, Action::Start(place(Slot::A))).await;
        while !answer().await.0 {
            wakeups.changed().await.unwrap();
        }
    };
    tokio::select! {
        biased;
        () = healthy => {}
        () = runtime.listen() => unreachable!(),
    }
    assert_eq!(answer().await, (true, "healthy: fine".to_owned()));
}

#[tokio::test]
async fn a_volume_of_another_host_is_not_taken() {
    let rig = DockerRig::new().await;
    // Underscores make one name of many: `h2` + `eu` may be another host's `h2_eu`.
    let volume = rig.scope("h2").volume(&key(), "data");
    let request = bollard::models::VolumeCreateRequest {
        name: Some(volume.clone()),
        labels: Some(rig.scope("other").app_labels(&key()).into_iter().collect()),
        ..Default::default()
    };
    rig.docker.create_volume(request).await.unwrap();
    let mut service = rig.service(Program::Serves);
    service.spec.mounts = vec![Mount::Volume { name: "data".to_owned(), target: "/data".to_owned(), read_only: false }];
    let refused = failure(&*rig.runtime("h2"), create(Slot::A, &service)).await;
    assert_eq!(refused.kind, CauseKind::Unstartable);
    assert!(refused.message.contains(&volume), "{refused}");
}

#[tokio::test]
async fn a_program_that_ignores_sigterm_is_killed_after_its_grace() {
    let rig = DockerRig::new().await;
    let runtime = rig.runtime("h1");
    done(&*runtime, create(Slot::A, &rig.shell("trap '' TERM; while :; do sleep 1; done"))).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    done(&*runtime, Action::Stop { place: place(Slot::A), grace: Millis(200) }).await;
    let container = only(&*runtime).await;
    assert!(ended(&container) && format!("{:?}", container.state).contains("137"), "{container:?}");
}

#[tokio::test]
async fn what_is_pulled_is_what_was_pinned() {
    let rig = DockerRig::new().await;
    let registry = Registry::start(false).await;
    let runtime = rig.runtime("h1");
    let pin = registry.push(&rig, None).await;
    assert!(runtime.observe(&key(), std::slice::from_ref(&pin)).await.images.is_empty());
    let pull = |image: &ImagePin| Action::Pull { image: image.clone(), timeout: Millis::seconds(60) };
    done(&*runtime, pull(&pin)).await;
    let images = runtime.observe(&key(), std::slice::from_ref(&pin)).await.images;
    assert_eq!(images[pin.digest()], rig.image.digest().to_string());

    let ImagePin::Registry { reference, repository, .. } = &pin else { panic!() };
    let other = |repository: &str, digest| ImagePin::Registry {
        reference: reference.clone(),
        repository: repository.to_owned(),
        digest,
    };
    let absent = failure(&*runtime, pull(&other(repository, Digest::of(b"never pushed")))).await;
    assert_eq!(absent.kind, CauseKind::ImageNotFound, "{absent}");
    let nowhere = failure(&*runtime, pull(&other(&format!("{repository}/nowhere"), Digest::of(b"x")))).await;
    assert_eq!(nowhere.kind, CauseKind::ImageNotFound, "{nowhere}");

    // Once it is here, no registry is needed.
    drop(registry);
    done(&*runtime, pull(&pin)).await;
    let mut service = rig.service(Program::Crashes);
    service.image = pin;
    done(&*runtime, create(Slot::A, &service)).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    until(&*runtime, "ended", ended).await;
}

#[tokio::test]
async fn a_registry_that_wants_a_password_gets_the_one_in_the_file() {
    let rig = DockerRig::new().await;
    let registry = Registry::start(true).await;
    let login = DockerCredentials {
        username: Some(PUSHER.0.to_owned()),
        password: Some(PUSHER.1.to_owned()),
        ..DockerCredentials::default()
    };
    let pin = registry.push(&rig, Some(login)).await;
    let pull = Action::Pull { image: pin, timeout: Millis::seconds(60) };
    let with = |file| Arc::new(rig.docker_runtime("h1", DockerOptions { address: None, credentials: Some(file) }));

    let anonymous = failure(&*with("/does/not/exist".into()), pull.clone()).await;
    assert_eq!(anonymous.kind, CauseKind::ImageDenied, "{anonymous}");
    let wrong = failure(&*with(registry.credentials_file("ci:wrong")), pull.clone()).await;
    assert_eq!(wrong.kind, CauseKind::ImageDenied, "{wrong}");
    done(&*with(registry.credentials_file(&format!("{USER}:{PASSWORD}"))), pull).await;
}

#[tokio::test]
async fn an_engine_that_went_away_and_came_back_is_another_session() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("engine.sock");
    let rig = DockerRig::new().await;
    let options = DockerOptions { address: Some(format!("unix://{}", socket.display())), credentials: None };
    let runtime = rig.docker_runtime("h1", options);
    let session = async || match runtime.observe(&key(), &[]).await.engine {
        Engine::Up { session } => Ok(session),
        Engine::Down { message } => Err(message),
    };
    assert!(session().await.is_err(), "not there yet");
    let refused = failure(&runtime, stop(Slot::A)).await;
    assert_eq!(refused.kind, CauseKind::EngineUnavailable);
    assert_eq!(containers(&runtime).await, []);

    let door = Door::open(&socket);
    let first = session().await.unwrap();
    assert_eq!(session().await.unwrap(), first, "contact was never lost");
    drop(door);
    assert!(session().await.is_err(), "gone");
    let _door = Door::open(&socket);
    assert!(session().await.unwrap() > first);
}

/// A way to the real engine that can be shut.
struct Door {
    socket: std::path::PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Door {
    fn open(socket: &std::path::Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                connections.spawn(async move {
                    let address = std::env::var("DOCKER_HOST").unwrap_or_default();
                    let engine = address.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
                    let mut engine = UnixStream::connect(engine).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                });
            }
        });
        Self { socket: socket.to_owned(), task }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}
