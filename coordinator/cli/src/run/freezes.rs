//! `freeze`. Not here: how freezes look, what one keeps (the coordinator decides).

use evenkeel_proto::v1::{FreezeRequest, ListFreezesRequest, UnfreezeRequest};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::look;
use crate::verb::{FreezeArguments, FreezeVerb, FreezeWhat};

use super::Desk;

pub(super) async fn freeze(desk: &mut Desk<'_>, arguments: FreezeArguments) -> Result<Exit, CliError> {
    match arguments.verb {
        None => begin(desk, arguments.what).await,
        Some(FreezeVerb::Ls) => list(desk).await,
        Some(FreezeVerb::Lift { freeze }) => lift(desk, freeze).await,
    }
}

async fn begin(desk: &mut Desk<'_>, what: FreezeWhat) -> Result<Exit, CliError> {
    let now = desk.surroundings.time.now();
    if let Some(passed) = what.until.filter(|until| *until <= now) {
        return Err(CliError::Passed(passed));
    }
    let until = what.until.or_else(|| what.length.map(|length| now + length));
    let request = FreezeRequest {
        environment: if what.all { String::new() } else { what.environment },
        app: what.app.unwrap_or_default(),
        until: until.map(|until| until.0),
        why: what.why.unwrap_or_default(),
    };
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Freeze).await?;
    let response = connection.answer(Asked::Freeze, connection.client().freeze(request)).await?;
    desk.print(&response, look::frozen)
}

async fn list(desk: &mut Desk<'_>) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Freeze).await?;
    let response = connection.answer(Asked::Freeze, connection.client().list_freezes(ListFreezesRequest {})).await?;
    desk.print(&response, look::freezes)
}

async fn lift(desk: &mut Desk<'_>, freeze: u64) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Freeze).await?;
    let response = connection.answer(Asked::Freeze, connection.client().unfreeze(UnfreezeRequest { freeze })).await?;
    desk.print(&response, |view, _| look::lifted(view))
}
