//! Tests of the whole reader. Each module of the crate tests what it does alone.

use std::collections::BTreeMap;

use evenkeel_model::Specification;

use crate::{Input, Problems, read};

mod accepted;
mod every_key;
mod examples;
mod properties;
mod refused;

/// Reads a file with two variables set, without a project.
fn read_text(text: &str) -> Result<Specification, Problems> {
    let variables = BTreeMap::from([("SET", "value"), ("EMPTY", "")].map(|(name, value)| (name.into(), value.into())));
    read(&Input { text, file_name: "compose.yaml", variables: &variables, project: None })
}

/// A file whose one service `web` has these further keys, from line 5 on.
fn with_service(keys: &str) -> String {
    format!("name: app\nservices:\n  web:\n    image: app:1\n    {}\n", keys.replace('\n', "\n    "))
}

/// A file whose `x-rollout` has these keys, from line 3 on.
fn with_rollout(keys: &str) -> String {
    format!("name: app\nx-rollout:\n  {}\nservices:\n  web:\n    image: app:1\n", keys.replace('\n', "\n  "))
}
