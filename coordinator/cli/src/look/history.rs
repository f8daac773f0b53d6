//! What was rolled out, and what people did to it. Not here: one rollout by itself (`rollouts.rs`).

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::{ActView, ListRolloutsResponse, RolloutView};

use crate::format::moment;
use crate::table::{Cell, Look, Table, Tone};

use super::{act, headline, rollout_releases, state, took};

/// Rollouts, newest first: a line each, and beneath it what people did to it and why it failed.
pub(crate) fn history(view: &ListRolloutsResponse, look: Look) -> Vec<String> {
    if view.rollouts.is_empty() {
        return vec!["Nothing was rolled out yet. Begin: evenkeel deploy -f compose.yaml".to_owned()];
    }
    let mut table = Table::new(&["ROLLOUT", "APP", "ENVIRONMENT", "KIND", "RELEASE", "BY", "BEGAN", "TOOK", "OUTCOME"]);
    for rollout in &view.rollouts {
        table.row(vec![
            Cell::number(Some(rollout.rollout)),
            rollout.app.as_str().into(),
            rollout.environment.as_str().into(),
            rollout.kind.as_str().into(),
            rollout_releases(rollout).into(),
            rollout.by.as_str().into(),
            moment(UnixMillis(rollout.began)).into(),
            took(rollout, look).into(),
            Cell::word(state(rollout)),
        ]);
    }
    let mut rows = table.lines(look, 0).into_iter();
    let mut lines: Vec<String> = rows.by_ref().take(1).collect();
    for (rollout, row) in view.rollouts.iter().zip(rows) {
        lines.push(row);
        lines.extend(beneath(rollout, look));
    }
    lines
}

fn beneath(rollout: &RolloutView, look: Look) -> Vec<String> {
    let done = |done: &ActView| format!("    {}  {}", moment(UnixMillis(done.at)), act(done));
    let mut lines: Vec<String> = rollout.acts.iter().map(done).collect();
    lines.extend(
        rollout.failure.iter().map(|failure| look.paint(Tone::Bad, &format!("    cause: {}", headline(failure)))),
    );
    lines
}
