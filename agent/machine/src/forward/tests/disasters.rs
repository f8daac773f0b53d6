//! Every disaster at every step: it comes to the same end. Not here: the same with routed ports (`route`).

use evenkeel_model::Phase;

use crate::world::{Disaster, Kill, World, check_each_step};

#[test]
fn the_agent_killed_at_any_step_ends_the_same() {
    for kill in [Kill::BeforeLedger, Kill::BeforeAct, Kill::AfterAct] {
        disturbed_everywhere(&Disaster::Kill(kill));
    }
}

#[test]
fn an_engine_restart_at_any_step_ends_the_same() {
    disturbed_everywhere(&Disaster::EngineRestart);
}

#[test]
fn a_reboot_at_any_step_ends_the_same() {
    disturbed_everywhere(&Disaster::Reboot);
}

#[test]
fn an_engine_that_is_down_for_a_while_at_any_step_ends_the_same() {
    disturbed_everywhere(&Disaster::EngineDown);
}

/// A good and several bad releases, each with the disaster at each step.
fn disturbed_everywhere(disaster: &Disaster) {
    check_each_step(
        "web:good-1",
        disaster,
        |world| {
            world.deploy("web:good-2");
            world.run(100);
        },
        "trial | running web:good-2 | stopped web:good-1",
    );
    check_each_step(
        "web:good-1:stop-first",
        disaster,
        |world| {
            world.deploy_as("web:good-2:stop-first", Phase::Committed);
            world.run(100);
        },
        "committed | running web:good-2 | stopped -",
    );
    check_each_step(
        "web:good-1:stop-first worker:good-1",
        disaster,
        |world| {
            world.deploy("web:good-2:stop-first worker:sick-2");
            world.run(100);
        },
        "reverted | running web:good-1 worker:good-1 | stopped -",
    );
    check_each_step(
        "db:good-1 web:good-1",
        disaster,
        |world| {
            world.deploy("db:good-2:stop-first web:crash-2");
            world.run(100);
        },
        "reverted | running db:good-1 web:good-1 | stopped -",
    );
    check_each_step(
        "db:good-1 web:good-1",
        disaster,
        |world| {
            world.deploy("");
            world.run(100);
        },
        "committed | running - | stopped -",
    );
}

#[test]
fn a_newer_generation_at_any_step_ends_as_if_it_had_come_first() {
    let serving = World::serving("web:good-1");
    for from in ["web:good-2", "web:good-2:stop-first", "web:crash-2", "web:unready-2", "web:sick-2:stop-first"] {
        for (text, expected) in [
            ("web:good-3", "trial | running web:good-3 | stopped web:good-1"),
            ("web:good-3:stop-first", "trial | running web:good-3 | stopped web:good-1"),
            ("web:good-1", "trial | running web:good-1 | stopped -"),
            ("web:crash-3", "reverted | running web:good-1 | stopped -"),
            ("", "committed | running - | stopped -"),
        ] {
            for at in 0..30 {
                let mut world = serving.clone();
                world.disaster = Some((at, Disaster::Supersede(text)));
                world.deploy(from);
                world.run(150);
                assert_eq!(world.state(), expected, "{from} then {text:?} at step {at}: {:#?}", world.log);
                let start_first = !from.contains("stop-first") && !text.contains("stop-first");
                let sudden = text.is_empty() || from.contains("sick");
                assert!(!start_first || sudden || world.gaps.is_empty(), "{from}, {text} at {at}: {:#?}", world.log);
            }
        }
    }
}

#[test]
fn a_withdrawal_at_any_step_ends_with_the_old_one() {
    let serving = World::serving("web:good-1");
    for text in ["web:good-2", "web:good-2:stop-first", "web:unready-2"] {
        for at in 0..30 {
            let mut world = serving.clone();
            world.disaster = Some((at, Disaster::Withdraw));
            world.deploy(text);
            world.run(100);
            assert_eq!(world.state(), "reverted | running web:good-1 | stopped -", "{text} at step {at}");
        }
    }
}
