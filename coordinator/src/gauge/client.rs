//! One question to one web server: the connection, the deadline, and no more of the answer than is wanted. Not here: what is asked, and what the
//! answer means.
//!
//! Each question has a connection of its own: an old one that the server has closed meanwhile would look as if the server had hung up.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, LOCATION, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, timeout_at};

use crate::chain::chain;

/// What servers are told of us.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("evenkeel/", env!("CARGO_PKG_VERSION")));

/// What is sent with a question.
pub(super) type Form = Full<Bytes>;

/// Asks web servers.
#[derive(Debug)]
pub(super) struct WebClient {
    /// Or why there is none: then servers without TLS can still be asked.
    https: Result<Client<HttpsConnector<HttpConnector>, Form>, String>,
    plain: Client<HttpConnector, Form>,
    deadline: Duration,
}

/// An answer that has begun.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Where it sends us instead.
    location: Option<String>,
    body: Incoming,
    until: Late,
}

/// As much of an answer as was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    /// Why it is not all; none: it is.
    pub(super) cut: Option<Cut>,
}

/// Why an answer was not read to its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// There is more of it than was wanted.
    TooLong,
    /// It ended too early.
    Broken(NoAnswer),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Whoever is there refuses, hangs up, or speaks no HTTP.
    Wrong(String),
    /// It may be the way as well.
    Silent(String),
}

/// When it is too late for an answer.
#[derive(Debug, Clone, Copy)]
struct Late {
    at: Instant,
    after: Duration,
}

impl NoAnswer {
    /// What happened.
    pub(super) fn why(self) -> String {
        match self {
            Self::Wrong(why) | Self::Silent(why) => why,
        }
    }
}

impl From<Late> for NoAnswer {
    fn from(late: Late) -> Self {
        Self::Silent(format!("no answer within {:?}", late.after))
    }
}

impl WebClient {
    /// With the system's certificate authorities, for questions that take so long at most, reading the answer included.
    pub(super) fn new(deadline: Duration) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_max_idle_per_host(0);
        let https = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map(|connector| builder.build(connector.https_only().enable_http1().build()))
            .map_err(|error| format!("the system's certificate authorities can't be read: {error}"));
        Self { https, plain: builder.build(HttpConnector::new()), deadline }
    }

    /// Asks, and returns when the answer begins.
    pub(super) async fn ask(&self, mut request: Request<Form>) -> Result<Answer, NoAnswer> {
        let until = Late { at: Instant::now() + self.deadline, after: self.deadline };
        request.headers_mut().insert(USER_AGENT, AGENT);
        let is_plain = request.uri().scheme_str() != Some("https");
        let sent = match &self.https {
            Ok(https) if !is_plain => https.request(request),
            Err(problem) if !is_plain => return Err(NoAnswer::Silent(problem.clone())),
            _ => self.plain.request(request),
        };
        let answer = timeout_at(until.at, sent).await.map_err(|_| until)?;
        let (head, body) = answer.map_err(|error| no_answer(&error, error.is_connect()))?.into_parts();
        let location = head.headers.get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: head.status, location, body, until })
    }
}

impl Answer {
    /// Its status for people, and where it leads.
    pub(super) fn in_words(&self) -> String {
        match self.location.as_deref().filter(|_| self.status.is_redirection()) {
            Some(location) => format!("{}, which leads to {location}", self.status),
            None => self.status.to_string(),
        }
    }

    /// Reads so many bytes of it at most.
    pub(super) async fn read(mut self, most: usize) -> Read {
        let mut bytes = Vec::new();
        loop {
            let cut = match timeout_at(self.until.at, self.body.frame()).await {
                Err(_) => Cut::Broken(self.until.into()),
                Ok(None) => return Read { bytes, cut: None },
                Ok(Some(Err(error))) => Cut::Broken(no_answer(&error, false)),
                Ok(Some(Ok(frame))) => {
                    let data = frame.data_ref().map_or(&[][..], |data| data);
                    let room = most - bytes.len();
                    bytes.extend_from_slice(&data[..data.len().min(room)]);
                    if data.len() <= room {
                        continue;
                    }
                    Cut::TooLong
                }
            };
            return Read { bytes, cut: Some(cut) };
        }
    }
}

/// Who is to blame, as far as that can be told.
fn no_answer(error: &(dyn Error + 'static), is_connecting: bool) -> NoAnswer {
    let said = chain(error);
    let mut causes = std::iter::successors(Some(error), |error| (**error).source());
    if causes.any(|cause| is_wrong(cause, is_connecting)) { NoAnswer::Wrong(said) } else { NoAnswer::Silent(said) }
}

/// Whether this is what a server does that is there. While connecting that is to refuse, and nothing else: what comes after belongs to TLS.
fn is_wrong(cause: &(dyn Error + 'static), is_connecting: bool) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof};
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return match error.kind() {
            ConnectionRefused => true,
            ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof => !is_connecting,
            _ => false,
        };
    }
    let error = cause.downcast_ref::<hyper::Error>().filter(|_| !is_connecting);
    error.is_some_and(|error| {
        error.is_parse() || error.is_incomplete_message() || error.is_canceled() || error.is_closed()
    })
}
