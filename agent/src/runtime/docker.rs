//! The real container engine, over its HTTP API. bollard is named in this module and nowhere else.
//!
//! Nothing is cached: each call asks the engine. What is remembered only makes it politer: which address was given last, which commands run.
//! Each call has a limit, so that an engine that hangs is an engine that is down.
//! Deliberately not here: what the calls mean for a release (crate `evenkeel-machine`), Swarm, building images.

mod contact;
mod containers;
mod create;
mod credentials;
mod errors;
mod images;
mod logs;
mod neighbours;
mod network;
mod probes;
mod stats;
mod subnet;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::{ContainerUpdateBody, RestartPolicy};
use bollard::query_parameters::{EventsOptions, RemoveContainerOptions, StartContainerOptions, StopContainerOptions};
use futures_util::StreamExt;
use tokio::sync::watch;

use evenkeel_machine::{Action, Engine, Outcome, Place};
use evenkeel_model::{
    AppKey, CauseKind, ContainerStats, Evidence, Failure, ImagePin, LogAnswer, LogQuestion, Millis, Restart,
};

use crate::facts::Facts;

use super::{EngineDown, Labels, Runtime, Scope, Sight};
use contact::Contact;
use errors::{EngineError, Refused};
pub use subnet::{AddressPool, NoPool};

/// The limit of a call that only reads or notes something. An engine under load takes seconds; one that needs longer is as good as down.
const CALL: Duration = Duration::from_secs(20);
/// The limit of a call that makes the engine start or take away a container: on a slow disk that is its work and not a hang.
const WORK: Duration = Duration::from_mins(1);
/// How long to wait before the events are asked for again after contact was lost.
const AGAIN: Duration = Duration::from_secs(1);
/// What may have happened to a container that is a reason to look. Not `exec_…`: our own probes would wake us.
const EVENTS: [&str; 8] = ["create", "start", "die", "oom", "destroy", "health_status", "pause", "unpause"];

/// How the engine is reached.
#[derive(Debug, Clone, Default)]
pub struct DockerOptions {
    /// `unix://…` or `tcp://…`; none: `DOCKER_HOST`, or else the usual socket.
    pub address: Option<String>,
    /// A file as `docker login` writes it, read anew at each pull; none: `config.json` where the client keeps it.
    pub credentials: Option<PathBuf>,
    /// Where the apps' networks are taken from.
    pub address_pool: AddressPool,
}

/// A Docker engine, as one host's agent sees it.
pub struct DockerRuntime {
    scope: Scope,
    contact: Contact,
    credentials: Option<PathBuf>,
    facts: Arc<dyn Facts>,
    usage: stats::Usage,
    address_pool: AddressPool,
    given: network::Given,
    execs: probes::Execs,
    wake: watch::Sender<()>,
}

