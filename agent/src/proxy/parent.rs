//! The parent's process: owns the listening sockets, starts and replaces workers, obeys signals. It waits for its signals and its workers
//! alone, in one thread, and never for a worker to read. Not here: who leads (`crew`), anything about traffic.

mod crew;
mod ports;
mod restart;
mod store;
mod underway;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, Stdio};

use evenkeel_model::Monotonic;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::crew::{Crew, Id, Step};
use self::ports::Ports;
use self::store::Store;
use super::link::{Link, Received};
use super::message::{Ask, Tell};

/// How a worker is started: the binary on disk at that moment, with the arguments that the parent has.
#[derive(Debug)]
pub(super) struct Program {
    /// The file.
    pub(super) path: OsString,
    /// All arguments.
    pub(super) arguments: Vec<OsString>,
}

#[derive(Debug)]
struct Worker {
    process: Child,
    link: Link,
    /// Its end of the line is closed, or broken: only its process's end is waited for.
    deaf: bool,
}

#[derive(Debug)]
struct Parent {
    program: Program,
    crew: Crew,
    ports: Ports,
    workers: BTreeMap<Id, Worker>,
}

/// Runs until it is told to stop (SIGTERM, SIGINT) and all workers have ended. SIGHUP replaces the worker.
pub(super) fn run(program: Program) -> io::Result<()> {
    let signals = signals()?;
    let mut parent = Parent {
        program,
        crew: Crew::default(),
        ports: Ports::new(Store::from_environment()),
        workers: BTreeMap::new(),
    };
    tracing::info!(kept = parent.ports.open_count(), "the proxy starts");
    let steps = parent.crew.begin(now());
    parent.take(steps);
    while !parent.crew.is_over() {
        parent.wait(&signals)?;
        for signal in std::iter::from_fn(|| signals.read_signal().ok().flatten()) {
            parent.signal(i32::try_from(signal.ssi_signo).unwrap_or(0));
        }
        parent.listen();
        parent.bury();
        let steps = parent.crew.due(now());
        parent.take(steps);
    }
    tracing::info!("the proxy has ended");
    Ok(())
}

/// Workers inherit the mask: what a terminal or a service manager sends to all of us reaches the parent alone.
fn signals() -> io::Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD] {
        set.add(signal);
    }
    set.thread_block()?;
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

fn now() -> Monotonic {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let part = |part: i64| u64::try_from(part).unwrap_or(0);
    Monotonic(part(now.tv_sec) * 1000 + part(now.tv_nsec) / 1_000_000)
}

impl Parent {
    fn wait(&self, signals: &SignalFd) -> io::Result<()> {
        let mut files = vec![PollFd::new(signals, PollFlags::IN)];
        let open = self.workers.values().filter(|worker| !worker.deaf);
        files.extend(open.map(|worker| PollFd::new(&worker.link, PollFlags::IN)));
        let left = self.crew.wake_at().map(|at| {
            // One more: the clock has cut off what is below a millisecond, and waking early would be waking for nothing.
            let left = at.since(now()).0 + 1;
            let part = |part: u64| i64::try_from(part).unwrap_or(i64::MAX);
            Timespec { tv_sec: part(left / 1000), tv_nsec: part(left % 1000 * 1_000_000) }
        });
        match poll(&mut files, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn signal(&mut self, signal: i32) {
        let steps = match Signal::try_from(signal) {
            Ok(Signal::SIGHUP) => {
                tracing::info!("told to hand over to a new worker");
                self.crew.hand_over(now())
            }
            Ok(Signal::SIGTERM | Signal::SIGINT) => {
                tracing::info!("told to stop");
                self.ports.say("STOPPING=1");
                self.crew.stop(now())
            }
            // A child's end: seen by whoever looks after them.
            _ => return,
        };
        self.take(steps);
    }

    /// Hears what the workers have to say.
    fn listen(&mut self) {
        let ids: Vec<Id> = self.workers.keys().copied().collect();
        for id in ids {
            while let Some(worker) = self.workers.get_mut(&id).filter(|worker| !worker.deaf) {
                match worker.link.try_receive::<Ask>() {
                    Ok(Received::Message(ask, _)) => self.answer(id, ask),
                    Ok(Received::Unknown) => {
                        tracing::warn!(worker = id, "a word of a worker is not known here: restart the proxy's unit");
                    }
                    Ok(Received::Closed) => worker.deaf = true,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        tracing::error!(worker = id, %error, "the line to a worker is broken");
                        worker.deaf = true;
                    }
                }
            }
        }
    }

    fn answer(&mut self, id: Id, ask: Ask) {
        let steps = match ask {
            Ask::Open { address } => return self.open(id, address),
            Ask::Close { address } => return self.ports.close(id, address),
            Ask::Prepared { drain } => self.crew.prepared(id, drain, now()),
            Ask::Ready => self.crew.ready(id, now()),
            Ask::Released => self.crew.released(id, now()),
            Ask::Kept => self.crew.kept(id),
            Ask::Follow { number } => self.crew.follow(id, number, now()),
            Ask::Followed { number } => self.crew.followed(id, Some(number)),
            Ask::Underway { owner, container, in_flight } => self.crew.underway(id, owner, container, in_flight),
            Ask::Cut { owner, container } => self.crew.cut(&owner, &container),
        };
        self.take(steps);
    }

    fn open(&mut self, id: Id, address: std::net::SocketAddr) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let sent = match self.ports.open(id, address) {
            Ok(socket) => worker.link.try_send(&Tell::Opened { address }, Some(socket)),
            Err(errno) => worker.link.try_send(&Tell::Refused { address, errno: errno.raw_os_error() }, None),
        };
        if let Err(error) = sent {
            self.give_up(id, &error);
        }
    }

