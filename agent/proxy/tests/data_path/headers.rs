//! What the app is told, and what the client is not.

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::{AnyBody, App, text};
use crate::client::{Client, Raw, fetch};
use crate::rig::Rig;

/// Answers with the request's head as it arrived: target, and headers in order of name.
async fn mirror(request: Request<Incoming>) -> Response<AnyBody> {
    let mut lines: Vec<_> =
        request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    text(format!("{} {}|{}", request.method(), request.uri(), lines.join("|")))
}

async fn check(request: &str, expected: &str) {
    let (rig, app) = (Rig::new(), App::http1(mirror).await);
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(&request.replace('|', "\r\n")).await;
    let answer = raw.read_until(expected).await;
    assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
}

#[tokio::test]
async fn the_app_gets_the_request_as_it_was_without_what_is_for_the_proxy_and_with_who_asked() {
    check(
        "GET /a%20b?c=/d HTTP/1.1|Host: shop.test:81|Connection: keep-alive, x-hop|Keep-Alive: 5|X-Hop: 1|X-Kept: 2||",
        "GET /a%20b?c=/d|host: shop.test:81|x-forwarded-for: 127.0.0.1|x-forwarded-host: shop.test:81|x-forwarded-proto: http|x-kept: 2",
    )
    .await;
    check(
        "GET / HTTP/1.1|Host: s|X-Forwarded-For: 1.2.3.4|X-Forwarded-Proto: https|X-Forwarded-Host: front||",
        "GET /|host: s|x-forwarded-for: 1.2.3.4, 127.0.0.1|x-forwarded-host: front|x-forwarded-proto: https",
    )
    .await;
}

#[tokio::test]
async fn an_absolute_target_is_passed_on_as_a_path_with_its_own_host() {
    check(
        "GET http://shop.test/x?y HTTP/1.1|Host: elsewhere||",
        "GET /x?y|host: shop.test|x-forwarded-for: 127.0.0.1|x-forwarded-host: shop.test|x-forwarded-proto: http",
    )
    .await;
}

#[tokio::test]
async fn an_h2c_upgrade_is_not_passed_on() {
    check(
        "GET / HTTP/1.1|Host: s|Connection: Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: AAMAAABk||",
        "GET /|host: s|x-forwarded-for: 127.0.0.1|x-forwarded-host: s|x-forwarded-proto: http",
    )
    .await;
}

#[tokio::test]
async fn the_apps_connection_close_ends_its_own_connection_and_not_the_clients() {
    let rig = Rig::new();
    let app = App::raw(|mut stream| async move {
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).await;
        let answer = b"HTTP/1.1 200 OK\r\nConnection: close, x-hop\r\nKeep-Alive: timeout=1\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\nto the end";
        let _ = stream.write_all(answer).await;
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http1(rig.listen).await;
    for _ in 0..5 {
        let got = client.get("/").await;
        assert_eq!((got.body.as_str(), got.header("x-kept")), ("to the end", "2"));
        for name in ["connection", "keep-alive", "x-hop", "date", "server"] {
            assert_eq!(got.header(name), "", "{name}");
        }
    }
}

#[tokio::test]
async fn an_address_of_four_parts_in_six_is_written_with_four() {
    let (rig, app) = (Rig::new(), App::http1(mirror).await);
    let listen = rig.sockets.keep(std::net::TcpListener::bind("[::]:0").unwrap()).unwrap();
    let route = evenkeel_proxy::Route { listen, ..rig.http(&[("c1", app.address)]) };
    rig.apply(route);
    let got = fetch(([127, 0, 0, 1], listen.port()).into(), "/").await;
    assert!(got.body.contains("|x-forwarded-for: 127.0.0.1|"), "{}", got.body);
}
