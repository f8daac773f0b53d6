//! Against servers that write bytes by hand, so that each answer is exactly what it is.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// More than anything here takes.
const SOON: Duration = Duration::from_secs(30);
/// For what never comes.
const BRIEF: Duration = Duration::from_millis(50);

fn get(path: &str) -> HttpProbe {
    HttpProbe::get(0, path)
}

/// What the server does after its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Closes,
    Stays,
}

/// Serves one connection with these bytes, and gives back what was asked.
async fn serve(probe: HttpProbe, bytes: &[u8], then: Then, timeout: Duration) -> (Answer, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let probe = HttpProbe { port: address.port(), ..probe };
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 1024];
        let length = stream.read(&mut asked).await.unwrap();
        // A client that has heard enough closes in the middle of it.
        let _ = stream.write_all(bytes).await;
        if then == Then::Stays {
            // Open until the client gives up.
            let _ = stream.read(&mut [0; 1]).await;
        }
        String::from_utf8_lossy(&asked[..length]).into_owned()
    };
    tokio::join!(ask(address.ip(), &probe, timeout), server)
}

async fn answer(probe: HttpProbe, bytes: &str) -> (bool, String) {
    let (answer, _) = serve(probe, bytes.as_bytes(), Then::Closes, SOON).await;
    (answer.healthy, answer.evidence.answer)
}

