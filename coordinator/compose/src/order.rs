//! Whether old and new run side by side: what the file says, or what its ports and volumes allow.
//! Not here: what clashes (`ServiceSpec::clash`), doing it (the agent).

use evenkeel_model::{Order, ServiceSpec};

use crate::policy::once;
use crate::reader::{Reader, Written};
use crate::service::Surroundings;
use crate::tree::Place;

/// The words for it, in `update_config` and `x-rollout` alike.
pub(crate) const WORDS: [(&str, Order); 2] = [("start-first", Order::StartFirst), ("stop-first", Order::StopFirst)];

/// The order of one service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    pub(crate) order: Order,
    /// Where it was written; none: it follows from what clashes.
    pub(crate) written: Option<Place>,
}

/// The order of one service: its own, else that for all services, else start-first where nothing clashes.
pub(crate) fn settle(
    reader: &mut Reader<'_>,
    around: &Surroundings<'_>,
    spec: &ServiceSpec,
    own: Option<Written<Order>>,
    update: Option<&Written<Order>>,
) -> Settled {
    let name = around.name;
    let rollout = own.or_else(|| around.rollout.all.order.clone());
    let Some(written) = once(reader, rollout, update.cloned().as_slice()) else {
        let order = match spec.clash() {
            Some(clash) => {
                reader.note(format!("{name}: stop-first, because {clash}"));
                Order::StopFirst
            }
            None => Order::StartFirst,
        };
        return Settled { order, written: None };
    };
    if written.value == Order::StartFirst
        && let Some(clash) = spec.clash()
    {
        let message = format!("{name} can't run twice, because {clash}: write `stop-first`, or remove `order`");
        reader.problem_at(written.place, &written.path, message);
    }
    Settled { order: written.value, written: Some(written.place) }
}
