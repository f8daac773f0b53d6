//! How much of what is new goes to a release that is in trial. Not here: who counts it up (crate `evenkeel-rollout`), how requests and
//! connections are divided (crate `evenkeel-proxy`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much of what is new (requests, or connections where a port carries bytes) goes to the new release's containers while it is in
/// trial, in whole percent. Once the trial has ended it has no meaning: a committed release has all, one that was given up nothing.
///
/// - **100**, where nothing else is said: the new containers take over as soon as they are proven, and of the old ones `keep_old` says
///   whether they run on.
/// - **0**, staged: the new containers are pulled, made, started and proven beside the old ones, and get nothing. The probes go on. The old
///   ones serve, with the engine's restart as it was, whatever `keep_old` says.
/// - **1 to 99**: what comes to a routed port is divided between the old container and the new one. Both stay, whatever `keep_old` says.
///   A client that a cookie keeps with one of them stays there as long as that one has a share at all. The ports are the old release's;
///   others are the new one's at 100.
///
/// What a service makes of it below 100:
///
/// - One that can't run beside its old container ([`crate::ServiceSpec::why_not_beside`]) can't be staged. Nothing of the release is made,
///   and the host says which service it is, and why.
/// - One whose routed ports are not the same in both releases ([`crate::ServiceSpec::why_not_divided`]) can be staged and not divided: it
///   gets nothing below 100, and from 1 on the host says why.
/// - One without routed ports (a worker) runs beside its old container at any share below 100: there is nothing to divide, so both work.
/// - One that the old release does not have gets nothing at 0: its ports are open, so that it shows in time if somebody else has them, and
///   what comes is answered at once that nobody serves (503, or the connection is closed). From 1 on it has all of it; a port by which it
///   would take requests from another service of the old release it gets at 100, and from 1 on the host says why.
/// - One that the new release does not have serves on as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Share(u8);

/// A number that is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a share: it is a whole number of percent, from 0 to 100")]
pub struct InvalidShare(pub u32);

impl Share {
    /// Nothing: staged.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(100);

    /// In percent.
    pub fn percent(self) -> u32 {
        u32::from(self.0)
    }

    /// Whether it is less than all, so that the release before has to go on beside it.
    pub fn is_partial(self) -> bool {
        self < Self::ALL
    }

    /// What is left for the old release, in percent.
    pub fn rest(self) -> u32 {
        Self::ALL.percent() - self.percent()
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

impl TryFrom<u32> for Share {
    type Error = InvalidShare;

    fn try_from(percent: u32) -> Result<Self, InvalidShare> {
        match u8::try_from(percent) {
            Ok(percent @ 0..=100) => Ok(Self(percent)),
            _ => Err(InvalidShare(percent)),
        }
    }
}

impl From<Share> for u32 {
    fn from(share: Share) -> Self {
        share.percent()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_whole_number_of_percent() {
        for percent in [0, 1, 99, 100] {
            let share = Share::try_from(percent).unwrap();
            assert_eq!(
                (share.percent(), share.rest(), share.to_string()),
                (percent, 100 - percent, format!("{percent}%"))
            );
        }
        for bad in [101, 256, 356, u32::MAX] {
            assert_eq!(Share::try_from(bad), Err(InvalidShare(bad)));
        }
    }

    #[test]
    fn it_is_a_plain_number_in_json_and_all_where_nothing_is_said() {
        let share = Share::try_from(25).unwrap();
        assert_eq!(serde_json::to_string(&share).unwrap(), "25");
        assert_eq!(serde_json::from_str::<Share>("25").unwrap(), share);
        assert!(serde_json::from_str::<Share>("101").is_err());
        assert_eq!(Share::default(), Share::ALL);
    }
}
