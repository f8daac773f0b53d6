//! The ways from a measurement to the agents: one for each stream that is open. The controller says which streams there are, whoever holds a stream
//! takes the questions off its line, sends them down and hands back what comes up. Not here: what is asked (`logs.rs`), the wire (`api`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use evenkeel_model::{HostId, LogAnswer, LogQuestion};

/// A question on its way to an agent.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub asked: LogQuestion,
    /// Where the answer goes. Dropped, there will be none. Whoever asked may be gone by then.
    pub reply: oneshot::Sender<LogAnswer>,
}

/// The way to one stream. Clones are the same one; when the last is dropped, the questions on it have no answer any more. Small, because there is one for
/// each of ten thousand agents, and almost never anything on it.
#[derive(Debug, Clone, Default)]
pub struct Line(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    questions: Mutex<VecDeque<Question>>,
    news: Notify,
}

impl Line {
    /// Puts a question on it. The answer fails when the stream has ended without it.
    pub fn ask(&self, asked: LogQuestion) -> oneshot::Receiver<LogAnswer> {
        let (reply, answer) = oneshot::channel();
        let mut questions = self.questions();
        // What nobody waits for any more need not be asked.
        questions.retain(|question| !question.reply.is_closed());
        questions.push_back(Question { asked, reply });
        drop(questions);
        self.0.news.notify_one();
        answer
    }

    /// The next question, for whoever holds the stream. Cancel-safe: no question is lost.
    pub async fn question(&self) -> Question {
        loop {
            let question = self.questions().pop_front();
            match question.filter(|question| !question.reply.is_closed()) {
                Some(question) => return question,
                None if self.questions().is_empty() => self.0.news.notified().await,
                None => {}
            }
        }
    }

    fn questions(&self) -> MutexGuard<'_, VecDeque<Question>> {
        // Each change is one call, so a panic elsewhere leaves nothing half done.
        self.0.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines of all hosts that are heard. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    by_host: Mutex<BTreeMap<HostId, Line>>,
    news: Notify,
}

impl Lines {
    /// The host has a stream, and this is the way to it.
    pub fn open(&self, host: &HostId, line: Line) {
        self.by_host().insert(host.clone(), line);
        self.0.news.notify_waiters();
    }

    /// The host has none any more.
    pub fn close(&self, host: &HostId) {
        self.by_host().remove(host);
    }

    /// The way to the host; none: it is not heard.
    pub(super) fn to(&self, host: &HostId) -> Option<Line> {
        self.by_host().get(host).cloned()
    }

    /// The way to the host, once it is heard. Cancel-safe.
    pub(super) async fn once_open(&self, host: &HostId) -> Line {
        loop {
            // Before it is looked, so that nothing that happens meanwhile is missed.
            let mut news = std::pin::pin!(self.0.news.notified());
            news.as_mut().enable();
            if let Some(line) = self.to(host) {
                return line;
            }
            news.await;
        }
    }

    fn by_host(&self) -> MutexGuard<'_, BTreeMap<HostId, Line>> {
        // As above.
        self.0.by_host.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{app, host_id};

    fn asked(pattern: &str) -> LogQuestion {
        let (services, pattern) = ([].into(), pattern.parse().unwrap());
        LogQuestion { key: app(), release: evenkeel_model::ReleaseNumber(1), services, pattern }
    }

    #[tokio::test]
    async fn questions_are_taken_in_their_order_and_only_while_somebody_waits() {
        let line = Line::default();
        let (_first, gone, _last) = (line.ask(asked("1")), line.ask(asked("2")), line.ask(asked("3")));
        drop(gone);
        let mut taken = Vec::new();
        for _ in 0..2 {
            taken.push(line.question().await.asked.pattern.to_string());
        }
        assert_eq!(taken, ["1", "3"]);
    }

    #[tokio::test]
    async fn a_question_wakes_who_waits_for_one_and_an_end_who_waits_for_an_answer() {
        let line = Line::default();
        let taker = line.clone();
        let taking = tokio::spawn(async move { taker.question().await });
        tokio::task::yield_now().await;
        let answer = line.ask(asked("1"));
        taking.await.unwrap().reply.send(Err("no".to_owned())).unwrap();
        assert_eq!(answer.await.unwrap(), Err("no".to_owned()));
        let answer = line.ask(asked("2"));
        drop(line);
        assert!(answer.await.is_err());
    }

    #[tokio::test]
    async fn a_host_is_waited_for_until_it_is_heard() {
        let lines = Lines::default();
        let waiter = lines.clone();
        let waiting = tokio::spawn(async move { waiter.once_open(&host_id(1)).await });
        tokio::task::yield_now().await;
        lines.open(&host_id(2), Line::default());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        lines.open(&host_id(1), Line::default());
        waiting.await.unwrap();
        lines.close(&host_id(1));
        assert!(lines.to(&host_id(1)).is_none());
    }
}
