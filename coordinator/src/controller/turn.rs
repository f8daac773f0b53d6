//! One turn of the controller's loop: events, plan, store, answers. Not here: what each event does.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use evenkeel_model::{AppKey, Millis, UnixMillis};

use super::event::{Change, Connected, Event, Hello, Read, Reply};
use super::live::Taken;
use super::refusal::{ConnectError, Unavailable};
use super::state::State;
use super::{Controller, EVENTS_PER_TURN, FIRST_PAUSE, LONGEST_PAUSE};
use crate::chain::chain;

/// What is left to do with a change once its batch is durable, or is not.
type After = Box<dyn FnOnce(Result<&mut State, Unavailable>) + Send>;

/// A stream that was taken, still without its answer.
struct Welcome {
    hello: Box<Hello>,
    taken: Result<Taken, ConnectError>,
    reply: Reply<Result<Connected, ConnectError>>,
}

/// What is answered at the end of a turn.
#[derive(Default)]
struct Answers {
    changes: Vec<After>,
    welcomes: Vec<Welcome>,
    reads: Vec<Read>,
}

impl Controller {
    /// One turn. Cancelled, it may leave a batch of which it does not know whether it is stored: only to be dropped whole.
    pub(super) async fn turn(&mut self, events: impl ExactSizeIterator<Item = Event>) {
        let (now, instant) = (self.clock.now(), Instant::now());
        let mut answers = Answers::default();
        let is_drained = events.len() < EVENTS_PER_TURN;
        for event in events {
            self.state.take(event, now, &mut answers);
        }
        // After a store that took long, the words of many hosts wait to be heard: who has not been is not silent because of that.
        if is_drained {
            self.state.expire_leases(instant);
        }
        let is_paused = self.paused_until.is_some_and(|until| until > instant);
        let planning = Instant::now();
        if !is_paused || !answers.changes.is_empty() {
            self.state.plan_due(now, instant);
        }
        let (work, planned) = (planning.elapsed(), self.state.planned.clone());
        let stored = self.store_batch(instant).await;
        if stored.is_ok() {
            self.state.renew_prefetch();
        }
        for after in answers.changes {
            after(stored.map(|()| &mut self.state));
        }
        for welcome in answers.welcomes {
            self.state.welcome(welcome, stored);
        }
        for read in answers.reads {
            self.state.answer(read, now);
        }
        let publishing = Instant::now();
        if stored.is_ok() {
            for (rollout, measures) in self.state.measures() {
                self.gauges.ask(rollout, measures);
            }
            self.state.publish();
        }
        self.state.rest(&planned, work + publishing.elapsed());
    }

    async fn store_batch(&mut self, instant: Instant) -> Result<(), Unavailable> {
        if self.state.batch.is_empty() {
            return Ok(());
        }
        match self.store.apply(&self.state.batch).await {
            Ok(()) => {
                self.state.keep();
                self.pause = FIRST_PAUSE;
                self.paused_until = None;
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    error = %chain(&error),
                    pause = %Millis::from(self.pause),
                    "the store fails: nothing is changed or ordered until it works again"
                );
                self.state.take_back();
                self.paused_until = Some(instant + self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                Err(Unavailable)
            }
        }
    }
}

impl State {
    fn take(&mut self, event: Event, now: UnixMillis, answers: &mut Answers) {
        match event {
            Event::Connected(hello, reply) => {
                let taken = self.connect(&hello, now);
                answers.welcomes.push(Welcome { hello, taken, reply });
            }
            Event::Reported(host, connection, reported) => self.reported(&host, connection, *reported),
            Event::Stats(host, connection, stats) => {
                if let Some(live) = self.live.hear(&host, connection) {
                    live.stats = Some(*stats);
                }
            }
            Event::Gone(host, connection) => self.gone(&host, connection),
            Event::Measured(rollout, gate, number, measured) => self.measured(rollout, gate, number, &measured, now),
            Event::Change(change) => answers.changes.push(self.make_change(*change, now)),
            Event::Read(read) => answers.reads.push(*read),
        }
    }

