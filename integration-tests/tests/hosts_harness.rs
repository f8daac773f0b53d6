//! The harness of real hosts, held to what the other tests take for granted: real engines, real pulls, real outages, and
//! nothing left behind. Needs root.
//!
//! Deliberately not here: anything of Evenkeel's own; these tests fail only if the ground under the others is unsound.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use evenkeel_integration_tests::hosts::{Fleet, Host, Image, Published, Traffic, eventually, sweep};
use serde_json::json;

/// For anything that an engine or a container does by itself.
const SOON: Duration = Duration::from_secs(30);
/// The port on the host under which the tests publish the program.
const PORT: u16 = 8000;

fn publish(fleet: &Fleet, version: &str, mode: &str) -> Published {
    fleet.publish(version, &[("VERSION", version), ("MODE", mode)]).unwrap()
}

/// Pulls by digest, runs with a published port, waits until the host answers from outside.
fn serve(host: &Host, image: &Published) {
    host.engine().pull(&image.pinned()).unwrap();
    host.engine().run_container("app", &image.pinned(), &[(PORT, 8080)]).unwrap();
    eventually("the published port answers", SOON, || answers(host, &image.tag));
}

fn answers(host: &Host, version: &str) -> bool {
    host.http_get(PORT, "/").is_ok_and(|answer| answer.status == 200 && answer.text() == version)
}

#[test]
fn both_hosts_pull_by_digest_and_serve_on_their_own_address() -> Result<()> {
    let fleet = Fleet::start(2)?;
    assert!(fleet.hosts().iter().all(|host| host.engine().answers()));
    let image = publish(&fleet, "v1", "graceful");
    assert_eq!(fleet.registry().digest_of("app", "v1")?.as_deref(), Some(image.digest.as_str()));
    assert!(!fleet.host(0).engine().has_image(&image.tagged()), "the engine that pushed has forgotten the image");

    fleet.host(0).engine().pull(&image.pinned())?;
    assert!(!fleet.host(1).engine().has_image(&image.pinned()), "each engine has images of its own");
    for host in fleet.hosts() {
        serve(host, &image);
        assert_eq!(host.http_get(PORT, "/healthz")?.status, 200);
    }

    let program = fleet.images()?.program().to_string_lossy().into_owned();
    let other = format!("{}/", fleet.host(1).at(PORT));
    let said = fleet.host(0).run(&program, &["check", &other])?;
    assert!(said.contains("200 OK"), "one host reaches the other: {said}");
    Ok(())
}

#[test]
fn a_host_that_was_cut_off_is_back_when_healed() -> Result<()> {
    let fleet = Fleet::start(2)?;
    let image = publish(&fleet, "v1", "graceful");
    serve(fleet.host(0), &image);
    serve(fleet.host(1), &image);

    fleet.cut(0)?;
    assert!(fleet.host(0).http_get(PORT, "/").is_err());
    assert!(answers(fleet.host(1), "v1"), "the other host is not cut off");
    assert_eq!(fleet.host(0).engine().container_state("app")?, "running", "a cut ends no process");

    fleet.heal(0)?;
    eventually("the healed host answers", SOON, || answers(fleet.host(0), "v1"));
    Ok(())
}

#[test]
fn a_killed_engine_leaves_its_containers_running_and_comes_back() -> Result<()> {
    let fleet = Fleet::start(2)?;
    let image = publish(&fleet, "v1", "graceful");
    let host = fleet.host(0);
    serve(host, &image);
    let container = host.engine().inspect("app")?["State"]["Pid"].as_u64().unwrap();

    host.engine().kill9();
    assert!(!host.engine().answers());
    assert!(fleet.host(1).engine().answers(), "the other engine is not touched");
    assert!(is_alive(container), "a container outlives its engine");

    host.engine().start()?;
    assert_eq!(host.engine().containers()?.len(), 1, "the container is known to the engine that came back");
    assert!(host.engine().has_image(&image.pinned()));

    host.engine().restart()?;
    assert_eq!(host.engine().container_state("app")?, "exited", "an engine that ends politely stops its containers");
    Ok(())
}

