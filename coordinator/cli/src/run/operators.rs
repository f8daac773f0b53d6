//! `operator …` and `whoami`. The key of a new operator is made here and written into its context file; the coordinator never sees it. Not here:
//! what a role may do (the coordinator decides).

use std::path::PathBuf;

use evenkeel_certs::{Credentials, Identity, KeyAndRequest};
use evenkeel_model::OperatorName;
use evenkeel_proto::v1::{AddOperatorRequest, AddOperatorResponse, ListOperatorsRequest, RemoveOperatorRequest};

use crate::connection::Connection;
use crate::context::{Context, ContextFile, NewContextFile};
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::look::{self, Added, Myself};
use crate::verb::AddArguments;

use super::Desk;

pub(super) async fn add(desk: &mut Desk<'_>, arguments: AddArguments) -> Result<Exit, CliError> {
    let AddArguments { name, role, out, valid, force } = arguments;
    let path = out.unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    let file = NewContextFile::take(&path, force)?;
    let key = KeyAndRequest::generate()?;
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Operator).await?;
    let request = AddOperatorRequest {
        operator: name.to_string(),
        role: role.as_str().to_owned(),
        certificate_request: key.request_pem().to_owned(),
        lifetime_ms: valid.map_or(0, |valid| valid.0),
    };
    let response = connection.answer(Asked::Operator, connection.client().add_operator(request)).await?;
    let credentials = certified(desk, &name, &key, &response)?;
    file.write(&ContextFile { addresses: &connection.addresses, credentials: &credentials }.to_toml())?;
    let operator = response.operator.unwrap_or_default();
    let added = Added {
        operator: name.to_string(),
        role: if operator.role.is_empty() { role.as_str().to_owned() } else { operator.role },
        context: path.display().to_string(),
        certificate_expires: credentials.not_after().0,
    };
    desk.print(&added, look::added)
}

/// The certificate with its key, if it is good for the one it was asked for.
fn certified(
    desk: &Desk<'_>,
    name: &OperatorName,
    key: &KeyAndRequest,
    response: &AddOperatorResponse,
) -> Result<Credentials, CliError> {
    let unusable = |error| CliError::Certificate(Box::new(error));
    let credentials = Credentials::new(&response.certificate, key.key_pem(), &response.authority).map_err(unusable)?;
    credentials.validate(desk.surroundings.time.now()).map_err(unusable)?;
    match credentials.identity() {
        Identity::Operator { operator, .. } if operator == name => Ok(credentials),
        other => Err(CliError::OtherCertificate(Box::new(other.clone()))),
    }
}

pub(super) async fn list(desk: &mut Desk<'_>) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Operator).await?;
    let response =
        connection.answer(Asked::Operator, connection.client().list_operators(ListOperatorsRequest {})).await?;
    desk.print(&response, look::operators)
}

pub(super) async fn remove(desk: &mut Desk<'_>, name: &OperatorName, yes: bool) -> Result<Exit, CliError> {
    desk.confirm(&format!("operator {name}"), format!("evenkeel operator rm {name} --yes"), yes)?;
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Operator).await?;
    let request = RemoveOperatorRequest { operator: name.to_string() };
    let response = connection.answer(Asked::Operator, connection.client().remove_operator(request)).await?;
    desk.print(&response, |_, _| {
        vec![format!("operator {name} is removed: its certificates are refused. See: evenkeel operator ls")]
    })
}

/// Who one is stands in the certificate, with which role the coordinator knows.
pub(super) async fn whoami(desk: &mut Desk<'_>) -> Result<Exit, CliError> {
    let now = desk.surroundings.time.now();
    let context = Context::load(desk.globals.context.as_deref(), &desk.surroundings.variables, now)?;
    let Identity::Operator { fleet, operator } = context.credentials.identity().clone() else {
        // The context would have been refused.
        return Err(CliError::OtherCertificate(Box::new(context.credentials.identity().clone())));
    };
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Operator).await?;
    let response =
        connection.answer(Asked::Operator, connection.client().list_operators(ListOperatorsRequest {})).await?;
    let listed = response.operators.into_iter().find(|listed| listed.operator == operator.as_str());
    let myself = Myself {
        operator: operator.to_string(),
        fleet: fleet.to_string(),
        role: listed.map(|listed| listed.role),
        certificate_expires: context.credentials.not_after().0,
        addresses: context.addresses,
        context: context.path.display().to_string(),
    };
    desk.print(&myself, look::whoami)
}
