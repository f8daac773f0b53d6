//! `strategy`, and what belongs to one strategy alone: `promote`, `weights`, `keep_blue`. Not here: the waves (module `waves`), the gates (module
//! `gates`), services that a strategy can't have (module `side_by_side`).

use evenkeel_model::{Millis, Policy, Promote, Share, Strategy};

use crate::reader::{At, Fields, Reader, Written};

/// The longest that blue's containers are kept: they take memory, and a rollback does without them.
const LONGEST_KEPT: Millis = Millis::minutes(48 * 60);

/// What `x-rollout` says of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenStrategy {
    pub(crate) strategy: Option<Written<Strategy>>,
    pub(crate) promote: Option<Promote>,
    pub(crate) weights: Option<Written<Vec<Share>>>,
    pub(crate) keep_blue: Option<Millis>,
}

/// What it says, and what other settings depend on.
#[derive(Debug)]
pub(crate) struct ReadStrategy {
    pub(crate) written: WrittenStrategy,
    /// The strategy, written or not; none: what is written is none.
    pub(crate) known: Option<Strategy>,
    /// Whether the new release gets more of what is new step by step; none: that can't be told.
    pub(crate) has_switch: Option<bool>,
}

/// Reads it from the fields of an `x-rollout`.
pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> ReadStrategy {
    let words =
        [Strategy::Rolling, Strategy::Canary, Strategy::BlueGreen].map(|strategy| (strategy.as_str(), strategy));
    let strategy = fields.get("strategy").map(|at| Some(at.written(reader.one_of(&at, &words, &[])?)));
    let known = strategy.as_ref().map_or(Some(Strategy::default()), |written| Some(written.as_ref()?.value));
    let promote = fields.get("promote").and_then(|at| read_promote(reader, &at, known));
    let weights = fields.get("weights").map(|at| {
        belongs_to(reader, &at, known, Strategy::Canary);
        Some(at.written(read_weights(reader, &at)?))
    });
    let keep_blue = fields.get("keep_blue").and_then(|at| {
        belongs_to(reader, &at, known, Strategy::BlueGreen);
        read_keep_blue(reader, &at)
    });
    let shares = |strategy| {
        let weights = weights.as_ref().map_or(Some(Vec::new()), |written| Some(written.as_ref()?.value.clone()))?;
        Some(Policy { strategy, weights, ..Policy::default() }.shares())
    };
    let has_switch = known.and_then(shares).map(|shares| shares.len() > 1);
    let written = WrittenStrategy { strategy: strategy.flatten(), promote, weights: weights.flatten(), keep_blue };
    ReadStrategy { written, known, has_switch }
}

/// A key that means nothing without its strategy is a mistake. Of a strategy that could not be read nothing is said twice.
fn belongs_to(reader: &mut Reader<'_>, at: &At<'_>, known: Option<Strategy>, owner: Strategy) {
    if known.is_some_and(|strategy| strategy != owner) {
        reader.problem(
            at,
            format!("it means nothing without `strategy: {}`: write that too, or remove it", owner.as_str()),
        );
    }
}

fn read_promote(reader: &mut Reader<'_>, at: &At<'_>, known: Option<Strategy>) -> Option<Promote> {
    let promote = reader.one_of(at, &[("auto", Promote::Auto), ("manual", Promote::Manual)], &[])?;
    if promote == Promote::Manual && known == Some(Strategy::Rolling) {
        reader.problem(
            at,
            "a rolling rollout has nothing that a person promotes: write `strategy: canary` or `strategy: blue-green`, \
             or a gate, such as `gates: [{approval: true}]`",
        );
    }
    Some(promote)
}

/// Weights rise, so that each step gives more than the one before.
fn read_weights(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<Share>> {
    let items = reader.list(at, "a list of percents such as `[5, 25, 100]`")?;
    if items.is_empty() {
        reader.problem(at, "there are no weights: write at least one, such as `[5, 25, 100]`");
        return None;
    }
    let mut highest = Share::NONE;
    let mut weights = Vec::new();
    for item in &items {
        let weight = reader.parsed(item, "a whole percent from 1 to 100, such as `5` or `5%`", parse_weight);
        if let Some(weight) = weight
            && std::mem::replace(&mut highest, weight) >= weight
        {
            reader.problem(item, format!("weights must rise: write more than before, not {weight}"));
        }
        weights.push(weight);
    }
    weights.into_iter().collect()
}

fn parse_weight(text: &str) -> Option<Share> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let percent = digits.parse::<u32>().ok().filter(|percent| is_number && *percent > 0)?;
    Share::try_from(percent).ok()
}

fn read_keep_blue(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Millis> {
    let kept = reader.duration(at)?;
    if kept > LONGEST_KEPT {
        reader.problem(at, format!("the old containers are kept for {LONGEST_KEPT} at most: write less"));
        return None;
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_a_whole_percent() {
        for (text, percent) in [("1", 1), ("5%", 5), ("100", 100), ("100%", 100), ("007", 7)] {
            assert_eq!(parse_weight(text).map(Share::percent), Some(percent), "{text}");
        }
        for text in ["", "%", "0", "0%", "101", "-5", "+5", "5.5", "5 %", "5%%", "four", "4294967301"] {
            assert_eq!(parse_weight(text), None, "{text}");
        }
    }
}
