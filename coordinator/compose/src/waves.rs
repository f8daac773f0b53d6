//! Which hosts are moved when: `waves`, `by` and `first`. Not here: the settings that hold for all waves (module `rollout`), dividing a fleet (crate
//! `evenkeel-rollout`).

use evenkeel_model::{Count, HostId, Strategy, Wave, Waves};

use crate::keys;
use crate::problem::{invalid_name, shown};
use crate::reader::{At, Fields, Reader};
use crate::tree::Value;

/// How many times as many hosts a wave may have as the one before. More is all at once.
const MOST_TIMES: u64 = 100;

/// The longest name of a host's label, in bytes, as the coordinator takes them.
const LONGEST_LABEL: usize = 63;

/// What `x-rollout` says of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenWaves {
    pub(crate) waves: Option<Waves>,
    pub(crate) by: Option<String>,
    pub(crate) first: Vec<HostId>,
}

/// What it says, and what gates depend on.
#[derive(Debug)]
pub(crate) struct ReadWaves {
    pub(crate) written: WrittenWaves,
    /// No fleet has more waves than these; none: that can't be told.
    pub(crate) most: Option<usize>,
}

/// Reads it from the fields of an `x-rollout`.
pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, strategy: Option<Strategy>) -> ReadWaves {
    let waves = fields.get("waves").map(|at| read_waves(reader, &at));
    let by = fields.get("by");
    let first = fields.get("first").map(|at| read_first(reader, &at)).unwrap_or_default();
    let settled = waves.clone().unwrap_or_else(|| strategy.map(Strategy::default_waves));
    let most = settled.filter(|_| by.is_none()).and_then(|waves| most(&waves, !first.is_empty()));
    let by = by.and_then(|at| read_by(reader, &at));
    ReadWaves { written: WrittenWaves { waves: waves.flatten(), by, first }, most }
}

/// Equal waves merge, what is left over is one more, and the hosts of `first` may end in the middle of one.
fn most(waves: &Waves, has_first: bool) -> Option<usize> {
    let Waves::List(list) = waves else { return None };
    let is_complete = list.iter().any(|wave| wave.hosts == Count::Percent(100));
    Some(list.len() + usize::from(!is_complete) + usize::from(has_first))
}

fn read_waves(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Waves> {
    match &at.node.value {
        Value::Map(_) => read_exponential(reader, at),
        _ => read_list(reader, at),
    }
}

fn read_exponential(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Waves> {
    let fields = reader.map(at, &keys::EXPONENTIAL)?;
    let mut number = |key, bounds| {
        let Some(at) = fields.get(key) else {
            let message = format!("the waves have no `{key}`: write both, such as `{{first: 1, times: 5}}`, or a list");
            reader.problem(at, message);
            return None;
        };
        reader.whole(&at, bounds)
    };
    let first = number("first", 1..=u64::from(u32::MAX));
    let times = number("times", 2..=MOST_TIMES);
    Some(Waves::Exponential { first: first?, times: times? })
}

/// Waves rise. Hosts and percents can't be compared before the number of hosts is known, so each is held against its kind.
fn read_list(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Waves> {
    let items = reader.list(at, "a list such as `[1, 10%, 50%, 100%]`, or a map such as `{first: 1, times: 5}`")?;
    if items.is_empty() {
        reader.problem(at, "there are no waves: write at least one, such as `[100%]`");
        return None;
    }
    let (mut hosts, mut percent) = (0, 0);
    let mut waves = Vec::new();
    for item in &items {
        let wave = read_wave(reader, item);
        waves.push(wave);
        let rises = match wave.map(|wave| wave.hosts) {
            Some(Count::Hosts(count)) => std::mem::replace(&mut hosts, count) < count,
            Some(Count::Percent(count)) => std::mem::replace(&mut percent, count) < count,
            None => true,
        };
        if let Some(Wave { hosts, .. }) = wave.filter(|_| !rises) {
            reader.problem(item, format!("waves are cumulative and must rise: write more than before, not {hosts}"));
        }
    }
    waves.into_iter().collect::<Option<_>>().map(Waves::List)
}

/// A count, or a map of one and what holds for that wave alone.
fn read_wave(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Wave> {
    let Value::Map(_) = &at.node.value else { return reader.positive_count(at).map(Wave::from) };
    let fields = reader.map(at, &keys::WAVE)?;
    let hosts = fields.get("hosts").map(|at| reader.positive_count(&at));
    let bake = fields.get("bake").map_or(Some(None), |at| reader.duration(&at).map(Some));
    let max_unavailable = fields.get("max_unavailable").map_or(Some(None), |at| reader.positive_count(&at).map(Some));
    let max_failures = fields.get("max_failures").map_or(Some(None), |at| reader.count(&at).map(Some));
    if hosts.is_none() {
        reader.problem(at, "the wave has no `hosts`: write how many hosts have been moved when it ends");
    }
    Some(Wave { hosts: hosts??, bake: bake?, max_unavailable: max_unavailable?, max_failures: max_failures? })
}

fn read_by(reader: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let expected = "the name of a host's label, such as `zone`";
    let text = reader.text(at, expected)?;
    if let Some(name) = text.strip_prefix("node.labels.") {
        reader.problem(at, format!("write the label's name alone: {}", shown(name)));
        return None;
    }
    let is_odd = |character: char| character.is_whitespace() || character.is_control() || character == '=';
    if text.is_empty() || text.len() > LONGEST_LABEL || text.contains(is_odd) {
        reader.problem(at, format!("expected {expected}, found {}", shown(&text)));
        return None;
    }
    Some(text)
}

fn read_first(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<HostId> {
    let items = reader.list(at, "a list of hosts such as `[web-1, web-2]`").unwrap_or_default();
    if items.is_empty() && matches!(at.node.value, Value::List(_)) {
        reader.problem(at, "there are no hosts: name at least one, or remove `first`");
    }
    let mut first: Vec<HostId> = Vec::new();
    for item in &items {
        let Some(text) = reader.text(item, "a host's id such as `web-1`") else { continue };
        match text.parse::<HostId>() {
            Ok(host) if first.contains(&host) => reader.problem(item, format!("`{host}` is written twice: keep one")),
            Ok(host) => first.push(host),
            Err(_) => reader.problem(item, invalid_name("host id", &text)),
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(waves: &[&str]) -> Waves {
        Waves::List(waves.iter().map(|count| Wave::from(count.parse::<Count>().unwrap())).collect())
    }

    #[test]
    fn no_fleet_has_more_waves_than_are_told() {
        for waves in [list(&["1", "10%", "50%", "100%"]), list(&["1"]), list(&["100%"]), list(&["2", "50%"])] {
            let found = (1..200).map(|total| waves.ends(total).len()).max();
            assert_eq!(found, most(&waves, false), "{waves}");
        }
        assert_eq!(most(&list(&["1", "100%"]), true), Some(3));
        assert_eq!(most(&Waves::Exponential { first: 1, times: 2 }, false), None);
    }
}
