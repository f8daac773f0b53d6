//! The server: a thread per connection, kept-alive connections, and an orderly end. HTTP/1.1 and HTTP/2 share its port.
//!
//! Deliberately not here: when to end (main.rs) and whether the program is healthy (settings.rs).

mod answer;
mod counted;
mod echo;
mod http2;

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::http::{self, Framing};
use crate::settings::Settings;
use crate::websocket;
use counted::Counted;

/// How long the first request of a connection accepted at the very end may still be on its way.
const FIRST_REQUEST_GRACE: Duration = Duration::from_millis(500);
/// Pause after a failed accept (out of descriptors): the reason needs time to go away.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A running server. Dropping it does not stop it; [`Server::drain`] does.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    port: u16,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    started: Instant,
    counted: Counted,
    draining: AtomicBool,
    open: Mutex<BTreeMap<u64, Connection>>,
    /// Notified when a connection has answered its first request or has ended.
    changed: Condvar,
}

#[derive(Debug)]
struct Connection {
    stream: Arc<TcpStream>,
    /// Whether it has answered a request: between requests it may be closed politely.
    served: bool,
    /// How a connection of HTTP/2 is asked to end, which must not be by closing its reading side.
    http2: Option<Arc<Notify>>,
}

impl Server {
    /// Listens on the ports of `settings`, on all addresses. The error is that of binding one.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, settings.port)))?;
        let port = listener.local_addr()?.port();
        if let Some(echo) = settings.echo_port {
            echo::listen(echo)?;
        }
        let shared = Arc::new(Shared {
            settings,
            started: Instant::now(),
            counted: Counted::default(),
            draining: AtomicBool::new(false),
            open: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::Builder::new().name("accept".to_owned()).spawn(move || accepting.accept(&listener))?;
        Ok(Self { shared, port, acceptor })
    }

    /// The port, which the kernel has chosen where the settings say 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops accepting, lets requests in flight end, closes idle connections; returns when none is left.
    pub fn drain(self) {
        let shared = &self.shared;
        shared.draining.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then takes what is already queued and stops listening.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        let _ = self.acceptor.join();

        let mut open = shared.lock();
        stop_reading(&open, |connection| connection.served);
        open = shared
            .changed
            .wait_timeout_while(open, FIRST_REQUEST_GRACE, |open| open.values().any(|connection| !connection.served))
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        stop_reading(&open, |_| true);
        drop(shared.changed.wait_while(open, |open| !open.is_empty()).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Ends the reading side: what has arrived is still answered, then the connection's thread sees the end.
fn stop_reading(open: &BTreeMap<u64, Connection>, which: impl Fn(&Connection) -> bool) {
    for connection in open.values().filter(|connection| which(connection)) {
        match &connection.http2 {
            Some(ending) => ending.notify_one(),
            // A client that has gone already is as good.
            None => drop(connection.stream.shutdown(Shutdown::Read)),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Connection>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Takes connections until draining, and then those that are queued already.
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for id in 0.. {
            match listener.accept() {
                Ok((stream, _)) => self.take(id, stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => thread::sleep(ACCEPT_PAUSE),
            }
            if self.is_draining() && listener.set_nonblocking(true).is_err() {
                return;
            }
        }
    }

    fn take(self: &Arc<Self>, id: u64, stream: TcpStream) {
        let stream = Arc::new(stream);
        self.lock().insert(id, Connection { stream: Arc::clone(&stream), served: false, http2: None });
        let shared = Arc::clone(self);
        let spawned = thread::Builder::new().spawn(move || {
            // An error here is a client that went away or spoke no HTTP: its connection ends, nothing else.
            let _ = shared.serve(id, &stream);
            shared.forget(id);
        });
        if spawned.is_err() {
            self.forget(id);
        }
    }

    fn forget(&self, id: u64) {
        self.lock().remove(&id);
        self.changed.notify_all();
    }

    fn serve(self: &Arc<Self>, id: u64, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if http2::is_spoken(stream)? {
            return self.serve_http2(id, stream);
        }
        let mut reader = BufReader::new(stream);
        while let Some(request) = http::read_request(&mut reader)? {
            if let (Some(key), "/ws") = (&request.websocket_key, request.path.as_str()) {
                http::write_switch(&mut &*stream, &websocket::accept(key), &self.settings.version)?;
                self.mark_served(id);
                return echo::websocket(reader);
            }
            let response = self.answer(&request);
            // Before it is decided whether the connection goes on: who waited through the beginning of the draining is told of it.
            thread::sleep(response.delay);
            let keep_alive = request.keep_alive && !self.is_draining();
            let framing = Framing { version: &self.settings.version, keep_alive, head_only: request.method == "HEAD" };
            http::write_response(&mut &*stream, &response, framing)?;
            if !keep_alive {
                break;
            }
            self.mark_served(id);
        }
        Ok(())
    }

    fn serve_http2(self: &Arc<Self>, id: u64, stream: &TcpStream) -> io::Result<()> {
        let ending = Arc::new(Notify::new());
        if let Some(connection) = self.lock().get_mut(&id) {
            connection.http2 = Some(Arc::clone(&ending));
        }
        if self.is_draining() {
            ending.notify_one();
        }
        http2::serve(self, id, stream, &ending)
    }

    fn mark_served(&self, id: u64) {
        if let Some(connection) = self.lock().get_mut(&id)
            && !connection.served
        {
            connection.served = true;
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
