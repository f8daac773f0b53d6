//! The gauge against a small web server on this machine that answers well and badly, and against none.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{LOCATION, USER_AGENT};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use evenkeel_model::analysis::Baseline;
use evenkeel_model::{HostId, UnixMillis};

use super::*;
use crate::gauge::contract::{self, Place, contract_tests};

type Answered = Response<Full<Bytes>>;

/// A question as the server saw it.
#[derive(Debug, Clone)]
struct Seen {
    /// Method and path, and who asked.
    line: String,
    agent: String,
    /// From the address or from the body.
    form: Vec<(String, String)>,
}

impl Seen {
    fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A web server with one way to answer.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// None is no answer at all.
    async fn start(answer: impl Fn(&Seen) -> Option<Answered> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, seen) = (Arc::new(answer), Arc::<Mutex<Vec<Seen>>>::default());
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                let service = service_fn(move |request| {
                    let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                    async move {
                        let seen = see(request).await;
                        log.lock().unwrap().push(seen.clone());
                        match answer(&seen) {
                            Some(answer) => Ok::<_, Infallible>(answer),
                            None => std::future::pending().await,
                        }
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, seen, task }
    }

    /// Answers each question with this.
    async fn saying(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_| Some(answer(status, &body))).await
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn see(request: Request<Incoming>) -> Seen {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let form = String::from_utf8(body.to_vec()).unwrap();
    let pairs = head.uri.query().unwrap_or(&form).split('&').filter_map(|pair| pair.split_once('='));
    Seen {
        line: format!("{} {}", head.method, head.uri.path()),
        agent: head.headers[USER_AGENT].to_str().unwrap().to_owned(),
        form: pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect(),
    }
}

/// The text that `%XX` stands for.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

fn answer(status: u16, body: &str) -> Answered {
    Response::builder().status(status).body(Full::from(body.to_owned())).unwrap()
}

fn vector(numbers: &[&str]) -> String {
    let samples: Vec<_> =
        numbers.iter().map(|number| format!(r#"{{"metric":{{}},"value":[1.5,"{number}"]}}"#)).collect();
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, samples.join(","))
}

/// A gauge that waits as long as a busy machine needs.
fn gauge() -> WebGauge {
    WebGauge::with_deadline(Duration::from_mins(1))
}

/// For what never answers.
fn hasty() -> WebGauge {
    WebGauge::with_deadline(Duration::from_millis(300))
}

async fn of_prometheus(url: &str) -> Measured {
    gauge().measure(&contract::prometheus(url, "up", None)).await
}

async fn of_check(url: String, body: Option<&str>) -> Measured {
    gauge().measure(&contract::http(url, (200, 299), body)).await
}

#[track_caller]
fn is_nothing(measured: &Measured, why: &str) {
    assert!(matches!(measured, Measured::Nothing(said) if said.contains(why)), "{measured:?}");
}

#[track_caller]
fn is_answer(measured: &Measured, expected: bool, what: &str) {
    let Measured::Answer { good, said } = measured else { panic!("{measured:?}") };
    assert!(*good == expected && said.contains(what), "{measured:?}");
}

/// The world of the contract, as a Prometheus and a web server.
#[derive(Default)]
struct Network {
    servers: Mutex<Vec<Server>>,
}

impl Place for Network {
    async fn open(&self) -> (Arc<dyn Gauge>, String) {
        let server = Server::start(|seen| {
            Some(match seen.line.as_str() {
                "GET /good" => answer(204, ""),
                "GET /bad" => answer(503, "not healthy"),
                "GET /api/v1/query" => answered(seen),
                _ => answer(404, ""),
            })
        });
        let server = server.await;
        let url = server.url();
        self.servers.lock().unwrap().push(server);
        (Arc::new(gauge()), url)
    }
}

/// The number of the contract for a question as it came.
fn answered(seen: &Seen) -> Answered {
    let filled = seen.field("query").unwrap();
    let (query, hosts) = contract::QUERIES.iter().find_map(|query| Some((*query, hosts_in(filled, query)?))).unwrap();
    let at = seen.field("time").map(|time| UnixMillis(time.replace('.', "").parse().unwrap()));
    match contract::number(query, &hosts, at) {
        Ok(number) => answer(200, &vector(&[&number.to_string()])),
        Err(_) => answer(200, &vector(&[])),
    }
}

/// The hosts that were filled into a query; none, if it is another one.
fn hosts_in(filled: &str, query: &str) -> Option<Vec<HostId>> {
    let Some((before, after)) = query.split_once("$hosts") else { return (filled == query).then(Vec::new) };
    let hosts = filled.strip_prefix(before)?.strip_suffix(after)?.strip_prefix("(?:")?.strip_suffix(')')?;
    Some(hosts.split('|').map(|host| host.replace("[.]", ".").parse().unwrap()).collect())
}

contract_tests!(Network);

#[tokio::test]
async fn a_question_names_the_asker_and_leaves_the_time_to_the_server() {
    let server = Server::start(|_| Some(answer(200, &vector(&["1"])))).await;
    let measured = of_prometheus(&format!("{}/prometheus/", server.url())).await;
    assert_eq!(measured, Measured::Number { value: 1.0, baseline: None });
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, "GET /prometheus/api/v1/query");
    assert_eq!(seen[0].form, [("query".to_owned(), "up".to_owned())]);
    assert!(seen[0].agent.starts_with("evenkeel/"), "{}", seen[0].agent);
}

#[tokio::test]
async fn a_question_about_many_hosts_arrives_whole() {
    let server = Server::start(|_| Some(answer(200, &vector(&["1"])))).await;
    let hosts: Vec<HostId> = (0..1000).map(|number| format!("web-{number}.example").parse().unwrap()).collect();
    let query = "sum(up{host=~\"$hosts\"})";
    let what = Measure { hosts: hosts.clone(), ..contract::prometheus(&server.url(), query, None) };
    assert_eq!(gauge().measure(&what).await, Measured::Number { value: 1.0, baseline: None });
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /api/v1/query");
    assert_eq!(hosts_in(seen[0].field("query").unwrap(), query), Some(hosts));
}

#[tokio::test]
async fn a_prometheus_that_answers_no_number_says_nothing() {
    let error = r#"{"status":"error","errorType":"bad_data","error":"1:3: parse error: unexpected end of input"}"#;
    for (status, body, why) in [
        (400, error.to_owned(), "Prometheus says bad_data: 1:3: parse error: unexpected end of input"),
        (200, vector(&[]), "no data"),
        (200, vector(&["1", "2"]), "2 numbers"),
        (502, "<html>".to_owned(), "Prometheus answers 502 Bad Gateway"),
        (200, "<html>".to_owned(), "can't be read"),
        (200, vector(&["1"]) + &" ".repeat(2 << 20), "more than a MiB"),
    ] {
        let server = Server::saying(status, &body).await;
        is_nothing(&of_prometheus(&server.url()).await, why);
    }
}

#[tokio::test]
async fn nobody_is_followed_to_another_address() {
    let elsewhere = Server::saying(200, &vector(&["1"])).await;
    let location = format!("{}/", elsewhere.url());
    let server = Server::start(move |_| {
        let redirection = Response::builder().status(302).header(LOCATION, &location);
        Some(redirection.body(Full::default()).unwrap())
    });
    let server = server.await;
    is_nothing(&of_prometheus(&server.url()).await, &format!("302 Found, which leads to {}", elsewhere.url()));
    is_answer(&of_check(server.url(), None).await, false, "302 Found, which leads to");
    let wanted = contract::http(server.url(), (302, 302), None);
    is_answer(&gauge().measure(&wanted).await, true, "302 Found");
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn whoever_does_not_answer_in_time_says_nothing() {
    let server = Server::start(|_| None).await;
    for what in [contract::prometheus(&server.url(), "up", None), contract::http(server.url(), (200, 299), None)] {
        is_nothing(&hasty().measure(&what).await, "no answer within 300ms");
    }
}

#[tokio::test]
async fn a_number_that_has_nothing_beside_it_in_time_is_still_a_number() {
    let server = Server::start(|seen| seen.field("time").is_none().then(|| answer(200, &vector(&["1"])))).await;
    let what = contract::prometheus(&server.url(), "up", Some(Baseline::Before));
    // The number itself has so long.
    let gauge = WebGauge::with_deadline(Duration::from_secs(2));
    let Measured::Number { value: 1.0, baseline: Some(Err(why)) } = gauge.measure(&what).await else {
        panic!("it is another number")
    };
    assert!(why.contains("no answer within 2s"), "{why}");
}

#[tokio::test]
async fn a_refused_connection_is_bad_for_who_is_checked_and_says_nothing_of_what_is_measured() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    is_nothing(&of_prometheus(&url).await, "Connection refused");
    is_answer(&of_check(url, None).await, false, "Connection refused");
}

#[tokio::test]
async fn whoever_hangs_up_or_speaks_no_http_is_bad_if_checked() {
    for said in [&b""[..], b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut question = [0; 1024];
                let _ = stream.read(&mut question).await;
                let _ = stream.write_all(said).await;
            }
        });
        is_nothing(&of_prometheus(&url).await, "can't be asked");
        is_answer(&of_check(url, Some("whole")).await, false, "");
        task.abort();
    }
}

