//! Requests of HTTP/1.1, one after the other on each connection.

use std::time::Duration;

use evenkeel_test_program::payload::Received;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::Task;
use crate::connection::{Slot, read};
use crate::failure::{Failure, Kind as Loss};
use crate::payload::Payload;
use crate::plan::{Client, Kind};

/// More of an unexpected answer is not kept.
const EXCERPT: usize = 200;

pub(super) async fn work(task: Task) {
    let Task { target, client, number, mut schedule, recorder } = task;
    let mut slot = Slot::new(target, recorder.clone());
    let host = target.to_string();
    let mut share = Share::new(client.slow, number, client.connections);
    let expected = sum(&client);
    while let Some(late) = schedule.due().await {
        recorder.late(late);
        let delay = share.next().then_some(client.delay);
        let sent = Instant::now();
        let end = exchange(&mut slot, &client, request(&client, &host, delay), &expected).await;
        if client.kind == Kind::New || end.is_err() {
            slot.close();
        }
        recorder.ended(sent, end);
    }
}

/// One request and its answer, checked to the last byte; returns the label of what answered.
async fn exchange(
    slot: &mut Slot,
    client: &Client,
    request: Request<Payload>,
    expected: &str,
) -> Result<String, Failure> {
    let mut response = slot.send(request).await?;
    let version = header(&response, "x-version").unwrap_or_default();
    let status = response.status();
    if client.kind == Kind::Health {
        read(response.body_mut(), |_| ()).await?;
        return match status {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE if !version.is_empty() => Ok(status.as_str().to_owned()),
            _ => Err(Failure::new(Loss::BadStatus, format!("{status}"))),
        };
    }
    let body = Answer::read(&mut response).await?;
    if status != StatusCode::OK {
        // What a proxy says of itself.
        let reason = header(&response, "x-evenkeel-proxy").unwrap_or_default();
        return Err(Failure::new(Loss::BadStatus, format!("{status} {reason} {}", body.excerpt())));
    }
    let right = match client.kind {
        Kind::Download => body.received.text() == expected,
        Kind::Upload => body.text == format!("{expected}\n").as_bytes(),
        _ => body.text == format!("{version}\n").as_bytes(),
    };
    if !right || version.is_empty() {
        let wrong = format!("version `{version}`, {} bytes: {}", body.received.bytes, body.excerpt());
        return Err(Failure::new(Loss::WrongBody, wrong));
    }
    Ok(version)
}

fn request(client: &Client, host: &str, delay: Option<Duration>) -> Request<Payload> {
    let path = match (client.kind, delay) {
        (Kind::Health, _) => "/healthz".to_owned(),
        (Kind::Upload, _) => "/upload".to_owned(),
        (Kind::Download, _) => format!("/download?bytes={}", client.bytes),
        (_, Some(delay)) => format!("/slow?ms={}", delay.as_millis()),
        _ => "/".to_owned(),
    };
    let is_upload = client.kind == Kind::Upload;
    let mut request = Request::new(Payload::new(if is_upload { client.bytes } else { 0 }));
    *request.method_mut() = if is_upload { Method::POST } else { Method::GET };
    *request.uri_mut() = path.parse().unwrap_or_default();
    request.headers_mut().extend(HeaderValue::from_str(host).map(|host| (HOST, host)));
    if client.kind == Kind::New {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    request
}

/// What is kept of an answer's body: its beginning, and a checksum of all.
#[derive(Debug, Default)]
struct Answer {
    text: Vec<u8>,
    received: Received,
}

impl Answer {
    async fn read(response: &mut Response<Incoming>) -> Result<Self, Failure> {
        let mut answer = Self::default();
        read(response.body_mut(), |piece| {
            answer.received.take(piece);
            let room = EXCERPT.saturating_sub(answer.text.len()).min(piece.len());
            answer.text.extend_from_slice(&piece[..room]);
        })
        .await?;
        Ok(answer)
    }

    fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.text).trim().chars().take(EXCERPT).collect()
    }
}

/// What a right transfer's checksum is.
fn sum(client: &Client) -> String {
    match client.kind {
        Kind::Upload | Kind::Download => Received::of_filled(client.bytes).text(),
        _ => String::new(),
    }
}

fn header(response: &Response<Incoming>, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

/// A share of all requests, evenly: no chance, so that two runs send the same.
#[derive(Debug)]
struct Share {
    share: f64,
    due: f64,
}

impl Share {
    /// Connection `number` of `connections` is ahead of its neighbour by its part.
    fn new(share: f64, number: u32, connections: u32) -> Self {
        Self { share, due: f64::from(number) / f64::from(connections) }
    }

    fn next(&mut self) -> bool {
        self.due += self.share;
        let is_due = self.due >= 1.0;
        if is_due {
            self.due -= 1.0;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_over_all_connections() {
        let slow: usize = (0..32)
            .map(|number| {
                let mut share = Share::new(0.005, number, 32);
                (0..1000).filter(|_| share.next()).count()
            })
            .sum();
        assert!((155..=165).contains(&slow), "{slow}");
        let mut always = Share::new(1.0, 3, 4);
        assert!((0..100).all(|_| always.next()));
        let mut never = Share::new(0.0, 3, 4);
        assert!(!(0..100).any(|_| never.next()));
    }
}
