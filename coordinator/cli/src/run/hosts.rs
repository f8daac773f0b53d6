//! `token create`, `hosts`, `host …`. Not here: how they look, waiting until a host is empty (`drain.rs`).

use evenkeel_model::Millis;
use evenkeel_proto::v1::{
    CreateTokenRequest, HostDutyRequest, HostView, LabelHostRequest, ListHostsRequest, RemoveHostRequest,
    ShowHostRequest,
};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::look;
use crate::verb::{DutyArguments, HostsArguments, LabelChange};

use super::Desk;

pub(super) fn token_request(
    labels: Vec<(String, String)>,
    environment: String,
    host: Option<String>,
    lifetime: Millis,
) -> CreateTokenRequest {
    CreateTokenRequest { lifetime_ms: lifetime.0, labels: labels.into_iter().collect(), environment, host }
}

pub(super) async fn create_token(desk: &mut Desk<'_>, request: CreateTokenRequest) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Token).await?;
    let response = connection.answer(Asked::Token, connection.client().create_token(request.clone())).await?;
    desk.print(&response, |response, look| look::token(&request, response, &connection.addresses, look))
}

pub(super) async fn list(desk: &mut Desk<'_>, arguments: HostsArguments) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Hosts).await?;
    let request = ListHostsRequest { environment: arguments.environment.unwrap_or_default() };
    let response = connection.answer(Asked::Hosts, connection.client().list_hosts(request)).await?;
    desk.print(&response, look::hosts)
}

pub(super) async fn show(desk: &mut Desk<'_>, host: String) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Host).await?;
    let response = connection.answer(Asked::Host, connection.client().show_host(ShowHostRequest { host })).await?;
    desk.print(&response, look::host)
}

pub(super) async fn label(desk: &mut Desk<'_>, host: String, changes: Vec<LabelChange>) -> Result<Exit, CliError> {
    let mut request = LabelHostRequest { host, ..LabelHostRequest::default() };
    for change in changes {
        match change {
            LabelChange::Set(key, value) => drop(request.set.insert(key, value)),
            LabelChange::Remove(key) => request.remove.push(key),
        }
    }
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Host).await?;
    let response = connection.answer(Asked::Host, connection.client().label_host(request)).await?;
    desk.print(&response, look::host)
}

pub(super) async fn cordon(desk: &mut Desk<'_>, duty: DutyArguments) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Host).await?;
    let view = set_duty(&connection, duty, "cordoned").await?;
    desk.print(&view, |view, _| {
        let host = &view.host;
        vec![format!(
            "{host} is cordoned: it keeps what it has and gets nothing new. To give it back: evenkeel host uncordon {host}"
        )]
    })
}

pub(super) async fn uncordon(desk: &mut Desk<'_>, duty: DutyArguments) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Host).await?;
    let view = set_duty(&connection, duty, "active").await?;
    desk.print(&view, |view, _| {
        let host = &view.host;
        vec![format!("{host} is given back: it gets what matches it again. To see it: evenkeel host show {host}")]
    })
}

pub(super) async fn set_duty(
    connection: &Connection,
    arguments: DutyArguments,
    duty: &str,
) -> Result<HostView, CliError> {
    let DutyArguments { host, why } = arguments;
    let request = HostDutyRequest { host, duty: duty.to_owned(), why: why.unwrap_or_default() };
    connection.answer(Asked::Host, connection.client().set_host_duty(request)).await
}

pub(super) async fn remove(desk: &mut Desk<'_>, host: String, yes: bool) -> Result<Exit, CliError> {
    desk.confirm(&host, format!("evenkeel host remove {host} --yes"), yes)?;
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Host).await?;
    let request = RemoveHostRequest { host: host.clone() };
    let response = connection.answer(Asked::Host, connection.client().remove_host(request)).await?;
    desk.print(&response, |_, _| {
        vec![format!(
            "{host} is removed. What runs there goes on running; stop it there, with its agent, if it is to end."
        )]
    })
}
