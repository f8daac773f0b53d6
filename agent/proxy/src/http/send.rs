//! One attempt: one request to one upstream, over a connection that is at hand or a new one. Not here: what to try next (`forward`).

use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use ::http::header::{CONTENT_TYPE, EXPECT, HOST};
use ::http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use evenkeel_model::Millis;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::Reason;
use super::body::{BodyError, ClientBody};
use super::upload::Upload;
use super::{headers, retry};
use crate::Limits;
use crate::aside::Aside;
use crate::connect::Tap;
use crate::limits::limited;
use crate::upstream::{InFlight, Link, Live, Pool, Slot, Unusable};

/// What hyper may keep of an answer that its client does not take, for each connection: its own bound is 408 KiB, which thousands of
/// slow clients would fill. An answer's head must fit in it too.
const BUFFER: usize = 128 * 1024;

/// What came of it.
#[derive(Debug)]
pub(super) enum Sent {
    /// An answer has begun.
    Answer(Response<Incoming>, Lease),
    /// No connection: nothing was sent.
    Unreached(Request<ClientBody>, io::Error),
    /// The connection was closed before anything was written.
    Unsent(Request<ClientBody>),
    /// A connection that was used before had been closed meanwhile, and the request may be sent again although it was written.
    Again(Request<ClientBody>),
    /// Nothing more can be done.
    Failed(Reason),
}

/// What an answer holds until its body has ended.
#[derive(Debug)]
pub(super) struct Lease {
    // Before the count, so that at a count of 0 no connection is in use.
    link: Option<Link>,
    _slot: Option<Slot>,
    upload: Option<Arc<Upload>>,
    in_flight: InFlight,
    keep: Millis,
}

impl Lease {
    /// Where it is.
    pub(super) fn live(&self) -> &Arc<Live> {
        &self.in_flight
    }

    /// The answer has begun. Says whether the client's connection must end with it: it was never asked for the request's body.
    pub(super) fn begun(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.begun())
    }

    /// The body has ended as it should: the connection is free for the next.
    pub(super) fn ended(mut self) {
        if let Some(link) = self.link.take() {
            Pool::put(&self.in_flight, link, self.keep);
        }
    }

    /// The upstream broke it off.
    pub(super) fn broke(self) {
        self.in_flight.count_failure();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            upload.over();
        }
    }
}

/// Sends over HTTP/1.1. `since`: not over a connection that may have been used before that.
pub(super) async fn over_http1(
    in_flight: InFlight,
    mut request: Request<ClientBody>,
    limits: Limits,
    since: Option<Instant>,
) -> Sent {
    let pooled = if since.is_some() { None } else { in_flight.pool.take(limits.upstream_idle) };
    let reused = pooled.is_some();
    let link = match pooled {
        Some(link) => link,
        None => match open(&in_flight, &limits).await {
            Ok(link) => link,
            Err(error) => return Sent::Unreached(request, error),
        },
    };
    to_http1(&mut request);
    let upload = request.body().upload();
    if let Some(upload) = upload.clone().filter(|upload| upload.is_waiting()) {
        hyper::ext::on_informational(&mut request, move |answer| {
            if answer.status() == StatusCode::CONTINUE {
                upload.ask();
            }
        });
    }
    let copy = if reused { retry::copy(&request) } else { None };
    in_flight.count_request();
    let answer = match link.send(request) {
        Ok(answer) => answer,
        Err(request) => return Sent::Unsent(*request),
    };
    let Some(answer) = limited(limits.answer, answer).await else {
        in_flight.count_failure();
        return Sent::Failed(Reason::AnswerTimeout);
    };
    match answer {
        Ok(answer) => {
            Sent::Answer(answer, Lease { link: Some(link), _slot: None, upload, in_flight, keep: limits.upstream_idle })
        }
        Err(mut error) => {
            let copy = copy.filter(|_| !link.answered());
            match error.take_message() {
                // A new connection that was closed before anything was written: it is as good as refused.
                Some(request) if !reused => Sent::Unreached(request, io::Error::other(error.into_error())),
                Some(request) => Sent::Unsent(request),
                None => broken(&in_flight, copy, &error.into_error()),
            }
        }
    }
}

