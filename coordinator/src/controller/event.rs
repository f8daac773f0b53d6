//! The closed set of what the controller is told and asked. Not here: what it does about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use evenkeel_model::{
    AppKey, AppName, AppReport, Assignment, Digest, EnvironmentName, Epoch, HostFacts, HostId, HostStats, Manifest,
    OperatorName, Policy, Prefetch, PrefetchReport, PrefetchState, RefusedAssignment, ReleaseNumber, RolloutId,
    UnixMillis,
};
use evenkeel_proto::v1;
use evenkeel_rollout::{Duty, GateId, Measured, Preview, Rollout, WaitingOn};

use super::heard::Heard;
use super::refusal::{ConnectError, JoinError, MemberError, RolloutError, Unavailable};
use crate::gauge::{Line, Measurement};
use crate::store::{Freeze, Operator, Role, Token};

/// Where an answer goes. The one who asked may be gone by then.
pub(super) type Reply<T> = oneshot::Sender<T>;

/// A stream of a host. A later one has a higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A host that wants to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The digest of the token's secret.
    pub secret: Digest,
    /// The host id asked for.
    pub host: HostId,
    /// The digest of its public key.
    pub key: Digest,
    /// When the certificate that it is about to get would end. Whole seconds.
    pub certificate_expires: UnixMillis,
}

/// What a host that joins gets. Its certificate is signed after this: the token is used up by then, durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The environment it is in.
    pub environment: EnvironmentName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When its certificate has to end: as asked, or later.
    pub certificate_expires: UnixMillis,
}

/// What is wanted of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// All that it should run.
    pub assignments: Vec<Assignment>,
    /// All that it should fetch ahead.
    pub prefetch: Vec<Prefetch>,
}

/// A stream that was taken.
#[derive(Debug)]
pub struct Connected {
    /// Its number: what comes by it carries this.
    pub connection: ConnectionId,
    /// The coordinator's reign.
    pub epoch: Epoch,
    /// All that the host should run and fetch, as it is now and whenever it changed. None: the host has heard a higher epoch than ours;
    /// it is sent nothing until a person says which state counts.
    pub wanted: Option<watch::Receiver<Arc<Wanted>>>,
    /// Cancelled when the stream is to end: the host opened another one, fell silent, or was removed.
    pub over: CancellationToken,
    /// Where it is to be noted that something came by it, whatever it was.
    pub heard: Heard,
    /// By which somebody asks the agent something. To be dropped with the stream.
    pub line: Line,
}

/// A release to be made and rolled out.
#[derive(Debug, Clone)]
pub struct Deploy {
    /// Its content, images pinned. Names app and environment.
    pub manifest: Manifest,
    /// How it is rolled out.
    pub policy: Policy,
    /// Who asks.
    pub by: OperatorName,
    /// What if a rollout of the app goes on.
    pub turn: Turn,
    /// Why no freeze is to keep it; none: one does.
    pub override_freeze: Option<String>,
    /// What a plan has shown: it is refused if that is not what would be done any more.
    pub fingerprint: Option<Digest>,
}

/// What a deploy does if a rollout of the app goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// It is refused.
    #[default]
    Alone,
    /// It begins when that has ended well.
    Queue,
    /// It takes over.
    Supersede,
}

/// An older release to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The app.
    pub key: AppKey,
    /// The release; none: the one before the current one, or while a rollout goes on the one it began from.
    pub to: Option<ReleaseNumber>,
    /// Whether all hosts are ordered at once, whatever the budget.
    pub now: bool,
    /// Who asks.
    pub by: OperatorName,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// A rollout to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortRollout {
    /// Which.
    pub rollout: Pick,
    /// Whether committed hosts are taken back too.
    pub rollback: bool,
    /// Who asks.
    pub by: OperatorName,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// Something said to a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutWord {
    /// Which rollout.
    pub rollout: Pick,
    /// What.
    pub word: Word,
    /// Who says it.
    pub by: OperatorName,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// What is said to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// Rest.
    Pause,
    /// Go on.
    Resume,
    /// Go on to the rest, or to the switch.
    Promote,
    /// I consent.
    Approve,
}

/// A freeze to be put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFreeze {
    /// What it keeps.
    pub filter: AppFilter,
    /// When it ends; none: when it is lifted.
    pub until: Option<UnixMillis>,
    /// Who asks.
    pub by: OperatorName,
    /// Why.
    pub why: String,
}

/// What a host is to be there for from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDuty {
    /// The host.
    pub host: HostId,
    /// What for.
    pub duty: Duty,
    /// Who asks.
    pub by: OperatorName,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// Which rollout is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// This one.
    Rollout(RolloutId),
    /// The newest of the app.
    NewestOf(AppKey),
    /// The newest of the fleet.
    Newest,
}

/// Which apps are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppFilter {
    /// Those of this environment; none: of all.
    pub environment: Option<EnvironmentName>,
    /// Those of this name; none: all.
    pub app: Option<AppName>,
}

impl AppFilter {
    /// Whether the app is meant.
    pub fn admits(&self, key: &AppKey) -> bool {
        self.environment.as_ref().is_none_or(|environment| *environment == key.environment)
            && self.app.as_ref().is_none_or(|app| *app == key.app)
    }
}

