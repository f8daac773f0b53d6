//! The cases, for any engine. Not here: making engines and programs (`rig.rs`).

use evenkeel_agent::probe::question;
use evenkeel_agent::runtime::Runtime;
use evenkeel_machine::{Action, ContainerState, Engine, Outcome};
use evenkeel_model::service::{Port, Protocol};
use evenkeel_model::{AppKey, CauseKind, LogQuestion, Millis, Probe, ReleaseNumber, Restart, Slot, Via};

use crate::rig::{
    Program, Rig, containers, create, done, ended, failure, key, local, only, place, plan, scope, stop, until,
};

pub(crate) async fn every_step_may_be_repeated(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let service = rig.service(Program::Serves);
    let pull = || Action::Pull { image: service.image.clone(), timeout: Millis::seconds(10) };
    for _ in 0..2 {
        done(&*runtime, pull()).await;
    }
    for _ in 0..2 {
        done(&*runtime, create(Slot::A, &service)).await;
    }
    let created = only(&*runtime).await;
    assert_eq!(created.state, ContainerState::Created);
    for _ in 0..2 {
        done(&*runtime, Action::Start(place(Slot::A))).await;
    }
    done(&*runtime, create(Slot::A, &service)).await;
    let running = only(&*runtime).await;
    assert!(running.is_running() && running.id == created.id, "{running:?}");
    for _ in 0..2 {
        done(&*runtime, stop(Slot::A)).await;
    }
    assert!(ended(&only(&*runtime).await));
    done(&*runtime, Action::Start(place(Slot::A))).await;
    for _ in 0..2 {
        done(&*runtime, Action::Remove(place(Slot::A))).await;
    }
    assert_eq!(containers(&*runtime).await, []);
    done(&*runtime, stop(Slot::A)).await;
    done(&*runtime, Action::SetRestart { place: place(Slot::A), restart: Restart::No }).await;
    done(&*runtime, Action::Wait).await;
    // Starting what is gone is no release's fault.
    assert_eq!(failure(&*runtime, Action::Start(place(Slot::A))).await.kind, CauseKind::EngineUnavailable);
}

pub(crate) async fn a_new_container_carries_what_it_was_made_from(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let service = rig.service(Program::Serves);
    let plan = plan(Slot::B, service.clone());
    assert_eq!(runtime.keys().await, Ok([].into()));
    done(&*runtime, create(Slot::B, &service)).await;
    let container = only(&*runtime).await;
    assert_eq!((&container.place, container.version, container.release), (&plan.place, plan.version, plan.release));
    assert_eq!((&container.fingerprint, &container.pin), (&service.fingerprint(), service.image.digest()));
    assert_eq!(container.image_id, service.image.digest().to_string());
    assert_eq!((container.restart, container.restarts), (Restart::No, 0));
    assert_eq!(runtime.keys().await, Ok([key()].into()));

    let sight = runtime.observe(&key(), &[service.image.clone(), local("elsewhere")]).await;
    assert_eq!(sight.images, [(service.image.digest().clone(), container.image_id)].into());
    assert!(matches!(sight.engine, Engine::Up { .. }));
    assert!(runtime.engine_version().await.is_some());
    assert!(runtime.data_root().await.is_some_and(|path| path.is_absolute()));
}

pub(crate) async fn a_stale_container_that_stopped_is_replaced_and_a_running_one_is_not(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let old = rig.service(Program::Serves);
    let mut new = old.clone();
    new.spec.environment.insert("VERSION".to_owned(), "2".to_owned());
    done(&*runtime, create(Slot::A, &old)).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;

    let refused = failure(&*runtime, create(Slot::A, &new)).await;
    assert_eq!(refused.kind, CauseKind::EngineUnavailable);
    assert!(refused.message.contains("release 12"), "{refused}");
    assert!(only(&*runtime).await.is_running());

    done(&*runtime, stop(Slot::A)).await;
    done(&*runtime, create(Slot::A, &new)).await;
    let replaced = only(&*runtime).await;
    assert_eq!((replaced.fingerprint, replaced.state), (new.fingerprint(), ContainerState::Created));
}

