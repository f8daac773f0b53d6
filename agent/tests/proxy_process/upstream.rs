//! Programs behind the proxy: an HTTP one that says its name, and one that echoes bytes. And the simplest client.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A program that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// Answers of `/slow` wait for a permit of it.
    pub(crate) gate: Arc<Semaphore>,
    _tasks: JoinSet<()>,
}

impl Upstream {
    /// Answers requests with its name.
    pub(crate) async fn http(name: &str) -> Self {
        Self::http_at("127.0.0.1:0".parse().unwrap(), name).await
    }

    /// The same at this address.
    pub(crate) async fn http_at(address: SocketAddr, name: &str) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let (name, waits) = (name.to_owned(), Arc::clone(&gate));
        Self::serve(address, gate, move |stream| answer(stream, name.clone(), Arc::clone(&waits))).await
    }

    /// Sends back what it gets.
    pub(crate) async fn echo() -> Self {
        Self::serve("127.0.0.1:0".parse().unwrap(), Arc::new(Semaphore::new(0)), |mut stream| async move {
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        })
        .await
    }

    async fn serve<F>(address: SocketAddr, gate: Arc<Semaphore>, each: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // Ends them when it is ended itself.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(each(stream));
            }
        });
        Self { address, gate, _tasks: tasks }
    }
}

async fn answer(stream: TcpStream, name: String, gate: Arc<Semaphore>) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Ok(Some(head)) = head(&mut stream).await {
        if head.starts_with("GET /slow ") {
            gate.acquire().await.expect("never closed").forget();
        }
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
        if stream.get_mut().write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Lines up to an empty one; none: the other side has ended.
async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if stream.read_line(&mut head).await? == 0 {
            return if before == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        if head[before..].trim_end().is_empty() {
            return Ok(Some(head));
        }
    }
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// The answer before said that the connection ends.
    pub(crate) closing: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), closing: false })
    }

    /// One request, and its answer.
    pub(crate) async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send(path).await?;
        self.receive().await
    }

    pub(crate) async fn send(&mut self, path: &str) -> io::Result<()> {
        let text = format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\n\r\n");
        self.stream.get_mut().write_all(text.as_bytes()).await
    }

    pub(crate) async fn receive(&mut self) -> io::Result<Answer> {
        let head = head(&mut self.stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?.to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = field("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
        self.closing = field("connection:") == Some("close");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// One request on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    Client::connect(address).await?.get(path).await
}