/// Who holds a certificate, by the coordinator's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A host.
    Host(HostId),
    /// An operator.
    Operator {
        /// The name.
        name: OperatorName,
        /// What it may do.
        role: Role,
    },
}

/// A rollout at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutSnapshot {
    /// The rollout.
    pub rollout: Arc<Rollout>,
    /// Why no more is done now. Empty once it has ended.
    pub waiting: Vec<WaitingOn>,
    /// What each host's agent says that it does.
    pub whys: BTreeMap<HostId, String>,
    /// The hosts that are told to fetch its release ahead, and how far each says that it is.
    pub prefetch: BTreeMap<HostId, PrefetchState>,
}

/// What a deploy would do.
#[derive(Debug, Clone)]
pub struct PlannedDeploy {
    /// The app.
    pub key: AppKey,
    /// The content.
    pub manifest: Arc<Manifest>,
    /// The current release.
    pub from: Option<ReleaseNumber>,
    /// The number the release would get, or has.
    pub to: ReleaseNumber,
    /// How the rollout would go.
    pub preview: Preview,
    /// Of all that it depends on.
    pub fingerprint: Digest,
    /// The freeze in force.
    pub freeze: Option<Freeze>,
}

/// What happens to the controller.
#[derive(Debug)]
pub(super) enum Event {
    /// A host has opened a stream.
    Connected(Box<Hello>, Reply<Result<Connected, ConnectError>>),
    /// A host's report on all its apps.
    Reported(HostId, ConnectionId, Box<Reported>),
    /// How a host is doing.
    Stats(HostId, ConnectionId, Box<HostStats>),
    /// A stream has ended.
    Gone(HostId, ConnectionId),
    /// What was to be measured for a rollout was.
    Measured(RolloutId, GateId, usize, Box<Measured>),
    /// Somebody wants something changed.
    Change(Box<Change>),
    /// Somebody wants to know something.
    Read(Box<Read>),
}

impl From<Measurement> for Event {
    fn from(Measurement { rollout, id, number, measured }: Measurement) -> Self {
        Self::Measured(rollout, id, number, Box::new(measured))
    }
}

/// A host introduces itself.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) host: HostId,
    pub(super) connection: ConnectionId,
    pub(super) highest_epoch: Epoch,
    pub(super) facts: HostFacts,
}

/// A host's report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reported {
    /// What it says of its apps.
    pub apps: Vec<AppReport>,
    /// What it does not accept.
    pub refused: Vec<RefusedAssignment>,
    /// How far it is with what it should fetch ahead.
    pub prefetch: Vec<PrefetchReport>,
}

/// What changes what is stored. Answered when it is durable.
#[derive(Debug)]
pub(super) enum Change {
    Join(Join, Reply<Result<Grant, JoinError>>),
    Renewed {
        host: HostId,
        certificate_expires: UnixMillis,
        reply: Reply<Result<(), MemberError>>,
    },
    CreateToken(Token, Reply<Result<(), Unavailable>>),
    LabelHost {
        host: HostId,
        set: BTreeMap<String, String>,
        remove: BTreeSet<String>,
        reply: Reply<Result<v1::HostView, MemberError>>,
    },
    RemoveHost(HostId, Reply<Result<(), MemberError>>),
    AddOperator(Operator, Reply<Result<Operator, MemberError>>),
    RemoveOperator(OperatorName, Reply<Result<(), MemberError>>),
    Deploy(Box<Deploy>, Reply<Result<RolloutSnapshot, RolloutError>>),
    Rollback(Rollback, Reply<Result<RolloutSnapshot, RolloutError>>),
    Abort(AbortRollout, Reply<Result<RolloutSnapshot, RolloutError>>),
    Word(RolloutWord, Reply<Result<RolloutSnapshot, RolloutError>>),
    Freeze(NewFreeze, Reply<Result<Freeze, Unavailable>>),
    Unfreeze(u64, Reply<Result<Freeze, RolloutError>>),
    Duty(NewDuty, Reply<Result<v1::HostView, MemberError>>),
}

/// What only reads. Answered from what is durable.
#[derive(Debug)]
pub(super) enum Read {
    Identify { subject: crate::store::Subject, not_after: UnixMillis, reply: Reply<Result<Known, MemberError>> },
    Subscribe(HostId, Reply<watch::Receiver<Arc<Wanted>>>),
    Hosts(Option<EnvironmentName>, Reply<Vec<v1::HostView>>),
    Host(HostId, Reply<Result<v1::HostView, MemberError>>),
    Operators(Reply<Vec<Operator>>),
    Rollouts { filter: AppFilter, limit: usize, reply: Reply<Vec<v1::RolloutView>> },
    Rollout(Pick, Reply<Result<RolloutSnapshot, RolloutError>>),
    Watch(Pick, Reply<Result<watch::Receiver<RolloutSnapshot>, RolloutError>>),
    Releases(AppFilter, Reply<Vec<v1::ReleaseView>>),
    Status(AppFilter, Reply<Vec<v1::AppStatusView>>),
    Preview(Box<Deploy>, Reply<Result<PlannedDeploy, RolloutError>>),
    Freezes(Reply<Vec<Freeze>>),
}
