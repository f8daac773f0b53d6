//! A request on its way: chooses an upstream, tries it, and tries again or waits where that is safe. Not here: one attempt (`send`).

use std::sync::Arc;

use ::http::header::{EXPECT, HOST};
use ::http::uri::PathAndQuery;
use ::http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use evenkeel_model::Millis;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::time::Instant;

use super::answer::{Reason, answer};
use super::body::{AnswerBody, ClientBody};
use super::client::{Active, Client};
use super::send::{Lease, Sent, is_grpc, over_http1, over_http2};
use super::{headers, upgrade};
use crate::entry::Entry;
use crate::hold::{Hold, Over};
use crate::upstream::{InFlight, Live};

/// What the client asked for, as routes see it.
#[derive(Debug)]
pub(super) struct Asked {
    /// The host, with the port if the client said one.
    pub(super) host: Option<HeaderValue>,
    /// The path.
    pub(super) path: PathAndQuery,
}

impl Asked {
    /// The host's text; empty if there is none.
    pub(super) fn host(&self) -> &str {
        self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default()
    }
}

/// Of a request that was never written. Each but the first has a connection that was opened since, so more would not help.
const MOST_ATTEMPTS: u8 = 3;

/// A request between its attempts.
struct Journey<'a> {
    client: &'a Arc<Client>,
    over: Version,
    asked: &'a Asked,
    entry: Arc<Entry>,
    /// The value of the cookie that keeps the client on one upstream.
    cookie: Option<String>,
    hold: Hold,
    /// Upstreams that could not be reached since the last wait.
    unreached: Vec<Arc<Live>>,
    /// Second ones, and further ones, over connections that were closed meanwhile.
    attempts: u8,
    /// It was written once, and may be so no more.
    is_written: bool,
    /// When the last of them failed: connections that were open then are not to be trusted.
    failed_at: Option<Instant>,
}

/// Passes a request on, and its answer back.
pub(super) async fn forward(
    client: &Arc<Client>,
    active: Active,
    entry: Arc<Entry>,
    asked: &Asked,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let cookie = entry.sticky().and_then(|name| headers::cookie(request.headers(), name)).map(str::to_owned);
    let over = if request.version() == Version::HTTP_2 { Version::HTTP_2 } else { Version::HTTP_11 };
    let mut journey = Journey {
        client,
        over,
        asked,
        entry,
        cookie,
        hold: Hold::default(),
        unreached: vec![],
        attempts: 0,
        is_written: false,
        failed_at: None,
    };
    let (request, asks_upgrade) = outgoing(client, asked, request);
    match journey.run(request).await {
        Ok((answer, lease)) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
            upgrade::tunnel(client, asks_upgrade, answer, lease)
        }
        Ok((answer, lease)) => journey.incoming(answer, lease, active),
        Err(reason) => answer(reason, &journey.entry.route.name),
    }
}

