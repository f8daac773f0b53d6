//! Those who answer an imagined rollout: approvers, a promoter, and whoever measures. Each is asked once at a time. Not here: what is asked for
//! (the planner), what they say (module `settings`).

use std::collections::BTreeSet;

use evenkeel_model::gate::Check;
use evenkeel_model::{OperatorName, UnixMillis};
use evenkeel_rollout::{
    GateId, Measure, Measured, Rollout, Speaker, Verdict, WaitingOn, approve, promote, take_reading,
};

use crate::fleet::name;
use crate::queue::Event;
use crate::{Answer, Settings, What};

/// Those who answer.
#[derive(Debug)]
pub(crate) struct People {
    approval: Answer,
    promotion: Answer,
    readings: crate::Readings,
    /// How many persons are about to approve; 0: nobody was asked.
    approving: usize,
    promoting: bool,
    measuring: BTreeSet<(GateId, usize)>,
    taken: usize,
}

impl People {
    /// Nobody was asked yet.
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { approval, promotion, readings, .. } = *settings;
        Self { approval, promotion, readings, approving: 0, promoting: false, measuring: BTreeSet::new(), taken: 0 }
    }

    /// What they will do about what is asked for now, and after how long.
    pub(crate) fn ask(&mut self, waiting: &[WaitingOn], measures: Vec<Measure>) -> Vec<(Answer, Event)> {
        let mut answers = Vec::new();
        for reason in waiting {
            match reason {
                WaitingOn::Approval { needed, given, .. } if self.approving == 0 && self.approval != Answer::Never => {
                    self.approving = needed + given.len();
                    answers.push((self.approval, Event::Approve));
                }
                WaitingOn::Promotion if !self.promoting => {
                    self.promoting = true;
                    answers.push((self.promotion, Event::Promote));
                }
                _ => {}
            }
        }
        for Measure { id, number, .. } in measures {
            if self.measuring.insert((id, number)) {
                answers.push((Answer::After(evenkeel_model::Millis(0)), Event::Read { id, number }));
            }
        }
        answers
    }

    /// They approve, as many as were asked for.
    pub(crate) fn approve(&mut self, rollout: &mut Rollout, now: UnixMillis) -> Option<What> {
        let asked = std::mem::take(&mut self.approving);
        let persons = (1..=asked).map(|number| name::<OperatorName>(&format!("approver-{number}")));
        // Whoever comes too late is not heard; if a gate still asks, they are asked again.
        let by: Vec<OperatorName> =
            persons.filter(|person| approve(rollout, speaker(person.clone(), now)).is_ok()).collect();
        (!by.is_empty()).then_some(What::Approved { by })
    }

    /// One promotes.
    pub(crate) fn promote(&mut self, rollout: &mut Rollout, now: UnixMillis) -> Option<What> {
        self.promoting = false;
        let by: OperatorName = name("promoter");
        promote(rollout, speaker(by.clone(), now)).is_ok().then_some(What::Promoted { by })
    }

    /// A reading was taken. What is good is not told.
    pub(crate) fn read(&mut self, rollout: &mut Rollout, id: GateId, number: usize, now: UnixMillis) -> Option<What> {
        self.measuring.remove(&(id, number));
        let verdict = self.readings.verdict(self.taken + 1);
        let measured = match verdict {
            Verdict::Inconclusive => Measured::Nothing("no answer (imagined)".to_owned()),
            _ => Measured::Answer { good: verdict == Verdict::Good, said: format!("{} (imagined)", verdict.as_str()) },
        };
        if !take_reading(rollout, id, number, &measured, now) {
            return None;
        }
        self.taken += 1;
        let Check::Analysis(analysis) = &rollout.policy.gates.get(id.gate)?.check else { return None };
        (verdict != Verdict::Good).then(|| What::Read { name: analysis.name.clone(), verdict })
    }
}

fn speaker(by: OperatorName, at: UnixMillis) -> Speaker {
    Speaker { by, at, why: String::new() }
}
