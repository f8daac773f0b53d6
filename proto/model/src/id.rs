//! Names and numbers that identify things. Each is a type of its own, so that a host can't be passed where an app is meant.
//! Not here: how ids are made (the coordinator numbers releases and rollouts; operators choose names).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes: a DNS label's length, so that every name can be part of a host name.
pub const LONGEST_NAME: usize = 63;

/// A text that is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a valid {what}: use 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit"
)]
pub struct InvalidName {
    /// What was being named, for the message.
    pub what: &'static str,
    /// The refused text.
    pub text: String,
}

fn is_name(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= LONGEST_NAME
        && alphanumeric(*first)
        && alphanumeric(*last)
        && bytes.iter().all(|byte| alphanumeric(*byte) || matches!(byte, b'-' | b'_' | b'.'))
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                if is_name(&text) { Ok(Self(text)) } else { Err(InvalidName { what: $what, text }) }
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// The name of a fleet: one coordinator's authority and all it has enrolled.
    FleetName,
    "fleet name"
);
name!(
    /// A machine with an agent. Chosen when it joins, and unique in the fleet.
    HostId,
    "host id"
);
name!(
    /// What releases, secrets, budgets, locks and garbage collection are keyed by, beside the app.
    EnvironmentName,
    "environment name"
);
name!(
    /// A Compose project.
    AppName,
    "app name"
);
name!(
    /// One service of an app.
    ServiceName,
    "service name"
);
name!(
    /// A person or CI job with a role.
    OperatorName,
    "operator name"
);

impl Default for EnvironmentName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// An app in an environment: what releases, rollouts and budgets are keyed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AppKey {
    /// The environment.
    pub environment: EnvironmentName,
    /// The app.
    pub app: AppName,
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.environment, self.app))
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub u64);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number!(
    /// The number of a release, counted from 1 for each app in each environment.
    ReleaseNumber
);
number!(
    /// The number of a rollout, counted from 1 for the fleet.
    RolloutId
);

/// Which of a service's two places a container has: the new one always goes where the old one is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The first place.
    A,
    /// The second place.
    B,
}

impl Slot {
    /// The place beside this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `a` or `b`, as in container names and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Slot {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            _ => Err(InvalidName { what: "slot", text: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_where_they_enter() {
        for good in ["web", "web-1", "a", "0", "eu.web_2"] {
            assert!(good.parse::<HostId>().is_ok(), "{good}");
        }
        let long = "x".repeat(LONGEST_NAME + 1);
        for bad in ["", "-web", "web-", "Web", "we b", "../etc", "wéb", long.as_str()] {
            assert!(bad.parse::<HostId>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<HostId>("\"UPPER\"").is_err());
    }
}
