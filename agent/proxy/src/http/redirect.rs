//! From http to https, and the answers to certificate challenges. Not here: where the challenges come from.

use std::collections::BTreeMap;

use ::http::{HeaderValue, Response};

use super::answer::{self, Reason};
use super::body::AnswerBody;
use crate::table::bare_host;

const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// The answer to a certificate challenge that is known here.
pub(super) fn challenge(path: &str, challenges: &BTreeMap<String, String>) -> Option<Response<AnswerBody>> {
    let token = path.strip_prefix(CHALLENGES)?;
    challenges.get(token).map(|key_authorization| answer::challenge(key_authorization))
}

/// Answers a request on a route that redirects. A challenge that is not known is no page of the app's either.
pub(super) fn redirect(host: &str, path_and_query: &str) -> Response<AnswerBody> {
    if path_and_query.starts_with(CHALLENGES) {
        return answer::answer(Reason::UnknownChallenge, "");
    }
    // The port is http's; https has its own.
    match HeaderValue::try_from(format!("https://{}{path_and_query}", bare_host(host))) {
        Ok(location) if !host.is_empty() => answer::moved(location),
        _ => answer::answer(Reason::BadRequest, ""),
    }
}
