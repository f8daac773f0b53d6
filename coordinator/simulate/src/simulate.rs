//! One run: from the rollout's beginning until it is over, or nothing more happens by itself. Not here: what happens at a moment (module `world`).

use evenkeel_model::{Millis, Policy};
use evenkeel_rollout::BeginError;

use crate::settings::Problem;
use crate::timeline::{End, Timeline};
use crate::world::World;
use crate::{Defect, Settings};

/// Why there is no timeline.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The settings make no sense.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Settings {
        /// All that is wrong.
        problems: Vec<Problem>,
    },
    /// The rollout can't be begun.
    #[error("the rollout can't be begun on the imagined fleet")]
    Begin(#[source] BeginError),
    /// The planner did what it must not do: a fault of ours.
    #[error(
        "a defect of Evenkeel was found with seed {seed}, {at} after the beginning: please report it with the policy and all settings"
    )]
    Defect {
        /// What the run was drawn from.
        seed: u64,
        /// When, after the beginning.
        at: Millis,
        /// What it did.
        #[source]
        defect: Defect,
    },
}

/// Tries a policy once. The same arguments always give the same answer.
///
/// About as many plans as there are moments at which something happens, and each is about linear in the number of hosts.
pub fn simulate(policy: &Policy, settings: &Settings) -> Result<Timeline, SimulateError> {
    let problems = settings.problems(policy);
    if !problems.is_empty() {
        return Err(SimulateError::Settings { problems });
    }
    let mut world = World::begin(policy, settings).map_err(SimulateError::Begin)?;
    loop {
        let defect = |at, defect| SimulateError::Defect { seed: settings.seed, at, defect };
        let turn = world.turn().map_err(|fault| defect(world.elapsed(), fault))?;
        if let Some(end) = turn.end {
            return Ok(world.end(end, turn.waiting));
        }
        match world.next(turn.wake_at) {
            None => return Ok(world.end(End::Waiting, turn.waiting)),
            Some(next) if next.since(settings.starts) > settings.limit => {
                return Ok(world.end(End::GoesOn, turn.waiting));
            }
            Some(next) => world.pass(next),
        }
    }
}
