//! Between the wire and the shared vocabulary. Towards the wire nothing can fail; from it a bad field is named.
//! Deliberately not here: what follows from a bad message (the caller decides).

mod assignment;
mod cause;
mod host;
mod logs;
mod prefetch;
mod report;
mod view;

use evenkeel_model::{AppKey, Epoch, Generation, Millis, Share, UnixMillis, Version};

use crate::v1;

/// A message with a field that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Malformed {
    /// The field, with its path.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Malformed {
    pub(crate) fn new(field: &'static str, problem: &impl ToString) -> Self {
        Self { field, problem: problem.to_string() }
    }
}

/// Reads a field that holds a checked text or number.
pub(crate) fn parse<T>(field: &'static str, text: &str) -> Result<T, Malformed>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|problem: T::Err| Malformed::new(field, &problem))
}

/// A message field that must be there.
pub(crate) fn present<T>(field: &'static str, value: Option<T>) -> Result<T, Malformed> {
    value.ok_or_else(|| Malformed::new(field, &"is missing"))
}

impl From<&AppKey> for v1::AppKey {
    fn from(key: &AppKey) -> Self {
        Self { environment: key.environment.to_string(), app: key.app.to_string() }
    }
}

impl TryFrom<&v1::AppKey> for AppKey {
    type Error = Malformed;

    fn try_from(wire: &v1::AppKey) -> Result<Self, Malformed> {
        Ok(Self { environment: parse("key.environment", &wire.environment)?, app: parse("key.app", &wire.app)? })
    }
}

impl From<Version> for v1::Version {
    fn from(version: Version) -> Self {
        Self { epoch: version.epoch.0, generation: version.generation.0 }
    }
}

impl From<&v1::Version> for Version {
    fn from(wire: &v1::Version) -> Self {
        Self { epoch: Epoch(wire.epoch), generation: Generation(wire.generation) }
    }
}

/// A share from the wire. Absent, from a side that knows of none: all.
pub(crate) fn share_from_wire(percent: Option<u32>) -> Result<Share, Malformed> {
    let share = percent.map_or(Ok(Share::ALL), Share::try_from);
    share.map_err(|problem| Malformed::new("share", &problem))
}

/// A duration as the wire has it.
pub fn duration_to_wire(duration: Millis) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.0 / 1000).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.0 % 1000).unwrap_or(0) * 1_000_000,
    }
}

/// A duration from the wire; negative ones are refused.
pub fn duration_from_wire(field: &'static str, wire: Option<&prost_types::Duration>) -> Result<Millis, Malformed> {
    let wire = present(field, wire)?;
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(wire.seconds), u64::try_from(wire.nanos)) else {
        return Err(Malformed::new(field, &"is negative"));
    };
    Ok(Millis::seconds(0).plus(Millis(seconds.saturating_mul(1000))).plus(Millis(nanos / 1_000_000)))
}

/// A moment as the wire has it.
pub fn moment_to_wire(moment: UnixMillis) -> prost_types::Timestamp {
    let since = duration_to_wire(Millis(moment.0));
    prost_types::Timestamp { seconds: since.seconds, nanos: since.nanos }
}

/// A moment from the wire; one before 1970 counts as 1970.
pub fn moment_from_wire(wire: &prost_types::Timestamp) -> UnixMillis {
    let (seconds, nanos) = (u64::try_from(wire.seconds).unwrap_or(0), u64::try_from(wire.nanos).unwrap_or(0));
    UnixMillis(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}

#[cfg(test)]
mod tests;
