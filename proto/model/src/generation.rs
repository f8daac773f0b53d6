//! The numbers by which a host tells a newer order from an older one. Not here: who counts them up (the coordinator).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reign of one coordinator process: the larger of the stored one + 1 and the Unix time in seconds, at each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// Counts the assignments of one key (host, environment, app) up from 1. 0 means: none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Epoch and generation together; they compare in that order, and a host refuses what is older than what it has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Version {
    /// The reign in which the order was given.
    pub epoch: Epoch,
    /// The order's number for its key.
    pub generation: Generation,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_outranks_the_generation() {
        let version = |epoch, generation| Version { epoch: Epoch(epoch), generation: Generation(generation) };
        assert!(version(2, 1) > version(1, 9));
        assert!(version(1, 2) > version(1, 1));
    }
}
