//! Words to a rollout that goes on: pause, resume, promote, approve, abort. Not here: what follows from them (the coordinator decides).

use evenkeel_proto::v1::{AbortRolloutRequest, RolloutView, RolloutWordRequest, ShowRolloutRequest};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::look;
use crate::table::Look;
use crate::verb::WordArguments;

use super::Desk;
use super::rollouts::request;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Pause,
    Resume,
    Promote,
    Approve,
}

impl Word {
    fn asked(self) -> Asked {
        match self {
            Self::Pause | Self::Resume | Self::Promote => Asked::Word,
            Self::Approve => Asked::Approve,
        }
    }

    /// What is so now, and what comes next.
    fn taken(self, view: &RolloutView, look: Look) -> Vec<String> {
        let id = view.rollout;
        let watch = format!("To watch: evenkeel rollout watch {id}");
        match self {
            Self::Pause => vec![format!(
                "rollout {id} is paused: nothing more is ordered, and hosts in trial still go back if they fail. \
                 To have it go on: evenkeel rollout resume {id}"
            )],
            Self::Resume => vec![format!("rollout {id} goes on; hosts that failed are tried once more. {watch}")],
            Self::Promote => vec![format!("rollout {id} is promoted: it goes on when bake and gates let it. {watch}")],
            Self::Approve => {
                let still = view.waiting.iter().filter(|waiting| waiting.kind == "approval");
                let still: Vec<String> =
                    still.map(|waiting| format!("still waiting on {}", look::waiting(waiting, look))).collect();
                let said = if still.is_empty() { "is approved" } else { "has your approval" };
                [vec![format!("rollout {id} {said}. {watch}")], still].concat()
            }
        }
    }
}

/// Says it, and prints what is so then.
pub(super) async fn say(desk: &mut Desk<'_>, word: Word, arguments: WordArguments) -> Result<Exit, CliError> {
    let WordArguments { which, why } = arguments;
    let ShowRolloutRequest { rollout, environment, app } = request(which)?;
    let request = RolloutWordRequest { rollout, environment, app, why: why.unwrap_or_default() };
    let connection = Connection::open(desk.globals, desk.surroundings, word.asked()).await?;
    let mut client = connection.client();
    let asked = word.asked();
    let response = match word {
        Word::Pause => connection.answer(asked, client.pause_rollout(request)).await,
        Word::Resume => connection.answer(asked, client.resume_rollout(request)).await,
        Word::Promote => connection.answer(asked, client.promote_rollout(request)).await,
        Word::Approve => connection.answer(asked, client.approve_rollout(request)).await,
    };
    desk.print(&response?, |view, look| word.taken(view, look))
}

pub(super) async fn abort(desk: &mut Desk<'_>, arguments: WordArguments, rollback: bool) -> Result<Exit, CliError> {
    let WordArguments { which, why } = arguments;
    let ShowRolloutRequest { rollout, environment, app } = request(which)?;
    let request = AbortRolloutRequest { rollout, environment, app, rollback, why: why.unwrap_or_default() };
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Abort).await?;
    let response = connection.answer(Asked::Abort, connection.client().abort_rollout(request)).await?;
    desk.print(&response, |view, _| {
        let back = if rollback { "all hosts go back" } else { "hosts in trial go back, committed ones stay" };
        vec![format!("rollout {} is aborted: {back}. To watch: evenkeel rollout watch {}", view.rollout, view.rollout)]
    })
}
