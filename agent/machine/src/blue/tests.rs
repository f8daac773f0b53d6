//! What a commit replaced, row by row, and with every disaster at every step.

use evenkeel_model::{CauseKind, Digest, Phase, ReleaseNumber, Restart};

use crate::Kept;
use crate::world::{Disaster, Kill, World, check, check_each_step};

/// Release 2 was committed for release 1, which runs on for so many seconds.
fn replaced(from: &str, to: &str, seconds: u64) -> World {
    let mut world = World::serving(from);
    world.deploy(&format!("{to} blue={seconds}"));
    world.run(20);
    world.order(Phase::Committed).unwrap();
    world.run(20);
    assert_eq!(world.end(), "committed");
    world
}

fn web(seconds: u64) -> World {
    replaced("web:good-1:routed", "web:good-2:routed", seconds)
}

#[test]
fn what_was_replaced_runs_on_without_traffic_and_goes_when_its_time_is_up() {
    let mut world = web(60);
    check(&mut world, 30, "committed | running web:good-1 web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.log[3..], ["route web:good-2", "set-restart web.b UnlessStopped", "set-restart web.a No"]);
    let report = world.report.clone().unwrap();
    assert_eq!(report.why, "the release is final here; release 1 runs on beside it");
    assert!(report.healthy && report.services[&"web".parse().unwrap()].release.0 == 2);
    assert!(world.ledger.blue.is_some());
    world.forget_the_past();
    check(&mut world, 30, "committed | running web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.log, ["stop web.a", "remove web.a"]);
    assert_eq!((world.ledger.blue.as_ref(), world.report.unwrap().why.as_str()), (None, "the release is final here"));
}

#[test]
fn an_agent_that_starts_again_counts_anew() {
    let mut world = web(60);
    world.run(30);
    world.kill();
    check(&mut world, 50, "committed | running web:good-1 web:good-2 | stopped - | to web:good-2");
    check(&mut world, 20, "committed | running web:good-2 | stopped - | to web:good-2");
}

#[test]
fn going_back_to_it_is_one_switch_after_one_good_answer() {
    for (percent, to) in [(100, "web:good-1"), (25, "web:good-2*75+good-1*25")] {
        let mut world = web(600);
        world.run(60);
        world.forget_the_past();
        let before = world.now;
        world.deploy(&format!("web:good-1:routed share={percent}"));
        world.run_until(|world| !world.log.is_empty());
        assert_eq!(world.now, before, "at once");
        check(&mut world, 20, &format!("trial | running web:good-1 web:good-2 | stopped - | to {to}"));
        assert_eq!(world.log, [format!("route {to}")]);
        world.order(Phase::Committed).unwrap();
        check(&mut world, 20, "committed | running web:good-1 | stopped - | to web:good-1");
        assert_eq!(world.bodies.values().next().unwrap().container.restart, Restart::UnlessStopped);
    }
}

#[test]
fn the_one_that_was_left_for_it_is_kept_in_its_turn() {
    let mut world = web(600);
    world.deploy("web:good-1:routed blue=600");
    world.run(20);
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running web:good-1 web:good-2 | stopped - | to web:good-1");
    let restart = |image: &str| world.bodies.values().find(|body| body.image() == image).unwrap().container.restart;
    assert_eq!((restart("good-1"), restart("good-2")), (Restart::UnlessStopped, Restart::No));
    assert!(world.log.iter().filter(|action| action.starts_with("create")).count() == 1, "{:?}", world.log);
}

#[test]
fn going_back_to_one_that_turned_bad_is_a_trial_that_fails() {
    let mut world = web(600);
    let unready = crate::world::release("web:unready-9").services.into_values().next().unwrap();
    world.bodies.values_mut().find(|body| body.image() == "good-1").unwrap().service.image = unready.image;
    world.run(60);
    world.forget_the_past();
    world.deploy("web:good-1:routed");
    check(&mut world, 60, "reverted | running web:good-2 | stopped - | to web:good-2");
    assert_eq!((world.cause(), world.ledger.blue.as_ref()), (Some(CauseKind::HealthTimeout), None));
    assert!(world.log.iter().all(|action| !action.starts_with("route")), "{:?}", world.log);
}

#[test]
fn one_that_ends_is_not_started_again_and_goes() {
    let mut world = web(600);
    world.forget_the_past();
    world.bodies.values_mut().find(|body| body.image() == "good-1").unwrap().crash(1, false);
    check(&mut world, 20, "committed | running web:good-2 | stopped - | to web:good-2");
    assert_eq!((world.log.as_slice(), world.ledger.blue.as_ref()), (&["remove web.a".to_owned()][..], None));
}

#[test]
fn one_that_says_no_is_left_alone_and_asked_no_more_often_than_one_that_is_well() {
    let mut world = web(600);
    let unready = crate::world::release("web:unready-1").services.into_values().next().unwrap();
    world.bodies.values_mut().find(|body| body.image() == "good-1").unwrap().service.image = unready.image;
    world.run(30);
    world.forget_the_past();
    world.run(60);
    assert_eq!(world.log, [""; 0]);
    assert!(world.report.as_ref().unwrap().healthy && world.steps <= 28, "{}", world.steps);
}

#[test]
fn the_next_release_has_its_place_and_it_makes_way_first() {
    let mut world = web(600);
    world.forget_the_past();
    world.deploy("web:good-3:routed");
    check(&mut world, 20, "trial | running web:good-3 web:good-2 | stopped - | to web:good-3");
    let expected = ["pull good-3", "stop web.a", "remove web.a", "create web.a", "start web.a", "route web:good-3"];
    assert_eq!(world.log, expected);
}

#[test]
fn a_trial_that_never_needs_its_place_leaves_it() {
    let mut world = web(600);
    world.deploy("web:gone-3:routed");
    check(&mut world, 20, "reverted | running web:good-1 web:good-2 | stopped - | to web:good-2");
    world.run(600);
    check(&mut world, 20, "reverted | running web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.ledger.blue, None);
}

#[test]
fn a_trial_that_is_withdrawn_beside_it_goes_back_as_ever() {
    let mut world = replaced("api:good-1:routed=81 web:good-1:routed", "api:good-2:routed=81 web:good-2:routed", 600);
    world.deploy("api:good-2:routed=81 web:good-3:routed");
    let trial = "trial | running api:good-1 api:good-2 web:good-3 web:good-2 | stopped - | to api:good-2+81 web:good-3";
    check(&mut world, 20, trial);
    world.order(Phase::Withdrawn).unwrap();
    let back = "reverted | running api:good-1 api:good-2 web:good-2 | stopped - | to api:good-2+81 web:good-2";
    check(&mut world, 20, back);
}

#[test]
fn only_what_can_run_beside_its_successor_and_still_runs_is_kept() {
    let rows = [
        ("web:good-1", "web:good-2", "running web:good-2"),
        ("web:good-1", "web:good-2:keep-running", "running web:good-1 web:good-2"),
        ("web:good-1:routed", "web:good-2:routed:keep-stopped", "running web:good-2"),
        ("db:good-1:stop-first", "db:good-2:stop-first", "running db:good-2"),
        ("web:good-1:direct", "web:good-2:routed", "running web:good-2"),
        ("web:good-1:routed api:good-1:routed=81", "web:good-2:routed", "running api:good-1 web:good-1 web:good-2"),
        ("web:good-1:routed db:good-1", "web:good-2:routed db:good-1", "running db:good-1 web:good-1 web:good-2"),
    ];
    for (from, to, expected) in rows {
        let mut world = replaced(from, to, 60);
        assert!(world.state().contains(&format!("{expected} | stopped -")), "{from} {to}: {}", world.state());
        world.run(60);
        assert_eq!((world.ledger.blue.as_ref(), world.bodies.len()), (None, to.split(' ').count()), "{from} {to}");
    }
}

#[test]
fn the_same_release_once_more_replaces_nothing() {
    let mut world = web(600);
    let again = crate::world::content(2, "web:good-2:routed");
    let mut assignment = crate::world::assignment(3, "web:good-2:routed", Phase::Committed);
    assignment.content = Some(again);
    world.generation = 3;
    world.accept(&assignment).unwrap();
    check(&mut world, 20, "committed | running web:good-1 web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.ledger.blue.as_ref().unwrap().content.release.0, 1);
}

#[test]
fn what_is_under_way_at_it_has_as_long_as_it_is_kept() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.lasting = None;
    world.deploy("web:good-2:routed blue=120");
    world.run(20);
    world.order(Phase::Committed).unwrap();
    world.run(110);
    assert!(!world.log.iter().any(|action| action.starts_with("cut")), "{:?}", world.log);
    check(&mut world, 30, "committed | running web:good-2 | stopped - | to web:good-2");
    assert!(world.log.contains(&"cut good-1".to_owned()), "{:?}", world.log);
}

#[test]
fn its_images_stay_as_long_as_it_is_kept() {
    let mut world = replaced("web:good-1:routed keep=0", "web:good-2:routed keep=0", 60);
    let kept = world.ledger.kept.clone();
    let another = Kept { release: ReleaseNumber(9), ..kept[0].clone() };
    world.ledger.kept.insert(1, another);
    // Not even the container says that it needs the image.
    world.bodies.values_mut().for_each(|body| body.container.pin = Digest::of(b"other"));
    world.run(20);
    assert!(world.ledger.kept.len() == 2 && world.images.contains_key(kept[1].images[0].digest()), "{:?}", world.log);
}

#[test]
fn a_removal_takes_it_away_too() {
    let mut world = web(600);
    world.deploy("");
    check(&mut world, 40, "committed | running - | stopped -");
    assert_eq!(world.ledger.blue, None);
}

#[test]
fn a_reboot_ends_it() {
    let mut world = web(600);
    world.reboot();
    check(&mut world, 20, "committed | running web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.ledger.blue, None);
}

/// What serves, what happens, and what it comes to.
type Story = (&'static str, fn(&mut World), &'static str);

const STORIES: [Story; 3] = [
    ("web:good-1:routed", kept, "committed | running web:good-1 web:good-2 | stopped - | to web:good-2"),
    ("web:good-1:routed", over, "committed | running web:good-2 | stopped - | to web:good-2"),
    ("web:good-1:routed", back, "committed | running web:good-1 web:good-2 | stopped - | to web:good-1"),
];

fn kept(world: &mut World) {
    world.deploy_as("web:good-2:routed blue=5000", Phase::Committed);
    world.run(60);
}

fn over(world: &mut World) {
    world.deploy_as("web:good-2:routed blue=20", Phase::Committed);
    world.run(60);
}

fn back(world: &mut World) {
    kept(world);
    world.deploy_as("web:good-1:routed blue=5000", Phase::Committed);
    world.run(60);
}

#[test]
fn the_agent_killed_at_any_step_ends_the_same() {
    for (from, story, expected) in STORIES {
        for kill in [Kill::BeforeLedger, Kill::BeforeAct, Kill::AfterAct] {
            check_each_step(from, &Disaster::Kill(kill), story, expected);
        }
    }
}

#[test]
fn a_proxy_that_is_down_for_a_while_or_restarts_at_any_step_ends_the_same() {
    for (from, story, expected) in STORIES {
        check_each_step(from, &Disaster::ProxyDown, story, expected);
        check_each_step(from, &Disaster::ProxyRestart, story, expected);
    }
}

#[test]
fn an_engine_that_restarts_at_any_step_may_end_what_is_kept_and_nothing_else() {
    let serves = |state: &str, image: &str| {
        state.starts_with("committed") && state.ends_with(&format!("| stopped - | to web:{image}"))
    };
    for (from, story, expected) in STORIES {
        let (serving, image) = (World::serving(from), expected.rsplit_once(':').unwrap().1);
        for at in 0..30 {
            let mut world = serving.clone();
            world.disaster = Some((at, Disaster::EngineRestart));
            story(&mut world);
            world.run(120);
            assert!(serves(&world.state(), image), "at step {at}: {} {:#?}", world.state(), world.log);
        }
    }
}
