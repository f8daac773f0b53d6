//! The language of the stories: imagines fleets, writes policies, and writes below each run what it came to.

mod policies;

use std::fmt::Write as _;

use evenkeel_model::Policy;
use evenkeel_simulate::{Settings, simulate, simulate_runs};

use crate::render;
use policies::{gate, policy};

/// The story with fresh answers.
pub(crate) fn answer(text: &str) -> String {
    let (mut settings, mut tried) = (Settings::default(), Policy::default());
    let mut answered = String::new();
    for line in text.lines().filter(|line| !line.starts_with(' ')) {
        writeln!(answered, "{line}").unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = match words.as_slice() {
            [] => continue,
            [first, ..] if first.starts_with('#') => continue,
            ["fleet", words @ ..] => {
                settings = fleet(words);
                continue;
            }
            ["policy", words @ ..] => {
                tried = policy(words);
                continue;
            }
            ["gate", words @ ..] => {
                tried.gates.push(gate(words));
                continue;
            }
            ["run"] => said(simulate(&tried, &settings), render::timeline),
            ["sum"] => said(simulate(&tried, &settings), |timeline| render::totals(&timeline.totals)),
            ["runs", runs] => said(simulate_runs(&tried, &settings, runs.parse().unwrap()), render::summary),
            other => panic!("`{other:?}` is no line of a story"),
        };
        for line in said.lines() {
            writeln!(answered, "{}", format!("  {line}").trim_end()).unwrap();
        }
    }
    answered
}

fn said<T, E: std::fmt::Display>(answer: Result<T, E>, render: impl Fn(&T) -> String) -> String {
    answer.map_or_else(|error| format!("!! {error}"), |answer| render(&answer))
}

/// `hosts 30 zones 3 fails 3%`: by way of JSON, as the settings are stored.
fn fleet(words: &[&str]) -> Settings {
    let mut fields = serde_json::Map::new();
    for pair in words.chunks(2) {
        let [name, value] = pair else { panic!("`{pair:?}` has no value") };
        let value = match (*name, value.parse::<u64>()) {
            ("zones", _) | (_, Err(_)) if *value != "true" => serde_json::Value::from(*value),
            ("first-deploy", _) => serde_json::Value::from(true),
            (_, Ok(number)) => serde_json::Value::from(number),
            (_, Err(_)) => panic!("`{name} {value}` is no setting"),
        };
        let value = if *name == "down" { serde_json::Value::Array(vec![value]) } else { value };
        fields.insert(name.replace('-', "_"), value);
    }
    serde_json::from_value(serde_json::Value::Object(fields)).unwrap()
}
