//! `healthcheck`: the check that the engine itself runs, with Compose's defaults. Not here: when a service counts as
//! healthy (module `health`).

use evenkeel_model::Millis;
use evenkeel_model::service::EngineHealthcheck;

use crate::keys;
use crate::problem::shown;
use crate::reader::{At, Reader, Written};
use crate::tree::Value;

/// The test that switches the image's check off.
const NONE: &str = "NONE";

/// The check as written.
#[derive(Debug)]
pub(crate) struct Check {
    /// What the engine is given.
    pub(crate) engine: EngineHealthcheck,
    /// The interval until it has been healthy once.
    pub(crate) start_interval: Option<Written<Millis>>,
}

impl Check {
    /// Whether it only switches the image's check off.
    pub(crate) fn is_disabled(&self) -> bool {
        self.engine.test[0] == NONE
    }
}

/// The check, if it could be read.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Check> {
    let fields = reader.map(at, &keys::HEALTHCHECK)?;
    let test = fields.get("test").map(|at| read_test(reader, &at));
    let disable = fields.get("disable").map_or(Some(false), |at| reader.bool(&at));
    let interval = fields.get("interval").map_or(Some(Millis::seconds(30)), |at| reader.positive_duration(&at));
    let timeout = fields.get("timeout").map_or(Some(Millis::seconds(30)), |at| reader.positive_duration(&at));
    let retries = fields.get("retries").map_or(Some(3), |at| reader.whole(&at, 1..=1000));
    let start_period = fields.get("start_period").map_or(Some(Millis(0)), |at| reader.duration(&at));
    let start_interval = fields.get("start_interval").and_then(|at| Some(at.written(reader.positive_duration(&at)?)));
    let test = match (test, disable?) {
        (None, true) => vec![NONE.to_owned()],
        (None, false) => {
            reader.problem(at, "the check has no `test`: write it, or `disable: true`");
            return None;
        }
        (Some(test), true) if test.as_ref().is_none_or(|test| test[0] != NONE) => {
            reader.problem(at, "`disable: true` and `test` contradict each other: keep one");
            return None;
        }
        (Some(test), _) => test?,
    };
    let (interval, timeout, retries, start_period) = (interval?, timeout?, retries?, start_period?);
    // Without a start period the engine would not take it: there is nothing for it to hold in.
    let in_start = start_interval.as_ref().map(|written| written.value).filter(|_| start_period.0 > 0);
    let engine = EngineHealthcheck { test, interval, timeout, retries, start_period, start_interval: in_start };
    Some(Check { engine, start_interval })
}

/// As the engine takes it: never empty.
fn read_test(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    if !matches!(at.node.value, Value::List(_)) {
        let command = reader.nonempty(at, "a command line, or a list such as `[CMD, …]`")?;
        return Some(vec!["CMD-SHELL".to_owned(), command]);
    }
    let test = reader.texts(at)?;
    let problem = match test.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["CMD", _, ..] | ["CMD-SHELL", _] | [NONE] => return Some(test),
        ["CMD"] => "after `CMD` comes a program: write it".to_owned(),
        ["CMD-SHELL", ..] => "after `CMD-SHELL` comes one command line: write it as one text".to_owned(),
        [NONE, ..] => "after `NONE` comes nothing: remove the rest".to_owned(),
        [] => "the test is empty: write it, or `disable: true`".to_owned(),
        [first, ..] => format!("expected `CMD`, `CMD-SHELL` or `NONE` first, found {}", shown(first)),
    };
    reader.problem(at, problem);
    None
}
