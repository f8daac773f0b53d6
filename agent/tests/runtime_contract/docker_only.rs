//! What only a real engine has: networks, volumes, registries, and a socket that can be gone.

use std::sync::Arc;

use bollard::auth::DockerCredentials;
use bollard::exec::CreateExecOptions;
use bollard::query_parameters::{InspectContainerOptions, InspectNetworkOptions};
use tokio::net::{UnixListener, UnixStream};

use evenkeel_agent::runtime::{DockerOptions, Runtime};
use evenkeel_machine::{Action, ContainerState, Engine, Outcome};
use evenkeel_model::service::{EngineHealthcheck, Mount, Port, Protocol};
use evenkeel_model::{CauseKind, Digest, ImagePin, Millis, Probe, Slot, Via};

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
    let port = |address, published| Port { address, published, target: 80, protocol: Protocol::Udp, via: Via::Engine };
    spec.stop_signal = Some("SIGQUIT".to_owned());
    let routed = Port { address: None, published: 9, target: 81, protocol: Protocol::Tcp, via: Via::Tcp };
    spec.ports = vec![port(None, 7), port(Some("127.0.0.2".to_owned()), 8), routed];
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
        // Engines that don't know it take it all the same.
        start_interval: Some(Millis(500)),
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
    let mut host_ports = host.port_bindings.unwrap();
    let bindings = host_ports.remove("80/udp").unwrap().unwrap();
    let bound: Vec<_> = bindings.into_iter().map(|to| (to.host_ip.unwrap(), to.host_port.unwrap())).collect();
    assert_eq!(bound, [("127.0.0.1".to_owned(), "7".to_owned()), ("127.0.0.2".to_owned(), "8".to_owned())]);
    // The proxy's: known to the engine, and nothing more.
    assert!(!host_ports.contains_key("81/tcp"), "{host_ports:?}");
    assert!(config.exposed_ports.unwrap().contains(&"81/tcp".to_owned()));
    assert_eq!(config.stop_signal.as_deref(), Some("SIGQUIT"));
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
        start_interval: None,
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
async fn a_program_is_asked_to_end_by_the_signal_that_is_written() {
    let rig = DockerRig::new().await;
    let runtime = rig.runtime("h1");
    let mut service = rig.shell("trap '' TERM; trap 'exit 7' QUIT; echo up; while :; do /bin/busybox sleep 0.1; done");
    service.spec.stop_signal = Some("SIGQUIT".to_owned());
    service.spec.health.probe = Probe::Running;
    done(&*runtime, create(Slot::A, &service)).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    // The signal must not come before its trap is set.
    let is_up = async || match runtime.perform(&key(), &Action::Collect(place(Slot::A))).await {
        Outcome::Collected(evidence) => evidence.log.contains(&"up".to_owned()),
        other => panic!("{other:?}"),
    };
    let up = async {
        while !is_up().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), up).await.expect("it starts");
    done(&*runtime, Action::Stop { place: place(Slot::A), grace: Millis::seconds(60) }).await;
    let container = only(&*runtime).await;
    assert_eq!(container.state, ContainerState::Exited { code: 7, oom_killed: false });
}

#[tokio::test]
async fn a_command_that_outlives_its_timeout_is_not_begun_twice() {
    let rig = DockerRig::new().await;
    let runtime = rig.runtime("h1");
    done(&*runtime, create(Slot::A, &rig.service(Program::Serves))).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    let ask = async |script: &str, timeout| {
        let command = ["/bin/busybox", "sh", "-c", script].map(str::to_owned).to_vec();
        let action = Action::Probe { place: place(Slot::A), probe: Probe::Exec { command }, timeout };
        let Outcome::Probed { healthy, evidence } = runtime.perform(&key(), &action).await else { panic!() };
        (healthy, evidence.answer)
    };
    // Until it is told to end.
    let hangs = "while ! test -e /end; do /bin/busybox sleep 0.05; done";
    assert_eq!(ask(hangs, Millis::seconds(2)).await, (false, "no answer within 2s".to_owned()));
    for _ in 0..2 {
        let (healthy, answer) = ask("exit 0", Millis::seconds(30)).await;
        assert!(!healthy && answer.starts_with("the last one still runs, begun "), "{answer}");
    }
    let id = only(&*runtime).await.id;
    let touch = CreateExecOptions { cmd: Some(vec!["/bin/busybox", "touch", "/end"]), ..CreateExecOptions::default() };
    let touch = rig.docker.create_exec(&id, touch).await.unwrap().id;
    rig.docker.start_exec(&touch, None).await.unwrap();
    let healthy = async {
        while !ask("exit 0", Millis::seconds(30)).await.0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), healthy).await.expect("it is asked again");
}

#[tokio::test]
async fn an_image_of_a_registry_is_taken_away_once_no_container_needs_it() {
    let rig = DockerRig::new().await;
    let registry = Registry::start(false).await;
    let runtime = rig.runtime("h1");
    let pin = registry.push(&rig, None).await;
    done(&*runtime, Action::Pull { image: pin.clone(), timeout: Millis::seconds(60) }).await;
    let is_here = async || !runtime.observe(&key(), std::slice::from_ref(&pin)).await.images.is_empty();
    let forget = || Action::Forget { image: pin.clone() };
    let mut service = rig.service(Program::Serves);
    service.image = pin.clone();
    done(&*runtime, create(Slot::A, &service)).await;
    done(&*runtime, forget()).await;
    assert!(is_here().await, "a container that does not run may be started again");
    done(&*runtime, Action::Remove(place(Slot::A))).await;
    // Another agent on the same engine may have to go back to it.
    let neighbour = rig.runtime("h2");
    done(&*neighbour, create(Slot::A, &rig.service(Program::Serves))).await;
    done(&*runtime, forget()).await;
    assert!(is_here().await);
    done(&*neighbour, Action::Remove(place(Slot::A))).await;
    for _ in 0..2 {
        done(&*runtime, forget()).await;
        assert!(!is_here().await);
    }
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
    let with = |file| {
        Arc::new(rig.docker_runtime("h1", DockerOptions { credentials: Some(file), ..DockerOptions::default() }))
    };

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
    let options = DockerOptions { address: Some(format!("unix://{}", socket.display())), ..DockerOptions::default() };
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
