//! The views of the protocol as text: one function for each, pure. Not here: JSON, which is the views as they are, and live
//! progress (`progress/`).

use std::collections::BTreeMap;

mod apps;
mod failure;
mod hosts;
mod plan;
mod rollouts;
mod specification;
mod token;

pub(crate) use apps::{releases, status};
pub(crate) use failure::{evidence, headline};
pub(crate) use hosts::{host, hosts};
pub(crate) use plan::plan;
pub(crate) use rollouts::{
    CAN_NOT_FETCH, fetched_ahead, releases as rollout_releases, rollout, rollouts, state, took, waiting, wave,
};
pub(crate) use specification::specification;
pub(crate) use token::token;

/// `role=web zone=a`
fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// `KEY  VALUE` lines, the values below each other.
fn pairs(pairs: &[(&str, String)]) -> Vec<String> {
    let width = pairs.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let line = |(key, value): &(&str, String)| format!("{key:<width$}  {value}").trim_end().to_owned();
    pairs.iter().map(line).collect()
}