    /// The apps that were planned in this turn rest after so much work on them. Time spent waiting for the store is not work.
    fn rest(&mut self, planned: &BTreeSet<AppKey>, work: Duration) {
        let now = Instant::now();
        for key in planned {
            if let Some(app) = self.apps.get_mut(key) {
                app.rest_from(work, now);
            }
        }
    }

    fn make_change(&mut self, change: Change, now: UnixMillis) -> After {
        match change {
            Change::Join(join, reply) => answer(reply, self.join(join, now)),
            Change::Renewed { host, certificate_expires, reply } => {
                answer(reply, self.renewed(&host, certificate_expires))
            }
            Change::CreateToken(token, reply) => {
                self.create_token(token, now);
                answer(reply, Ok(()))
            }
            Change::LabelHost { host, set, remove, reply } => {
                let labelled = self.label_host(&host, set, &remove);
                answer_with(reply, labelled, move |state, ()| state.host_view(&host))
            }
            Change::RemoveHost(host, reply) => {
                let removed = self.remove_host(&host, now);
                answer_with(reply, removed, move |state, ()| {
                    state.live.remove(&host);
                    Ok(())
                })
            }
            Change::AddOperator(operator, reply) => {
                let noted = self.put_operator(operator);
                answer(reply, Ok(noted))
            }
            Change::RemoveOperator(name, reply) => answer(reply, self.remove_operator(name, now)),
            Change::Deploy(deploy, reply) => answer_rollout(reply, self.deploy(*deploy, now)),
            Change::Rollback(rollback, reply) => answer_rollout(reply, self.rollback(rollback, now)),
            Change::Abort(abort, reply) => answer_rollout(reply, self.abort(abort, now)),
            Change::Word(word, reply) => answer_rollout(reply, self.say(word, now)),
            Change::Freeze(freeze, reply) => answer(reply, Ok(self.freeze(freeze, now))),
            Change::Unfreeze(id, reply) => answer(reply, self.unfreeze(id, now)),
            Change::Duty(duty, reply) => {
                let host = duty.host.clone();
                let set = self.set_duty(duty, now);
                answer_with(reply, set, move |state, ()| state.host_view(&host))
            }
        }
    }

    fn welcome(&mut self, welcome: Welcome, stored: Result<(), Unavailable>) {
        let Welcome { hello, taken, reply } = welcome;
        // A refusal may rest on a removal that was taken back.
        let taken = taken.map_err(|refusal| stored.err().map_or(refusal, Into::into));
        let connected = taken.map(|Taken { over, heard, line }| Connected {
            connection: hello.connection,
            epoch: self.epoch(),
            // Orders of a lower epoch would be refused; and they may be older than what runs there.
            wanted: (hello.highest_epoch <= self.epoch()).then(|| self.subscribe(&hello.host)),
            over,
            heard,
            line,
        });
        // Who asked may be gone; the lease ends its stream then.
        drop(reply.send(connected));
    }
}

fn answer<T: Send + 'static, E: From<Unavailable> + Send + 'static>(
    reply: Reply<Result<T, E>>,
    result: Result<T, E>,
) -> After {
    answer_with(reply, result, |_, value| Ok(value))
}

/// An answer that shows the state after the change. A refusal too waits for the store: it may rest on a change of the same batch.
fn answer_with<T: Send + 'static, U: Send + 'static, E: From<Unavailable> + Send + 'static>(
    reply: Reply<Result<U, E>>,
    result: Result<T, E>,
    show: impl FnOnce(&mut State, T) -> Result<U, E> + Send + 'static,
) -> After {
    Box::new(move |stored| {
        let answered = match stored {
            Ok(state) => result.and_then(|value| show(state, value)),
            Err(unavailable) => Err(unavailable.into()),
        };
        drop(reply.send(answered));
    })
}

fn answer_rollout(
    reply: Reply<Result<super::RolloutSnapshot, super::RolloutError>>,
    result: Result<evenkeel_model::RolloutId, super::RolloutError>,
) -> After {
    answer_with(reply, result, |state, id| {
        let rollout = state.pick(&super::Pick::Rollout(id))?.clone();
        Ok(state.snapshot(rollout))
    })
}
