//! An imagined host: what befalls it, its agent, what that is at, and what it says. Not here: when what happens (module `world`).

use evenkeel_model::{AppReport, Failure, PrefetchReport, PrefetchState, Share, Stage, UnixMillis};

use crate::agent::{Agent, Task, version};
use crate::fate::Fate;
use crate::fleet::{NEW, Services};

/// What comes at the end of what a host is at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// It is done.
    Done(Task),
    /// The registry does not answer.
    Stalls,
    /// The registry is asked again.
    Retries,
    /// It fails.
    Fails(Failure),
}

/// What a host fetches ahead.
#[derive(Debug, Clone)]
pub(crate) struct Fetching {
    /// Since when.
    pub(crate) began: UnixMillis,
    /// When the image is there, if nothing comes between.
    pub(crate) done: Option<UnixMillis>,
    /// What it says of it.
    pub(crate) said: PrefetchState,
    /// What it says next.
    pub(crate) next: PrefetchState,
    /// Which attempt it is.
    pub(crate) ticket: u64,
}

/// A host.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// What befalls it.
    pub(crate) fate: Fate,
    /// Its agent.
    pub(crate) agent: Agent,
    /// What that is at.
    pub(crate) task: Option<Task>,
    /// What comes at the end of it.
    pub(crate) step: Option<Step>,
    /// Which of its steps that is.
    pub(crate) ticket: u64,
    /// Since when it has tried to pull.
    pub(crate) pull_began: Option<UnixMillis>,
    /// What it fetches ahead.
    pub(crate) fetching: Option<Fetching>,
    /// How often it was told to.
    pub(crate) ticket_ahead: u64,
    /// How many things keep it from being heard.
    pub(crate) cuts: usize,
    /// Which of its silences that is.
    pub(crate) cut: u64,
    /// Since when it has said that its newest order is healthy, without a gap.
    pub(crate) healthy_since: Option<UnixMillis>,
    /// Whether it was ever ordered the new release.
    pub(crate) touched: bool,
}

impl Host {
    /// Before the rollout.
    pub(crate) fn new(fate: Fate, agent: Agent) -> Self {
        let cuts = usize::from(fate.silent);
        Self {
            fate,
            agent,
            task: None,
            step: None,
            ticket: 0,
            pull_began: None,
            fetching: None,
            ticket_ahead: 0,
            cuts,
            cut: 0,
            healthy_since: None,
            touched: false,
        }
    }

    /// What it says of the app; nothing before it was ordered anything.
    pub(crate) fn report(&self, services: &Services) -> Option<AppReport> {
        let agent = &self.agent;
        let accepted = agent.accepted?;
        let is_new = matches!(agent.stage, Stage::Trial | Stage::Committed);
        let serving = if is_new { accepted.release } else { agent.base };
        Some(AppReport {
            key: services.key.clone(),
            version: version(accepted.generation),
            release: accepted.release,
            stage: agent.stage,
            share: match agent.stage {
                Stage::Working | Stage::Trial => agent.share,
                Stage::Committed => Share::ALL,
                Stage::Reverting | Stage::Reverted => Share::NONE,
            },
            base: agent.base,
            healthy: is_new && agent.well,
            failure: agent.failure.clone(),
            services: services.of(serving, agent.well),
            why: String::new(),
        })
    }

    /// What it says of what it fetches ahead.
    pub(crate) fn prefetch_report(&self, services: &Services) -> Option<PrefetchReport> {
        let state = self.fetching.as_ref()?.said.clone();
        Some(PrefetchReport { key: services.key.clone(), release: NEW, state })
    }
}
