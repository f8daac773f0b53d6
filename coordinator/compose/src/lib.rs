//! The Compose reader, pure: the text of a Compose file and its variables become an [`evenkeel_model::Specification`],
//! or every problem at once, each with its line and what to do about it.
//!
//! What is honoured is written key by key in this crate's `README.md`; a key that can't be honoured is an error, never
//! dropped. Deliberately not here: reading files or the environment (the caller passes text and variables), resolving
//! tags to digests (coordinator or operator's machine, once per release), and obeying the policy (crate `evenkeel-rollout`).
//!
//! The way through: text → `tree` (YAML with a place for each node) → `reader` (types, variables, problems) →
//! `file` and what it calls, one file per Compose key or group of keys.

use std::collections::BTreeMap;

use evenkeel_model::{AppName, Specification};

mod address;
mod analysis;
mod command;
mod deploy;
mod duration;
mod environment;
mod file;
mod gates;
mod health;
mod healthcheck;
mod hints;
mod host_name;
mod http_probe;
mod interpolation;
mod keys;
mod logs;
mod mounts;
mod nearest;
mod order;
mod policy;
mod ports;
mod probe;
mod problem;
mod prometheus;
mod reader;
mod rollout;
mod route;
mod service;
mod shared_ports;
mod side_by_side;
mod signal;
mod strategy;
#[cfg(test)]
mod tests;
mod traffic;
mod tree;
mod via;
mod waves;
mod window;
mod words;

pub use problem::{Problem, Problems};

/// A Compose file and what it is read with.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The file's text.
    pub text: &'a str,
    /// The file's name, for messages alone.
    pub file_name: &'a str,
    /// The variables that `$VAR` and environment entries without a value refer to.
    pub variables: &'a BTreeMap<String, String>,
    /// The app's name, if it is not to be the file's `name`.
    pub project: Option<AppName>,
}

/// Reads a Compose file: all that it says, checked, or all that is wrong with it.
pub fn read(input: &Input<'_>) -> Result<Specification, Problems> {
    let mut reader = reader::Reader::new(input.file_name, input.variables);
    let root = tree::parse(input.text, &mut reader);
    let specification = root.and_then(|root| file::read(&mut reader, &root, input.project.as_ref()));
    reader.finish(specification)
}
