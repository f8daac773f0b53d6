//! The views of the protocol as text: one function for each, pure. Not here: JSON, which is the views as they are, and live
//! progress (`progress/`).

use std::collections::BTreeMap;

mod acts;
mod apps;
mod failure;
mod freezes;
mod gates;
mod history;
mod hosts;
mod operators;
mod plan;
mod policy;
mod rollouts;
mod specification;
mod summary;
mod timeline;
mod token;

pub(crate) use acts::{act, act_with_age, because, said_by};
pub(crate) use apps::{releases, status};
pub(crate) use failure::{evidence, headline};
pub(crate) use freezes::{freezes, frozen, in_force, lifted};
pub(crate) use gates::{gates, reading};
pub(crate) use history::history;
pub(crate) use hosts::{host, hosts};
pub(crate) use operators::{Added, Myself, added, operators, whoami};
pub(crate) use plan::{plan, would_change};
pub(crate) use policy::rules;
pub(crate) use rollouts::{
    CAN_NOT_FETCH, fetched_ahead, releases as rollout_releases, rollout, rollouts, share, state, took, waiting, wave,
};
pub(crate) use specification::specification;
pub(crate) use summary::{summary, tone_of_end};
pub(crate) use timeline::timeline;
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