#[tokio::test]
async fn what_may_be_the_way_says_nothing() {
    let server = Server::saying(200, "").await;
    let without_tls = format!("https://{}", server.address);
    is_nothing(&of_check(without_tls, None).await, "GET https://");
    // Longer than a name can be, so that no network is asked for it.
    let unknown = format!("http://{}.example/", "a".repeat(64));
    is_nothing(&of_check(unknown, None).await, "dns error");
    is_nothing(&of_check("http://".to_owned(), None).await, "GET http://");
}

#[tokio::test]
async fn a_checked_answer_is_judged_by_its_status_and_what_it_contains() {
    let server = Server::saying(200, "all is\nwell").await;
    is_answer(&of_check(server.url(), None).await, true, "200 OK");
    is_answer(&of_check(server.url(), Some("well")).await, true, "200 OK, with `well` in it");
    is_answer(&of_check(server.url(), Some("WELL")).await, false, "200 OK, without `WELL` in it: all is well");
    let server = Server::saying(503, "not healthy\n").await;
    let bad = of_check(server.url(), None).await;
    is_answer(&bad, false, "503 Service Unavailable, and it may be 200 to 299: not healthy");
    let expected = contract::http(server.url(), (503, 503), Some("healthy"));
    is_answer(&gauge().measure(&expected).await, true, "503 Service Unavailable, with `healthy` in it");
}

#[tokio::test]
async fn a_text_is_looked_for_in_the_first_mib() {
    let long = "x".repeat(2 << 20);
    let server = Server::saying(200, &format!("well{long}")).await;
    is_answer(&of_check(server.url(), Some("well")).await, true, "with `well`");
    let server = Server::saying(200, &format!("{long}well")).await;
    is_answer(&of_check(server.url(), Some("well")).await, false, "in the first MiB");
}
