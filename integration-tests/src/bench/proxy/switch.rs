//! One route of a thousand is given another upstream by the proxy's own control interface: from the call until a new request gets there,
//! and until the call returns, when the change is on disk. Not here: switches under load (`swap`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::ground::Ground;
use super::routes::{Ours, route};
use crate::bench::{enter, note};

/// Apps, each with a route of its own.
const ROUTES: usize = 1000;
/// Switches for each of the runs.
const SWITCHES: u32 = 300;
const PORT: u16 = 9100;
/// From one app to the next: no divisor of their number, so that all have their turn.
const STRIDE: usize = 7;
/// For one switch to be seen.
const DEADLINE: Duration = Duration::from_secs(5);

/// Each switch, in ms.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// Until a request is answered by the new upstream: its sending and its answer included.
    pub(super) seen: Vec<f64>,
    /// Until the call returns.
    pub(super) durable: Vec<f64>,
}

impl Switches {
    /// For the file.
    pub(super) fn all(&self) -> Value {
        json!({ "seen_ms": self.seen, "durable_ms": self.durable })
    }
}

pub(super) fn measure(ground: &Ground, runs: u32) -> Result<Switches> {
    let ours = Ours::start(ground, "evenkeel-proxy-1000")?;
    note(&format!("setting {ROUTES} routes"));
    for app in 0..ROUTES {
        set(&ours, app, ground.upstreams[0])?;
    }
    let mut switches = Switches::default();
    let mut turns = vec![0_usize; ROUTES];
    // In the host's network, where this process is not.
    let namespace = ground.host().port().namespace();
    let prober = Prober::start(namespace, ground.at(PORT));
    for number in 0..(SWITCHES * runs) as usize {
        let app = number * STRIDE % ROUTES;
        turns[app] = 1 - turns[app];
        let (upstream, version) = (ground.upstreams[turns[app]], ["v1", "v2"][turns[app]]);
        prober.watch(app, version)?;
        let called = Instant::now();
        set(&ours, app, upstream)?;
        switches.durable.push(called.elapsed().as_secs_f64() * 1000.0);
        let seen = prober.seen()?;
        switches.seen.push(seen.saturating_duration_since(called).as_secs_f64() * 1000.0);
    }
    Ok(switches)
}

fn set(ours: &Ours, app: usize, upstream: SocketAddr) -> Result<()> {
    let listen = format!("0.0.0.0:{PORT}");
    ours.set(&format!("default/app-{app}"), vec![route(&listen, &[host_name(app)], upstream)])
}

fn host_name(app: usize) -> String {
    format!("app-{app}.test")
}

/// Asks without a pause on one kept connection, until the version that is looked for answers.
#[derive(Debug)]
struct Prober {
    watch: mpsc::Sender<(usize, &'static str)>,
    words: mpsc::Receiver<Result<Word>>,
}

#[derive(Debug)]
enum Word {
    /// It asks, and the old version has answered.
    Asking,
    /// The new version has answered, now and whenever it was asked again.
    Seen(Instant),
}

impl Prober {
    fn start(namespace: std::path::PathBuf, address: SocketAddr) -> Self {
        let (watch, watched) = mpsc::channel();
        let (words_sender, words) = mpsc::channel();
        thread::spawn(move || {
            let connected = enter(&namespace).and_then(|()| Connection::open(address));
            let mut connection = match connected {
                Ok(connection) => connection,
                Err(error) => return drop(words_sender.send(Err(error))),
            };
            while let Ok((app, version)) = watched.recv() {
                let done = connection.until(app, version, &words_sender);
                if words_sender.send(done.map(Word::Seen)).is_err() {
                    return;
                }
            }
        });
        Self { watch, words }
    }

    /// Returns when it asks.
    fn watch(&self, app: usize, version: &'static str) -> Result<()> {
        self.watch.send((app, version)).map_err(|_| anyhow!("the prober has ended"))?;
        self.words.recv_timeout(DEADLINE).context("the prober does not ask")??;
        Ok(())
    }

    fn seen(&self) -> Result<Instant> {
        match self.words.recv_timeout(DEADLINE).context("the switch was never seen")?? {
            Word::Seen(at) => Ok(at),
            Word::Asking => Err(anyhow!("the prober says that it asks twice")),
        }
    }
}

#[derive(Debug)]
struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    fn until(&mut self, app: usize, version: &str, words: &mpsc::Sender<Result<Word>>) -> Result<Instant> {
        ensure!(self.ask(app)? != version, "app {app} has {version} before it was told");
        let _ = words.send(Ok(Word::Asking));
        let began = Instant::now();
        while self.ask(app)? != version {
            ensure!(began.elapsed() < DEADLINE, "app {app} never gets to {version}");
        }
        let seen = Instant::now();
        for _ in 0..3 {
            ensure!(self.ask(app)? == version, "app {app} went back to the old upstream");
        }
        Ok(seen)
    }

    /// The version in the body of one answer.
    fn ask(&mut self, app: usize) -> Result<String> {
        write!(self.reader.get_mut(), "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host_name(app))?;
        let (mut line, mut length, mut is_success) = (String::new(), None, false);
        loop {
            line.clear();
            ensure!(self.reader.read_line(&mut line)? > 0, "the proxy has closed the connection");
            let text = line.trim_end().to_ascii_lowercase();
            is_success |= text.starts_with("http/1.1 200 ");
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
            if text.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length.context("the answer does not say its length")?];
        self.reader.read_exact(&mut body)?;
        ensure!(is_success, "app {app} was not answered 200");
        Ok(String::from_utf8_lossy(&body).trim_end().to_owned())
    }
}
