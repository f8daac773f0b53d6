//! `window` of a gate: a time of the week. Not here: when it is open (crate `evenkeel-model`), waiting for it (crate `evenkeel-rollout`).

use std::collections::BTreeSet;

use evenkeel_model::Millis;
use evenkeel_model::gate::{Weekday, Window};
use evenkeel_model::window::InvalidWindow;

use crate::keys;
use crate::problem::shown;
use crate::reader::{At, Fields, Reader};

/// The zone where none is written.
const DEFAULT_ZONE: &str = "UTC";

/// A window that reaches further is always open.
const LONGEST: Millis = Millis::minutes(24 * 60);

/// Reads `window`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Window> {
    let fields = reader.map(at, &keys::WINDOW)?;
    let days = fields.get("days").map_or(Some(BTreeSet::new()), |at| read_days(reader, &at));
    let start =
        required(reader, at, &fields, "start", "when it opens, such as `\"09:00\"`").map(|at| read_start(reader, &at));
    let length = required(reader, at, &fields, "length", "for how long it is open, such as `8h`")
        .map(|at| read_length(reader, &at));
    let zone = fields.get("zone").map_or(Some(DEFAULT_ZONE.to_owned()), |at| read_zone(reader, &at));
    Some(Window { days: days?, start: start??, length: length??, zone: zone? })
}

/// A key that must be there.
fn required<'t>(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'t>, key: &str, meaning: &str) -> Option<At<'t>> {
    let field = fields.get(key);
    if field.is_none() {
        reader.problem(at, format!("the window has no `{key}`: write {meaning}"));
    }
    field
}

fn read_days(reader: &mut Reader<'_>, at: &At<'_>) -> Option<BTreeSet<Weekday>> {
    let items = reader.list(at, "a list of days such as `[mon, tue, wed, thu, fri]`")?;
    if items.is_empty() {
        reader.problem(at, "there are no days: name at least one, or remove `days` for every day");
        return None;
    }
    let words = Weekday::ALL.map(|day| (day.as_str(), day));
    let mut days = BTreeSet::new();
    for item in &items {
        let Some(day) = reader.one_of(item, &words, &[]) else { continue };
        if !days.insert(day) {
            reader.problem(item, format!("`{}` is written twice: keep one", day.as_str()));
        }
    }
    Some(days)
}

/// A time of day, in minutes after midnight. It is read as the text that was written, with quotes or without; but a tool of YAML 1.1 that it went
/// through takes `22:00` without quotes for a number to the base of sixty, and writes 1320.
fn read_start(reader: &mut Reader<'_>, at: &At<'_>) -> Option<u16> {
    let expected = "a time of day from `00:00` to `23:59`";
    let text = reader.text(at, expected)?;
    let start = parse_time(&text);
    if start.is_none() {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let message = match text.parse::<u16>().ok().filter(|minutes| is_number && *minutes < 24 * 60) {
            Some(minutes) => format!(
                "{} is no time of day, and may be what a tool made of {:02}:{:02} without quotes: write it in quotes, such as `\"09:00\"`",
                shown(&text),
                minutes / 60,
                minutes % 60
            ),
            None => format!("expected {expected}, found {}", shown(&text)),
        };
        reader.problem(at, message);
    }
    start
}

/// `HH:MM`.
fn parse_time(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, end: u16| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| is_number && *number < end)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

fn read_length(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Millis> {
    let length = reader.positive_duration(at)?;
    if length > LONGEST {
        reader.problem(at, format!("a window is open for {LONGEST} at most: write less, or name more `days`"));
        return None;
    }
    Some(length)
}

fn read_zone(reader: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let zone = reader.text(at, "a time zone such as `Europe/Berlin`")?;
    // Of a window that is right in all else the zone alone can be wrong.
    let probe = Window { days: BTreeSet::new(), start: 0, length: LONGEST, zone };
    if probe.check().is_err() {
        let zone = shown(&probe.zone).trim_matches('`').to_owned();
        reader.problem(at, InvalidWindow::UnknownZone(zone).to_string());
        return None;
    }
    Some(probe.zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_two_digits_twice() {
        for (text, minutes) in [("00:00", 0), ("09:05", 545), ("22:00", 1320), ("23:59", 1439)] {
            assert_eq!(parse_time(text), Some(minutes), "{text}");
        }
        for text in
            ["", ":", "9:00", "09:0", "24:00", "09:60", "09:00:00", "0900", "+9:00", "09 :00", "1320", "９９:00"]
        {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
