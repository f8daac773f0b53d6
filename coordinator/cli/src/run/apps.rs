//! `releases` and `status`. Not here: how they look.

use evenkeel_proto::v1::{ListReleasesRequest, StatusRequest};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::look;
use crate::verb::AppArguments;

use super::Desk;

pub(super) async fn releases(desk: &mut Desk<'_>, arguments: AppArguments) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Releases).await?;
    let request = ListReleasesRequest {
        environment: arguments.environment.unwrap_or_default(),
        app: arguments.app.unwrap_or_default(),
    };
    let response = connection.answer(Asked::Releases, connection.client().list_releases(request)).await?;
    desk.print(&response, look::releases)
}

pub(super) async fn status(desk: &mut Desk<'_>, arguments: AppArguments) -> Result<Exit, CliError> {
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Status).await?;
    let request = StatusRequest {
        environment: arguments.environment.unwrap_or_default(),
        app: arguments.app.unwrap_or_default(),
    };
    let response = connection.answer(Asked::Status, connection.client().status(request)).await?;
    desk.print(&response, look::status)
}
