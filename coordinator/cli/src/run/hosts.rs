//! `token create`, `hosts`, `host …`. Not here: how they look.

use evenkeel_model::Millis;
use evenkeel_proto::v1::{CreateTokenRequest, LabelHostRequest, ListHostsRequest, RemoveHostRequest, ShowHostRequest};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::look;
use crate::verb::{HostsArguments, LabelChange};

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

pub(super) async fn remove(desk: &mut Desk<'_>, host: String, yes: bool) -> Result<Exit, CliError> {
    let question = format!("Remove {host} from the fleet? Its certificate is refused from then on.");
    let confirmed = if yes { Some(true) } else { desk.terminal.confirm(&question)? };
    match confirmed {
        None => return Err(CliError::NotConfirmed(host)),
        Some(false) => return Err(CliError::Declined),
        Some(true) => {}
    }
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Host).await?;
    let request = RemoveHostRequest { host: host.clone() };
    let response = connection.answer(Asked::Host, connection.client().remove_host(request)).await?;
    desk.print(&response, |_, _| {
        vec![format!(
            "{host} is removed. What runs there goes on running; stop it there, with its agent, if it is to end."
        )]
    })
}
