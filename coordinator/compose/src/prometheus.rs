//! `prometheus` of an analysis: a query, and what its number may be. Not here: asking it (the coordinator).

use evenkeel_model::Decimal;
use evenkeel_model::analysis::{Baseline, Compare, Source};
use evenkeel_model::decimal::Bounds;

use crate::interpolation::InterpolationError;
use crate::reader::{At, Fields, Reader};
use crate::{analysis, keys};

/// What stands in a query for the hosts that are asked about. In the file it is written with two dollar signs, as one is a variable of Compose.
pub(crate) const HOSTS: &str = "$hosts";

/// Reads `prometheus`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Source> {
    let fields = reader.map(at, &keys::PROMETHEUS)?;
    let url = analysis::read_url(reader, at, &fields);
    let url = url.and_then(|url| read_base(reader, &fields, &url));
    let query = read_query(reader, at, &fields);
    let number = "a number such as `0.05`, with at most six digits after the point";
    let min = read_number(reader, &fields, "min", number, |_| true);
    let max = read_number(reader, &fields, "max", number, |_| true);
    let compare = fields.get("compare").map_or(Some(None), |at| read_compare(reader, &at, query.as_deref()).map(Some));
    if ["min", "max", "compare"].iter().all(|key| fields.get(key).is_none()) {
        reader.problem(at, "nothing is asked of the number: write `min`, `max` or `compare`");
    }
    let bounds = Bounds { min, max };
    if let (Some(min), Some(at)) = (bounds.min, fields.get("max"))
        && bounds.max.is_some_and(|max| max < min)
    {
        reader.problem(&at, format!("it is less than `min` ({min}), and no number is between: write more than that"));
    }
    Some(Source::Prometheus { url: url?, query: query?, bounds, compare: compare? })
}

/// What is asked is put behind the address.
fn read_base(reader: &mut Reader<'_>, fields: &Fields<'_>, url: &str) -> Option<String> {
    let base = url.trim_end_matches('/');
    if base.contains('?') || base.contains("/api/v1") {
        let at = fields.get("url")?;
        reader.problem(&at, "write it up to the path before `/api/v1`, without a question");
        return None;
    }
    Some(base.to_owned())
}

fn read_query(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<String> {
    let Some(at) = fields.get("query") else {
        reader.problem(at, "there is no `query`: write one that has one number as its answer");
        return None;
    };
    let expected = "a query that has one number as its answer";
    let query = reader.text_or(&at, expected, |error| match error {
        InterpolationError::Unset(name) if name == "hosts" => {
            "variable `hosts` is not set: write `$$hosts` for the names of the hosts that are asked about".to_owned()
        }
        error => error.to_string(),
    })?;
    if query.trim().is_empty() {
        reader.problem(&at, format!("expected {expected}, found nothing"));
        return None;
    }
    Some(query)
}

/// What the number is compared with, beside its bounds.
fn read_compare(reader: &mut Reader<'_>, at: &At<'_>, query: Option<&str>) -> Option<Compare> {
    let fields = reader.map(at, &keys::COMPARE)?;
    let words = [("other_hosts", Baseline::OtherHosts), ("before", Baseline::Before)];
    let with = fields.get("with").map(|at| (reader.one_of(&at, &words, &[]), at));
    match &with {
        None => reader.problem(at, "there is no `with`: write `other_hosts` or `before`"),
        Some((Some(Baseline::OtherHosts), at)) if query.is_some_and(|query| !query.contains(HOSTS)) => reader.problem(
            at,
            "the query asks about no hosts, so that the answer for the others is the same: write `$$hosts` in it, or `before`",
        ),
        Some(_) => {}
    }
    let max_ratio =
        read_number(reader, &fields, "max_ratio", "a number above 0, such as `1.2`", |ratio| ratio > Decimal::ZERO);
    let max_increase = read_number(reader, &fields, "max_increase", "a number from 0 on, such as `0.01`", |more| {
        more >= Decimal::ZERO
    });
    if fields.get("max_ratio").is_none() && fields.get("max_increase").is_none() {
        reader.problem(at, "nothing is asked of the comparison: write `max_ratio` or `max_increase`");
    }
    Some(Compare { with: with?.0?, max_ratio, max_increase })
}

/// A number that need not be there. One that does not fit is none, and refuses the file.
fn read_number(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    key: &str,
    expected: &str,
    fits: impl FnOnce(Decimal) -> bool,
) -> Option<Decimal> {
    let at = fields.get(key)?;
    reader.parsed(&at, expected, |text| text.parse().ok().filter(|number| fits(*number)))
}
