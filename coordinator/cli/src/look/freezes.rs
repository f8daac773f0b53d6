//! Freezes: the list, one in words, and what was done to one. Not here: what a freeze keeps (the coordinator decides).

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::{ActView, FreezeView, ListFreezesResponse};

use crate::format::{age, moment, printable, until};
use crate::table::{Cell, Look, Table};

use super::because;

/// All that are in force, a line each.
pub(crate) fn freezes(view: &ListFreezesResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&["FREEZE", "ENVIRONMENT", "APP", "BY", "SINCE", "UNTIL", "WHY"]);
    for freeze in &view.freezes {
        let act = freeze.act.clone().unwrap_or_default();
        table.row(vec![
            Cell::number(Some(freeze.freeze)),
            or_all(&freeze.environment).into(),
            or_all(&freeze.app).into(),
            act.by.as_str().into(),
            age(look.now, UnixMillis(act.at)).into(),
            freeze.until.map_or_else(|| "it is lifted".to_owned(), |at| moment(UnixMillis(at))).into(),
            act.why.as_str().into(),
        ]);
    }
    if table.is_empty() {
        return vec!["No freeze is in force. To freeze: evenkeel freeze APP --why TEXT".to_owned()];
    }
    table.lines(look, 0)
}

/// One that has begun.
pub(crate) fn frozen(view: &FreezeView, look: Look) -> Vec<String> {
    vec![
        format!(
            "freeze {} is in force {}: no rollout of {} begins or goes on, rollbacks excepted.",
            view.freeze,
            end(view, look),
            scope(view)
        ),
        format!("To lift it: evenkeel freeze lift {}", view.freeze),
    ]
}

/// One that was lifted.
pub(crate) fn lifted(view: &FreezeView) -> Vec<String> {
    let (number, scope) = (view.freeze, scope(view));
    vec![format!("freeze {number} of {scope} is lifted: what it kept goes on. See: evenkeel rollouts")]
}

/// For who meets one: `freeze 3 of any app is in force until it is lifted, by ada: stocktaking`.
pub(crate) fn in_force(view: &FreezeView, look: Look) -> String {
    let ActView { by, why, .. } = view.act.clone().unwrap_or_default();
    let (number, scope) = (view.freeze, scope(view));
    printable(&format!("freeze {number} of {scope} is in force {}, by {by}{}", end(view, look), because(&why)))
}

fn end(view: &FreezeView, look: Look) -> String {
    match view.until.map(UnixMillis) {
        Some(at) => format!("until {} ({})", moment(at), until(look.now, at)),
        None => "until it is lifted".to_owned(),
    }
}

/// What is frozen, for a sentence.
fn scope(view: &FreezeView) -> String {
    printable(&match (view.environment.as_str(), view.app.as_str()) {
        ("", "") => "any app".to_owned(),
        ("", app) => format!("{app} (all environments)"),
        (environment, "") => format!("any app of the environment {environment}"),
        (environment, app) => format!("{app} (environment {environment})"),
    })
}

fn or_all(name: &str) -> &str {
    if name.is_empty() { "all" } else { name }
}
