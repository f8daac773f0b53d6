//! From http to https, except for certificate challenges, whose asker does not follow. Not here: where the challenges come from.

use std::collections::BTreeMap;

use ::http::{HeaderValue, Response};

use super::answer::{self, Reason};
use super::body::AnswerBody;
use crate::table::bare_host;

const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Answers a request on a route that redirects.
pub(super) fn redirect(
    host: &str,
    path_and_query: &str,
    challenges: &BTreeMap<String, String>,
) -> Response<AnswerBody> {
    if let Some(token) = path_and_query.strip_prefix(CHALLENGES) {
        return match challenges.get(token) {
            Some(key_authorization) => answer::challenge(key_authorization),
            None => answer::answer(Reason::UnknownChallenge, ""),
        };
    }
    // The port is http's; https has its own.
    match HeaderValue::try_from(format!("https://{}{path_and_query}", bare_host(host))) {
        Ok(location) if !host.is_empty() => answer::moved(location),
        _ => answer::answer(Reason::BadRequest, ""),
    }
}
