//! Questions about logs, on their way down, and their answers, on their way up.

use evenkeel_model::{LogAnswer, LogCount, LogLine, LogQuestion, ReleaseNumber};

use super::{Malformed, parse, present};
use crate::v1;

impl v1::LogQuestion {
    /// The question under this number.
    pub fn numbered(id: u64, question: &LogQuestion) -> Self {
        let LogQuestion { key, release, services, pattern } = question;
        Self {
            id,
            key: Some(key.into()),
            release: release.0,
            services: services.iter().map(ToString::to_string).collect(),
            pattern: pattern.to_string(),
        }
    }
}

impl TryFrom<&v1::LogQuestion> for LogQuestion {
    type Error = Malformed;

    fn try_from(wire: &v1::LogQuestion) -> Result<Self, Malformed> {
        Ok(Self {
            key: present("log_question.key", wire.key.as_ref())?.try_into()?,
            release: ReleaseNumber(wire.release),
            services: wire
                .services
                .iter()
                .map(|service| parse("log_question.services", service))
                .collect::<Result<_, _>>()?,
            pattern: parse("log_question.pattern", &wire.pattern)?,
        })
    }
}

impl v1::LogAnswer {
    /// The answer to the question of this number.
    pub fn numbered(id: u64, answer: LogAnswer) -> Self {
        let outcome = match answer {
            Ok(count) => v1::log_answer::Outcome::Count(count.into()),
            Err(why) => v1::log_answer::Outcome::Unknown(why),
        };
        Self { id, outcome: Some(outcome) }
    }

    /// What it says. One that can't be read is none, and says why.
    pub fn read(self) -> LogAnswer {
        match self.outcome {
            Some(v1::log_answer::Outcome::Count(count)) => {
                LogCount::try_from(count).map_err(|malformed| format!("its answer can't be read: {malformed}"))
            }
            Some(v1::log_answer::Outcome::Unknown(why)) => Err(why),
            None => Err("its answer can't be read: is its agent newer than this coordinator?".to_owned()),
        }
    }
}

impl From<LogCount> for v1::LogCount {
    fn from(count: LogCount) -> Self {
        let LogCount { matched, containers, examples, cut } = count;
        let line = |LogLine { service, text }| v1::LogLine { service: service.to_string(), text };
        Self { matched, containers, examples: examples.into_iter().map(line).collect(), cut: cut.unwrap_or_default() }
    }
}

impl TryFrom<v1::LogCount> for LogCount {
    type Error = Malformed;

    fn try_from(wire: v1::LogCount) -> Result<Self, Malformed> {
        let v1::LogCount { matched, containers, examples, cut } = wire;
        let line = |v1::LogLine { service, text }| {
            Ok(LogLine { service: parse("log_answer.examples.service", &service)?, text })
        };
        let examples = examples.into_iter().map(line).collect::<Result<_, Malformed>>()?;
        Ok(Self { matched, containers, examples, cut: (!cut.is_empty()).then_some(cut) })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use evenkeel_model::{AppKey, EnvironmentName};

    use super::*;

    fn question() -> LogQuestion {
        LogQuestion {
            key: AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() },
            release: ReleaseNumber(2),
            services: ["web".parse().unwrap()].into(),
            pattern: "panic|ERROR".parse().unwrap(),
        }
    }

    #[test]
    fn questions_survive_the_wire_and_bad_ones_are_named() {
        let wire = v1::LogQuestion::numbered(7, &question());
        assert_eq!((wire.id, LogQuestion::try_from(&wire)), (7, Ok(question())));
        let field = |wire: v1::LogQuestion| LogQuestion::try_from(&wire).unwrap_err().field;
        assert_eq!(field(v1::LogQuestion { key: None, ..wire.clone() }), "log_question.key");
        assert_eq!(field(v1::LogQuestion { pattern: "(".to_owned(), ..wire.clone() }), "log_question.pattern");
        assert_eq!(field(v1::LogQuestion { services: vec!["no!".to_owned()], ..wire }), "log_question.services");
    }

    #[test]
    fn answers_survive_the_wire() {
        let examples = vec![LogLine { service: "web".parse().unwrap(), text: "panic: no".to_owned() }];
        let counted = LogCount { matched: 3, containers: 2, examples, cut: Some("it is long".to_owned()) };
        for answer in [Ok(counted), Ok(LogCount::default()), Err("the engine does not answer".to_owned())] {
            let wire = v1::LogAnswer::numbered(7, answer.clone());
            assert_eq!((wire.id, wire.read()), (7, answer));
        }
    }

    #[test]
    fn an_answer_that_can_not_be_read_is_no_answer() {
        let why = v1::LogAnswer { id: 7, outcome: None }.read().unwrap_err();
        assert!(why.contains("newer than this coordinator"), "{why}");
        let lines = vec![v1::LogLine { service: "no!".to_owned(), text: String::new() }];
        let count = v1::LogCount { examples: lines, ..v1::LogCount::default() };
        let outcome = Some(v1::log_answer::Outcome::Count(count));
        let why = v1::LogAnswer { id: 7, outcome }.read().unwrap_err();
        assert!(why.contains("log_answer.examples.service"), "{why}");
    }

    #[test]
    fn an_older_agent_passes_over_a_question() {
        #[derive(Clone, PartialEq, prost::Message)]
        struct OldDown {
            #[prost(oneof = "old_down::Message", tags = "3")]
            message: Option<old_down::Message>,
        }
        mod old_down {
            #[derive(Clone, PartialEq, prost::Oneof)]
            pub(super) enum Message {
                #[prost(message, tag = "3")]
                Beat(crate::v1::Beat),
            }
        }
        let asked = v1::session_down::Message::LogQuestion(v1::LogQuestion::numbered(7, &question()));
        let bytes = v1::SessionDown { message: Some(asked) }.encode_to_vec();
        assert_eq!(OldDown::decode(bytes.as_slice()).unwrap().message, None);
    }
}
