//! Answers of our own: short text for people, and a header that tells them from the app's. Not here: when each is given.

use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::body::AnswerBody;

/// On each answer of our own, with the reason's code.
const MARK: HeaderName = HeaderName::from_static("x-evenkeel-proxy");

/// Why we answer ourselves. The codes are stable: people search logs for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    BadRequest,
    BothLengths,
    Coding,
    Connect,
    NoRoute,
    OtherHost,
    Refused,
    Broke,
    Nothing,
    HoldOver,
    HoldFull,
    AnswerTimeout,
    BodyStalled,
    UnknownChallenge,
}

impl Reason {
    fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "bad-request", "the request does not say which host it is for, or says it twice"),
            Self::BothLengths => (400, "both-lengths", "the request has both Content-Length and Transfer-Encoding"),
            Self::Coding => (501, "transfer-coding", "the only transfer coding understood here is chunked, once"),
            Self::Connect => (405, "connect-method", "this is not a proxy for CONNECT"),
            Self::NoRoute => (404, "no-route", "no service is published for this host and path"),
            Self::OtherHost => {
                (421, "other-host", "this connection was made for another host: make a new one for this")
            }
            Self::Refused => (502, "refused", "does not accept connections"),
            Self::Broke => (502, "broke", "ended the connection before it answered"),
            Self::Nothing => (503, "nothing-serves", "has no container that serves"),
            Self::HoldOver => (503, "hold-over", "did not come back while the request was held"),
            Self::HoldFull => (503, "hold-full", "is not back, and too many requests wait for it already"),
            Self::AnswerTimeout => (504, "answer-timeout", "gave no answer in time"),
            Self::BodyStalled => (408, "body-stalled", "the request's body stopped arriving"),
            Self::UnknownChallenge => {
                (404, "unknown-challenge", "no certificate is being asked for with this challenge")
            }
        }
    }

    fn is_about_the_service(self) -> bool {
        self.parts().0 > 501
    }
}

/// The answer for a reason; `service` is in its text where the reason is the service's.
pub(super) fn answer(reason: Reason, service: &str) -> Response<AnswerBody> {
    let (status, code, text) = reason.parts();
    let text = if reason.is_about_the_service() { format!("{service} {text}\n") } else { format!("{text}\n") };
    let mut answer = plain(status, code, text);
    if reason == Reason::Connect {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH"));
    }
    answer
}

/// The answer on a readiness path.
pub(super) fn readiness(failing: bool) -> Response<AnswerBody> {
    if failing { plain(503, "not-ready", "not ready\n") } else { plain(200, "ready", "ready\n") }
}

/// The answer to a certificate challenge.
pub(super) fn challenge(key_authorization: &str) -> Response<AnswerBody> {
    plain(200, "challenge", key_authorization.to_owned())
}

/// Go there instead.
pub(super) fn moved(location: HeaderValue) -> Response<AnswerBody> {
    let mut answer = plain(308, "redirect", "this service speaks https\n");
    answer.headers_mut().insert(LOCATION, location);
    answer
}

fn plain(status: u16, code: &'static str, text: impl Into<Bytes>) -> Response<AnswerBody> {
    let mut answer = Response::new(AnswerBody::own(text.into()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("it is one of those above");
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(MARK, HeaderValue::from_static(code));
    answer
}
