//! Where a bench of whole installations happens: hosts with Evenkeel on them, or without where it is not measured or can't be had.
//! Not here: what stands on the hosts beside it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;

use super::Arguments;
use crate::hosts::{Fleet, Host};
use crate::installation::Installation;

/// The hosts, with Evenkeel installed, or without.
#[derive(Debug)]
pub(super) enum Ground {
    Installed(Installation),
    Bare(Fleet),
}

impl Ground {
    /// With Evenkeel, if that can be had; else the reason is a problem, and the peers are measured all the same.
    pub(super) fn prepare(hosts: u8, arguments: &Arguments, problems: &mut Vec<String>) -> Result<Self> {
        if arguments.ours {
            // The harness panics where a test would have failed.
            match catch_unwind(AssertUnwindSafe(|| Installation::start(hosts))) {
                Ok(Ok(installation)) => return Ok(Self::Installed(installation)),
                Ok(Err(error)) => problems.push(format!("evenkeel is not measured: {error:#}")),
                Err(_) => problems.push("evenkeel is not measured: it did not start; see above".to_owned()),
            }
        }
        Ok(Self::Bare(Fleet::start(hosts)?))
    }

    pub(super) fn fleet(&self) -> &Fleet {
        match self {
            Self::Installed(installation) => installation.fleet(),
            Self::Bare(fleet) => fleet,
        }
    }

    /// The first host.
    pub(super) fn host(&self) -> &Host {
        self.fleet().host(0)
    }
}
