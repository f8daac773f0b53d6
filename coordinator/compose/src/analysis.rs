//! `analysis` of a gate: what is measured, how often, and how many bad readings are put up with. Not here: what a Prometheus is asked (module
//! `prometheus`), what is looked for in logs (module `logs`), measuring (the coordinator).

use std::collections::BTreeSet;

use evenkeel_model::analysis::Source;
use evenkeel_model::{Analysis, Millis, ServiceName};

use crate::reader::{At, Fields, Reader};
use crate::{address, http_probe, keys, logs, prometheus};

/// What can be measured.
const SOURCES: [&str; 3] = ["prometheus", "http", "logs"];

/// The readings taken where nothing is said.
const DEFAULT_SAMPLES: u32 = 3;

/// The most readings of one gate.
const MOST_SAMPLES: u64 = 1000;

/// From one reading to the next where nothing is said.
const DEFAULT_INTERVAL: Millis = Millis::seconds(30);

/// More often is a burden to what is asked; seldomer, and nobody waits for it.
const INTERVALS: std::ops::RangeInclusive<Millis> = Millis::seconds(1)..=Millis::minutes(60);

/// The longest name, in characters: it stands in tables.
const LONGEST_NAME: usize = 63;

/// Good answers of a web server where nothing is said: a redirection is no verdict.
const DEFAULT_STATUS: (u16, u16) = (200, 299);

/// Reads `analysis`. `services` are those of the app, as far as they can be read.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, services: &BTreeSet<ServiceName>) -> Option<Analysis> {
    let fields = reader.map(at, &keys::ANALYSIS)?;
    let source = read_source(reader, at, &fields, services);
    let name = fields.get("name").map(|at| read_name(reader, &at));
    let samples = fields.get("samples").map_or(Some(DEFAULT_SAMPLES), |at| reader.whole(&at, 1..=MOST_SAMPLES));
    let interval = fields.get("interval").map_or(Some(DEFAULT_INTERVAL), |at| read_interval(reader, &at));
    let max_bad = read_limit(reader, &fields, "max_bad", samples);
    let max_inconclusive = read_limit(reader, &fields, "max_inconclusive", samples);
    let source = source?;
    Some(Analysis {
        name: name.unwrap_or_else(|| Some(source.kind().to_owned()))?,
        source,
        samples: samples?,
        interval: interval?,
        max_bad: max_bad?,
        max_inconclusive: max_inconclusive?,
    })
}

fn read_source(
    reader: &mut Reader<'_>,
    at: &At<'_>,
    fields: &Fields<'_>,
    services: &BTreeSet<ServiceName>,
) -> Option<Source> {
    let written: Vec<_> = SOURCES.iter().filter_map(|key| Some((*key, fields.get(key)?))).collect();
    match &written[..] {
        [("prometheus", at)] => prometheus::read(reader, at),
        [("http", at)] => read_http(reader, at),
        [(_, at)] => logs::read(reader, at, services),
        [] => {
            reader.problem(at, "there is nothing to measure: write `prometheus`, `http` or `logs`");
            None
        }
        [(first, _), (_, at), ..] => {
            reader.problem(at, format!("there is already `{first}`: keep one, or write two gates"));
            None
        }
    }
}

fn read_http(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Source> {
    let fields = reader.map(at, &keys::HTTP_SOURCE)?;
    let url = read_url(reader, at, &fields);
    let status = fields
        .get("status")
        .map_or(Some(DEFAULT_STATUS), |at| reader.parsed(&at, http_probe::STATUS, http_probe::parse_status));
    let body =
        fields.get("body").map_or(Some(None), |at| reader.nonempty(&at, "text that a good answer contains").map(Some));
    Some(Source::Http { url: url?, status: status?, body: body? })
}

/// The address that a source asks.
pub(crate) fn read_url(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<String> {
    let Some(at) = fields.get("url") else {
        reader.problem(at, format!("there is no `url`: write {}", address::EXPECTED));
        return None;
    };
    let url = reader.text(&at, address::EXPECTED)?;
    match address::check(&url) {
        Ok(()) => Some(url),
        Err(error) => {
            reader.problem(&at, error.to_string());
            None
        }
    }
}

fn read_name(reader: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let expected = format!("a name such as `errors`, of 1 to {LONGEST_NAME} characters on one line");
    reader.parsed(at, &expected, |text| {
        let is_name =
            !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && !text.contains(char::is_control);
        is_name.then(|| text.to_owned())
    })
}

fn read_interval(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Millis> {
    let interval = reader.duration(at)?;
    if !INTERVALS.contains(&interval) {
        let (shortest, longest) = (INTERVALS.start(), INTERVALS.end());
        reader.problem(at, format!("readings are taken {shortest} to {longest} apart: write for example `30s`"));
        return None;
    }
    Some(interval)
}

/// So many of the readings are put up with: not all of them, or the gate would mean nothing.
fn read_limit(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str, samples: Option<u32>) -> Option<u32> {
    let Some(at) = fields.get(key) else { return Some(0) };
    let limit: u32 = reader.whole(&at, 0..=MOST_SAMPLES)?;
    if let Some(samples) = samples.filter(|samples| limit >= *samples) {
        let message =
            format!("of {samples} readings {} at most may be so: write less, or raise `samples`", samples - 1);
        reader.problem(&at, message);
        return None;
    }
    Some(limit)
}