pub(crate) async fn a_foreign_container_with_our_name_is_reported_and_never_touched(rig: &impl Rig) {
    let name = scope("any", &rig.host("h1")).container(&key(), &place(Slot::A));
    let runtime = rig.runtime("h1");
    rig.add_foreign(&name).await;
    let refused = failure(&*runtime, create(Slot::A, &rig.service(Program::Serves))).await;
    assert_eq!(refused.kind, CauseKind::Unstartable);
    assert!(refused.message.contains(&format!("`{name}`")), "{refused}");
    done(&*runtime, stop(Slot::A)).await;
    done(&*runtime, Action::Remove(place(Slot::A))).await;
    assert!(rig.has_foreign(&name).await);
}

pub(crate) async fn containers_of_others_are_not_listed(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let name = format!("foreign-{}", uuid::Uuid::new_v4().simple());
    rig.add_foreign(&name).await;
    assert_eq!(runtime.keys().await, Ok([].into()));
    assert_eq!(containers(&*runtime).await, []);
    assert_eq!(runtime.stats().await, []);
}

pub(crate) async fn two_hosts_on_one_engine_do_not_see_each_other(rig: &impl Rig) {
    let (one, other) = (rig.runtime("h1"), rig.runtime("h2"));
    let service = rig.service(Program::Serves);
    done(&*one, create(Slot::A, &service)).await;
    assert_eq!(containers(&*other).await, []);
    done(&*other, create(Slot::A, &service)).await;
    done(&*other, Action::Start(place(Slot::A))).await;
    assert_eq!(only(&*one).await.state, ContainerState::Created);
    done(&*one, Action::Remove(place(Slot::A))).await;
    assert!(only(&*other).await.is_running());
    assert_eq!((one.keys().await, other.keys().await), (Ok([].into()), Ok([key()].into())));
}

pub(crate) async fn a_port_that_is_taken_is_the_hosts_trouble_and_passes(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let mut service = rig.service(Program::Serves);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    service.spec.ports =
        vec![Port { address: None, published: free, target: 8080, protocol: Protocol::Tcp, via: Via::Engine }];
    for slot in [Slot::A, Slot::B] {
        done(&*runtime, create(slot, &service)).await;
    }
    done(&*runtime, Action::Start(place(Slot::A))).await;
    let refused = failure(&*runtime, Action::Start(place(Slot::B))).await;
    assert_eq!(refused.kind, CauseKind::PortTaken, "{refused}");
    assert!(!containers(&*runtime).await[1].is_running());
    done(&*runtime, stop(Slot::A)).await;
    done(&*runtime, Action::Start(place(Slot::B))).await;
}

pub(crate) async fn a_local_image_that_is_not_here_is_not_found(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let mut service = rig.service(Program::Serves);
    service.image = local("never loaded");
    let pull = Action::Pull { image: service.image.clone(), timeout: Millis::seconds(10) };
    let refused = failure(&*runtime, pull).await;
    assert_eq!(refused.kind, CauseKind::ImageNotFound);
    assert!(refused.message.contains("exists in engines only"), "{refused}");
    assert_eq!(failure(&*runtime, create(Slot::A, &service)).await.kind, CauseKind::ImageNotFound);
}

pub(crate) async fn an_unreachable_registry_is_not_a_bad_release(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let pull = Action::Pull { image: rig.unreachable(), timeout: Millis::seconds(30) };
    let refused = failure(&*runtime, pull).await;
    assert_eq!(refused.kind, CauseKind::RegistryUnreachable, "{refused}");
}

pub(crate) async fn a_program_that_is_not_in_the_image_is_unstartable(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    done(&*runtime, create(Slot::A, &rig.service(Program::Missing))).await;
    let refused = failure(&*runtime, Action::Start(place(Slot::A))).await;
    assert_eq!(refused.kind, CauseKind::Unstartable, "{refused}");
    assert!(!only(&*runtime).await.is_running());
}

