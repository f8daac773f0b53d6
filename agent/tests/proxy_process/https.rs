//! A client that speaks HTTPS, by HTTP/1.1 or HTTP/2, on one connection; and many of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use evenkeel_certs::WebTls;
use http::{Request, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::authority::Authority;
use super::rig::{DEADLINE, loop_until};

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Https {
    sender: Sender,
    /// The certificate that was shown.
    pub(crate) shown: Vec<u8>,
    _driver: JoinSet<()>,
}

#[derive(Debug)]
enum Sender {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Https {
    /// Asks for the certificate of this name. The error: why there is no connection.
    pub(crate) async fn connect(tls: &WebTls, address: SocketAddr, name: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let connected =
            tokio::time::timeout(DEADLINE, tls.connect(name, stream)).await.expect("an end of the handshake");
        let stream = connected.map_err(|error| format!("{error:?}"))?;
        let connection = stream.get_ref().1;
        let shown = connection.peer_certificates().unwrap()[0].to_vec();
        let is_http2 = connection.alpn_protocol() == Some(b"h2");
        let mut driver = JoinSet::new();
        let sender = if is_http2 {
            let made = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
            let (sender, connection) = made.map_err(|error| error.to_string())?;
            driver.spawn(async { drop(connection.await) });
            Sender::Two(sender)
        } else {
            let made = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
            driver.spawn(async { drop(made.1.await) });
            Sender::One(made.0)
        };
        Ok(Self { sender, shown, _driver: driver })
    }

    /// One request, and the status and body of its answer, and whether the connection ends after it.
    pub(crate) async fn get(&mut self, host: &str, path: &str) -> Result<(u16, String, bool), String> {
        let request = Request::get(path);
        let sent = match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await.map_err(|error| error.to_string())?;
                sender.send_request(request.header("host", host).body(Empty::new()).unwrap()).await
            }
            Sender::Two(sender) => {
                let uri = format!("https://{host}{path}");
                sender.ready().await.map_err(|error| error.to_string())?;
                sender.send_request(request.uri(uri).version(Version::HTTP_2).body(Empty::new()).unwrap()).await
            }
        };
        let (parts, body) = sent.map_err(|error| format!("{error:?}"))?.into_parts();
        let body = body.collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
        let ends = parts.headers.get("connection").is_some_and(|value| value == "close");
        Ok((parts.status.as_u16(), String::from_utf8_lossy(&body).into_owned(), ends))
    }

    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Two(_))
    }
}

/// Clients that ask, on new and on kept connections, until they are told to stop.
#[derive(Debug)]
pub(crate) struct TlsFlood {
    answered: Arc<AtomicU64>,
    tasks: JoinSet<Result<(), String>>,
}

impl TlsFlood {
    /// For this host's certificate.
    pub(crate) fn start(authority: &Authority, address: SocketAddr, host: &'static str) -> Self {
        let (answered, mut tasks) = (Arc::<AtomicU64>::default(), JoinSet::new());
        for requests in [1, 1, 50, 1000] {
            let (tls, answered) = (authority.client(&["http/1.1"]), Arc::clone(&answered));
            tasks.spawn(async move {
                loop {
                    let mut client = Https::connect(&tls, address, host).await?;
                    for _ in 0..requests {
                        let (status, _, ends) = client.get(host, "/").await?;
                        if status != 200 {
                            return Err(format!("status {status}"));
                        }
                        answered.fetch_add(1, Ordering::SeqCst);
                        if ends {
                            break;
                        }
                    }
                }
            });
        }
        Self { answered, tasks }
    }

    /// Waits for so many more answers. Panics if a request was lost.
    pub(crate) async fn goes_on(&mut self, more: u64) {
        let goal = self.answered.load(Ordering::SeqCst) + more;
        loop_until("requests are answered", || {
            let lost = self.tasks.try_join_next();
            assert!(lost.is_none(), "{lost:?}");
            self.answered.load(Ordering::SeqCst) >= goal
        })
        .await;
    }
}
