//! `plan`, `deploy` and `rollback`. Not here: following the rollout that was begun (`rollouts.rs`).

use evenkeel_proto::v1::{DeployRequest, DeployResponse, RollbackRequest};

use crate::compose_file;
use crate::connection::Connection;
use crate::engine;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::format::printable;
use crate::globals::OutputFormat;
use crate::look;
use crate::terminal::To;
use crate::verb::{DeployArguments, PlanArguments, PlannedArguments, RollbackArguments, WaitArguments};

use super::Desk;
use super::rollouts::{Begun, follow};

pub(super) async fn plan(desk: &mut Desk<'_>, arguments: PlanArguments) -> Result<Exit, CliError> {
    let request = request(desk, &arguments.planned).await?;
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Plan).await?;
    let response = connection.answer(Asked::Plan, connection.client().plan(request)).await?;
    let printed = desk.print(&response, look::plan)?;
    Ok(if arguments.detailed_exitcode && look::would_change(&response) { Exit::WouldChange } else { printed })
}

pub(super) async fn deploy(desk: &mut Desk<'_>, arguments: DeployArguments) -> Result<Exit, CliError> {
    let DeployArguments { planned, queue, supersede, override_freeze, check, detach, wait } = arguments;
    let request = DeployRequest {
        queue,
        supersede,
        override_freeze: override_freeze.unwrap_or_default(),
        fingerprint: check.unwrap_or_default(),
        ..request(desk, &planned).await?
    };
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Deploy).await?;
    let response = connection.answer(Asked::Deploy, connection.client().deploy(request)).await?;
    begun(desk, connection, response, detach, wait).await
}

pub(super) async fn rollback(desk: &mut Desk<'_>, arguments: RollbackArguments) -> Result<Exit, CliError> {
    let RollbackArguments { app, to, environment, now, why, detach, wait } = arguments;
    let request = RollbackRequest { environment, app, to, now, why: why.unwrap_or_default() };
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Rollback).await?;
    let response = connection.answer(Asked::Rollback, connection.client().rollback(request)).await?;
    begun(desk, connection, response, detach, wait).await
}

async fn begun(
    desk: &mut Desk<'_>,
    connection: Connection,
    response: DeployResponse,
    detach: bool,
    wait: WaitArguments,
) -> Result<Exit, CliError> {
    let notes: Vec<String> = response.notes.iter().map(|note| format!("note: {}", printable(note))).collect();
    let to = if desk.globals.output == OutputFormat::Json { To::Error } else { To::Output };
    // The rollout has begun: what can't be written must not keep us from following it.
    let _ = desk.terminal.lines(to, &notes);
    let view = response.rollout.unwrap_or_default();
    if !detach {
        return follow(desk, &connection, Begun::Now(Box::new(view)), wait).await;
    }
    desk.print(&view, |view, _| {
        let id = view.rollout;
        let has = if view.state == "queued" { "waits for its turn" } else { "has begun" };
        vec![format!("rollout {id} {has}. To watch: evenkeel rollout watch {id}")]
    })
}

/// The Compose file as a request, with the ids of images that exist in engines only.
async fn request(desk: &Desk<'_>, arguments: &PlannedArguments) -> Result<DeployRequest, CliError> {
    let mut specification = compose_file::read(&arguments.file, &desk.surroundings.variables)?;
    let local = engine::local_images(&desk.surroundings.engine, &mut specification, arguments.resolve).await?;
    Ok(DeployRequest {
        specification: serde_json::to_vec(&specification).expect("plain data has a JSON form"),
        environment: arguments.environment.clone(),
        local_images: local.into_iter().collect(),
        ..DeployRequest::default()
    })
}
