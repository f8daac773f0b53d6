//! `environment` and `labels`: a map, or a list of `NAME=value`. Not here: `env_file`, which is not supported.

use std::collections::BTreeMap;

use crate::problem::shown;
use crate::reader::{At, Reader};
use crate::tree::Value;

/// Labels with this prefix are how an agent recognises its own containers.
const OUR_LABELS: &str = "evenkeel.";

/// A name with its value, if one was written.
struct Pair<'t> {
    at: At<'t>,
    name: String,
    value: Option<String>,
}

/// Environment variables. One without a value takes that of the variable of the same name.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for mut pair in pairs(reader, at) {
        pair.value = pair.value.or_else(|| reader.variable(&pair.name).map(str::to_owned));
        if pair.value.is_none() {
            let name = shown(&pair.name);
            let message = format!("{name} has no value, and no such variable is set: set it, or write a value");
            reader.problem(&pair.at, message);
        }
        insert(reader, &mut variables, pair);
    }
    variables
}

/// The app's own container labels. One without a value is empty.
pub(crate) fn read_labels(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for pair in pairs(reader, at) {
        if pair.name.starts_with(OUR_LABELS) {
            let message = format!("labels beginning with `{OUR_LABELS}` are set by the agent: rename it");
            reader.problem(&pair.at, message);
        }
        insert(reader, &mut labels, pair);
    }
    labels
}

fn insert(reader: &mut Reader<'_>, collected: &mut BTreeMap<String, String>, pair: Pair<'_>) {
    let name = shown(&pair.name);
    if collected.insert(pair.name, pair.value.unwrap_or_default()).is_some() {
        reader.problem(&pair.at, format!("{name} is written twice: keep one"));
    }
}

/// The pairs of both forms, in the order written.
fn pairs<'t>(reader: &mut Reader<'_>, at: &At<'t>) -> Vec<Pair<'t>> {
    let mut pairs = Vec::new();
    if matches!(at.node.value, Value::Map(_)) {
        let Some(fields) = reader.names(at) else { return pairs };
        for (name, at) in fields.all() {
            let value = if at.node.is_null() { Some(None) } else { reader.text(&at, "text").map(Some) };
            pairs.extend(value.map(|value| Pair { at, name: name.to_owned(), value }));
        }
    } else {
        for at in reader.list(at, "a map, or a list of `NAME=value`").unwrap_or_default() {
            let Some(text) = reader.text(&at, "`NAME=value`") else { continue };
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (text, None),
            };
            pairs.push(Pair { at, name, value });
        }
    }
    let (named, unnamed): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|pair| !pair.name.is_empty() && !pair.name.contains('='));
    for pair in unnamed {
        reader.problem(&pair.at, "a name is not empty and has no `=` in it: write `NAME=value`");
    }
    named
}
