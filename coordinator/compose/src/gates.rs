//! `gates`: what a rollout waits for, where, and people's consent. Not here: times of the week (module `window`), what is measured (module `analysis`),
//! passing them (crate `evenkeel-rollout`).

use std::collections::BTreeSet;

use evenkeel_model::gate::{Approval, Check, GateWaves};
use evenkeel_model::{Gate, GatePoint, ServiceName, Strategy};

use crate::reader::{At, Fields, Reader, truth};
use crate::tree::Value;
use crate::{analysis, hints, keys, window};

/// The keys of which one is there.
const KINDS: [&str; 3] = ["approval", "window", "analysis"];

/// The contract has it that who approves is not who began it.
const DEFAULT_PERSONS: u8 = 2;

/// The way that a rollout goes, as far as gates depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course<'a> {
    /// None: it could not be read.
    pub(crate) strategy: Option<Strategy>,
    /// Whether the new release gets more of what is new step by step; none: that can't be told.
    pub(crate) has_switch: Option<bool>,
    /// No fleet has more waves than these; none: that can't be told.
    pub(crate) most_waves: Option<usize>,
    /// The app's services, as far as they can be read.
    pub(crate) services: &'a BTreeSet<ServiceName>,
}

/// Reads `gates`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, course: Course<'_>) -> Vec<Gate> {
    let items = reader.list(at, "a list such as `[{approval: true}]`").unwrap_or_default();
    items.iter().filter_map(|item| read_gate(reader, item, course)).collect()
}

fn read_gate(reader: &mut Reader<'_>, at: &At<'_>, course: Course<'_>) -> Option<Gate> {
    let fields = reader.map(at, &keys::GATE)?;
    let check = read_check(reader, at, &fields, course.services);
    let point = fields.get("at").map(|at| read_point(reader, &at, course));
    let waves = fields.get("wave").map(|at| read_waves(reader, &at, course));
    let check = check?;
    let (usual_point, usual_waves) = usual_place(&check, course.strategy);
    let gate = Gate { at: point.unwrap_or(Some(usual_point))?, waves: waves.unwrap_or(Some(usual_waves))?, check };
    hints::note_nobody_to_ask_about(reader, &at.path, &gate);
    Some(gate)
}

/// Where a gate stands of which nothing else is said.
fn usual_place(check: &Check, strategy: Option<Strategy>) -> (GatePoint, GateWaves) {
    match check {
        Check::Approval(_) if strategy == Some(Strategy::BlueGreen) => (GatePoint::Switch, GateWaves::First),
        Check::Approval(_) => (GatePoint::Commit, GateWaves::First),
        Check::Window(_) => (GatePoint::Before, GateWaves::Every),
        Check::Analysis(_) => (GatePoint::Commit, GateWaves::Every),
    }
}

fn read_check(
    reader: &mut Reader<'_>,
    at: &At<'_>,
    fields: &Fields<'_>,
    services: &BTreeSet<ServiceName>,
) -> Option<Check> {
    let written: Vec<_> = KINDS.iter().filter_map(|key| Some((*key, fields.named(key)?))).collect();
    match &written[..] {
        [("approval", at)] => read_approval(reader, at).map(Check::Approval),
        [("window", at)] => window::read(reader, at).map(Check::Window),
        [(_, at)] => analysis::read(reader, at, services).map(Check::Analysis),
        [] => {
            reader.problem(at, "there is nothing to wait for: write `approval`, `window` or `analysis`");
            None
        }
        [(first, _), (second, at), ..] => {
            let message = format!("there is already the gate `{first}`: write `{second}` as an item of its own");
            reader.problem(at, message);
            None
        }
    }
}

/// Nothing, `true`, or a map.
fn read_approval(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Approval> {
    if let Value::Map(_) = &at.node.value {
        let fields = reader.map(at, &keys::APPROVAL)?;
        let persons = fields.get("persons").map_or(Some(DEFAULT_PERSONS), |at| reader.whole(&at, 1..=9))?;
        return Some(Approval { persons });
    }
    if !at.node.is_null() {
        reader
            .parsed(at, "`true`, or a map such as `{persons: 2}`", |text| truth(text).filter(|is_asked| *is_asked))?;
    }
    Some(Approval { persons: DEFAULT_PERSONS })
}

fn read_point(reader: &mut Reader<'_>, at: &At<'_>, course: Course<'_>) -> Option<GatePoint> {
    let points = [GatePoint::Before, GatePoint::Switch, GatePoint::Commit, GatePoint::After];
    let point = reader.one_of(at, &points.map(|point| (point.as_str(), point)), &[])?;
    if point == GatePoint::Switch && course.has_switch == Some(false) {
        reader.problem(
            at,
            "there is no switch where a host gets all at once: write `before`, `commit` or `after`, or use \
             `strategy: blue-green`, or `strategy: canary` with `weights`",
        );
        return None;
    }
    Some(point)
}

/// A word, or a wave's number, counted from 1.
fn read_waves(reader: &mut Reader<'_>, at: &At<'_>, course: Course<'_>) -> Option<GateWaves> {
    let parse = |text: &str| match text {
        "every" => Some(GateWaves::Every),
        "first" => Some(GateWaves::First),
        "last" => Some(GateWaves::Last),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            number.parse::<usize>().ok()?.checked_sub(1).map(GateWaves::Only)
        }
        _ => None,
    };
    let waves = reader.parsed(at, "`every`, `first`, `last` or a wave's number, from 1 on", parse)?;
    // It would never be asked, and so be no gate at all.
    if let (GateWaves::Only(wave), Some(most)) = (waves, course.most_waves)
        && wave >= most
    {
        reader.problem(at, format!("there are {most} waves at most: write a smaller number, `last` or `every`"));
        return None;
    }
    Some(waves)
}
