//! Tokens for pulling: asked for at the place that the registry names. Not here: keeping them; a release needs each once.

use std::fmt::Write as _;

use http::{Method, StatusCode};
use serde::Deserialize;

use super::challenge::Bearer;
use super::credentials::Login;
use super::{RegistryResolver, checked, denied, unreachable};
use crate::resolve::{Reference, ResolveError};

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl RegistryResolver {
    /// A token as the value of the `Authorization` header.
    pub(super) async fn token(
        &self,
        reference: &Reference,
        bearer: &Bearer,
        login: Option<&Login>,
    ) -> Result<String, ResolveError> {
        let default_scope = format!("repository:{}:pull", reference.path());
        let scope = bearer.scope.as_deref().unwrap_or(&default_scope);
        let mut uri = format!("{}{}scope={}", bearer.realm, separator(&bearer.realm), escaped(scope));
        if let Some(service) = &bearer.service {
            uri = format!("{uri}&service={}", escaped(service));
        }
        let login = login.map(Login::basic);
        let answer = self.request(reference, Method::GET, &uri, None, login.as_deref()).await?;
        if answer.status == StatusCode::NOT_FOUND || answer.status == StatusCode::BAD_REQUEST {
            return Err(denied(reference, &format!("no token is given for it: {}", answer.status)));
        }
        let answer = checked(answer, reference)?;
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|error| unreachable(reference, format!("its token can't be read: {error}"), None))?;
        match token.token.or(token.access_token) {
            Some(token) => Ok(format!("Bearer {token}")),
            None => Err(denied(reference, "no token is given for it")),
        }
    }
}

fn separator(realm: &str) -> char {
    if realm.contains('?') { '&' } else { '?' }
}

/// For a query: what is neither a letter nor a digit nor harmless is written as `%XX`.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    escaped
}
