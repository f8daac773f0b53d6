//! The language of the scripts: reads commands, lets them happen in the world, and writes what the planner answers below each.

mod answers;
mod policies;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use evenkeel_model::{CauseKind, Failure, HostId, Millis, PrefetchState, ReleaseNumber, Stage, UnixMillis};
use evenkeel_rollout::{Duty, Frozen, Kind, Lines, Measured, approve, pause, promote, resume};

use crate::world::{Word, World, manifest};
use answers::Answers;
use policies::{gate, policy};

/// The script with fresh answers.
pub(crate) fn answer(text: &str) -> String {
    let mut world = World::new();
    let mut answers = Answers::default();
    let mut answered = String::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with(' ') {
            continue;
        }
        writeln!(answered, "{line}").unwrap();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = match command(&mut world, &words, line) {
            Said::Happened => answers.plan(&mut world),
            Said::Answer(answer) => answer,
            Said::Unknown => panic!("line {}: `{line}` is no command", number + 1),
        };
        for line in said.lines() {
            writeln!(answered, "  {line}").unwrap();
        }
    }
    answered
}

/// What comes of a command.
enum Said {
    /// It has happened: the planner answers.
    Happened,
    /// This is the answer; nothing is planned.
    Answer(String),
    /// There is no such command.
    Unknown,
}

/// Lets a command happen.
fn command(world: &mut World, words: &[&str], line: &str) -> Said {
    match words {
        ["hosts", count, labels @ ..] => {
            let before = world.hosts.len();
            for number in 1..=count.parse::<usize>().unwrap() {
                world.join(format!("h{}", before + number).parse().unwrap(), pairs(labels));
            }
        }
        ["join", host, labels @ ..] => world.join(id(host), pairs(labels)),
        ["remove", host] => drop(world.hosts.remove(&id(host))),
        ["label", host, labels @ ..] => world.host(&id(host)).labels.extend(pairs(labels)),
        ["release", number, services @ ..] => release(world, number, services),
        ["running", number] => {
            world.release(release_number(number));
            world.run(release_number(number));
        }
        ["policy", settings @ ..] => world.policy = policy(settings),
        ["gate", words @ ..] => world.policy.gates.push(gate(words)),
        ["deploy", to] => return begin(world, Kind::Deploy, to),
        ["rollback", to] => return begin(world, Kind::Rollback, to),
        ["plan", to] => return Said::Answer(answers::preview(world, release_number(to))),
        ["report", hosts, how] => report(world, hosts, *how == "healthy"),
        ["obstacle", host, kind, ..] => {
            let agent = &mut world.host(&id(host)).agent;
            assert_eq!(agent.stage, Some(Stage::Working), "obstacles are met while working");
            agent.failure = Some(failure(kind, line));
            world.hear(&id(host));
        }
        ["fail", host, kind, ..] => {
            world.host(&id(host)).agent.fail(failure(kind, line));
            world.hear(&id(host));
        }
        ["fetched", hosts] => {
            for host in ids(world, hosts) {
                prefetched(world, &host, &PrefetchState::Present);
            }
        }
        ["cannot-fetch", host, kind, ..] => {
            prefetched(world, &id(host), &PrefetchState::GivenUp { failure: failure(kind, line) });
        }
        ["prefetch"] => return Said::Answer(answers::prefetch(world)),
        ["silent", hosts] => ids(world, hosts).iter().for_each(|host| world.cut_off(host)),
        ["returns", "all"] => {
            world.hosts.keys().cloned().collect::<Vec<_>>().iter().for_each(|host| world.reconnect(host));
        }
        ["returns", hosts] => ids(world, hosts).iter().for_each(|host| world.reconnect(host)),
        ["lost", host] => world.host(&id(host)).deaf = true,
        ["repeated", host] => {
            world.host(&id(host)).deaf = false;
            world.reconnect(&id(host));
        }
        ["pause", by] => return say(world, by, pause),
        ["resume", by] => return say(world, by, resume),
        ["promote", by] => return say(world, by, promote),
        ["approve", by] => return say(world, by, approve),
        ["measured", "good"] => world.measured(&Measured::Answer { good: true, said: "200".to_owned() }),
        ["measured", "bad"] => world.measured(&Measured::Answer { good: false, said: "503".to_owned() }),
        ["measured", "lines", count, ..] => {
            let examples = line.split('"').skip(1).step_by(2).map(str::to_owned).collect();
            let matched = count.parse().unwrap();
            world.measured(&Measured::Lines(Lines { matched, containers: 1, examples, missing: None }));
        }
        ["measured", "nothing"] => world.measured(&Measured::Nothing("no answer".to_owned())),
        ["freeze", ..] => {
            let why = line.split('"').nth(1).expect("a reason in quotes").to_owned();
            world.frozen = Some(Frozen { until: None, by: "ops".parse().unwrap(), why });
        }
        ["unfreeze"] => world.frozen = None,
        ["cordon", hosts] => on_duty(world, hosts, Duty::Cordoned),
        ["drain", hosts] => on_duty(world, hosts, Duty::Drained),
        ["uncordon", hosts] => on_duty(world, hosts, Duty::Active),
        // The stories begin in 1970, on a Thursday at midnight.
        ["clock", time] => world.now = next_time(world.now, time),
        ["advance", duration] => world.now = world.now + millis(duration),
        ["restart-coordinator"] => world.restart_coordinator(),
        ["abort"] => return abort(world, false),
        ["abort", "rollback"] => return abort(world, true),
        ["show"] => return Said::Answer(answers::show(world)),
        _ => return Said::Unknown,
    }
    Said::Happened
}

