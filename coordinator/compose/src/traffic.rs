//! `drain`, `hold`, `lb_delay` and `keep_old`: how what is under way at a service is treated when its container is replaced.
//! Not here: the order of old and new (module `order`), doing it (the agent and the host's proxy).

use evenkeel_model::{KeepOld, Millis, Order, ServiceSpec, Traffic};

use crate::reader::{Fields, Reader, Written};
use crate::service::Surroundings;

/// What one `x-rollout` says of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenTraffic {
    drain: Option<Written<Millis>>,
    hold: Option<Written<Millis>>,
    lb_delay: Option<Written<Millis>>,
    keep_old: Option<Written<KeepOld>>,
}

/// Reads it from the fields of an `x-rollout`.
pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> WrittenTraffic {
    let mut duration = |key| fields.get(key).and_then(|at| Some(at.written(reader.duration(&at)?)));
    let (drain, hold, lb_delay) = (duration("drain"), duration("hold"), duration("lb_delay"));
    let words = [("running", KeepOld::Running), ("stopped", KeepOld::Stopped)];
    let keep_old = fields.get("keep_old").and_then(|at| Some(at.written(reader.one_of(&at, &words, &[])?)));
    WrittenTraffic { drain, hold, lb_delay, keep_old }
}

/// Settles it for one service, whose order and ports are known: its own, else that for all services, else the contract's.
pub(crate) fn settle(reader: &mut Reader<'_>, around: &Surroundings<'_>, spec: &mut ServiceSpec, own: WrittenTraffic) {
    let name = around.name;
    let own_keys = [("drain", &own.drain), ("hold", &own.hold), ("lb_delay", &own.lb_delay)];
    let is_routed = spec.routed_ports().next().is_some();
    let is_held = is_routed && spec.order == Order::StopFirst;
    if !is_routed {
        for (key, _) in own_keys.into_iter().filter(|(_, written)| written.is_some()) {
            reader.note(format!("{name}: `{key}` has no effect, because the proxy forwards none of its ports"));
        }
    }
    if is_routed && !is_held && own.lb_delay.as_ref().is_some_and(|written| written.value.0 > 0) {
        reader.note(format!(
            "{name}: `lb_delay` has no effect, because old and new run side by side, so that nothing on the host stops answering"
        ));
    }
    let all = &around.rollout.all.traffic;
    let default = Traffic::default();
    let settled = |own: Option<Written<Millis>>, all: &Option<Written<Millis>>, default| {
        own.or_else(|| all.clone()).map_or(default, |written| written.value)
    };
    let is_written = [&own.drain, &own.hold, &all.drain, &all.hold].into_iter().any(Option::is_some);
    let drain = settled(own.drain, &all.drain, default.drain);
    let hold = settled(own.hold, &all.hold, default.hold);
    spec.traffic = Traffic { drain, hold, lb_delay: settled(own.lb_delay, &all.lb_delay, default.lb_delay) };
    // What arrives waits from the moment the old container begins to drain. Nothing is held at all: that is meant. Nobody who has written
    // neither has asked for a lesson: the documentation gives it.
    if is_held && is_written && hold.0 > 0 && hold <= drain {
        reader.note(format!(
            "{name}: what arrives while the old container drains may wait longer than `hold` ({hold}), and is then refused: \
             raise `hold`, or lower `drain` ({drain})"
        ));
    }
    let Some(keep_old) = own.keep_old.or_else(|| all.keep_old.clone()) else { return };
    if keep_old.value == KeepOld::Running && spec.order == Order::StopFirst {
        let message = format!(
            "{name} is stop-first, so that its old container can't go on running: write `stopped`, or remove `keep_old`"
        );
        reader.problem_at(keep_old.place, &keep_old.path, message);
    }
    spec.keep_old = Some(keep_old.value);
}
