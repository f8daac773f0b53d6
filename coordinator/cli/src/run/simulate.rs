//! `simulate`: the policy of a Compose file tried on an imagined fleet, here, without a coordinator. Not here: trying it (crate
//! `evenkeel-simulate`).

use evenkeel_simulate::{simulate, simulate_runs};

use crate::compose_file;
use crate::errors::CliError;
use crate::exit::Exit;
use crate::look;
use crate::verb::SimulateArguments;

use super::Desk;

/// How a run ends is its result, not the verb's: the code tells only whether it could be tried.
pub(super) fn run(desk: &mut Desk<'_>, mut arguments: SimulateArguments) -> Result<Exit, CliError> {
    arguments.file.file = arguments.file.file.or(arguments.compose.take());
    let specification = compose_file::read(&arguments.file, &desk.surroundings.variables)?;
    let settings = arguments.settings();
    if arguments.runs > 1 {
        let summary = simulate_runs(&specification.policy, &settings, arguments.runs)?;
        return desk.print(&summary, look::summary);
    }
    let timeline = simulate(&specification.policy, &settings)?;
    desk.print(&timeline, look::timeline)
}
