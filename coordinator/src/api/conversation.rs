//! What flows over one agent's stream: desired state, questions and beats down, reports, stats, answers and beats up. Down goes only what is newest
//! at the moment when there is room for it, so that a slow reader never gets what is stale.
//!
//! Not here: leases, and which of two streams counts (the controller says by `over`).

use std::pin::pin;
use std::sync::Arc;

use evenkeel_certs::TimeSource;
use evenkeel_model::{AppReport, HostId, HostStats, PrefetchReport, RefusedAssignment};
use evenkeel_proto::Malformed;
use evenkeel_proto::convert::duration_to_wire;
use evenkeel_proto::v1::{self, SessionDown, SessionUp, Welcome, session_down, session_up};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::beats::Beats;
use super::questions::Questions;
use super::{StreamEnd, revoked};
use crate::auth::Denied;
use crate::config::SessionTerms;
use crate::controller::{Connected, Handle, Reported, Unavailable, Wanted};
use crate::listen::Link;

/// One agent's stream.
pub(super) struct Conversation {
    pub(super) host: HostId,
    pub(super) link: Arc<Link>,
    pub(super) handle: Handle,
    pub(super) terms: SessionTerms,
    pub(super) time: TimeSource,
    pub(super) stop: CancellationToken,
    pub(super) connected: Connected,
}

type Down = mpsc::Sender<Result<SessionDown, Status>>;

impl Conversation {
    /// Holds the stream until it ends, and tells the controller that it has.
    pub(super) async fn hold(mut self, up: Streaming<SessionUp>, down: Down) {
        let (host, connection) = (self.host.clone(), self.connected.connection);
        tracing::info!(%host, from = %self.link.remote(), "an agent has opened its stream");
        let end = self.converse(up, &down).await;
        let end = match end {
            Some(StreamEnd::Superseded) => Some(self.why_over().await),
            other => other.map(Status::from),
        };
        let why = end.as_ref().map_or("the agent closed it", Status::message);
        tracing::info!(%host, why, "an agent's stream has ended");
        // An error means that the controller has ended, and knows.
        let _ = self.handle.gone(host, connection).await;
        if let Some(status) = end {
            // The last word has to wait for room, but not for long: the agent may be gone.
            let _ = timeout(self.terms.beat.to_std(), down.send(Err(status))).await;
        }
    }

    /// None: the agent ended it.
    async fn converse(&mut self, mut up: Streaming<SessionUp>, down: &Down) -> Option<StreamEnd> {
        let (link, time, stop) = (Arc::clone(&self.link), self.time.clone(), self.stop.clone());
        let mut revoked = pin!(revoked(&link, &time, &stop));
        // Dropped with this call: whoever asked by it hears that the stream has ended.
        let mut desired = self.connected.wanted.take();
        let asked = std::mem::take(&mut self.connected.line);
        let mut questions = Questions::default();
        let mut next = Some(Next::Welcome);
        let mut beats = Beats::begin(self.terms.beat.to_std());
        let mut beat = pin!(sleep_until(beats.due()));
        loop {
            tokio::select! {
                biased;
                end = &mut revoked => return Some(end),
                () = self.connected.over.cancelled() => return Some(StreamEnd::Superseded),
                // Cancel safe: a message is either taken whole or not at all.
                message = up.message() => match message {
                    Ok(Some(message)) => {
                        // Before the controller gets to it, which may have much to do.
                        self.connected.heard.note();
                        if self.hear(message, &mut questions).await.is_err() {
                            return Some(StreamEnd::Stopping);
                        }
                        next = next.or(beats.answers().then_some(Next::Beat));
                    }
                    Ok(None) | Err(_) => return None,
                },
                room = down.reserve(), if next.is_some() => {
                    let Ok(room) = room else { return None };
                    let is_welcome = next == Some(Next::Welcome);
                    room.send(Ok(self.message(next.take(), desired.as_mut(), &mut questions)));
                    // What is desired comes once at the start, whether it has changed or not.
                    next = (is_welcome && desired.is_some()).then_some(Next::Desired);
                    next = next.or(questions.is_waiting().then_some(Next::Question));
                    beats.sent();
                    beat.as_mut().reset(beats.due());
                }
                changed = changed(desired.as_mut()), if next != Some(Next::Welcome) && next != Some(Next::Desired) => {
                    if changed.is_err() {
                        // The controller forgot the host, and cancels `over`; or it has ended.
                        desired = None;
                    } else {
                        next = Some(Next::Desired);
                    }
                }
                question = asked.question(), if next.is_none() => {
                    questions.take(question);
                    next = Some(Next::Question);
                }
                () = &mut beat, if next.is_none() => next = Some(Next::Beat),
            }
        }
    }

