//! What one agent is asked and has not answered yet, by the number under which it was asked on its stream. Not here: who asks (`crate::gauge`), when there
//! is room for it (`conversation.rs`).

use std::collections::BTreeMap;

use evenkeel_model::LogAnswer;
use evenkeel_proto::v1::{self, session_down};
use tokio::sync::oneshot;

use crate::gauge::Question;

/// The questions of one stream. Dropped with it, so that who asked hears that it has ended.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// The one that is to be sent next.
    waiting: Option<Question>,
    asked: u64,
    open: BTreeMap<u64, oneshot::Sender<LogAnswer>>,
}

impl Questions {
    /// One more, to be sent when there is room. Only to be called when none waits.
    pub(super) fn take(&mut self, question: Question) {
        debug_assert!(self.waiting.is_none(), "one at a time");
        self.waiting = Some(question);
    }

    /// Whether one is to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The one that waits, as it is sent.
    pub(super) fn next(&mut self) -> session_down::Message {
        let Some(Question { asked, reply }) = self.waiting.take() else {
            return session_down::Message::Beat(v1::Beat {});
        };
        // An agent that never answers must not have them pile up.
        self.open.retain(|_, reply| !reply.is_closed());
        self.asked += 1;
        self.open.insert(self.asked, reply);
        session_down::Message::LogQuestion(v1::LogQuestion::numbered(self.asked, &asked))
    }

    /// What came up. One that was not asked for, or that nobody waits for any more, is of no use.
    pub(super) fn answered(&mut self, answer: v1::LogAnswer) {
        if let Some(reply) = self.open.remove(&answer.id) {
            let _ = reply.send(answer.read());
        }
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{LogCount, LogQuestion, ReleaseNumber};

    use super::*;
    use crate::fixture::app;

    fn ask(questions: &mut Questions) -> (u64, oneshot::Receiver<LogAnswer>) {
        let (reply, answer) = oneshot::channel();
        let (services, pattern) = ([].into(), "panic".parse().unwrap());
        let asked = LogQuestion { key: app(), release: ReleaseNumber(1), services, pattern };
        questions.take(Question { asked, reply });
        assert!(questions.is_waiting());
        let session_down::Message::LogQuestion(sent) = questions.next() else { panic!("something else was sent") };
        assert!(!questions.is_waiting());
        (sent.id, answer)
    }

    #[tokio::test]
    async fn answers_find_their_questions_in_whatever_order_they_come() {
        let mut questions = Questions::default();
        let ((first, one), (second, other)) = (ask(&mut questions), ask(&mut questions));
        assert_ne!(first, second);
        questions.answered(v1::LogAnswer::numbered(second, Err("no".to_owned())));
        questions.answered(v1::LogAnswer::numbered(77, Ok(LogCount::default())));
        questions.answered(v1::LogAnswer::numbered(first, Ok(LogCount::default())));
        questions.answered(v1::LogAnswer::numbered(first, Err("twice".to_owned())));
        assert_eq!((one.await.unwrap(), other.await.unwrap()), (Ok(LogCount::default()), Err("no".to_owned())));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_does_not_pile_up_and_an_end_is_heard() {
        let mut questions = Questions::default();
        for _ in 0..100 {
            ask(&mut questions);
        }
        assert_eq!(questions.open.len(), 1);
        let (_, answer) = ask(&mut questions);
        drop(questions);
        assert!(answer.await.is_err());
    }
}
