//! Who may call what: one table, and what is not in it is denied. Who somebody is comes from the certificate of the connection
//! alone, and counts only as long as the coordinator's books know it.
//!
//! Not here: what a caller may say of whom (each rpc checks that a host speaks for itself), gRPC's codes (`api/status.rs`).

mod guard;

use std::fmt;

use evenkeel_certs::Identity;
use evenkeel_model::{FleetName, HostId, OperatorName, UnixMillis};

use crate::controller::{Known, MemberError};
use crate::moment::Moment;
use crate::store::Role;

pub(crate) use guard::{Guard, GuardLayer};

/// Who may call an rpc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone, even without a certificate: what is asked for carries its own proof.
    Anyone,
    /// A host.
    Host,
    /// An operator with at least this role.
    Operator(Role),
}

/// Every rpc, by its path.
const TABLE: [(&str, Access); 28] = [
    ("/evenkeel.v1.AgentService/Session", Access::Host),
    ("/evenkeel.v1.AgentService/RenewCertificate", Access::Host),
    ("/evenkeel.v1.EnrolmentService/Join", Access::Anyone),
    ("/evenkeel.v1.OperatorService/CreateToken", Access::Operator(Role::Admin)),
    ("/evenkeel.v1.OperatorService/ListHosts", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/ShowHost", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/LabelHost", Access::Operator(Role::Admin)),
    ("/evenkeel.v1.OperatorService/RemoveHost", Access::Operator(Role::Admin)),
    ("/evenkeel.v1.OperatorService/Plan", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/Deploy", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/Rollback", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/ListRollouts", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/ShowRollout", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/WatchRollout", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/AbortRollout", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/PauseRollout", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/ResumeRollout", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/PromoteRollout", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/ApproveRollout", Access::Operator(Role::Approver)),
    ("/evenkeel.v1.OperatorService/Freeze", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/Unfreeze", Access::Operator(Role::Approver)),
    ("/evenkeel.v1.OperatorService/ListFreezes", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/SetHostDuty", Access::Operator(Role::Deployer)),
    ("/evenkeel.v1.OperatorService/AddOperator", Access::Operator(Role::Admin)),
    ("/evenkeel.v1.OperatorService/ListOperators", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/RemoveOperator", Access::Operator(Role::Admin)),
    ("/evenkeel.v1.OperatorService/ListReleases", Access::Operator(Role::Viewer)),
    ("/evenkeel.v1.OperatorService/Status", Access::Operator(Role::Viewer)),
];

/// Who may call the rpc with this path; none: nobody.
pub(crate) fn access(path: &str) -> Option<Access> {
    TABLE.iter().find(|(listed, _)| *listed == path).map(|(_, access)| *access)
}

/// Who calls, as far as the rpc has to know: attached to every request that is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody; it was not looked at who.
    Anyone,
    /// A host of the fleet.
    Host(HostId),
    /// An operator, with a role that suffices.
    Operator(OperatorName),
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// There is no such rpc, or nobody may call it.
    #[error("there is nothing here that anybody may call by this name: is the coordinator older than this program?")]
    Unlisted,
    /// The connection shows none.
    #[error("a certificate of the fleet is needed for this: join first, or use an operator's context file")]
    NoCertificate,
    /// It was valid when the connection was made.
    #[error("the certificate expired at {}: connect again with a newer one", Moment(*.0))]
    Expired(UnixMillis),
    /// It is of a fleet that this coordinator does not lead.
    #[error("{found} is not of the fleet {fleet}")]
    OtherFleet {
        /// The fleet here.
        fleet: FleetName,
        /// Who came.
        found: Identity,
    },
    /// The books do not know it, or not any more.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// Somebody else's rpc.
    #[error("{found} may not call this: it is for {needed} alone")]
    OtherKind {
        /// Who came.
        found: Identity,
        /// For whom it is.
        needed: Needed,
    },
    /// The operator may do less.
    #[error("operator {name} is {has}, and this needs the role {least}: ask an admin")]
    Role {
        /// Who came.
        name: OperatorName,
        /// The role it has.
        has: Role,
        /// The least role for this.
        least: Role,
    },
}

/// For whom an rpc is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    /// Hosts' agents.
    Hosts,
    /// Operators.
    Operators,
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hosts => "hosts",
            Self::Operators => "operators",
        })
    }
}

/// Whether one with this identity, whom the books know as that, is let through.
fn admit(access: Access, identity: &Identity, known: Option<Known>) -> Result<Caller, Denied> {
    let other_kind = |needed| Denied::OtherKind { found: identity.clone(), needed };
    match (access, known) {
        (Access::Anyone, _) => Ok(Caller::Anyone),
        (Access::Host, Some(Known::Host(host))) => Ok(Caller::Host(host)),
        (Access::Host, Some(Known::Operator { .. }) | None) => Err(other_kind(Needed::Hosts)),
        (Access::Operator(least), Some(Known::Operator { name, role })) => {
            if role >= least {
                Ok(Caller::Operator(name))
            } else {
                Err(Denied::Role { name, has: role, least })
            }
        }
        (Access::Operator(_), Some(Known::Host(_)) | None) => Err(other_kind(Needed::Operators)),
    }
}

#[cfg(test)]
mod tests;