/// Sends over HTTP/2; over HTTP/1.1 where the upstream speaks no HTTP/2, except gRPC, which cannot do without.
pub(super) async fn over_http2(
    in_flight: InFlight,
    mut request: Request<ClientBody>,
    limits: Limits,
    since: Option<Instant>,
) -> Sent {
    let needs = is_grpc(request.headers());
    if !needs && in_flight.multiplexed.speaks_not() {
        return over_http1(in_flight, request, limits, since).await;
    }
    let (mut slot, reused) = match in_flight.multiplexed.slot(&in_flight, &limits, since).await {
        Ok(slot) => slot,
        Err(Unusable::Unreached(error)) => return Sent::Unreached(request, error),
        Err(Unusable::OtherProtocol) if needs => {
            in_flight.count_failure();
            return Sent::Failed(Reason::Broke);
        }
        Err(Unusable::OtherProtocol) => {
            let sent = over_http1(in_flight, request, limits, since).await;
            // Only once it has answered otherwise: a container that is just starting or stopping closes connections too.
            if let Sent::Answer(_, lease) = &sent {
                lease.live().multiplexed.learn_other_protocol();
            }
            return sent;
        }
    };
    to_http2(&mut request);
    let upload = request.body().upload();
    let copy = if reused { retry::copy(&request) } else { None };
    in_flight.count_request();
    let Some(mut sender) = slot.sender.take() else { return Sent::Unsent(request) };
    let answer = sender.try_send_request(request);
    drop(sender);
    let forget = || in_flight.multiplexed.forget(&slot);
    let Some(answer) = limited(limits.answer, unless_stranded(answer, &slot.ended, forget)).await else {
        in_flight.count_failure();
        return Sent::Failed(Reason::AnswerTimeout);
    };
    match answer {
        Ok(answer) => {
            Sent::Answer(answer, Lease { link: None, _slot: Some(slot), upload, in_flight, keep: limits.upstream_idle })
        }
        Err(mut error) => {
            let unsent = error.take_message();
            if unsent.is_some() || copy.is_some() {
                in_flight.multiplexed.forget(&slot);
            }
            match unsent {
                Some(request) => Sent::Unsent(request),
                None => broken(&in_flight, copy, &error.into_error()),
            }
        }
    }
}

/// Whether it is a gRPC call.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Waits for an answer over HTTP/2. A request that is queued in the very moment in which its connection ends may be seen by neither side, and
/// whoever waited for it with a sender in hand would wait for ever (see [`Link`]). So at the connection's end `let_go` drops the senders,
/// and whatever is stranded comes back as unsent. An answer that is on its way still comes.
async fn unless_stranded<F: Future>(answer: F, ended: &CancellationToken, let_go: impl FnOnce()) -> F::Output {
    let mut answer = pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => return answer,
        () = ended.cancelled() => let_go(),
    }
    answer.await
}

/// It was written, and there is no answer: what now? `copy`: it may be sent again.
fn broken(live: &Live, copy: Option<Request<ClientBody>>, error: &hyper::Error) -> Sent {
    if let Some(copy) = copy {
        return Sent::Again(copy);
    }
    if is_clients_fault(error) {
        return Sent::Failed(Reason::BodyStalled);
    }
    tracing::debug!(address = %live.address, %error, "an upstream gave no answer");
    live.count_failure();
    Sent::Failed(Reason::Broke)
}

/// Whether the request's own body ended before its end. (If the client broke it off, nobody reads our answer.)
fn is_clients_fault(error: &hyper::Error) -> bool {
    std::iter::successors(error.source(), |error| (*error).source()).any(<dyn Error>::is::<BodyError>)
}

async fn open(live: &Live, limits: &Limits) -> io::Result<Link> {
    let (tap, answered, _) = Tap::new(live.connect(limits).await?);
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER.max(limits.head_bytes));
    let (sender, connection) = builder.handshake(TokioIo::new(tap)).await.map_err(io::Error::other)?;
    let connection = connection.with_upgrades();
    // Its own token: thousands of connections must not wake through one lock.
    let cut = Aside::new(live.cut.child_token().cancelled_owned());
    let (link, ended) = Link::new(sender, answered);
    tokio::spawn(async move {
        let _ended = ended;
        tokio::select! {
            biased;
            () = cut => {}
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "a connection to an upstream ended");
            },
        }
    });
    Ok(link)
}

/// From HTTP/2's form, if it is in that.
fn to_http1(request: &mut Request<ClientBody>) {
    if request.version() != Version::HTTP_2 {
        return;
    }
    if let Some(host) = request.uri().authority().and_then(|authority| authority.as_str().try_into().ok()) {
        request.headers_mut().insert(HOST, host);
    }
    if let Some(path) = request.uri().path_and_query() {
        *request.uri_mut() = Uri::from(path.clone());
    }
    headers::join_cookies(request.headers_mut());
    *request.version_mut() = Version::HTTP_11;
}

/// From HTTP/1.1's form, if an earlier attempt had to take that.
fn to_http2(request: &mut Request<ClientBody>) {
    // hyper asks for a scheme and a host in each; the one the client named may be that of its TLS, which ends here.
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(::http::uri::Scheme::HTTP);
    if parts.authority.is_none() {
        parts.authority = request.headers().get(HOST).and_then(|host| host.as_bytes().try_into().ok());
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request.headers_mut().remove(EXPECT);
    *request.version_mut() = Version::HTTP_2;
}

#[cfg(test)]
mod tests;
