//! Questions to agents that answer well, badly, late and not at all.

use std::time::Duration;

use evenkeel_model::LogLine;
use evenkeel_model::analysis::Source;

use super::*;
use crate::fixture::host_id;
use crate::gauge::contract;
use crate::gauge::lines::Line;

const LONG: Duration = Duration::from_hours(1);

/// Lines in the logs of these hosts.
fn logs(hosts: &[u32]) -> Measure {
    let source = Source::Logs { services: ["web".parse().unwrap()].into(), pattern: pattern(), min: 0, max: Some(0) };
    let hosts = hosts.iter().map(|number| host_id(*number)).collect();
    Measure { source, hosts, ..contract::prometheus("http://prometheus.example", "up", None) }
}

fn pattern() -> LogPattern {
    "panic".parse().unwrap()
}

async fn measured(lines: &Lines, hosts: &[u32]) -> Found {
    let what = logs(hosts);
    let (services, pattern) = (["web".parse().unwrap()].into(), pattern());
    let measuring = measure(lines, &what, &services, &pattern);
    match tokio::time::timeout(LONG, measuring).await.expect("it ends in time") {
        Measured::Lines(found) => found,
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is an answer, of which others say why there is none")]
fn count(matched: u64, lines: &[&str]) -> LogAnswer {
    let line = |text: &&str| LogLine { service: "web".parse().unwrap(), text: (*text).to_owned() };
    Ok(LogCount { matched, containers: 1, examples: lines.iter().map(line).collect(), cut: None })
}

/// An agent that answers each question so.
fn agent(lines: &Lines, number: u32, answer: LogAnswer) {
    let line = Line::default();
    lines.open(&host_id(number), line.clone());
    tokio::spawn(async move {
        loop {
            let question = line.question().await;
            assert_eq!((question.asked.pattern, question.asked.services.len()), (pattern(), 1));
            let _ = question.reply.send(answer.clone());
        }
    });
}

#[tokio::test(start_paused = true)]
async fn what_all_hosts_have_found_is_added_up() {
    let lines = Lines::default();
    agent(&lines, 1, count(3, &["a", "b", "c"]));
    agent(&lines, 2, count(0, &[]));
    agent(&lines, 3, count(1, &["d"]));
    let found = measured(&lines, &[1, 2, 3]).await;
    assert_eq!((found.matched, found.containers, found.missing), (4, 3, None));
    assert_eq!(found.examples, ["h1 web: a", "h1 web: b", "h3 web: d"], "two of each host at most");
}

#[tokio::test(start_paused = true)]
async fn only_a_few_lines_are_shown_of_many_hosts() {
    let lines = Lines::default();
    let hosts: Vec<u32> = (1..=100).collect();
    for number in &hosts {
        agent(&lines, *number, count(2, &["a", "b"]));
    }
    let found = measured(&lines, &hosts).await;
    assert_eq!((found.matched, found.examples.len()), (200, EXAMPLES));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_silent_or_too_old_is_named() {
    let lines = Lines::default();
    agent(&lines, 1, count(0, &[]));
    let found = measured(&lines, &[1, 2]).await;
    assert_eq!((found.containers, found.missing.as_deref()), (1, Some("h2 is not heard from")));
    // It has a stream, and passes over what it does not know.
    let deaf = Line::default();
    lines.open(&host_id(2), deaf.clone());
    tokio::spawn(async move {
        let _kept = deaf.question().await;
        std::future::pending::<()>().await;
    });
    let why = measured(&lines, &[1, 2]).await.missing.unwrap();
    assert_eq!(why, "h2 has not answered within 10s: an agent older than this coordinator knows no such question");
}

#[tokio::test(start_paused = true)]
async fn what_a_host_can_not_tell_is_passed_on_with_its_name() {
    let lines = Lines::default();
    agent(&lines, 1, Err("the engine does not answer".to_owned()));
    assert_eq!(measured(&lines, &[1]).await.missing.unwrap(), "h1: the engine does not answer");
    let cut = Some("the logs are too long".to_owned());
    agent(&lines, 2, Ok(LogCount { cut, matched: 7, containers: 1, ..LogCount::default() }));
    let found = measured(&lines, &[1, 2]).await;
    assert_eq!(found.matched, 7, "what was found counts");
    assert_eq!(found.missing.unwrap(), "h1: the engine does not answer (and another host)");
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_stream_breaks_is_asked_anew_on_the_next() {
    let lines = Lines::default();
    let first = Line::default();
    lines.open(&host_id(1), first.clone());
    let again = lines.clone();
    tokio::spawn(async move {
        let question = first.question().await;
        again.close(&host_id(1));
        drop((question, first));
        tokio::time::sleep(Duration::from_secs(3)).await;
        agent(&again, 1, count(2, &["a"]));
    });
    let found = measured(&lines, &[1]).await;
    assert_eq!((found.matched, found.missing), (2, None));
}

#[tokio::test]
async fn without_hosts_nobody_is_asked() {
    let measured = measure(&Lines::default(), &logs(&[]), &BTreeSet::new(), &pattern()).await;
    assert!(matches!(&measured, Measured::Nothing(why) if why.contains("no host has the release")), "{measured:?}");
}
