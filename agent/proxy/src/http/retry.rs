//! Which requests may be sent a second time. Pure. Not here: doing it (`forward`).
//!
//! | what happened | sent again |
//! |---|---|
//! | nothing was written yet: hyper gives the request back | always, thrice at most |
//! | it broke without a byte of an answer, on a connection that was used before; method idempotent, no body | once |
//! | the same with another method, or a body | no: it may have had an effect |
//! | an answer had begun | no |
//!
//! What was written to a new connection is not sent again: such a connection was not closed for being unused. Nor is anything else because
//! HTTP/2's GOAWAY came: hyper reports that of requests too whose head may already be on its way.

use ::http::{Method, Request};
use hyper::body::Body;

use super::body::ClientBody;

/// Whether it may be sent again although it was written (RFC 9110, 9.2.2 and 9.3).
fn is_repeatable(method: &Method, has_body: bool) -> bool {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::TRACE];
    !has_body && idempotent.contains(method)
}

/// A copy to send again, if it may be.
pub(super) fn copy(request: &Request<ClientBody>) -> Option<Request<ClientBody>> {
    if !is_repeatable(request.method(), !request.body().is_end_stream()) {
        return None;
    }
    let mut copy = Request::new(ClientBody::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_idempotent_requests_without_a_body_are_repeatable() {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"] {
            let method = method.parse().unwrap();
            assert!(is_repeatable(&method, false), "{method}");
            assert!(!is_repeatable(&method, true), "{method} with a body");
        }
        for method in ["POST", "PATCH", "CONNECT", "PURGE"] {
            assert!(!is_repeatable(&method.parse().unwrap(), false), "{method}");
        }
    }
}
