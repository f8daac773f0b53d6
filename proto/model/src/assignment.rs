//! What one host should run of one app. Not here: who is assigned what (crate `evenkeel-rollout`), how it comes about (crate `evenkeel-machine`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AppKey, Digest, Millis, ReleaseNumber, ServiceName, Share, Version};

/// How far the coordinator has come with a generation. The commit is a field of the same assignment, never a message of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Prove it; go back by yourself if it fails.
    Trial,
    /// It is final.
    Committed,
    /// Go back from it: the rollout was given up. Refused if it has been committed on this host.
    Withdrawn,
}

/// How long an agent gives a trial, and what the trial replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// From a container's start to healthy.
    pub health_deadline: Millis,
    /// For the pull alone.
    pub pull_deadline: Millis,
    /// Without a word from a coordinator, by which a trial counts as orphaned.
    pub orphan_after: Millis,
    /// How long after its commit the containers that it replaced run on without traffic, so that going back is one switch; 0: they are
    /// drained and go. Of start-first services, and of those only what still runs at the commit: a worker that was stopped in the trial does
    /// not come back for it. Counted from when the agent's process first saw the commit as done; one that starts again counts anew. A
    /// container that ends meanwhile is not started again, and one in the place that a newer release needs makes way.
    #[serde(default)]
    pub keep_blue: Millis,
}

/// A release, as it is carried to a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The release's number.
    pub release: ReleaseNumber,
    /// The digest of `manifest`.
    pub digest: Digest,
    /// The manifest's bytes, as made.
    pub manifest: Vec<u8>,
    /// The services that this host runs.
    pub services: BTreeSet<ServiceName>,
}

/// What one host should run of one app in one environment, all its services inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// App and environment.
    pub key: AppKey,
    /// Orders it among all assignments of this key on this host.
    pub version: Version,
    /// The release; none: nothing of this app should run here.
    pub content: Option<Content>,
    /// How far the coordinator has come with it.
    pub phase: Phase,
    /// How much of what is new goes to it while it is in trial. It may rise and fall under the same version.
    #[serde(default)]
    pub share: Share,
    /// The trial's deadlines, and what follows its commit.
    pub terms: Terms,
}