#[test]
fn a_rebooted_host_has_its_containers_exited_and_its_other_processes_gone() -> Result<()> {
    let fleet = Fleet::start(2)?;
    let image = publish(&fleet, "v1", "stubborn");
    let host = fleet.host(0);
    serve(host, &image);
    let mut command = host.command("sleep");
    command.arg("1000");
    let bystander = host.spawn("bystander", command)?;

    host.power_off()?;
    bystander.wait(SOON)?;
    assert!(host.http_get(PORT, "/").is_err() && !host.engine().answers());

    host.power_on()?;
    assert_eq!(host.engine().container_state("app")?, "exited");
    assert!(host.http_get(PORT, "/").is_err());
    host.engine().api("POST", "/containers/app/start", None)?;
    eventually("the container answers again", SOON, || answers(host, "v1"));

    let policy = json!({ "RestartPolicy": { "Name": "always" } });
    host.engine().api("POST", "/containers/app/update", Some(&policy))?;
    host.reboot()?;
    eventually("a container with a restart policy comes back by itself", SOON, || answers(host, "v1"));
    Ok(())
}

#[test]
fn what_the_registry_has_lost_cannot_be_pulled() -> Result<()> {
    let fleet = Fleet::start(2)?;
    let (kept, deleted) = (publish(&fleet, "v1", "graceful"), publish(&fleet, "v2", "graceful"));
    assert_ne!(kept.digest, deleted.digest);

    fleet.registry().delete_image("app", &deleted.digest)?;
    let refused = fleet.host(0).engine().pull(&deleted.pinned()).unwrap_err();
    assert!(format!("{refused:#}").contains("manifest unknown"), "{refused:#}");
    fleet.host(0).engine().pull(&kept.pinned())?;

    fleet.registry().stop();
    let unreachable = fleet.host(1).engine().pull(&kept.pinned()).unwrap_err();
    assert!(format!("{unreachable:#}").contains("connection refused"), "{unreachable:#}");
    fleet.registry().start()?;
    fleet.host(1).engine().pull(&kept.pinned())
}

#[test]
fn the_test_program_behaves_as_its_mode_says() -> Result<()> {
    let fleet = Fleet::start(1)?;
    let engine = fleet.host(0).engine();
    let run = |mode: &str| {
        let image = publish(&fleet, mode, mode);
        engine.pull(&image.pinned()).unwrap();
        engine.run_container(mode, &image.pinned(), &[]).unwrap();
    };
    let exit_code = |mode: &str| engine.inspect(mode).unwrap()["State"]["ExitCode"].as_i64();
    let log = |mode: &str| {
        let path = format!("/containers/{mode}/logs?stdout=true&stderr=true");
        engine.api("GET", &path, None).unwrap().text()
    };
    for (mode, code) in [("graceful", 0), ("worker", 0), ("rude", 143), ("stubborn", 137)] {
        run(mode);
        eventually("the program says that it runs", SOON, || log(mode).contains(&format!("mode {mode}")));
        engine.stop_container(mode, Duration::from_secs(2))?;
        assert_eq!(exit_code(mode), Some(code), "{mode}: {}", log(mode));
        assert!(log(mode).contains("SIGTERM"), "{mode}: {}", log(mode));
    }
    run("crash");
    eventually("the program crashes", SOON, || exit_code("crash") == Some(3));
    assert!(log("crash").contains("crashes with exit code 3"));

    let leaky = publish(&fleet, "leaky", "leaky").pinned();
    engine.pull(&leaky)?;
    let limited = json!({ "Image": leaky, "HostConfig": { "Memory": 33_554_432, "MemorySwap": 33_554_432 } });
    engine.api("POST", "/containers/create?name=leaky", Some(&limited))?;
    engine.api("POST", "/containers/leaky/start", None)?;
    eventually("the kernel kills the leaky one", SOON, || {
        engine.inspect("leaky").unwrap()["State"]["OOMKilled"] == true
    });
    Ok(())
}

#[test]
fn an_engine_judges_an_image_with_a_health_check() -> Result<()> {
    let fleet = Fleet::start(1)?;
    let engine = fleet.host(0).engine();
    for (mode, verdict) in [("graceful", "healthy"), ("unready", "unhealthy")] {
        let environment = [("MODE", mode)];
        let image =
            Image { repository: "checked", tag: mode, environment: &environment, healthcheck: true, own_layer: false };
        let published = fleet.publish_image(image)?;
        engine.pull(&published.pinned())?;
        engine.run_container(mode, &published.pinned(), &[])?;
        eventually("the engine's verdict", SOON, || {
            engine.inspect(mode).unwrap()["State"]["Health"]["Status"] == verdict
        });
    }
    Ok(())
}

