//! Lines of logs, asked of the agents of all hosts that have the release, at the same time. Not here: the ways to them (`lines.rs`), what the sum
//! means (crate `evenkeel-rollout`).
//!
//! A host that does not answer is named, and leaves the sum incomplete. Its stream may break and come again meanwhile: then it is asked anew.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use evenkeel_model::{HostId, LogAnswer, LogCount, LogPattern, LogQuestion, Millis, ServiceName};
use evenkeel_rollout::{Lines as Found, Measure, Measured};

use super::DEADLINE;
use super::lines::Lines;

/// So many lines are shown of one measurement.
const EXAMPLES: usize = 5;

/// So many of one host, so that others are seen as well.
const EXAMPLES_OF_ONE: usize = 2;

/// Measures once, within [`DEADLINE`].
pub(super) async fn measure(
    lines: &Lines,
    what: &Measure,
    services: &BTreeSet<ServiceName>,
    pattern: &LogPattern,
) -> Measured {
    if what.hosts.is_empty() {
        return Measured::Nothing("no host has the release yet, so that there are no logs of it".to_owned());
    }
    let question = LogQuestion {
        key: what.key.clone(),
        release: what.release,
        services: services.clone(),
        pattern: pattern.clone(),
    };
    let deadline = Instant::now() + DEADLINE;
    let answers = what.hosts.iter().map(|host| ask(lines, host, &question, deadline));
    sum(what.hosts.iter().zip(join_all(answers).await))
}

async fn ask(lines: &Lines, host: &HostId, question: &LogQuestion, deadline: Instant) -> LogAnswer {
    let asking = async {
        loop {
            let line = lines.once_open(host).await;
            let answer = line.ask(question.clone());
            // What is on a line that nobody holds any more is lost, and this is how it is learnt.
            drop(line);
            if let Ok(answer) = answer.await {
                return answer.map_err(|why| format!("{host}: {why}"));
            }
        }
    };
    let answered = timeout_at(deadline, asking).await;
    answered.unwrap_or_else(|_| {
        Err(match lines.to(host) {
            None => format!("{host} is not heard from"),
            Some(_) => format!(
                "{host} has not answered within {}: an agent older than this coordinator knows no such question",
                Millis::from(DEADLINE)
            ),
        })
    })
}

/// What all said, in the order of the hosts.
fn sum<'a>(answers: impl Iterator<Item = (&'a HostId, LogAnswer)>) -> Measured {
    let mut found = Found::default();
    let mut missing: Vec<String> = Vec::new();
    for (host, answer) in answers {
        match answer {
            Ok(LogCount { matched, containers, examples, cut }) => {
                found.matched = found.matched.saturating_add(matched);
                found.containers = found.containers.saturating_add(containers);
                let lines = examples.into_iter().take(EXAMPLES_OF_ONE);
                found.examples.extend(lines.map(|line| format!("{host} {}: {}", line.service, line.text)));
                missing.extend(cut.map(|why| format!("{host}: {why}")));
            }
            Err(why) => missing.push(why),
        }
    }
    found.examples.truncate(EXAMPLES);
    let others = missing.len().saturating_sub(1);
    found.missing = missing.into_iter().next().map(|first| match others {
        0 => first,
        1 => format!("{first} (and another host)"),
        others => format!("{first} (and {others} other hosts)"),
    });
    Measured::Lines(found)
}

#[cfg(test)]
mod tests;
