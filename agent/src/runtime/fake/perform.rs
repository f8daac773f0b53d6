//! What agents do to an engine in memory. The lock is never held over a wait: an action takes effect at one moment and then takes its time,
//! or, as a pull, takes its time and has no effect if it is given up. Not here: the state.

use std::time::Duration;

use evenkeel_machine::{Action, ContainerPlan, Outcome, Place};
use evenkeel_model::{AppKey, CauseKind, Evidence, Failure, ImagePin, Millis, Probe};

use crate::probe::{Answer, goes_over_the_network, question};
use crate::runtime::not_the_engines;

use super::world::{Body, State, World};
use super::{FakeRuntime, Performed, Pull};

/// What a program exits with that ends on SIGTERM (128 + 15), and one that has to be killed (128 + 9).
const TERMINATED: i64 = 143;
const KILLED: i64 = 137;
/// The engine keeps the evidence to so many lines.
const LINES: usize = 50;
/// And to so many characters of each.
const LINE: usize = 1000;

impl FakeRuntime {
    /// Does it, and notes beginning and end.
    pub(super) async fn do_and_note(&self, key: &AppKey, action: &Action) -> Outcome {
        let (number, refusal) = self.begin(key, action);
        let outcome = match refusal {
            Some(failure) => Outcome::Failed(Box::new(failure)),
            None => self.act(key, action).await,
        };
        let ended = self.engine.now();
        let mut world = self.engine.world();
        let forgotten = world.forgotten;
        if let Some(performed) = world.log.get_mut(number - forgotten) {
            performed.ended = Some((ended, outcome.clone()));
        }
        outcome
    }

    fn begin(&self, key: &AppKey, action: &Action) -> (usize, Option<Failure>) {
        let began = self.engine.now();
        let mut world = self.engine.settle();
        let host = self.scope.host.clone();
        world.log.push(Performed { host, key: key.clone(), action: action.clone(), began, ended: None });
        (world.forgotten + world.log.len() - 1, world.refuse(action.name()))
    }

    async fn act(&self, key: &AppKey, action: &Action) -> Outcome {
        let done = match action {
            Action::Wait => Ok(()),
            Action::Pull { image, timeout } => self.pull(image, timeout.to_std()).await,
            Action::Create(plan) => {
                self.engine.change(|world, _| create(world, self, plan)).map_err(|failure| *failure)
            }
            Action::Start(place) => self.start(key, place).await,
            Action::Stop { place, grace } => {
                self.stop(key, place, grace.to_std()).await;
                Ok(())
            }
            Action::SetRestart { place, restart } => {
                self.with_body(key, place, |body, _| body.restart = *restart);
                Ok(())
            }
            Action::Remove(place) => {
                let labels_of = |world: &World| world.find(&self.scope, key, place).map(|body| body.id.clone());
                self.engine.change(|world, _| {
                    let id = labels_of(world);
                    world.bodies.retain(|_, body| Some(&body.id) != id.as_ref());
                });
                Ok(())
            }
            Action::Forget { image } => {
                self.engine.change(|world, _| world.forget(&self.scope, image));
                Ok(())
            }
            Action::Route(_) | Action::Cut { .. } => Err(not_the_engines(action)),
            Action::Collect(place) => return Outcome::Collected(Box::new(self.collect(key, place))),
            Action::Probe { place, probe, .. } if goes_over_the_network(probe) => {
                return Answer::bad(question(probe, place), "this probe goes over the network").into();
            }
            Action::Probe { place, probe, timeout } => {
                let find = |world: &World| world.find(&self.scope, key, place).filter(|body| body.runs()).cloned();
                return self.answer(probe, &place.to_string(), *timeout, find).await.into();
            }
        };
        done.map_or_else(|failure| Outcome::Failed(Box::new(failure)), |()| Outcome::Done)
    }

    fn with_body<T>(&self, key: &AppKey, place: &Place, change: impl FnOnce(&mut Body, Duration) -> T) -> Option<T> {
        self.engine.change(|world, now| Some(change(world.find_mut(&self.scope, key, place)?, now)))
    }

    async fn pull(&self, pin: &ImagePin, limit: Duration) -> Result<(), Failure> {
        let (here, behaviour, registry_down) = {
            let world = self.engine.world();
            (world.images.contains(pin.digest()), world.behaviour(pin.digest()), world.registry_down)
        };
        if here {
            return Ok(());
        }
        if matches!(pin, ImagePin::Local { .. }) {
            let message = format!("{pin} is not on this host, and exists in engines only: load it here first");
            return Err(Failure::plain(CauseKind::ImageNotFound, message));
        }
        match behaviour.pull {
            _ if registry_down => {
                return Err(Failure::plain(CauseKind::RegistryUnreachable, "the registry: connection refused"));
            }
            Pull::Fails(kind) => return Err(Failure::plain(kind, format!("the pull of {pin} fails: {kind}"))),
            Pull::Slow(needed) if needed > limit => {
                tokio::time::sleep(limit).await;
                let message = format!("{pin} was not pulled within {}", Millis::from(limit));
                return Err(Failure::plain(CauseKind::PullTimeout, message));
            }
            Pull::Slow(needed) => tokio::time::sleep(needed).await,
            Pull::Ok => {}
        }
        self.engine.load(pin.digest());
        Ok(())
    }