impl fmt::Debug for DockerRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerRuntime").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl DockerRuntime {
    /// Contact is made with the first call, because the engine may start after the agent. `facts` gives the pressure for the evidence.
    pub fn new(scope: Scope, options: DockerOptions, facts: Arc<dyn Facts>) -> Self {
        Self {
            scope,
            contact: Contact::new(options.address),
            credentials: options.credentials.or_else(credentials::usual_file),
            facts,
            usage: stats::Usage::default(),
            address_pool: options.address_pool,
            given: network::Given::default(),
            execs: probes::Execs::default(),
            wake: watch::Sender::new(()),
        }
    }

    /// One call to the engine within `limit`.
    async fn call<T, F>(&self, limit: Duration, call: impl FnOnce(Docker) -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, bollard::errors::Error>>,
    {
        self.contact.call(limit, call).await
    }

    /// Starts the container in a place. It having gone is nothing a release is to blame for: the next look will tell.
    async fn start(&self, key: &AppKey, place: &Place) -> Result<(), Failure> {
        let Some(container) = self.find(key, place).await?.pop() else {
            return Err(Failure::plain(CauseKind::EngineUnavailable, format!("the container of {place} is gone")));
        };
        if container.is_running() {
            return Ok(());
        }
        let started =
            self.call(WORK, async |docker| docker.start_container(&container.id, None::<StartContainerOptions>).await);
        started.await.map_err(|error| {
            let mut failure = errors::starting(error);
            if failure.message.eq_ignore_ascii_case("address already in use") {
                let network = self.scope.network(key);
                failure.message =
                    format!("somebody else has the address of {place}: see `docker network inspect {network}`");
            }
            failure
        })
    }

    async fn set_restart(&self, key: &AppKey, place: &Place, restart: Restart) -> Result<(), Failure> {
        for container in self.find(key, place).await? {
            let policy = RestartPolicy { name: Some(containers::engine_policy(restart)), maximum_retry_count: None };
            let body = ContainerUpdateBody { restart_policy: Some(policy), ..Default::default() };
            unless_gone(self.call(CALL, async |docker| docker.update_container(&container.id, body).await).await)?;
        }
        Ok(())
    }

    async fn stop(&self, key: &AppKey, place: &Place, grace: Millis) -> Result<(), Failure> {
        for container in self.find(key, place).await? {
            if !container.is_running() {
                continue;
            }
            // Whole seconds are what the engine takes; rounded up, because less than was promised is worse than more.
            let seconds = i32::try_from(grace.0.div_ceil(1000)).unwrap_or(i32::MAX);
            let options = StopContainerOptions { t: Some(seconds), signal: None };
            let limit = grace.to_std().saturating_add(WORK);
            unless_gone(
                self.call(limit, async |docker| docker.stop_container(&container.id, Some(options)).await).await,
            )?;
        }
        Ok(())
    }

    async fn remove(&self, key: &AppKey, place: &Place) -> Result<(), Failure> {
        for container in self.find(key, place).await? {
            self.remove_container(&container.id).await?;
        }
        self.remove_network_if_unused(key).await;
        Ok(())
    }

    /// With its anonymous volumes; named ones are never removed.
    async fn remove_container(&self, id: &str) -> Result<(), EngineError> {
        self.execs.forget(id);
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        let removed = self.call(WORK, async |docker| docker.remove_container(id, Some(options)).await).await;
        match unless_gone(removed) {
            // Somebody else is removing it at this moment; the next look will tell.
            Err(EngineError::Refused(Refused { status: 409, message })) if message.contains("already in progress") => {
                Ok(())
            }
            removed => removed,
        }
    }

    async fn collect(&self, key: &AppKey, place: &Place) -> Result<Evidence, Failure> {
        let mut evidence = Evidence { pressure: Some(self.facts.pressure()), ..Evidence::default() };
        let Some(container) = self.find(key, place).await?.pop() else { return Ok(evidence) };
        if let Some(inspected) = self.inspect(&container.id).await? {
            let state = inspected.state.unwrap_or_default();
            evidence.oom_killed = state.oom_killed == Some(true);
            if containers::has_ended(&state) {
                evidence.exit_code = state.exit_code;
            }
            evidence.log = self.last_lines(&container.id).await;
        }
        Ok(evidence)
    }

    /// Follows the events until they end, which they only do when contact is lost.
    async fn follow(&self) -> Result<(), EngineError> {
        let docker = self.contact.engine().await?;
        // From a little before now, for the stream begins a little later: at worst an event wakes twice.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let filters = event_filter(&self.scope.labels());
        let options =
            EventsOptions { since: Some(now.saturating_sub(1).to_string()), until: None, filters: Some(filters) };
        let mut events = std::pin::pin!(docker.events(Some(options)));
        // Whatever happened until now was not followed.
        self.wake.send_replace(());
        while let Some(event) = events.next().await {
            event.map_err(EngineError::from)?;
            self.wake.send_replace(());
        }
        Ok(())
    }
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn observe(&self, key: &AppKey, pins: &[ImagePin]) -> Sight {
        match self.look(key, pins).await {
            Ok((containers, images)) => {
                Sight { engine: Engine::Up { session: self.contact.session() }, containers, images }
            }
            Err(error) => {
                Sight { engine: Engine::Down { message: error.to_string() }, containers: Vec::new(), images: [].into() }
            }
        }
    }

    async fn keys(&self) -> Result<BTreeSet<AppKey>, EngineDown> {
        Ok(self.list(&self.scope.labels()).await?.into_iter().map(|listed| listed.identity.key).collect())
    }

    async fn perform(&self, key: &AppKey, action: &Action) -> Outcome {
        let done = match action {
            Action::Pull { image, timeout } => self.pull(image, timeout.to_std()).await,
            Action::Create(plan) => self.create(plan).await,
            Action::Start(place) => self.start(key, place).await,
            Action::SetRestart { place, restart } => self.set_restart(key, place, *restart).await,
            Action::Stop { place, grace } => self.stop(key, place, *grace).await,
            Action::Remove(place) => self.remove(key, place).await,
            Action::Forget { image } => self.forget(image).await,
            Action::Wait => Ok(()),
            Action::Route(_) | Action::Cut { .. } => Err(super::not_the_engines(action)),
            Action::Probe { place, probe, timeout } => {
                return match self.probe(key, place, probe, timeout.to_std()).await {
                    Ok(answer) => answer.into(),
                    Err(down) => Outcome::Failed(Box::new(down.into())),
                };
            }
            Action::Collect(place) => {
                return match self.collect(key, place).await {
                    Ok(evidence) => Outcome::Collected(Box::new(evidence)),
                    Err(failure) => Outcome::Failed(Box::new(failure)),
                };
            }
        };
        match done {
            Ok(()) => Outcome::Done,
            Err(failure) => Outcome::Failed(Box::new(failure)),
        }
    }

    async fn engine_version(&self) -> Option<String> {
        self.call(CALL, async |docker| docker.version().await).await.ok()?.version
    }

    async fn data_root(&self) -> Option<PathBuf> {
        self.call(CALL, async |docker| docker.info().await).await.ok()?.docker_root_dir.map(PathBuf::from)
    }

    async fn stats(&self) -> Vec<ContainerStats> {
        self.use_of_containers().await
    }

    async fn search_logs(&self, question: &LogQuestion) -> LogAnswer {
        self.search(question).await
    }

    fn wakeups(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    async fn listen(&self) {
        loop {
            let ended = self.follow().await;
            if let Err(error) = ended {
                tracing::debug!(%error, "the engine's events broke off");
            }
            if self.contact.lost() {
                self.wake.send_replace(());
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// The engine's filter for events of containers with all these labels.
fn event_filter(labels: &Labels) -> HashMap<String, Vec<String>> {
    let mut filters = containers::label_filter(labels);
    filters.insert("type".to_owned(), vec!["container".to_owned()]);
    filters.insert("event".to_owned(), EVENTS.map(str::to_owned).into());
    filters
}

/// What is gone needs nothing done to it.
fn unless_gone(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(error) if error.is_absent() => Ok(()),
        result => result,
    }
}
