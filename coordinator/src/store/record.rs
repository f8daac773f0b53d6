//! What is stored, as values. Rollouts are those of the planner (`evenkeel_rollout::Rollout`). Not here: how they are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use evenkeel_model::{
    AppKey, AppName, Digest, EnvironmentName, Epoch, FleetName, HostId, OperatorName, Phase, Policy, ReleaseNumber,
    ServiceName, Share, Terms, UnixMillis, Version,
};
use evenkeel_rollout::Duty;

/// The fleet itself: made once, at the first start.
#[derive(Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Its name.
    pub name: FleetName,
    /// The newest reign. Stored before anything is done in it.
    pub epoch: Epoch,
    /// The authority's certificate, PEM.
    pub authority_certificate: String,
    /// The authority's private key, PEM. Never shown.
    pub authority_key: String,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("name", &self.name).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// A host that has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its id.
    pub host: HostId,
    /// Set when it joined; nothing moves it.
    pub environment: EnvironmentName,
    /// What placement goes by.
    pub labels: BTreeMap<String, String>,
    /// When it joined.
    pub joined: UnixMillis,
    /// When the certificate of its join ends. One that ends before was made for an earlier host of this id, and is refused.
    pub first_expires: UnixMillis,
    /// When its newest certificate ends.
    pub certificate_expires: UnixMillis,
    /// By whom it was cordoned or drained; none: it is active.
    pub relieved: Option<Relieved>,
}

impl Host {
    /// What it is there for.
    pub fn duty(&self) -> Duty {
        self.relieved.as_ref().map_or(Duty::Active, |relieved| relieved.duty)
    }
}

/// That a host is to get nothing new, or to be empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relieved {
    /// Cordoned or drained.
    pub duty: Duty,
    /// Who said so.
    pub by: OperatorName,
    /// When.
    pub at: UnixMillis,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// A freeze: nothing is rolled out but backwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Its number, counted from 1 for the fleet.
    pub id: u64,
    /// Of this environment; none: of all.
    pub environment: Option<EnvironmentName>,
    /// Of apps of this name; none: of all.
    pub app: Option<AppName>,
    /// When it ends; none: when it is lifted.
    pub until: Option<UnixMillis>,
    /// Who froze.
    pub by: OperatorName,
    /// When.
    pub at: UnixMillis,
    /// Why.
    pub why: String,
}

impl Freeze {
    /// Whether it keeps this app now.
    pub fn keeps(&self, key: &AppKey, now: UnixMillis) -> bool {
        let is_meant = self.environment.as_ref().is_none_or(|environment| *environment == key.environment)
            && self.app.as_ref().is_none_or(|app| *app == key.app);
        is_meant && self.is_in_force(now)
    }

    /// What stays of one that was lifted, so that its number is not given again: whatever a clock says, it has ended.
    #[must_use]
    pub fn lifted(&self) -> Self {
        Self { until: Some(UnixMillis(0)), ..self.clone() }
    }

    /// Whether it has not ended.
    pub fn is_in_force(&self, now: UnixMillis) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Who used up a join token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The host that joined with it.
    pub host: HostId,
    /// The digest of its public key: the same host with the same key may ask again, because the answer may have been lost.
    pub key: Digest,
    /// When.
    pub at: UnixMillis,
}

/// A join token. Found by the digest of its secret; the secret itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The secret's digest.
    pub digest: Digest,
    /// The labels that the host gets.
    pub labels: BTreeMap<String, String>,
    /// The environment that the host is put in.
    pub environment: EnvironmentName,
    /// The only host id that it is good for; none: any.
    pub host: Option<HostId>,
    /// When it stops being good.
    pub expires: UnixMillis,
    /// Who used it up.
    pub used: Option<Use>,
}

/// A release of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its number.
    pub number: ReleaseNumber,
    /// The digest of `manifest`.
    pub digest: Digest,
    /// The manifest's bytes, as made.
    pub manifest: Vec<u8>,
    /// When it was made.
    pub made: UnixMillis,
    /// Who made it.
    pub by: OperatorName,
}

/// What a host was last ordered for an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its number. A change of phase keeps it.
    pub version: Version,
    /// The release; none: nothing should run.
    pub release: Option<ReleaseNumber>,
    /// How far.
    pub phase: Phase,
    /// How much of what is new it gets while in trial.
    pub share: Share,
    /// The services that the host runs of it: fixed by the host's labels when the order was made.
    pub services: BTreeSet<ServiceName>,
    /// The trial's deadlines.
    pub terms: Terms,
}

/// The current release of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Of its last succeeded rollout.
    pub release: ReleaseNumber,
    /// The policy of that rollout: hosts that join or return get the release under it.
    pub policy: Policy,
}

/// What an operator may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Deploy, roll back, pause, abort, cordon, freeze.
    Deployer,
    /// Consent to what others began, lift freezes.
    Approver,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Deployer, Self::Approver, Self::Admin];

    /// The word used in messages and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Deployer => "deployer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: use viewer, deployer, approver or admin")]
pub struct InvalidRole(pub String);

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| InvalidRole(text.to_owned()))
    }
}

/// A person or CI job with a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// By this name the certificate is matched.
    pub name: OperatorName,
    /// What it may do.
    pub role: Role,
    /// When its first certificate ends. One that ends before was made for an earlier operator of this name, and is refused.
    pub certificate_expires: UnixMillis,
}

/// Whose certificates are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A host's.
    Host(HostId),
    /// An operator's.
    Operator(OperatorName),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "host {host}"),
            Self::Operator(operator) => write!(f, "operator {operator}"),
        }
    }
}

/// A host or operator that was removed. Kept, so that it is told why it is not heard any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Who.
    pub subject: Subject,
    /// When.
    pub at: UnixMillis,
    /// When the last of its certificates ends. The next one of this name gets one that ends later: so they are told apart.
    pub expires: UnixMillis,
}
