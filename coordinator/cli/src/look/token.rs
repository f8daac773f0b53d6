//! A join token, with the command that uses it. Not here: making it.

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::{CreateTokenRequest, CreateTokenResponse};

use crate::format;
use crate::table::Look;

use super::labels;

/// The token and how it is used.
pub(crate) fn token(
    request: &CreateTokenRequest,
    response: &CreateTokenResponse,
    addresses: &[String],
    look: Look,
) -> Vec<String> {
    let expires = UnixMillis(response.expires);
    let whom = request.host.as_ref().map_or_else(|| "one host".to_owned(), |host| format!("the host {host}"));
    let labels = match labels(&request.labels) {
        none if none.is_empty() => String::new(),
        labels => format!(", with the labels {labels}"),
    };
    vec![
        response.token.clone(),
        String::new(),
        format!(
            "Good once, for {whom} in the environment {}{labels}; expires {} ({}). It is not shown again.",
            request.environment,
            format::until(look.now, expires),
            format::moment(expires),
        ),
        "On the new host, as root, in a checkout or archive of Evenkeel, with the token's line in a file `token`:"
            .to_owned(),
        format!("  {}", install_command(addresses, request.host.as_deref())),
    ]
}

/// The line to run on the new host, which has nothing of ours yet. The token is not in it: arguments can be seen by every process there.
/// It joins through one coordinator; the agent's own file lists all of them for later.
fn install_command(addresses: &[String], host: Option<&str>) -> String {
    let coordinator = addresses.first().map(|address| format!(" --coordinator {address}")).unwrap_or_default();
    let host = host.map(|host| format!(" --host {host}")).unwrap_or_default();
    format!("deploy/install agent{coordinator}{host} --token-file token")
}
