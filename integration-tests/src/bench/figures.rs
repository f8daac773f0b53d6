//! The result: named numbers in one line, and the samples behind them in a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Named numbers. One that could not be measured is absent.
#[derive(Debug, Clone, Default)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Sets a figure, where it was taken.
    pub fn set(&mut self, name: impl Into<String>, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.0.insert(name.into(), value);
        }
    }

    /// A figure.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The last line of a bench's output.
    pub fn last_line(&self, bench: &str) -> String {
        let figures: serde_json::Map<String, Value> =
            self.0.iter().map(|(name, value)| (name.clone(), number(*value))).collect();
        json!({ "bench": bench, "figures": figures }).to_string()
    }
}

/// Whole numbers as such, and others with three places: more would be noise.
fn number(value: f64) -> Value {
    let text = format!("{value:.3}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    short.parse::<i64>().map_or_else(|_| json!(short.parse::<f64>().unwrap_or(value)), |whole| json!(whole))
}

/// The middle of the values; `None` of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Writes the samples to `target/bench/NAME-SECONDS.json`, and returns where.
pub fn keep_samples(bench: &str, samples: &Value) -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate is inside the workspace")?;
    let folder = workspace.join("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let path = folder.join(format!("{bench}-{now}.json"));
    fs::write(&path, format!("{samples:#}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_what_was_taken_and_nothing_else() {
        let mut figures = Figures::default();
        figures.set("lost", Some(0.0));
        figures.set("gap_ms", Some(12.345_678));
        figures.set("absent", None);
        figures.set("ratio", median(&[]));
        assert_eq!(figures.last_line("swap"), r#"{"bench":"swap","figures":{"gap_ms":12.346,"lost":0}}"#);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
