//! `rollouts`, `history`, `rollout show` and `watch`, and following a rollout to its end for all verbs that begin one. Not here: the loop that
//! follows (`watch.rs`), words to a rollout (`words.rs`).

use evenkeel_proto::v1::{ListRolloutsRequest, RolloutView, ShowRolloutRequest};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::format::duration;
use crate::globals::OutputFormat;
use crate::look;
use crate::progress::{Progress, ending, still_going};
use crate::terminal::To;
use crate::verb::{HistoryArguments, RolloutArguments, RolloutsArguments, WaitArguments, Which};
use crate::watch::{self, Watched};

use super::Desk;

pub(super) async fn list(desk: &mut Desk<'_>, arguments: RolloutsArguments) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Rollouts).await?;
    let request = ListRolloutsRequest {
        environment: arguments.environment.unwrap_or_default(),
        app: arguments.app.unwrap_or_default(),
        limit: arguments.limit,
    };
    let response = connection.answer(Asked::Rollouts, connection.client().list_rollouts(request)).await?;
    desk.print(&response, look::rollouts)
}

pub(super) async fn history(desk: &mut Desk<'_>, arguments: HistoryArguments) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Rollouts).await?;
    let request = ListRolloutsRequest {
        environment: arguments.environment.unwrap_or_default(),
        app: arguments.app.unwrap_or_default(),
        limit: arguments.limit,
    };
    let response = connection.answer(Asked::Rollouts, connection.client().list_rollouts(request)).await?;
    desk.print(&response, look::history)
}

pub(super) async fn show(desk: &mut Desk<'_>, which: RolloutArguments) -> Result<Exit, CliError> {
    let which = request(which)?;
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Rollout).await?;
    let response = connection.answer(Asked::Rollout, connection.client().show_rollout(which)).await?;
    desk.print(&response, look::rollout)
}

pub(super) async fn watch(desk: &mut Desk<'_>, which: RolloutArguments, wait: WaitArguments) -> Result<Exit, CliError> {
    let which = request(which)?;
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Rollout).await?;
    follow(desk, &connection, Begun::Before(which), wait).await
}

/// A rollout to follow.
pub(super) enum Begun {
    /// By somebody, some time.
    Before(ShowRolloutRequest),
    /// By this command, a moment ago.
    Now(Box<RolloutView>),
}

/// Shows the rollout until it is over or somebody has had enough, then its last words.
pub(super) async fn follow(
    desk: &mut Desk<'_>,
    connection: &Connection,
    begun: Begun,
    wait: WaitArguments,
) -> Result<Exit, CliError> {
    let (output, time) = (desk.globals.output, desk.surroundings.time.clone());
    let dumb = desk.surroundings.variables.get("TERM").is_some_and(|terminal| terminal == "dumb");
    let mut progress = Progress::new(desk.terminal, output, time, dumb);
    let which = match begun {
        Begun::Before(which) => which,
        Begun::Now(view) => {
            let which = ShowRolloutRequest { rollout: view.rollout, ..ShowRolloutRequest::default() };
            // If it can't be shown, it is followed all the same: the exit code counts.
            let _ = progress.show(*view).await;
            which
        }
    };
    let watched = watch::watch(connection, which, wait.timeout, &mut progress, desk.surroundings).await;
    let seen = progress.into_last();
    conclude(desk, watched, seen, wait)
}

/// The last words, and the code to end with.
fn conclude(
    desk: &mut Desk<'_>,
    watched: Watched,
    seen: Option<RolloutView>,
    wait: WaitArguments,
) -> Result<Exit, CliError> {
    let Some(view) = seen else {
        return match watched {
            // Nothing is known of any rollout, so nothing can be said of one.
            Watched::Stopped(error) => Err(error),
            _ => Ok(Exit::StoppedWatching),
        };
    };
    let after = wait.timeout.map(duration).unwrap_or_default();
    let (exit, lines, to) = match watched {
        Watched::Over(exit) => (exit, ending(&view, desk.look()), To::Output),
        Watched::TimedOut => {
            (Exit::StoppedWatching, still_going(view.rollout, &format!("not over within {after}")), To::Error)
        }
        Watched::Interrupted => (Exit::StoppedWatching, still_going(view.rollout, "no longer watched"), To::Error),
        Watched::Stopped(error) => {
            desk.complain(&error);
            (Exit::StoppedWatching, still_going(view.rollout, "it can't be watched any longer"), To::Error)
        }
    };
    // What can't be written does not change what has happened: the code says it.
    let _ = match (desk.globals.output, to) {
        (OutputFormat::Table, to) => desk.terminal.lines(to, &lines),
        (OutputFormat::Json, To::Error) => desk.terminal.lines(to, &lines).and_then(|()| desk.terminal.json(&view)),
        (OutputFormat::Json, To::Output) => desk.terminal.json(&view),
    };
    Ok(exit)
}

/// Which rollout is meant, as it is asked for.
pub(super) fn request(arguments: RolloutArguments) -> Result<ShowRolloutRequest, CliError> {
    let RolloutArguments { which, environment, app } = arguments;
    let (rollout, named) = match which {
        Some(Which::Number(_)) if environment.is_some() => return Err(CliError::NumberAndEnvironment),
        Some(Which::Number(number)) => (number, None),
        Some(Which::App(app)) => (0, Some(app)),
        None => (0, app),
    };
    Ok(ShowRolloutRequest { rollout, environment: environment.unwrap_or_default(), app: named.unwrap_or_default() })
}