#[tokio::test]
async fn good_statuses_are_healthy_and_bad_ones_are_quoted() {
    let (good, asked) = serve(get("/healthz"), b"HTTP/1.1 204 No Content\r\n\r\n", Then::Closes, SOON).await;
    assert!(good.healthy, "{good:?}");
    assert!(asked.starts_with("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:"), "{asked}");
    assert!(asked.contains("connection: close\r\n") && asked.contains("user-agent: evenkeel-agent/"), "{asked}");

    let redirect = answer(get("/"), "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(redirect, (true, "302 Found".to_owned()));

    let no = b"HTTP/1.1 503 No\r\ncontent-length: 11\r\n\r\nwarming\n up";
    let (bad, _) = serve(get("/healthz"), no, Then::Closes, SOON).await;
    assert_eq!((bad.healthy, bad.evidence.answer.as_str()), (false, "503 Service Unavailable: warming up"));
    assert!(bad.evidence.request.starts_with("GET http://127.0.0.1:"), "{bad:?}");
    assert!(bad.evidence.request.ends_with("/healthz"), "{bad:?}");
}

#[tokio::test]
async fn method_headers_and_host_are_as_written() {
    let headers = [("host", "shop.example"), ("x-token", "t"), ("user-agent", "mine")];
    let headers: BTreeMap<_, _> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let probe = HttpProbe { method: "HEAD".to_owned(), headers, ..get("/up") };
    // As HEAD's answers are: a length, and nothing of it.
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    let (good, asked) = serve(probe, head, Then::Closes, SOON).await;
    assert!(good.healthy && good.evidence.request.starts_with("HEAD http://"), "{good:?}");
    assert!(asked.starts_with("HEAD /up HTTP/1.1\r\n") && asked.contains("x-token: t\r\n"), "{asked}");
    assert!(asked.contains("host: shop.example\r\n") && !asked.contains("127.0.0.1"), "{asked}");
    assert!(asked.contains("user-agent: mine\r\n") && !asked.contains("evenkeel-agent"), "{asked}");

    let impossible = HttpProbe { method: "G T".to_owned(), ..get("/") };
    let answer = ask("127.0.0.1".parse().unwrap(), &impossible, SOON).await;
    assert_eq!(answer.evidence.answer, "this can't be asked: invalid HTTP method");
}

#[tokio::test]
async fn only_the_statuses_that_are_written_are_good() {
    let range = |status_from, status_to| HttpProbe { status_from, status_to, ..get("/") };
    for (from, to, status, healthy) in [
        (200, 200, "200 OK", true),
        (200, 200, "201 Created", false),
        (200, 299, "301 Moved Permanently", false),
        (401, 401, "401 Unauthorized", true),
        (401, 401, "200 OK", false),
    ] {
        let said = answer(range(from, to), &format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(said, (healthy, status.to_owned()), "{from}-{to}");
    }
}

#[tokio::test]
async fn the_body_must_contain_what_is_written() {
    let probe = || HttpProbe { body: Some("ready: yes".to_owned()), ..get("/") };
    let body = |body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    assert_eq!(
        answer(probe(), &body("{ready: yes}")).await,
        (true, "200 OK, and the body contains `ready: yes`".to_owned())
    );
    let no = "200 OK, but the body does not contain `ready: yes`: {ready: no}";
    assert_eq!(answer(probe(), &body("{ready: no}")).await, (false, no.to_owned()));
    // In pieces, the words torn apart between two of them.
    let torn = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{ready: \r\n4\r\nyes}\r\n0\r\n\r\n";
    assert!(answer(probe(), torn).await.0);
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{ready";
    let said = "200 OK, but the body broke off before `ready: yes`: {ready";
    assert_eq!(answer(probe(), broken).await, (false, said.to_owned()));
    // The right words with the wrong status are no good answer.
    let bad = answer(probe(), "HTTP/1.1 500 Oh\r\ncontent-length: 10\r\n\r\nready: yes").await;
    assert_eq!(bad, (false, "500 Internal Server Error: ready: yes".to_owned()));
}

#[tokio::test]
async fn no_more_of_a_body_is_searched_than_64_kib_and_what_comes_early_is_enough() {
    let probe = || HttpProbe { body: Some("ready".to_owned()), ..get("/") };
    let endless = |first: &str, length| [b"HTTP/1.1 200 OK\r\n\r\n", first.as_bytes(), &vec![b'x'; length]].concat();
    let (late, _) = serve(probe(), &[endless("", 64 << 10), b"ready".to_vec()].concat(), Then::Stays, SOON).await;
    assert!(!late.healthy && late.evidence.answer.contains("the first 64 KiB of the body do not contain"), "{late:?}");
    let (early, _) = serve(probe(), &endless("ready", 100), Then::Stays, SOON).await;
    assert!(early.healthy, "{early:?}");
    let (never, _) = serve(probe(), &endless("", 100), Then::Stays, BRIEF).await;
    assert!(!never.healthy && never.evidence.answer.contains("the body did not come in time"), "{never:?}");
}

#[tokio::test]
async fn an_answer_that_streams_for_ever_is_judged_by_its_head() {
    let (good, _) = serve(get("/events"), b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n", Then::Stays, SOON).await;
    assert!(good.healthy, "{good:?}");
    let (bad, _) = serve(get("/events"), b"HTTP/1.1 500 Oh\r\n\r\nbroken", Then::Stays, BRIEF).await;
    assert_eq!((bad.healthy, bad.evidence.answer.as_str()), (false, "500 Internal Server Error: broken"));
    let long = [b"HTTP/1.1 500 Oh\r\n\r\n".to_vec(), vec![b'x'; 100_000]].concat();
    let (cut, _) = serve(get("/"), &long, Then::Closes, SOON).await;
    assert_eq!(cut.evidence.answer.len(), "500 Internal Server Error: ".len() + 200);
}

#[tokio::test]
async fn what_is_no_answer_is_said_in_words() {
    let (closed, _) = serve(get("/"), b"HTTP/1.1 20", Then::Closes, SOON).await;
    assert_eq!(closed.evidence.answer, "the connection was closed before an answer");
    let (silent, _) = serve(get("/"), b"", Then::Stays, BRIEF).await;
    assert_eq!(silent.evidence.answer, "no answer within 50ms");
    let refused = ask("127.0.0.1".parse().unwrap(), &HttpProbe::get(1, "/"), SOON).await;
    assert_eq!(refused.evidence.answer, "connection refused");
}