    fn message(&self, next: Option<Next>, desired: Option<&mut Desired>, questions: &mut Questions) -> SessionDown {
        let message = match (next, desired) {
            (Some(Next::Welcome), _) => session_down::Message::Welcome(Welcome {
                epoch: self.connected.epoch.0,
                beat_interval: Some(duration_to_wire(self.terms.beat)),
                lease: Some(duration_to_wire(self.terms.lease)),
                stats_interval: Some(duration_to_wire(self.terms.stats)),
            }),
            (Some(Next::Desired), Some(desired)) => {
                let wanted = desired.borrow_and_update();
                session_down::Message::Desired(v1::Desired {
                    assignments: wanted.assignments.iter().map(Into::into).collect(),
                    prefetch: wanted.prefetch.iter().map(Into::into).collect(),
                })
            }
            (Some(Next::Question), _) => questions.next(),
            _ => session_down::Message::Beat(v1::Beat {}),
        };
        SessionDown { message: Some(message) }
    }

    async fn hear(&self, message: SessionUp, questions: &mut Questions) -> Result<(), Unavailable> {
        let (host, connection) = (|| self.host.clone(), self.connected.connection);
        match message.message {
            Some(session_up::Message::Report(report)) => {
                self.handle.reported(host(), connection, self.readable(&report)).await
            }
            Some(session_up::Message::Stats(stats)) => match HostStats::try_from(&stats) {
                Ok(stats) => self.handle.stats(host(), connection, stats).await,
                Err(malformed) => {
                    self.complain("stats", &malformed);
                    Ok(())
                }
            },
            Some(session_up::Message::LogAnswer(answer)) => {
                questions.answered(answer);
                Ok(())
            }
            // A newer agent may say more than we know: it is alive, and that is all.
            Some(session_up::Message::Beat(_) | session_up::Message::Hello(_)) | None => Ok(()),
        }
    }

    /// What can be understood of a report. What can't is left out, as if the host had not said it: it proves nothing.
    fn readable(&self, report: &v1::Report) -> Reported {
        let apps = report.apps.iter().filter_map(|app| self.read("an app's report", AppReport::try_from(app)));
        let refused = report.refused.iter().filter_map(|one| self.read("a refusal", RefusedAssignment::try_from(one)));
        let prefetch = report.prefetch.iter();
        let prefetch = prefetch.filter_map(|one| self.read("what is fetched ahead", PrefetchReport::try_from(one)));
        Reported { apps: apps.collect(), refused: refused.collect(), prefetch: prefetch.collect() }
    }

    fn read<T>(&self, what: &'static str, read: Result<T, Malformed>) -> Option<T> {
        read.inspect_err(|malformed| self.complain(what, malformed)).ok()
    }

    fn complain(&self, what: &'static str, malformed: &Malformed) {
        tracing::warn!(host = %self.host, what, problem = %malformed, "an agent sent what can't be read, and it is left out");
    }

    /// The controller only says that it is over; if it was because the host was removed, the agent is told so.
    async fn why_over(&self) -> Status {
        let Some(peer) = self.link.peer() else { return StreamEnd::Superseded.into() };
        match self.handle.identify(&peer.identity, peer.not_after).await {
            Err(removed) => Denied::Member(removed).into(),
            Ok(_) => StreamEnd::Superseded.into(),
        }
    }
}

type Desired = watch::Receiver<Arc<Wanted>>;

/// What is sent as soon as there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Welcome,
    Desired,
    Question,
    Beat,
}

/// Waits for ever where nothing is to come: the host has heard a higher epoch, and is sent nothing.
async fn changed(desired: Option<&mut Desired>) -> Result<(), watch::error::RecvError> {
    match desired {
        Some(desired) => desired.changed().await,
        None => std::future::pending().await,
    }
}
