//! A worker's end of the line to the parent. A thread of its own reads it, so that asking for a socket may wait for the answer while the
//! runtime's threads go on. Not here: what the parent's words lead to (`steward`).

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_proxy::Sockets;
use tokio::sync::{mpsc, watch};

use crate::proxy::link::{Link, Received};
use crate::proxy::message::{Ask, Tell};

/// The parent answers at once; if it does not, it is stopped or dying.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Words that wait for the steward: it takes them one by one, and the parent says few at a time.
const QUEUE: usize = 64;

/// By owner and container.
pub(super) type Counts = BTreeMap<(String, String), u64>;

/// What the steward has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// From the parent: `Lead`, `Release`, `Retire`, `Follow`, `Cut`.
    Tell(Tell),
    /// The parent is gone.
    Orphaned,
}

/// Our end.
#[derive(Debug)]
pub(super) struct Line {
    link: Arc<Link>,
    answers: Mutex<Receiver<(SocketAddr, io::Result<OwnedFd>)>>,
    /// What other workers have under way.
    pub(super) elsewhere: watch::Receiver<Counts>,
    /// The newest change of the routes that all who retire have followed.
    pub(super) followed: watch::Receiver<u64>,
}

struct Reader {
    link: Arc<Link>,
    answers: Sender<(SocketAddr, io::Result<OwnedFd>)>,
    elsewhere: watch::Sender<Counts>,
    followed: watch::Sender<u64>,
    words: mpsc::Sender<Word>,
}

impl Line {
    /// Begins to read.
    pub(super) fn start(socket: OwnedFd) -> io::Result<(Arc<Self>, mpsc::Receiver<Word>)> {
        let link = Arc::new(Link::new(socket));
        let (answer, answers) = channel();
        let (elsewhere_sender, elsewhere) = watch::channel(Counts::new());
        let (followed_sender, followed) = watch::channel(0);
        let (words_sender, words) = mpsc::channel(QUEUE);
        let reader = Reader {
            link: Arc::clone(&link),
            answers: answer,
            elsewhere: elsewhere_sender,
            followed: followed_sender,
            words: words_sender,
        };
        std::thread::Builder::new().name("parent".to_owned()).spawn(move || reader.read())?;
        Ok((Arc::new(Self { link, answers: Mutex::new(answers), elsewhere, followed }), words))
    }

    /// Says something to the parent. A parent that is gone is noticed by the reader.
    pub(super) fn say(&self, ask: &Ask) {
        if let Err(error) = self.link.send(ask) {
            tracing::debug!(%error, "the parent can't be told");
        }
    }
}

impl Reader {
    fn read(self) {
        loop {
            let tell = match self.link.receive() {
                Ok(Received::Message(tell, file)) => (tell, file),
                Ok(Received::Unknown) => continue,
                Ok(Received::Closed) => break,
                Err(error) => {
                    tracing::error!(%error, "the line to the parent is broken");
                    break;
                }
            };
            // Its receiver is gone: so is the worker.
            if !self.sort(tell) {
                return;
            }
        }
        let _ = self.words.blocking_send(Word::Orphaned);
    }

    fn sort(&self, (tell, file): (Tell, Option<OwnedFd>)) -> bool {
        match tell {
            Tell::Opened { address } => {
                let socket = file.ok_or_else(|| io::Error::other("the parent's answer came without a socket"));
                self.answers.send((address, socket)).is_ok()
            }
            Tell::Refused { address, errno } => {
                self.answers.send((address, Err(io::Error::from_raw_os_error(errno)))).is_ok()
            }
            Tell::Followed { number } => self.followed.send(number).is_ok(),
            Tell::Elsewhere { owner, container, in_flight } => {
                self.elsewhere.send_modify(|counts| {
                    if in_flight == 0 {
                        counts.remove(&(owner, container));
                    } else {
                        counts.insert((owner, container), in_flight);
                    }
                });
                true
            }
            Tell::Lead => {
                // From an earlier lead of ours; what holds now comes next.
                self.elsewhere.send_modify(Counts::clear);
                self.words.blocking_send(Word::Tell(Tell::Lead)).is_ok()
            }
            word => self.words.blocking_send(Word::Tell(word)).is_ok(),
        }
    }
}

impl Sockets for Line {
    fn open(&self, address: SocketAddr) -> io::Result<TcpListener> {
        // Held until the answer is there: one question at a time.
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        self.link.send(&Ask::Open { address })?;
        loop {
            let (of, socket) =
                answers.recv_timeout(ANSWER_TIMEOUT).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
            // Another one is the late answer to a question that was given up.
            if of == address {
                return socket.map(TcpListener::from);
            }
        }
    }

    fn close(&self, address: SocketAddr) {
        self.say(&Ask::Close { address });
    }
}
