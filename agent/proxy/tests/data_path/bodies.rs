//! Large bodies pass both ways whole, and nothing of them is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Response;
use http_body_util::channel::Sender;
use http_body_util::{BodyExt, Channel};
use hyper::body::{Body, Incoming};

use crate::app::{AnyBody, App, any};
use crate::client::{Client, request};
use crate::rig::{Rig, soon, until};

const PIECE: usize = 64 * 1024;
/// 100 MB.
const PIECES: usize = 1600;

/// Bytes that differ from piece to piece, so that one lost, doubled or out of order changes the sum.
fn piece(number: usize) -> Bytes {
    let mut state = number as u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).take(PIECE / 8).flatten().collect()
}

/// Fletcher's sum, of 64 bits.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Sum(u64, u64, usize);

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 + u64::from(*byte)) % 0xFFFF_FFFB;
            self.1 = (self.1 + self.0) % 0xFFFF_FFFB;
        }
        self.2 += bytes.len();
    }

    async fn of(mut body: Incoming) -> Self {
        let mut sum = Self::default();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.unwrap().into_data() {
                sum.add(&data);
            }
        }
        sum
    }

    fn expected() -> Self {
        let mut sum = Self::default();
        (0..PIECES).for_each(|number| sum.add(&piece(number)));
        sum
    }
}

async fn pour(mut body: Sender<Bytes>) {
    for number in 0..PIECES {
        body.send_data(piece(number)).await.unwrap();
    }
}

fn poured() -> AnyBody {
    let (sender, channel) = Channel::<Bytes>::new(1);
    tokio::spawn(pour(sender));
    any(channel)
}

/// The app sums what it gets, says the sum in a header, and pours as much back.
async fn hundred_megabytes(app: App, mut client: Client, rig: Rig) {
    rig.serve(&[("c1", app.address)]);
    let answer = client.send(request("POST", "/", poured())).await;
    let (parts, body) = answer.into_parts();
    let expected = Sum::expected();
    assert_eq!(parts.headers["x-sum"], format!("{expected:?}"));
    assert_eq!(Sum::of(body).await, expected);
}

async fn sum_and_pour(request: http::Request<Incoming>) -> Response<AnyBody> {
    let sum = Sum::of(request.into_body()).await;
    let mut answer = Response::new(poured());
    answer.headers_mut().insert("x-sum", format!("{sum:?}").parse().unwrap());
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_pass_both_ways_whole() {
    let rig = Rig::new();
    let client = Client::http1(rig.listen).await;
    hundred_megabytes(App::http1(sum_and_pour).await, client, rig).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_pass_both_ways_whole_over_http_2() {
    let rig = Rig::new();
    let client = Client::http2(rig.listen).await;
    hundred_megabytes(App::http2(sum_and_pour).await, client, rig).await;
}

/// Pours for as long as it is taken, and counts.
fn endless(
    count: Arc<AtomicU64>,
) -> impl Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send {
    let (mut sender, channel) = Channel::<Bytes>::new(1);
    tokio::spawn(async move {
        while sender.send_data(Bytes::from(vec![0; PIECE])).await.is_ok() {
            count.fetch_add(PIECE as u64, Ordering::SeqCst);
        }
    });
    channel
}

/// Waits until no more is taken, and says how much was.
async fn settled(count: &AtomicU64) -> u64 {
    let (mut last, mut same) = (0, 0);
    until("no more is taken", || {
        let now = count.load(Ordering::SeqCst);
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
        same > 100
    })
    .await;
    last
}

/// What kernel buffers, hyper's and the windows of HTTP/2 may hold on both connections; a body that was kept would be beyond it at once.
const HELD_AT_MOST: u64 = 48 * 1024 * 1024;

#[tokio::test]
async fn an_app_cannot_pour_more_than_its_client_takes() {
    let (rig, count) = (Rig::new(), Arc::new(AtomicU64::new(0)));
    let poured = count.clone();
    let app = App::http1(move |_| {
        let body = any(endless(poured.clone()));
        async move { Response::new(body) }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http1(rig.listen).await;
    let answer = client.send(crate::client::get("/")).await;
    assert!(settled(&count).await < HELD_AT_MOST);
    drop((answer, client));
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
}

#[tokio::test]
async fn a_client_cannot_pour_more_than_its_app_takes() {
    for http2 in [false, true] {
        let (rig, count) = (Rig::new(), Arc::new(AtomicU64::new(0)));
        let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
        let take = move |request: http::Request<Incoming>| {
            keep.send(request.into_body()).unwrap();
            std::future::pending::<Response<AnyBody>>()
        };
        let app = if http2 { App::http2(take).await } else { App::http1(take).await };
        rig.serve(&[("c1", app.address)]);
        let mut client = if http2 { Client::http2(rig.listen).await } else { Client::http1(rig.listen).await };
        let body = endless(count.clone());
        let waiting = tokio::spawn(async move { client.try_send(request("POST", "/", body)).await });
        let _body = soon("the request", kept.recv()).await.unwrap();
        assert!(settled(&count).await < HELD_AT_MOST);
        waiting.abort();
    }
}