pub(crate) async fn the_evidence_has_exit_code_log_and_pressure(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    done(&*runtime, create(Slot::A, &rig.service(Program::Crashes))).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    let container = until(&*runtime, "ended", ended).await;
    assert_eq!(container.state, ContainerState::Exited { code: 3, oom_killed: false });

    let Outcome::Collected(evidence) = runtime.perform(&key(), &Action::Collect(place(Slot::A))).await else {
        panic!()
    };
    assert_eq!((evidence.exit_code, evidence.oom_killed), (Some(3), false));
    assert_eq!(evidence.log, ["one".to_owned(), "two".to_owned(), "x".repeat(1000)]);
    let pressure = evidence.pressure.unwrap();
    assert!(pressure.memory_available > 0 && pressure.memory_total >= pressure.memory_available, "{pressure:?}");

    // Of one that is not there, the host's pressure is all there is to say.
    let Outcome::Collected(evidence) = runtime.perform(&key(), &Action::Collect(place(Slot::B))).await else {
        panic!()
    };
    assert!(evidence.exit_code.is_none() && evidence.log.is_empty() && evidence.pressure.is_some());
}

pub(crate) async fn the_restart_policy_is_set_and_obeyed(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let set = |restart| Action::SetRestart { place: place(Slot::A), restart };
    done(&*runtime, create(Slot::A, &rig.service(Program::Crashes))).await;
    for restart in [Restart::UnlessStopped, Restart::No, Restart::OnFailure] {
        done(&*runtime, set(restart)).await;
        assert_eq!(only(&*runtime).await.restart, restart);
    }
    done(&*runtime, Action::Start(place(Slot::A))).await;
    let restarted = until(&*runtime, "restarted", |container| container.restarts > 0).await;
    assert!(restarted.is_running(), "{restarted:?}");
    done(&*runtime, set(Restart::No)).await;
    until(&*runtime, "ended for good", ended).await;
}

pub(crate) async fn probes_by_the_engine_tell_well_from_unwell(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    for (slot, program) in [(Slot::A, Program::Serves), (Slot::B, Program::Unready)] {
        let service = rig.service(program);
        done(&*runtime, create(slot, &service)).await;
        let ask = async |probe: Probe| {
            let action = Action::Probe { place: place(slot), probe: probe.clone(), timeout: Millis::seconds(20) };
            let Outcome::Probed { healthy, evidence } = runtime.perform(&key(), &action).await else { panic!() };
            assert_eq!(evidence.request, question(&probe, place(slot)));
            assert!(!evidence.answer.is_empty());
            healthy
        };
        let own = service.spec.health.probe;
        assert!(!ask(own.clone()).await && !ask(Probe::Running).await, "before its start");
        done(&*runtime, Action::Start(place(slot))).await;
        assert_eq!(ask(own.clone()).await, program == Program::Serves);
        assert!(ask(Probe::Running).await);
        // Not the engine's to answer.
        assert!(!ask(Probe::Tcp { port: 8080 }).await);
        done(&*runtime, stop(slot)).await;
        assert!(!ask(own).await && !ask(Probe::Running).await, "after its end");
    }
}

pub(crate) async fn a_running_container_uses_memory(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let runtime: &dyn Runtime = &*runtime;
    done(runtime, create(Slot::A, &rig.service(Program::Serves))).await;
    assert_eq!(runtime.stats().await, []);
    done(runtime, Action::Start(place(Slot::A))).await;
    let stats = runtime.stats().await;
    assert_eq!(stats.len(), 1);
    assert_eq!((&stats[0].key, stats[0].slot, stats[0].memory > 0), (&key(), Slot::A, true));
}

pub(crate) async fn a_container_has_an_address_of_its_own_for_life(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let service = rig.service(Program::Serves);
    for slot in [Slot::A, Slot::B] {
        done(&*runtime, create(slot, &service)).await;
    }
    let addresses = async || -> Vec<_> {
        containers(&*runtime).await.into_iter().map(|container| container.address.expect("it has one")).collect()
    };
    let made = addresses().await;
    assert_ne!(made[0], made[1], "before they run");
    for _ in 0..2 {
        done(&*runtime, Action::Start(place(Slot::A))).await;
        done(&*runtime, Action::Start(place(Slot::B))).await;
        assert_eq!(addresses().await, made, "while they run");
        done(&*runtime, stop(Slot::A)).await;
        done(&*runtime, stop(Slot::B)).await;
        assert_eq!(addresses().await, made, "after they ran");
    }
    // The address that was just given back rests.
    done(&*runtime, Action::Remove(place(Slot::B))).await;
    done(&*runtime, create(Slot::B, &service)).await;
    let again = addresses().await;
    assert!(again[0] == made[0] && !made.contains(&again[1]), "{made:?}, then {again:?}");
}

