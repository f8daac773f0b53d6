//! What is drawn when it fits, and when it does not.

use evenkeel_proto::v1::FailureView;

use super::*;
use crate::Size;

const LOOK: Look = Look { colour: false, now: UnixMillis(100_000) };

fn host(name: &str, wave: u32, state: &str) -> RolloutHostView {
    RolloutHostView {
        host: name.to_owned(),
        wave,
        state: state.to_owned(),
        since: 92_000,
        why: "trial: all services healthy".to_owned(),
        ..RolloutHostView::default()
    }
}

fn rollout(hosts: Vec<RolloutHostView>) -> RolloutView {
    RolloutView {
        rollout: 7,
        environment: "default".to_owned(),
        app: "shop".to_owned(),
        kind: "deploy".to_owned(),
        from: Some(3),
        to: 4,
        began: 40_000,
        state: "advancing".to_owned(),
        waves: hosts.iter().map(|host| host.wave + 1).max().unwrap_or(0),
        hosts,
        ..RolloutView::default()
    }
}

fn drawn(view: &RolloutView, width: usize, height: usize) -> Vec<String> {
    let lines = of(view, Size { width, height }, LOOK);
    assert!(lines.len() < height.max(2), "{} lines on {height}", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() < width), "{lines:#?}");
    lines
}

#[test]
fn hosts_stand_below_their_wave() {
    let view = rollout(vec![host("h1", 0, "healthy"), host("web-2", 1, "waiting"), host("h3", 1, "ordered")]);
    assert_eq!(
        drawn(&view, 80, 24),
        [
            "rollout 7  deploy default/shop  release 3 → 4  advancing  wave 1/2  1m00s",
            "  wave 1/2  1 healthy",
            "    h1     healthy         8s  trial: all services healthy",
            "  wave 2/2  1 waiting, 1 ordered",
            "    web-2  waiting             trial: all services healthy",
            "    h3     ordered         8s  trial: all services healthy",
        ]
    );
}

#[test]
fn waves_of_hosts_alike_take_one_line_when_there_is_little_room() {
    let mut hosts = vec![host("h0", 0, "ordered")];
    hosts.extend((1..20).map(|number| host(&format!("h{number}"), 1, "waiting")));
    let lines = drawn(&rollout(hosts), 80, 8);
    assert_eq!(lines[1..], ["  wave 1/2  1 ordered".to_owned(), "  wave 2/2  19 waiting".to_owned()]);
}

#[test]
fn failed_hosts_are_shown_first_when_not_all_fit() {
    let mut hosts: Vec<_> = (0..50).map(|number| host(&format!("h{number}"), 0, "committed")).collect();
    hosts.push(RolloutHostView {
        failure: Some(FailureView { cause_class: "release".into(), cause: "exited".into(), ..FailureView::default() }),
        ..host("bad", 0, "failed")
    });
    hosts.push(host("busy", 0, "ordered"));
    let lines = drawn(&rollout(hosts), 60, 6);
    assert!(lines[1].contains("bad   failed") && lines[2].contains("busy"), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "    … and 49 more: 49 committed");
}

#[test]
fn nothing_is_wider_or_higher_than_the_terminal() {
    let hosts: Vec<_> = (0..30).map(|number| host(&format!("häuser-{number}"), number % 4, "ordered")).collect();
    let view = rollout(hosts);
    for (width, height) in [(2, 1), (10, 2), (20, 3), (80, 5), (200, 60)] {
        drawn(&view, width, height);
    }
}