    async fn start(&self, key: &AppKey, place: &Place) -> Result<(), Failure> {
        let needed =
            self.engine.change(|world, now| start(world, self, (key, place), now)).map_err(|failure| *failure)?;
        tokio::time::sleep(needed).await;
        Ok(())
    }

    async fn stop(&self, key: &AppKey, place: &Place, grace: Duration) {
        let wait = self.with_body(key, place, |body, now| match body.state {
            State::Running { since } => {
                let polite = body.behaviour.stops_after.filter(|needed| *needed <= grace);
                let until = now + polite.unwrap_or(grace);
                let code = if polite.is_some() { TERMINATED } else { KILLED };
                body.state = State::Stopping { since, until, code };
                until.saturating_sub(now)
            }
            State::Restarting { .. } => {
                body.state = State::Exited { code: TERMINATED, oom_killed: false };
                Duration::ZERO
            }
            State::Stopping { until, .. } => until.saturating_sub(now),
            State::Created | State::Exited { .. } => Duration::ZERO,
        });
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            tokio::time::sleep(wait).await;
        }
        drop(self.engine.settle());
    }

    fn collect(&self, key: &AppKey, place: &Place) -> Evidence {
        let world = self.engine.settle();
        let mut evidence = Evidence { pressure: Some(world.pressure), ..Evidence::default() };
        if let Some(body) = world.find(&self.scope, key, place) {
            if let State::Exited { code, oom_killed } = body.state {
                (evidence.exit_code, evidence.oom_killed) = (Some(code), oom_killed);
            }
            if body.state != State::Created {
                let lines = &body.behaviour.log;
                let last = &lines[lines.len().saturating_sub(LINES)..];
                evidence.log = last.iter().map(|line| line.chars().take(LINE).collect()).collect();
            }
        }
        evidence
    }

    /// The answer of the container that `find` finds, as it is when the answer comes.
    pub(super) async fn answer(
        &self,
        probe: &Probe,
        of: &str,
        timeout: Millis,
        find: impl Fn(&World) -> Option<Body>,
    ) -> Answer {
        let request = question(probe, of);
        let needed = find(&self.engine.settle()).map_or(Duration::ZERO, |body| body.behaviour.answers_after);
        tokio::time::sleep(needed.min(timeout.to_std())).await;
        if needed > timeout.to_std() {
            return Answer::bad(request, format!("no answer within {timeout}"));
        }
        let now = self.engine.now();
        match find(&self.engine.settle()) {
            None => Answer::bad(request, "connection refused"),
            Some(body) if matches!(body.state, State::Restarting { .. }) => Answer::bad(request, "connection refused"),
            Some(_) if matches!(probe, Probe::Running) => Answer::good(request, "it runs"),
            Some(body) if body.is_healthy(now) => Answer::good(request, "200 OK"),
            Some(_) => Answer::bad(request, "503 Service Unavailable: not well"),
        }
    }
}

/// Starts it, and says how long that takes.
fn start(
    world: &mut World,
    runtime: &FakeRuntime,
    (key, place): (&AppKey, &Place),
    now: Duration,
) -> Result<Duration, Box<Failure>> {
    let failed = |kind, message: String| Err(Box::new(Failure::plain(kind, message)));
    let Some(body) = world.find(&runtime.scope, key, place) else {
        return failed(CauseKind::EngineUnavailable, format!("the container of {place} is gone"));
    };
    if body.runs() {
        return Ok(Duration::ZERO);
    }
    if let Some(port) = world.taken_port(body) {
        return failed(CauseKind::PortTaken, format!("port {port} is already allocated"));
    }
    if !body.behaviour.startable {
        return failed(CauseKind::Unstartable, "executable file not found in $PATH".to_owned());
    }
    let needed = body.behaviour.start;
    if let Some(body) = world.find_mut(&runtime.scope, key, place) {
        body.state = State::Running { since: now };
    }
    Ok(needed)
}

fn create(world: &mut World, runtime: &FakeRuntime, plan: &ContainerPlan) -> Result<(), Box<Failure>> {
    let (scope, image) = (&runtime.scope, &plan.service.image);
    if let Some(body) = world.find(scope, &plan.key, &plan.place) {
        if body.identity.fingerprint == plan.service.fingerprint() {
            return Ok(());
        }
        if body.runs() {
            let message =
                format!("{} is taken by a container of release {} that runs", plan.place, body.identity.release);
            return Err(Box::new(Failure::plain(CauseKind::EngineUnavailable, message)));
        }
        let id = body.id.clone();
        world.bodies.retain(|_, body| body.id != id);
    }
    let name = scope.container(&plan.key, &plan.place);
    if world.foreign.contains(&name) || world.bodies.contains_key(&name) {
        let message = format!("the container `{name}` exists and is not this app's on this host: rename or remove it");
        return Err(Box::new(Failure::plain(CauseKind::Unstartable, message)));
    }
    let Some(image_id) = world.image_id(image) else {
        let kind = match image {
            ImagePin::Local { .. } => CauseKind::ImageNotFound,
            ImagePin::Registry { .. } => CauseKind::EngineUnavailable,
        };
        return Err(Box::new(Failure::plain(kind, format!("{image} is not here any more"))));
    };
    world.add(name, scope, plan, image_id);
    Ok(())
}
