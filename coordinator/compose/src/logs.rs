//! `logs` of an analysis: what is looked for in the logs of the release's containers, and how often it may be there. Not here: reading logs (the
//! agents).

use std::collections::BTreeSet;

use evenkeel_model::analysis::Source;
use evenkeel_model::{LogPattern, ServiceName};

use crate::keys;
use crate::problem::{invalid_name, shown};
use crate::reader::{At, Fields, Reader};

/// More lines than these nobody counts.
const MOST_LINES: u64 = 1_000_000;

/// Reads `logs`. `known` are the app's services; empty: they could not be read.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, known: &BTreeSet<ServiceName>) -> Option<Source> {
    let fields = reader.map(at, &keys::LOGS)?;
    let pattern = read_pattern(reader, at, &fields);
    let mut lines = |key| fields.get(key).map(|at| reader.whole::<u64>(&at, 0..=MOST_LINES));
    let (min, max) = (lines("min"), lines("max"));
    if let (Some(Some(min)), Some(Some(max)), Some(at)) = (min, max, fields.get("max"))
        && max < min
    {
        reader.problem(&at, format!("it is less than `min` ({min}), and no number is between: write more than that"));
    }
    let services = fields.get("services").map_or(Some(BTreeSet::new()), |at| read_services(reader, &at, known));
    // A line that must be there may be there any number of times; one of which nothing is said must not be there.
    let max = match (min, max) {
        (_, Some(max)) => Some(max?),
        (Some(_), None) => None,
        (None, None) => Some(0),
    };
    Some(Source::Logs { services: services?, pattern: pattern?, min: min.unwrap_or(Some(0))?, max })
}

fn read_pattern(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<LogPattern> {
    let Some(at) = fields.get("pattern") else {
        reader.problem(at, "there is no `pattern`: write what a line that counts has in it, such as `panic|ERROR`");
        return None;
    };
    let text = reader.text(&at, "a regular expression such as `panic|ERROR`")?;
    match LogPattern::parse(&text) {
        Ok(pattern) => Some(pattern),
        Err(problem) => {
            reader.problem(&at, problem.to_string());
            None
        }
    }
}

fn read_services(reader: &mut Reader<'_>, at: &At<'_>, known: &BTreeSet<ServiceName>) -> Option<BTreeSet<ServiceName>> {
    let items = reader.list(at, "a list of services such as `[web]`")?;
    if items.is_empty() {
        reader.problem(at, "there are no services: name at least one, or remove `services` for all of them");
        return None;
    }
    let mut services = BTreeSet::new();
    let mut all_are_known = true;
    for item in &items {
        let service = read_service(reader, item, known);
        if let Some(service) = &service
            && services.contains(service)
        {
            reader.problem(item, format!("`{service}` is written twice: keep one"));
        }
        all_are_known &= service.is_some();
        services.extend(service);
    }
    all_are_known.then_some(services)
}

/// A service that there is not has no logs, so that nothing would ever be found in them.
fn read_service(reader: &mut Reader<'_>, at: &At<'_>, known: &BTreeSet<ServiceName>) -> Option<ServiceName> {
    let text = reader.text(at, "the name of a service")?;
    match text.parse::<ServiceName>() {
        Ok(service) if known.is_empty() || known.contains(&service) => Some(service),
        Ok(_) => {
            let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            reader.problem(at, format!("there is no service {}: write one of {}", shown(&text), names.join(", ")));
            None
        }
        Err(_) => {
            reader.problem(at, invalid_name("service name", &text));
            None
        }
    }
}