pub(crate) async fn a_port_that_the_proxy_owns_is_nobodys_to_take(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let mut service = rig.service(Program::Serves);
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let published = held.local_addr().unwrap().port();
    service.spec.ports = vec![Port { address: None, published, target: 8080, protocol: Protocol::Tcp, via: Via::Tcp }];
    for slot in [Slot::A, Slot::B] {
        done(&*runtime, create(slot, &service)).await;
        done(&*runtime, Action::Start(place(slot))).await;
    }
}

pub(crate) async fn an_image_that_a_container_needs_or_that_is_local_is_not_taken_away(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let service = rig.service(Program::Serves);
    let forget = || Action::Forget { image: service.image.clone() };
    let is_here = async || !runtime.observe(&key(), std::slice::from_ref(&service.image)).await.images.is_empty();
    done(&*runtime, create(Slot::A, &service)).await;
    done(&*runtime, forget()).await;
    done(&*runtime, Action::Remove(place(Slot::A))).await;
    done(&*runtime, forget()).await;
    assert!(is_here().await, "it exists in engines only");
    // One that was never here is gone already.
    done(&*runtime, Action::Forget { image: rig.unreachable() }).await;
}

pub(crate) async fn what_is_not_the_engines_is_refused(rig: &impl Rig) {
    let runtime = rig.runtime("h1");
    let cut = Action::Cut { container: "any".to_owned() };
    for action in [Action::Route(Box::default()), cut] {
        let refused = failure(&*runtime, action).await;
        assert_eq!(refused.kind, CauseKind::ProxyUnavailable, "{refused}");
    }
}

pub(crate) async fn lines_are_counted_in_the_logs_of_the_asked_release_alone(rig: &impl Rig) {
    let (runtime, neighbour) = (rig.runtime("h1"), rig.runtime("h2"));
    let question = |release: u64, services: &[&str], pattern: &str| LogQuestion {
        key: key(),
        release: ReleaseNumber(release),
        services: services.iter().map(|service| service.parse().unwrap()).collect(),
        pattern: pattern.parse().unwrap(),
    };
    let found = async |runtime: &dyn Runtime, question: LogQuestion| {
        let found = runtime.search_logs(&question).await.unwrap();
        assert_eq!(found.cut, None);
        let examples: Vec<_> = found.examples.iter().map(|line| format!("{} {}", line.service, line.text)).collect();
        (found.matched, found.containers, examples)
    };
    let one_or_two = question(12, &[], "^(one|two)$");
    assert_eq!(found(&*runtime, one_or_two.clone()).await, (0, 0, Vec::new()), "there is no container");
    for slot in [Slot::A, Slot::B] {
        done(&*runtime, create(slot, &rig.service(Program::Crashes))).await;
    }
    assert_eq!(found(&*runtime, one_or_two.clone()).await, (0, 2, Vec::new()), "none has written anything");
    done(&*runtime, Action::Remove(place(Slot::B))).await;
    done(&*runtime, Action::Start(place(Slot::A))).await;
    until(&*runtime, "ended", ended).await;

    let both = vec!["web one".to_owned(), "web two".to_owned()];
    assert_eq!(found(&*runtime, one_or_two.clone()).await, (2, 1, both), "of both streams, though it has ended");
    let (matched, _, examples) = found(&*runtime, question(12, &["web", "db"], "x{1500}$")).await;
    assert_eq!((matched, examples), (1, vec![format!("web {}", "x".repeat(300))]), "all of a long line is searched");
    assert_eq!(found(&*runtime, question(12, &[], "three")).await, (0, 1, Vec::new()));
    // Another service, release, app, host.
    assert_eq!(found(&*runtime, question(12, &["db"], "one")).await, (0, 0, Vec::new()));
    assert_eq!(found(&*runtime, question(11, &[], "one")).await, (0, 0, Vec::new()));
    let elsewhere = LogQuestion { key: AppKey { app: "other".parse().unwrap(), ..key() }, ..one_or_two.clone() };
    assert_eq!(found(&*runtime, elsewhere).await, (0, 0, Vec::new()));
    assert_eq!(found(&*neighbour, one_or_two).await, (0, 0, Vec::new()));
}