impl Journey<'_> {
    async fn run(&mut self, mut request: Request<ClientBody>) -> Result<(Response<Incoming>, Lease), Reason> {
        let limits = self.client.shared.limits;
        loop {
            let in_flight = self.start().await?;
            let live = in_flight.clone();
            let sent = match self.over {
                Version::HTTP_2 => over_http2(in_flight, request, limits, self.failed_at).await,
                _ => over_http1(in_flight, request, limits, self.failed_at).await,
            };
            request = match sent {
                Sent::Answer(answer, lease) => return Ok((answer, lease)),
                Sent::Failed(reason) => return Err(reason),
                Sent::Unreached(unsent, error) => {
                    tracing::debug!(address = %live.address, %error, "an upstream is not reached");
                    self.unreached.push(live);
                    unsent
                }
                Sent::Unsent(unsent) if self.attempts < MOST_ATTEMPTS => {
                    self.attempts += 1;
                    self.failed_at = Some(Instant::now());
                    unsent
                }
                Sent::Again(copy) if !self.is_written => {
                    self.is_written = true;
                    self.failed_at = Some(Instant::now());
                    copy
                }
                Sent::Unsent(_) | Sent::Again(_) => {
                    live.count_failure();
                    return Err(Reason::Broke);
                }
            };
            self.look_again()?;
        }
    }

    /// Chooses an upstream and is counted on it: one step. Waits while there is none.
    async fn start(&mut self) -> Result<InFlight, Reason> {
        let limits = &self.client.shared.limits;
        loop {
            let chosen = self.entry.choose(self.cookie.as_deref(), &self.unreached);
            if let Some(live) = chosen {
                if let Some(in_flight) = live.begin() {
                    return Ok(in_flight);
                }
                // It was retired since the table was read: there is a newer one.
                self.look_again()?;
                continue;
            }
            let again = (!self.unreached.is_empty()).then(|| limits.retry.to_std());
            if let Err(over) = self.hold.wait(&self.entry, again, limits.waiting).await {
                return Err(self.given_up(over));
            }
            self.unreached.clear();
            self.look_again()?;
        }
    }

    fn look_again(&mut self) -> Result<(), Reason> {
        let table = self.client.shared.table.load();
        let entry = table.http(self.client.listen, self.asked.host(), self.asked.path.path());
        self.entry = entry.ok_or(Reason::NoRoute)?.clone();
        Ok(())
    }

    fn given_up(&self, over: Over) -> Reason {
        if let Some(live) = self.unreached.last() {
            live.count_failure();
        }
        match over {
            Over::Full => Reason::HoldFull,
            Over::TimeUp => Reason::HoldOver,
            Over::Never if self.unreached.is_empty() => Reason::Nothing,
            Over::Never => Reason::Refused,
        }
    }

    /// The answer as the client gets it.
    fn incoming(&self, answer: Response<Incoming>, lease: Lease, active: Active) -> Response<AnswerBody> {
        let (mut parts, body) = answer.into_parts();
        headers::strip(&mut parts.headers);
        if let Some(name) = self.entry.sticky()
            && self.cookie.as_ref() != Some(&lease.live().tag)
        {
            headers::set_cookie(&mut parts.headers, name, &lease.live().tag);
        }
        if lease.begun() {
            parts.headers.insert(::http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        parts.version = Version::HTTP_11;
        let is_watched = self.over == Version::HTTP_2;
        Response::from_parts(parts, AnswerBody::Passed { inner: body, lease: Some(lease), is_watched, _active: active })
    }
}

/// The request as the upstream gets it, and the client's side of an upgrade if it asks for one.
fn outgoing(
    client: &Arc<Client>,
    asked: &Asked,
    mut request: Request<Incoming>,
) -> (Request<ClientBody>, Option<OnUpgrade>) {
    let is_h2 = request.version() == Version::HTTP_2;
    let protocol = if is_h2 { None } else { headers::upgrade(request.headers()) };
    let asks_upgrade = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    parts.extensions.clear();
    headers::strip(&mut parts.headers);
    headers::forwarded(&mut parts.headers, &client.address, client.names.is_some(), asked.host.as_ref());
    if let Some(protocol) = protocol {
        headers::ask_upgrade(&mut parts.headers, protocol);
    }
    let expects =
        !is_h2 && parts.headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if is_h2 && parts.uri.authority().is_some() {
        // The authority is what counts and what is routed by; an app must not see another host beside it (RFC 9113, 8.3.1).
        parts.headers.remove(HOST);
    }
    if !is_h2 {
        if parts.uri.authority().is_some() {
            parts.uri = Uri::from(asked.path.clone());
        }
        // Absolute-form: its host is the one that counts (RFC 9112, 3.2.2). HTTP/1.0 may have said none.
        let host = asked.host.clone().or_else(|| client.listen.to_string().try_into().ok());
        if let Some(host) = host.filter(|host| parts.headers.get(HOST) != Some(host)) {
            parts.headers.insert(HOST, host);
        }
        parts.version = Version::HTTP_11;
    }
    let stall = if is_h2 && is_grpc(&parts.headers) { Millis(0) } else { client.shared.limits.read_stall };
    let body = ClientBody::new(body, client, expects, stall);
    (Request::from_parts(parts, body), asks_upgrade)
}