#[test]
fn traffic_sees_a_swap_with_its_gap() -> Result<()> {
    let fleet = Fleet::start(1)?;
    let (old, new) = (publish(&fleet, "v1", "graceful"), publish(&fleet, "v2", "graceful"));
    let host = fleet.host(0);
    host.engine().pull(&new.pinned())?;
    serve(host, &old);
    let traffic = Traffic::start(host.at(PORT));
    eventually("the old one answers", SOON, || traffic.version().as_deref() == Some("v1"));
    host.engine().remove_container("app")?;
    eventually("requests are lost", SOON, || !traffic.so_far().lost.is_empty());
    host.engine().run_container("app", &new.pinned(), &[(PORT, 8080)])?;
    eventually("the new one answers", SOON, || traffic.version().as_deref() == Some("v2"));
    let record = traffic.stop();
    assert_eq!(record.versions(), ["v1", "v2"]);
    assert!(record.longest_gap() > Duration::from_millis(20), "{:?}", record.longest_gap());
    Ok(())
}

#[test]
fn nothing_is_left_after_the_end() -> Result<()> {
    let fleet = Fleet::start(2)?;
    let traces = Traces::of(&fleet);
    let mut beside = Command::new("sleep");
    beside.arg("1000");
    let beside = fleet.spawn("beside", beside)?;
    assert!(traces.left().len() > 5, "the traces can be seen while the fleet lives: {:?}", traces.left());
    drop(fleet);
    assert!(!beside.is_running(), "what was started beside the hosts ends with them");
    assert_eq!(traces.left(), Vec::<String>::new());
    Ok(())
}

#[test]
fn nothing_is_left_after_a_panic() {
    let mut traces = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let fleet = Fleet::start(1).unwrap();
        traces = Some(Traces::of(&fleet));
        panic!("a test fails");
    }));
    assert!(panicked.is_err());
    assert_eq!(traces.unwrap().left(), Vec::<String>::new());
}

/// Set for a copy of this program that starts a fleet, says where, and waits to be killed.
const ABANDON: &str = "EVENKEEL_TEST_ABANDON";

#[test]
fn what_a_killed_test_left_behind_is_swept() -> Result<()> {
    if std::env::var_os(ABANDON).is_some() {
        let fleet = Fleet::start(1)?;
        let traces = Traces::of(&fleet);
        println!("\nabandoned {} {}", traces.directory.display(), traces.containers[0]);
        loop {
            std::thread::park();
        }
    }
    let mut victim = Command::new(std::env::current_exe()?)
        .args(["--exact", "--nocapture", "what_a_killed_test_left_behind_is_swept"])
        .env(ABANDON, "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let said = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("abandoned ").map(str::to_owned));
    victim.kill()?;
    victim.wait()?;
    let said = said.unwrap();
    let (directory, container) = said.split_once(' ').unwrap();
    let traces = Traces { directory: PathBuf::from(directory), containers: vec![container.parse()?] };
    // Another test's start may have swept it already; a sweep that is under way is waited for.
    sweep()?;
    assert_eq!(traces.left(), Vec::<String>::new());
    Ok(())
}

/// What to look for when a fleet is gone.
struct Traces {
    directory: PathBuf,
    containers: Vec<u64>,
}

impl Traces {
    /// Runs a container on each host first, for an end that has something to end.
    fn of(fleet: &Fleet) -> Self {
        let image = publish(fleet, "v1", "stubborn");
        fleet.hosts().iter().for_each(|host| serve(host, &image));
        let pid = |host: &Host| host.engine().inspect("app").unwrap()["State"]["Pid"].as_u64().unwrap();
        Self { directory: fleet.directory().to_owned(), containers: fleet.hosts().iter().map(pid).collect() }
    }

    fn id(&self) -> String {
        self.directory.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Everything on this machine that still belongs to the fleet.
    fn left(&self) -> Vec<String> {
        let id = self.id();
        let mut left = Vec::new();
        for place in ["/var/run/netns", "/sys/class/net", "/sys/fs/cgroup", "/sys/fs/cgroup/memory"] {
            let names = names_in(Path::new(place)).into_iter().filter(|name| name.starts_with(&id));
            left.extend(names.map(|name| format!("{place}/{name}")));
        }
        let rules = Command::new("iptables").arg("-w").arg("-S").output().unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let lines = String::from_utf8(rules.stdout).unwrap() + &mounts;
        left.extend(lines.lines().filter(|line| line.contains(&id)).map(str::to_owned));
        for process in names_in(Path::new("/proc")) {
            let words = fs::read(Path::new("/proc").join(&process).join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            if words.contains(&id) {
                left.push(format!("process {process}: {words}"));
            }
        }
        left.extend(self.containers.iter().filter(|pid| is_alive(**pid)).map(|pid| format!("container {pid}")));
        left.extend(self.directory.exists().then(|| self.directory.display().to_string()));
        left
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Whether the process exists and is not a corpse that its parent has yet to bury.
fn is_alive(pid: u64) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z')))
}
