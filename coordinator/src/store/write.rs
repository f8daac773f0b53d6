//! The closed set of changes to what is stored. Each one is undone by others of the set: that is how the controller goes back
//! when the store fails. Not here: applying them (`snapshot.rs`, `sqlite/`).

use std::sync::Arc;

use evenkeel_model::{AppKey, Digest, HostId, OperatorName, ReleaseNumber, RolloutId};
use evenkeel_rollout::Rollout;

use super::{Current, Fleet, Freeze, Host, Operator, Order, Release, Removed, Subject, Token};

/// One change. `Put` replaces what has the same key; `Delete` of what is not there does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// The fleet, or its new epoch.
    PutFleet(Fleet),
    /// A host.
    PutHost(Arc<Host>),
    /// A host. Its orders must have been deleted before.
    DeleteHost(HostId),
    /// A join token.
    PutToken(Token),
    /// A join token.
    DeleteToken(Digest),
    /// A release.
    PutRelease(AppKey, Arc<Release>),
    /// A release that nothing refers to any more.
    DeleteRelease(AppKey, ReleaseNumber),
    /// A rollout. Its release must be there.
    PutRollout(Arc<Rollout>),
    /// A rollout.
    DeleteRollout(RolloutId),
    /// An order. Its host and release must be there.
    PutOrder(HostId, AppKey, Arc<Order>),
    /// An order.
    DeleteOrder(HostId, AppKey),
    /// All orders to a host.
    DeleteOrders(HostId),
    /// An app's current release, which must be there.
    PutCurrent(AppKey, Current),
    /// That an app has a current release.
    DeleteCurrent(AppKey),
    /// An operator.
    PutOperator(Operator),
    /// An operator.
    DeleteOperator(OperatorName),
    /// That somebody's certificates are refused.
    PutRemoved(Removed),
    /// That somebody's certificates are refused.
    DeleteRemoved(Subject),
    /// A freeze.
    PutFreeze(Freeze),
    /// A freeze, by its number.
    DeleteFreeze(u64),
}

/// A write that contradicts what is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It names what is not there.
    #[error("{0} does not exist")]
    Missing(String),
    /// It deletes what something else names.
    #[error("{0} is still referred to")]
    Referred(String),
    /// One of the two, by the word of a database that does not say which.
    #[error("a reference of it is broken: {0}")]
    Reference(String),
}
