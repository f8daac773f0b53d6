//! Connections that change their protocol (WebSocket and any other): bytes both ways from then on, in flight until both sides have ended.
//! Not here: who may ask for it (`headers`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::http::header::UPGRADE;
use ::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::answer::{Reason, answer};
use super::body::AnswerBody;
use super::client::Client;
use super::headers;
use super::send::Lease;
use crate::duplex;

/// The upstream has agreed: tells the client, and joins the two once hyper has let go of both.
pub(super) fn tunnel(
    client: &Arc<Client>,
    clients: Option<OnUpgrade>,
    mut agreed: Response<Incoming>,
    lease: Lease,
) -> Response<AnswerBody> {
    let Some(clients) = clients else {
        // Nobody asked for it.
        lease.broke();
        return answer(Reason::Broke, "the service");
    };
    client.raw.store(true, Ordering::Release);
    let upstreams = hyper::upgrade::on(&mut agreed);
    let (cut, end) = (lease.live().cut.child_token(), client.shared.end.child_token());
    client.shared.tasks.spawn({
        let client = client.clone();
        async move {
            if let (Ok(client), Ok(upstream)) = (clients.await, upstreams.await) {
                let copied = duplex::copy(&mut TokioIo::new(client), &mut TokioIo::new(upstream), &cut, &end).await;
                if let Err(error) = copied {
                    tracing::debug!(%error, "an upgraded connection ended");
                }
            }
            drop((lease, client));
        }
    });
    let (mut parts, _) = agreed.into_parts();
    let protocol = parts.headers.get(UPGRADE).cloned().unwrap_or(HeaderValue::from_static("unknown"));
    headers::strip(&mut parts.headers);
    headers::ask_upgrade(&mut parts.headers, protocol);
    parts.status = StatusCode::SWITCHING_PROTOCOLS;
    Response::from_parts(parts, AnswerBody::own(Bytes::new()))
}
