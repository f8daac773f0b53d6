//! Strategies that keep the old release and the new one running beside each other, and the services that can't. Not here: whether one can (module
//! `order`), the strategy's own keys (module `strategy`).

use std::collections::BTreeMap;

use evenkeel_model::{Mount, Order, ServiceName, Strategy};

use crate::reader::Reader;
use crate::service::ReadService;
use crate::strategy::WrittenStrategy;
use crate::tree::Place;

/// Finds services that are stopped before they are started, where the strategy needs both.
pub(crate) fn check(reader: &mut Reader<'_>, written: &WrittenStrategy, services: &BTreeMap<ServiceName, ReadService>) {
    let weights = written.weights.as_ref().filter(|weights| weights.value.iter().any(|weight| weight.is_partial()));
    let (place, path, instead) = match (&written.strategy, weights) {
        (Some(strategy), _) if strategy.value == Strategy::BlueGreen => {
            (strategy.place, &strategy.path, "write another strategy")
        }
        (Some(strategy), Some(weights)) if strategy.value == Strategy::Canary => {
            note_nothing_to_divide(reader, services);
            (weights.place, &weights.path, "remove `weights`")
        }
        _ => return,
    };
    for (name, service) in services.iter().filter(|(_, service)| service.draft.spec.order == Order::StopFirst) {
        let (why, line) = why_stop_first(service);
        let line = line.map(|place| format!(" (line {})", place.line)).unwrap_or_default();
        let message = format!(
            "it runs old and new side by side, and {name} is stop-first, because {why}{line}: change that, or {instead}"
        );
        reader.problem_at(place, path, message);
    }
}

/// Why it can't run beside its old container, and where that is written.
fn why_stop_first(service: &ReadService) -> (String, Option<Place>) {
    let spec = &service.draft.spec;
    let Some(clash) = spec.clash() else { return ("its `order` says so".to_owned(), service.ordered_at) };
    let port = service.published.iter().find(|at| !at.port.is_routed()).map(|at| at.place);
    let has_one_writer = |mount: &Mount| matches!(mount, Mount::Volume { read_only: false, .. });
    let mount = service.mounted.iter().find(|at| has_one_writer(&at.mount)).map(|at| at.place);
    (clash, port.or(mount))
}

fn note_nothing_to_divide(reader: &mut Reader<'_>, services: &BTreeMap<ServiceName, ReadService>) {
    if !services.values().any(|service| service.draft.spec.routed_ports().next().is_some()) {
        reader.note("`x-rollout.weights` divides nothing, because the proxy forwards no port: old and new work side by side for each of them");
    }
}
