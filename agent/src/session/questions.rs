//! Questions about logs, answered beside the stream and apart from the drivers: a host that searches its logs goes on beating, proving and reverting.
//! Not here: reading logs (`crate::runtime`).
//!
//! They end with the stream, for who asked is told that it did.

use std::sync::Arc;

use evenkeel_model::{LogAnswer, LogQuestion};
use evenkeel_proto::v1;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::runtime::Runtime;

/// So many wait or are being answered. More come from a coordinator that does not wait for answers.
const MOST: usize = 16;
/// So many are answered at once: reading a log is work for the engine and the disk, which the apps need too.
const AT_ONCE: usize = 1;

/// The questions of one stream.
pub(super) struct Questions {
    runtime: Arc<dyn Runtime>,
    turn: Arc<Semaphore>,
    answering: JoinSet<v1::LogAnswer>,
}

impl Questions {
    /// None yet.
    pub(super) fn new(runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime, turn: Arc::new(Semaphore::new(AT_ONCE)), answering: JoinSet::new() }
    }

    /// Begins to answer. Never waits.
    pub(super) fn take(&mut self, asked: &v1::LogQuestion) {
        let (id, runtime, turn) = (asked.id, Arc::clone(&self.runtime), Arc::clone(&self.turn));
        let refused = match LogQuestion::try_from(asked) {
            Ok(_) if self.answering.len() >= MOST => {
                "it is asked more than it can answer at a time: ask again later".to_owned()
            }
            Ok(question) => {
                self.answering.spawn(async move {
                    let answer = in_turn(&*runtime, &turn, &question).await;
                    v1::LogAnswer::numbered(id, answer)
                });
                return;
            }
            Err(malformed) => {
                format!("it can't read the question ({malformed}): is its agent older than the coordinator?")
            }
        };
        tracing::warn!(refused, "a question about logs is not answered");
        self.answering.spawn(std::future::ready(v1::LogAnswer::numbered(id, Err(refused))));
    }

    /// The next answer; never ends while there is none to come. Cancel-safe: no answer is lost.
    pub(super) async fn answer(&mut self) -> v1::LogAnswer {
        loop {
            match self.answering.join_next().await {
                Some(Ok(answer)) => return answer,
                // It broke. Who asked waits no longer than for an agent that does not know questions.
                Some(Err(error)) => tracing::error!(%error, "a question about logs broke"),
                None => std::future::pending().await,
            }
        }
    }
}

async fn in_turn(runtime: &dyn Runtime, turn: &Semaphore, question: &LogQuestion) -> LogAnswer {
    // Nobody closes it.
    let _turn = turn.acquire().await;
    runtime.search_logs(question).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_model::{AppKey, EnvironmentName, ReleaseNumber};

    use super::*;
    use crate::runtime::{FakeEngine, Scope};

    fn questions() -> Questions {
        let scope = Scope { fleet: "f".parse().unwrap(), host: "h1".parse().unwrap(), publish_address: None };
        Questions::new(Arc::new(FakeEngine::new().runtime(scope)))
    }

    fn asked(id: u64) -> v1::LogQuestion {
        let key = AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() };
        let (services, pattern) = ([].into(), "panic".parse().unwrap());
        v1::LogQuestion::numbered(id, &LogQuestion { key, release: ReleaseNumber(1), services, pattern })
    }

    #[tokio::test]
    async fn each_question_is_answered_under_its_number() {
        let mut questions = questions();
        for id in 1..=3 {
            questions.take(&asked(id));
        }
        let mut answered = Vec::new();
        for _ in 0..3 {
            let answer = questions.answer().await;
            answered.push(answer.id);
            assert_eq!(answer.read().map(|count| (count.matched, count.containers)), Ok((0, 0)));
        }
        answered.sort_unstable();
        assert_eq!(answered, [1, 2, 3]);
    }

    #[tokio::test]
    async fn what_can_not_be_read_or_is_too_much_is_answered_too() {
        let mut questions = questions();
        questions.take(&v1::LogQuestion { pattern: "(".to_owned(), ..asked(1) });
        let why = questions.answer().await.read().unwrap_err();
        assert!(why.contains("log_question.pattern: it is no regular expression"), "{why}");
        for id in 0..=MOST as u64 {
            questions.take(&asked(id));
        }
        let mut refused = 0;
        for _ in 0..=MOST {
            refused += usize::from(questions.answer().await.read().is_err());
        }
        assert_eq!(refused, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_questions_there_are_no_answers() {
        let mut questions = questions();
        assert!(tokio::time::timeout(Duration::from_hours(1), questions.answer()).await.is_err());
    }
}
