//! `deploy`: on which hosts a service runs, and what `update_config` says of the rollout.
//! Not here: putting that together with `x-rollout` (modules `policy` and `order`).

use evenkeel_model::{Constraint, Count, OnFailure};

use crate::policy::Update;
use crate::problem::shown;
use crate::reader::{At, Reader};
use crate::{keys, order};

/// What `deploy` says.
#[derive(Debug, Default)]
pub(crate) struct Deploy {
    pub(crate) constraints: Vec<Constraint>,
    /// Whether it was said at all where the service runs: by constraints, mode or replicas.
    pub(crate) says_where: bool,
    pub(crate) update: Update,
}

/// Reads `deploy`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Deploy {
    let Some(fields) = reader.map(at, &keys::DEPLOY) else { return Deploy::default() };
    let mode = fields.get("mode");
    if let Some(at) = &mode {
        reader.one_of(at, &[("global", ())], &["replicated", "replicated-job", "global-job"]);
    }
    let constraints = fields.get("placement").map(|at| read_placement(reader, &at));
    let says_where = mode.is_some()
        || fields.get("replicas").is_some()
        || constraints.as_ref().is_some_and(|constraints| constraints.as_ref().is_none_or(|list| !list.is_empty()));
    let constraints = constraints.flatten().unwrap_or_default();
    let update = fields.get("update_config").map(|at| read_update(reader, &at)).unwrap_or_default();
    Deploy { constraints, says_where, update }
}

/// The constraints; none if something is wrong with them.
fn read_placement(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<Constraint>> {
    let fields = reader.map(at, &keys::PLACEMENT)?;
    let Some(at) = fields.get("constraints") else { return Some(Vec::new()) };
    let items = reader.list(&at, "a list such as `[node.labels.role == web]`")?;
    let constraints: Vec<_> = items
        .iter()
        .map(|item| {
            let text = reader.text(item, "a condition such as `node.labels.role == web`")?;
            parse_constraint(&text).map_err(|message| reader.problem(item, message)).ok()
        })
        .collect();
    constraints.into_iter().collect()
}

/// `node.labels.KEY == VALUE` or `!=`.
fn parse_constraint(text: &str) -> Result<Constraint, String> {
    let (left, equal, right) = match (text.split_once("=="), text.split_once("!=")) {
        (Some((left, right)), None) => (left.trim(), true, right.trim()),
        (None, Some((left, right))) => (left.trim(), false, right.trim()),
        _ => return Err(format!("expected `node.labels.KEY == VALUE` or `!=`, found {}", shown(text))),
    };
    match left.strip_prefix("node.labels.") {
        Some(label) if !label.is_empty() && !right.is_empty() && !label.contains(char::is_whitespace) => {
            Ok(Constraint { label: label.to_owned(), equal, value: right.to_owned() })
        }
        Some(_) => Err(format!("expected `node.labels.KEY == VALUE` or `!=`, found {}", shown(text))),
        None => {
            Err(format!("hosts are chosen by their labels only: write `node.labels.KEY` instead of {}", shown(left)))
        }
    }
}

/// Only keys that are written count: Compose's own defaults are not ours.
fn read_update(reader: &mut Reader<'_>, at: &At<'_>) -> Update {
    let Some(fields) = reader.map(at, &keys::UPDATE_CONFIG) else { return Update::default() };
    let mut update = Update::default();
    if let Some(at) = fields.get("parallelism") {
        let hosts = reader.whole(&at, 0..=u64::from(u32::MAX));
        let count = |hosts| if hosts == 0 { Count::Percent(100) } else { Count::Hosts(hosts) };
        update.max_unavailable = hosts.map(|hosts| at.written(count(hosts)));
    }
    if let Some(at) = fields.get("monitor") {
        update.bake = reader.duration(&at).map(|bake| at.written(bake));
    }
    if let Some(at) = fields.get("failure_action") {
        update.on_failure = read_failure_action(reader, &at).map(|action| at.written(action));
    }
    if let Some(at) = fields.get("max_failure_ratio") {
        let expected = "a ratio from 0 to 1 in whole hundredths, such as `0.1`";
        update.max_failures = reader.parsed(&at, expected, parse_ratio).map(|count| at.written(count));
    }
    if let Some(at) = fields.get("order") {
        update.order = reader.one_of(&at, &order::WORDS, &[]).map(|order| at.written(order));
    }
    update
}

fn read_failure_action(reader: &mut Reader<'_>, at: &At<'_>) -> Option<OnFailure> {
    if reader.text(at, "`pause` or `rollback`")? == "continue" {
        let advice = "write `pause` or `rollback`, or raise `max_failure_ratio`";
        reader.problem(at, format!("a failed rollout never goes on by itself: {advice}"));
        return None;
    }
    reader.one_of(at, &[("pause", OnFailure::Pause), ("rollback", OnFailure::Rollback)], &[])
}

/// `0.25` as 25 percent, without a detour over binary fractions.
fn parse_ratio(text: &str) -> Option<Count> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction.trim_end_matches('0')),
        Some(_) => return None,
        None => (text, ""),
    };
    if fraction.len() > 2 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (whole, format!("{fraction:0<2}").parse().ok()?) {
        ("0", hundredths) => Some(Count::Percent(hundredths)),
        ("1", 0) => Some(Count::Percent(100)),
        ("", hundredths) if text.starts_with('.') => Some(Count::Percent(hundredths)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_whole_percents() {
        for (text, percent) in [("0", 0), ("0.0", 0), ("0.1", 10), (".25", 25), ("0.250", 25), ("1", 100), ("1.0", 100)]
        {
            assert_eq!(parse_ratio(text), Some(Count::Percent(percent)), "{text}");
        }
        for text in ["", ".", "0.125", "1.1", "2", "-0.1", "0.x", "0.+1", "NaN", "10%"] {
            assert_eq!(parse_ratio(text), None, "{text}");
        }
    }

    #[test]
    fn constraints_are_about_labels() {
        let check = |text: &str, label: &str, equal, value: &str| {
            let expected = Constraint { label: label.into(), equal, value: value.into() };
            assert_eq!(parse_constraint(text), Ok(expected), "{text}");
        };
        check("node.labels.role == web", "role", true, "web");
        check("node.labels.role==web", "role", true, "web");
        check("  node.labels.a.b !=  x y ", "a.b", false, "x y");
        for text in
            ["", "node.labels.role", "node.labels. == x", "node.labels.x == ", "node.role == manager", "a == b != c"]
        {
            assert!(parse_constraint(text).is_err(), "{text}");
        }
    }
}
