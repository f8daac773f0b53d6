//! Every disaster at every step of swaps with routed ports: it comes to the same end.

use evenkeel_model::Phase;

use crate::world::{Disaster, Kill, World, check_each_step};

/// What serves, what happens, and what it comes to.
type Story = (&'static str, fn(&mut World), &'static str);

const STORIES: [Story; 12] = [
    ("web:good-1:routed", good, "trial | running web:good-1 web:good-2 | stopped - | to web:good-2"),
    ("web:good-1:routed", committed, "committed | running web:good-2 | stopped - | to web:good-2+81"),
    ("web:good-1:routed", sick, "reverted | running web:good-1 | stopped - | to web:good-1"),
    ("web:good-1:routed", sick_beside_a_stopped_one, "reverted | running web:good-1 | stopped - | to web:good-1"),
    ("db:good-1:routed:stop-first:lb", one_at_a_time, "committed | running db:good-2 | stopped - | to db:good-2"),
    (
        "db:good-1:routed:stop-first web:good-1:routed=81",
        the_second_fails,
        "reverted | running db:good-1 web:good-1 | stopped - | to db:good-1 web:good-1+81",
    ),
    ("web:good-1:direct", adopted, "committed | running web:good-2 | stopped - | to web:good-2"),
    ("web:good-1:direct", not_adopted, "reverted | running web:good-1 | stopped -"),
    ("web:good-1:routed", endless, "committed | running web:good-2 | stopped - | to web:good-2"),
    ("db:good-1:routed:stop-first", endless_one_at_a_time, "reverted | running db:good-1 | stopped - | to db:good-1"),
    ("web:good-1:routed", renamed, "committed | running site:good-2 | stopped - | to site:good-2"),
    ("api:good-1:routed=81 web:good-1:routed", removed, "committed | running - | stopped -"),
];

fn good(world: &mut World) {
    world.deploy("web:good-2:routed");
    world.run(100);
}

fn committed(world: &mut World) {
    world.deploy_as("web:good-2:routed:routed=81", Phase::Committed);
    world.run(100);
}

fn sick(world: &mut World) {
    world.deploy("web:sick-2:routed");
    world.run(100);
}

fn sick_beside_a_stopped_one(world: &mut World) {
    world.deploy("web:sick-2:routed:keep-stopped");
    world.run(100);
}

fn one_at_a_time(world: &mut World) {
    world.deploy_as("db:good-2:routed:stop-first:lb", Phase::Committed);
    world.run(100);
}

fn the_second_fails(world: &mut World) {
    world.deploy("db:good-2:routed:stop-first web:crash-2:routed=81");
    world.run(120);
}

fn adopted(world: &mut World) {
    world.deploy_as("web:good-2:routed", Phase::Committed);
    world.run(100);
}

fn not_adopted(world: &mut World) {
    world.deploy("web:unready-2:routed");
    world.run(120);
}

fn removed(world: &mut World) {
    world.deploy("");
    world.run(100);
}

fn endless(world: &mut World) {
    world.proxy.lasting = None;
    world.deploy_as("web:good-2:routed:keep-stopped", Phase::Committed);
    world.run(200);
}

fn endless_one_at_a_time(world: &mut World) {
    world.proxy.lasting = None;
    world.deploy("db:sick-2:routed:stop-first");
    world.run(300);
}

fn renamed(world: &mut World) {
    world.deploy_as("site:good-2:routed", Phase::Committed);
    world.run(100);
}

fn each_story(disaster: &Disaster) {
    for (from, story, expected) in STORIES {
        check_each_step(from, disaster, story, expected);
    }
}

#[test]
fn the_agent_killed_at_any_step_ends_the_same() {
    for kill in [Kill::BeforeLedger, Kill::BeforeAct, Kill::AfterAct] {
        each_story(&Disaster::Kill(kill));
    }
}

#[test]
fn a_proxy_that_is_down_for_a_while_at_any_step_ends_the_same() {
    each_story(&Disaster::ProxyDown);
}

#[test]
fn a_proxy_that_restarts_at_any_step_ends_the_same() {
    each_story(&Disaster::ProxyRestart);
}

#[test]
fn an_engine_restart_at_any_step_ends_the_same() {
    each_story(&Disaster::EngineRestart);
}

#[test]
fn a_reboot_at_any_step_ends_the_same() {
    each_story(&Disaster::Reboot);
}

#[test]
fn an_engine_that_is_down_for_a_while_at_any_step_ends_the_same() {
    each_story(&Disaster::EngineDown);
}

#[test]
fn ports_that_somebody_else_has_for_a_while_at_any_step_end_the_same() {
    each_story(&Disaster::PortsTaken);
}
