//! Clients that speak HTTP/2 to do harm: streams reset as fast as they are opened, heads without an end, settings and pings without a pause.
//! Each ends its own connection, and the others are served.

use evenkeel_model::Millis;
use evenkeel_proxy::Limits;
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::client::{Client, Raw};
use crate::rig::{Rig, soon, until};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// `GET / `, `http`, and the host `a`.
const GET: &[u8] = &[0x82, 0x84, 0x86, 0x41, 1, b'a'];
/// The whole head, and nothing behind it.
const END_STREAM_AND_HEADERS: u8 = 5;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The kinds of the frames that came, and the error code of the last GOAWAY.
fn kinds(mut bytes: &[u8]) -> (Vec<u8>, Option<u32>) {
    let (mut kinds, mut code) = (vec![], None);
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let payload = &rest[..length.min(rest.len())];
        kinds.push(*kind);
        if *kind == GOAWAY {
            code = payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
        }
        bytes = &rest[payload.len()..];
    }
    (kinds, code)
}

/// Opens a connection, and says what the proxy answers to these frames before it ends the connection.
async fn answer_to(rig: &Rig, frames: Vec<u8>) -> (Vec<u8>, Option<u32>) {
    let raw = Raw::connect(rig.listen).await;
    let (mut reader, mut writer) = raw.0.into_split();
    // Written beside reading: the proxy may end it before all is written.
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &frames].concat()).await;
        writer
    });
    let mut read = vec![];
    let _ = soon("the proxy ends it", tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut read)).await;
    writing.abort();
    kinds(&read)
}

async fn serves(rig: &Rig) {
    for mut client in [Client::http1(rig.listen).await, Client::http2(rig.listen).await] {
        assert_eq!(client.get("/").await.body, "served");
    }
}

#[tokio::test]
async fn a_client_that_resets_streams_as_fast_as_it_opens_them_is_sent_away() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    rig.serve(&[("c1", app.address)]);
    let pair = |number: u32| {
        let stream = 2 * number + 1;
        [frame(HEADERS, END_STREAM_AND_HEADERS, stream, GET), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())]
            .concat()
    };
    let (kinds, code) = answer_to(&rig, (0..20_000).flat_map(pair).collect()).await;
    assert_eq!(code, Some(11), "ENHANCE_YOUR_CALM was expected among {kinds:?}");
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
    let requests = rig.upstream("c1").unwrap().requests;
    assert!(requests < 1000, "{requests} of them reached the app");
    serves(&rig).await;
}

#[tokio::test]
async fn a_head_that_goes_on_without_an_end_reaches_no_app() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    rig.serve(&[("c1", app.address)]);
    // A literal header `x: yyy…`, again and again.
    let header = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat();
    for fragment in [header.repeat(100), vec![]] {
        let mut frames = frame(HEADERS, 1, 1, GET);
        for _ in 0..20_000 {
            frames.extend(frame(CONTINUATION, 0, 1, &fragment));
            if frames.len() > 8 * 1024 * 1024 {
                break;
            }
        }
        let (kinds, code) = answer_to(&rig, frames).await;
        assert!(code.is_some(), "GOAWAY was expected among {kinds:?}");
        assert_eq!(rig.upstream("c1").unwrap().requests, 0);
    }
    serves(&rig).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_over_http_2_reaches_no_app() {
    let (rig, app) = (Rig::with(Limits { head_bytes: 8192, ..Limits::default() }), App::named("served").await);
    rig.serve(&[("c1", app.address)]);
    let mut request = crate::client::get("/");
    for number in 0..100 {
        let name: http::HeaderName = format!("x-{number}").parse().unwrap();
        request.headers_mut().insert(name, "y".repeat(200).parse().unwrap());
    }
    let mut client = Client::http2(rig.listen).await;
    let answer = soon("an answer", client.try_send(request)).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));
    assert_eq!(rig.upstream("c1").unwrap().requests, 0);
    serves(&rig).await;
}

#[tokio::test]
async fn a_client_that_asks_for_acknowledgements_and_takes_none_is_closed() {
    let rig = Rig::with(Limits { write_stall: Millis(50), ..Limits::default() });
    let app = App::named("served").await;
    rig.serve(&[("c1", app.address)]);
    for flood in [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[0; 8])] {
        let mut raw = Raw::connect(rig.listen).await;
        raw.0.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
        let flood = flood.repeat(1000);
        // Far more than the buffers of both sides hold; if the proxy kept all of it in memory, it would never end.
        let writing = async { while raw.0.write_all(&flood).await.is_ok() {} };
        soon("the proxy closes it", writing).await;
        until("it is closed", || rig.proxy.status().connections == 0).await;
    }
    serves(&rig).await;
}
