//! The controller's typed front: what everything else holds of it. Each call is one event and its answer. Not here: any state.
//!
//! Cancel safety: a caller that drops one of these futures does not know whether the event was acted on; all changes can be
//! asked for again (see each).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use evenkeel_certs::Identity;
use evenkeel_model::{EnvironmentName, Epoch, HostFacts, HostId, HostStats, OperatorName, UnixMillis};
use evenkeel_proto::v1;

use super::event::{
    AbortRollout, AppFilter, Change, Connected, ConnectionId, Deploy, Event, Grant, Hello, Join, Known, NewDuty,
    NewFreeze, Pick, PlannedDeploy, Read, Reply, Reported, Rollback, RolloutSnapshot, RolloutWord, Wanted,
};
use super::refusal::{ConnectError, JoinError, MemberError, RolloutError, Unavailable};
use crate::store::{Freeze, Operator, Subject, Token};

/// A way to the controller. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    events: mpsc::Sender<Event>,
    connections: Arc<AtomicU64>,
}

impl Handle {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events, connections: Arc::default() }
    }

    // Agents.

    /// Uses up a join token. The same host with the same key may ask again while the token lasts: the answer may have been lost.
    pub async fn join(&self, join: Join) -> Result<Grant, JoinError> {
        self.change(|reply| Change::Join(join, reply)).await
    }

    /// Notes that the host got a new certificate. May be asked again.
    pub async fn renewed(&self, host: HostId, certificate_expires: UnixMillis) -> Result<(), MemberError> {
        self.change(|reply| Change::Renewed { host, certificate_expires, reply }).await
    }

    /// A host has opened a stream and said hello. Ends the stream that it had before.
    pub async fn connect(
        &self,
        host: HostId,
        highest_epoch: Epoch,
        facts: HostFacts,
    ) -> Result<Connected, ConnectError> {
        let connection = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed) + 1);
        let hello = Box::new(Hello { host, connection, highest_epoch, facts });
        let (reply, answer) = oneshot::channel();
        self.send(Event::Connected(hello, reply)).await?;
        answer.await.map_err(|_| Unavailable)?
    }

    /// The host's report on all its apps, what it refuses and what it fetches ahead. Replaces the one before.
    pub async fn reported(
        &self,
        host: HostId,
        connection: ConnectionId,
        reported: Reported,
    ) -> Result<(), Unavailable> {
        self.send(Event::Reported(host, connection, Box::new(reported))).await
    }

    /// How the host is doing.
    pub async fn stats(&self, host: HostId, connection: ConnectionId, stats: HostStats) -> Result<(), Unavailable> {
        self.send(Event::Stats(host, connection, Box::new(stats))).await
    }

    /// The stream has ended. Nothing happens if the host has opened another one since.
    pub async fn gone(&self, host: HostId, connection: ConnectionId) -> Result<(), Unavailable> {
        self.send(Event::Gone(host, connection)).await
    }

    /// All that the host should run and fetch, as it is now and whenever it changed.
    pub async fn subscribe(&self, host: HostId) -> Result<watch::Receiver<Arc<Wanted>>, Unavailable> {
        self.read(|reply| Read::Subscribe(host, reply)).await
    }

    // Identities.

    /// Who holds a certificate that ends at `not_after`; refused if it was removed, or is not the one it was made for.
    pub async fn identify(&self, identity: &Identity, not_after: UnixMillis) -> Result<Option<Known>, MemberError> {
        let subject = match identity {
            Identity::Coordinator { .. } => return Ok(None),
            Identity::Host { host, .. } => Subject::Host(host.clone()),
            Identity::Operator { operator, .. } => Subject::Operator(operator.clone()),
        };
        self.read(|reply| Read::Identify { subject, not_after, reply }).await?.map(Some)
    }

    /// Adds an operator, or gives one another role or certificate. The answer says when the certificate has to end: as asked, or later.
    pub async fn put_operator(&self, operator: Operator) -> Result<Operator, MemberError> {
        self.change(|reply| Change::AddOperator(operator, reply)).await
    }

    /// From now on the operator's certificates are refused.
    pub async fn remove_operator(&self, name: OperatorName) -> Result<(), MemberError> {
        self.change(|reply| Change::RemoveOperator(name, reply)).await
    }

    /// The operators, by name.
    pub async fn operators(&self) -> Result<Vec<Operator>, Unavailable> {
        self.read(Read::Operators).await
    }

    // Hosts.

    /// Stores a join token.
    pub async fn create_token(&self, token: Token) -> Result<(), Unavailable> {
        self.change(|reply| Change::CreateToken(token, reply)).await
    }

    /// The hosts of one or of all environments, by id.
    pub async fn hosts(&self, environment: Option<EnvironmentName>) -> Result<Vec<v1::HostView>, Unavailable> {
        self.read(|reply| Read::Hosts(environment, reply)).await
    }

    /// One host.
    pub async fn host(&self, host: HostId) -> Result<v1::HostView, MemberError> {
        self.read(|reply| Read::Host(host, reply)).await?
    }

    /// Sets labels and takes labels away.
    pub async fn label_host(
        &self,
        host: HostId,
        set: BTreeMap<String, String>,
        remove: BTreeSet<String>,
    ) -> Result<v1::HostView, MemberError> {
        self.change(|reply| Change::LabelHost { host, set, remove, reply }).await
    }

    /// Takes the host out of the fleet: its stream ends, its certificates are refused.
    pub async fn remove_host(&self, host: HostId) -> Result<(), MemberError> {
        self.change(|reply| Change::RemoveHost(host, reply)).await
    }

    // Rollouts.

    /// Makes a release (or finds the one with this content) and begins its rollout. Asked again, it is refused: that one goes on.
    pub async fn deploy(&self, deploy: Deploy) -> Result<RolloutSnapshot, RolloutError> {
        self.change(|reply| Change::Deploy(Box::new(deploy), reply)).await
    }

    /// What [`Self::deploy`] would do. Changes nothing.
    pub async fn preview(&self, deploy: Deploy) -> Result<PlannedDeploy, RolloutError> {
        self.read(|reply| Read::Preview(Box::new(deploy), reply)).await?
    }

    /// Begins a rollout to an older release; one that goes on is superseded.
    pub async fn rollback(&self, rollback: Rollback) -> Result<RolloutSnapshot, RolloutError> {
        self.change(|reply| Change::Rollback(rollback, reply)).await
    }

    /// Ends a rollout.
    pub async fn abort(&self, abort: AbortRollout) -> Result<RolloutSnapshot, RolloutError> {
        self.change(|reply| Change::Abort(abort, reply)).await
    }

    /// Says something to a rollout: pause, resume, promote, approve.
    pub async fn say(&self, word: RolloutWord) -> Result<RolloutSnapshot, RolloutError> {
        self.change(|reply| Change::Word(word, reply)).await
    }

    /// Puts a freeze in force.
    pub async fn freeze(&self, freeze: NewFreeze) -> Result<Freeze, Unavailable> {
        self.change(|reply| Change::Freeze(freeze, reply)).await
    }

    /// Lifts a freeze.
    pub async fn unfreeze(&self, id: u64) -> Result<Freeze, RolloutError> {
        self.change(|reply| Change::Unfreeze(id, reply)).await
    }

    /// The freezes in force, by their numbers.
    pub async fn freezes(&self) -> Result<Vec<Freeze>, Unavailable> {
        self.read(Read::Freezes).await
    }

    /// Cordons or drains a host, or gives it back.
    pub async fn set_duty(&self, duty: NewDuty) -> Result<v1::HostView, MemberError> {
        self.change(|reply| Change::Duty(duty, reply)).await
    }

    /// The rollouts, newest first, without their hosts.
    pub async fn rollouts(&self, filter: AppFilter, limit: usize) -> Result<Vec<v1::RolloutView>, Unavailable> {
        self.read(|reply| Read::Rollouts { filter, limit, reply }).await
    }

    /// One rollout.
    pub async fn rollout(&self, pick: Pick) -> Result<RolloutSnapshot, RolloutError> {
        self.read(|reply| Read::Rollout(pick, reply)).await?
    }

    /// One rollout as it is now and whenever it changed. The sender goes away with the last value, when it has ended.
    pub async fn watch_rollout(&self, pick: Pick) -> Result<watch::Receiver<RolloutSnapshot>, RolloutError> {
        self.read(|reply| Read::Watch(pick, reply)).await?
    }

    /// The releases, newest first.
    pub async fn releases(&self, filter: AppFilter) -> Result<Vec<v1::ReleaseView>, Unavailable> {
        self.read(|reply| Read::Releases(filter, reply)).await
    }

    /// What runs where.
    pub async fn status(&self, filter: AppFilter) -> Result<Vec<v1::AppStatusView>, Unavailable> {
        self.read(|reply| Read::Status(filter, reply)).await
    }

    async fn change<T, E: From<Unavailable>>(
        &self,
        change: impl FnOnce(Reply<Result<T, E>>) -> Change,
    ) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        self.send(Event::Change(Box::new(change(reply)))).await?;
        answer.await.map_err(|_| Unavailable)?
    }

    async fn read<T>(&self, read: impl FnOnce(Reply<T>) -> Read) -> Result<T, Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.send(Event::Read(Box::new(read(reply)))).await?;
        answer.await.map_err(|_| Unavailable)
    }

    async fn send(&self, event: Event) -> Result<(), Unavailable> {
        self.events.send(event).await.map_err(|_| Unavailable)
    }
}