    /// Sees which workers have ended.
    fn bury(&mut self) {
        let mut dead = vec![];
        for (id, worker) in &mut self.workers {
            match worker.process.try_wait() {
                Ok(Some(status)) => dead.push((*id, status.success(), status.to_string())),
                Ok(None) => {}
                Err(error) => dead.push((*id, false, error.to_string())),
            }
        }
        for (id, well, status) in dead {
            // What it said last still counts.
            self.listen();
            self.workers.remove(&id);
            self.ports.leave(id);
            if well {
                tracing::info!(worker = id, status, "a worker has ended");
            } else {
                tracing::error!(
                    worker = id,
                    status,
                    "a worker has failed; the one that leads goes on, or another is started"
                );
            }
            let steps = self.crew.ended(id, now());
            self.take(steps);
        }
    }

    fn take(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Start(id) => self.start(id),
                Step::Tell(id, tell) => self.tell(id, &tell),
                Step::Kill(id) => self.kill(id),
                Step::Leaves(id) => self.ports.leave(id),
                Step::Leads(id) => {
                    self.ports.settle();
                    tracing::info!(worker = id, ports = self.ports.open_count(), "a worker leads");
                    self.ports.say(&format!("READY=1\nSTATUS=worker {id} leads, {} ports", self.ports.open_count()));
                }
            }
        }
    }

    fn start(&mut self, id: Id) {
        match self.spawn() {
            Ok(worker) => {
                tracing::info!(worker = id, process = worker.process.id(), "a worker was started");
                self.workers.insert(id, worker);
            }
            Err(error) => {
                tracing::error!(%error, program = ?self.program.path, "no worker can be started");
                let steps = self.crew.ended(id, now());
                self.take(steps);
            }
        }
    }

    fn spawn(&self) -> io::Result<Worker> {
        let (link, theirs) = Link::pair()?;
        let mut command = Command::new(&self.program.path);
        command.args(&self.program.arguments).stdin(Stdio::from(theirs));
        for variable in store::VARIABLES {
            command.env_remove(variable);
        }
        Ok(Worker { process: command.spawn()?, link, deaf: false })
    }

    fn tell(&mut self, id: Id, tell: &Tell) {
        let Some(worker) = self.workers.get(&id).filter(|worker| !worker.deaf) else { return };
        if let Err(error) = worker.link.try_send(tell, None) {
            self.give_up(id, &error);
        }
    }

    /// One that does not read can't be led, and its sockets are better served by another.
    fn give_up(&mut self, id: Id, error: &io::Error) {
        tracing::error!(worker = id, %error, "a worker does not listen; it is ended");
        self.kill(id);
    }

    fn kill(&mut self, id: Id) {
        if let Some(worker) = self.workers.get_mut(&id) {
            // An error: it has ended already.
            let _ = worker.process.kill();
        }
    }
}
