//! What a request is: refused, answered here, or passed on. Not here: passing it on (`forward`), the texts (`answer`).

use std::convert::Infallible;
use std::sync::Arc;

use ::http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use ::http::uri::PathAndQuery;
use ::http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};

use super::answer::{Reason, answer, readiness};
use super::body::AnswerBody;
use super::client::Client;
use super::forward::{Asked, forward};
use super::redirect::{challenge, redirect};
use super::scan::Follows;
use crate::route::Kind;
use crate::table::{Port, bare_host};

/// Answers one request.
pub(super) async fn serve(client: Arc<Client>, request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
    let is_h2 = request.version() == Version::HTTP_2;
    // Nobody knows whether the client takes what follows for a tunnel.
    let is_tunnel = request.method() == Method::CONNECT;
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let mut answer = respond(&client, request, is_chunked).await;
    let is_upgraded = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    // Chunks that nobody asked for may or may not be read by hyper before the next head; the scan of heads could not tell the two apart.
    let is_unread = is_chunked && answer.body().is_own();
    if !is_h2 && !is_upgraded && (client.closing.told() || is_tunnel || is_unread) {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

async fn respond(client: &Arc<Client>, request: Request<Incoming>, is_chunked: bool) -> Response<AnswerBody> {
    let active = client.begin();
    if request.version() != Version::HTTP_2 && has_both_lengths(client, &request, is_chunked) {
        return answer(Reason::BothLengths, "");
    }
    if is_chunked && has_other_coding(&request) {
        return answer(Reason::Coding, "");
    }
    if request.method() == Method::CONNECT {
        return answer(Reason::Connect, "");
    }
    let Some(asked) = asked(&request) else { return answer(Reason::BadRequest, "") };
    // Whatever the routes say: whoever certifies a host asks where that host's name leads.
    if let Some(known) = challenge(asked.path.path(), &client.shared.challenges.load()) {
        return known;
    }
    let entry = {
        let table = client.shared.table.load();
        let Some(Port::Http(port)) = table.port(client.listen) else { return answer(Reason::NoRoute, "") };
        if let Some(rule) = port.readiness.as_ref().filter(|rule| rule.path == asked.path.path()) {
            return readiness(rule.failing);
        }
        // One that names no host (HTTP/1.0) is for whichever the connection was made.
        let names = client.names.as_ref().filter(|_| asked.host.as_ref().is_some_and(|host| !host.is_empty()));
        if names.is_some_and(|names| !names.are_for(&bare_host(asked.host()))) {
            return answer(Reason::OtherHost, "");
        }
        let Some(entry) = port.paths.find(asked.host(), asked.path.path()) else { return answer(Reason::NoRoute, "") };
        entry.clone()
    };
    if let Kind::Http { redirect_to_https: true, .. } = entry.route.kind {
        return redirect(asked.host(), asked.path.as_str());
    }
    // In a box: it is by far the largest part of the future, and answers of our own, and idle connections, do without.
    Box::pin(forward(client, active, entry, &asked, request)).await
}

/// Whether the head had both Content-Length and Transfer-Encoding: two servers in a row might disagree where the request ends.
fn has_both_lengths(client: &Client, request: &Request<Incoming>, is_chunked: bool) -> bool {
    let follows =
        if is_chunked { Follows::Chunks } else { Follows::Length(request.body().size_hint().exact().unwrap_or(0)) };
    client.scan().complete(follows)
}

/// Whether the body is coded otherwise than by chunks alone (RFC 9112, 6.1). hyper looks at the last coding and takes the others for granted,
/// and they would be lost on the way.
fn has_other_coding(request: &Request<Incoming>) -> bool {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let first = codings.next();
    first.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some())
}

/// The host and path; none if it does not say which host, or says it twice (RFC 9112, 3.2).
fn asked(request: &Request<Incoming>) -> Option<Asked> {
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let mut hosts = request.headers().get_all(HOST).iter();
    let (said, more) = (hosts.next(), hosts.next());
    let host = match request.uri().authority() {
        Some(authority) => Some(HeaderValue::from_str(authority.as_str()).ok()?),
        None => said.cloned(),
    };
    let is_needed = request.version() >= Version::HTTP_11;
    (more.is_none() && (host.is_some() || !is_needed)).then_some(Asked { host, path })
}