fn begin(world: &mut World, kind: Kind, to: &str) -> Said {
    happened(world.begin(kind, release_number(to)))
}

fn abort(world: &mut World, rollback: bool) -> Said {
    happened(world.abort(rollback, false))
}

fn say(world: &mut World, by: &str, what: Word) -> Said {
    happened(world.say(by, what))
}

fn on_duty(world: &mut World, hosts: &str, duty: Duty) {
    for host in ids(world, hosts) {
        world.host(&host).duty = duty;
    }
}

/// The next moment at which the clocks of UTC say `09:30`.
fn next_time(now: UnixMillis, time: &str) -> UnixMillis {
    let day = Millis::minutes(24 * 60).0;
    let today = now.0 / day * day + Millis::minutes(u64::from(policies::minutes(time))).0;
    UnixMillis(if today > now.0 { today } else { today + day })
}

fn happened<E: std::fmt::Display>(result: Result<(), E>) -> Said {
    result.map_or_else(|error| Said::Answer(format!("!! {error}")), |()| Said::Happened)
}

fn prefetched(world: &mut World, host: &HostId, how: &PrefetchState) {
    let (_, state) = world.host(host).agent.prefetch.as_mut().expect("it was told to fetch something ahead");
    state.clone_from(how);
    world.hear(host);
}

fn report(world: &mut World, hosts: &str, healthy: bool) {
    for host in ids(world, hosts) {
        world.host(&host).agent.obey(healthy);
        world.hear(&host);
    }
}

fn release(world: &mut World, number: &str, services: &[&str]) {
    let asked = |service: &&str| match service.split_once('@') {
        Some((name, asked)) => (name.to_owned(), pairs(&[asked]).into_iter().collect()),
        None => ((*service).to_owned(), Vec::new()),
    };
    let services: Vec<_> = services.iter().map(asked).collect();
    let number = release_number(number);
    world.releases.insert(number, manifest(number, &services));
}

fn failure(kind: &str, line: &str) -> Failure {
    let kind = CauseKind::ALL.into_iter().find(|known| known.as_str() == kind).expect("a known cause");
    Failure::plain(kind, line.split('"').nth(1).expect("a message in quotes"))
}

fn millis(text: &str) -> Millis {
    Millis::parse(text).unwrap_or_else(|| panic!("`{text}` is no duration"))
}

fn release_number(text: &str) -> ReleaseNumber {
    ReleaseNumber(text.parse().unwrap())
}

fn id(text: &str) -> HostId {
    text.parse().unwrap()
}

fn ids(world: &World, text: &str) -> Vec<HostId> {
    if text == "all" {
        return world.hosts.iter().filter(|(_, host)| !host.cut_off).map(|(id, _)| id.clone()).collect();
    }
    text.split(',').map(id).collect()
}

fn pairs(labels: &[&str]) -> BTreeMap<String, String> {
    let pair = |label: &&str| {
        let (key, value) = label.split_once('=').expect("key=value");
        (key.to_owned(), value.to_owned())
    };
    labels.iter().map(pair).collect()
}
