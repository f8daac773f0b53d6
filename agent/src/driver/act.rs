//! Doing the one thing that was decided, at the port where it belongs: engine, proxy, or network. Not here: when (the loop).

use std::net::IpAddr;

use evenkeel_machine::{Action, Observed, Outcome};
use evenkeel_model::{AppKey, Failure, ImagePin};

use super::Shared;
use crate::probe::{self, Answer};

/// Does one thing. `address` is where a probe over the network goes; see [`address`].
pub(super) async fn perform(shared: &Shared, key: &AppKey, action: &Action, address: Option<IpAddr>) -> Outcome {
    match action {
        Action::Route(plan) => outcome(shared.router.route(key, plan).await),
        Action::Cut { container } => outcome(shared.router.cut(key, container).await),
        Action::Probe { place, probe, timeout } if probe::goes_over_the_network(probe) => {
            let Some(address) = address else {
                let request = probe::question(probe, place);
                return Answer::bad(request, "the container has no address: it does not run").into();
            };
            shared.prober.ask(address, probe, *timeout).await.into()
        }
        Action::Pull { image, .. } => pull(shared, key, action, image).await,
        _ => shared.runtime.perform(key, action).await,
    }
}

/// Noted before and after, so that the image goes again should its release come to nothing.
async fn pull(shared: &Shared, key: &AppKey, action: &Action, image: &ImagePin) -> Outcome {
    if let Err(failure) = shared.fetched.note(key, image, shared).await {
        return Outcome::Failed(Box::new(failure));
    }
    let outcome = shared.runtime.perform(key, action).await;
    if outcome == Outcome::Done {
        shared.fetched.brought(image, shared).await;
    }
    outcome
}

/// Where the container that is to be asked was seen; none if nobody is to be asked, or it does not run: at an address that nobody has,
/// only the kernel would answer, and late.
pub(super) fn address(observed: &Observed, action: &Action) -> Option<IpAddr> {
    let Action::Probe { place, .. } = action else { return None };
    let container = observed.containers.iter().find(|container| container.place == *place)?;
    container.address.filter(|_| container.is_running())
}

fn outcome(done: Result<(), Failure>) -> Outcome {
    done.map_or_else(|failure| Outcome::Failed(Box::new(failure)), |()| Outcome::Done)
}
