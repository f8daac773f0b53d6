//! From samples to figures, on made-up ones.

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::Candidate;
use super::super::releases::Releases;
use super::super::row::Sight;
use super::*;
use crate::hosts::Published;

struct Nobody;

impl Candidate for Nobody {
    fn begin(&mut self, _: &Releases<'_>) -> Result<Published> {
        anyhow::bail!("nobody")
    }

    fn prepare(&mut self, _: &Published) -> Result<()> {
        Ok(())
    }

    fn roll(&mut self, _: &Published, _: Kind) -> Result<Option<u64>> {
        Ok(None)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// One host, that serves after these times, in s; 0.1 s of each are before the order.
fn row(name: &'static str, walls: &[f64]) -> Row<'static> {
    let mut row = Row::new(name, Kind::Good, 1, &[], Box::new(Nobody));
    row.samples = (0..).zip(walls.iter().map(|wall| sample(*wall))).collect();
    row
}

fn sample(wall: f64) -> Sample {
    let from_order = Some((wall - 0.1) * 1000.0);
    let lost = BTreeMap::from([("refused".to_owned(), 2)]);
    Sample { said: 3.0, hosts: vec![Sight { serves: wall, from_order, gap: 5.0, requests: 10, lost, bad: 0 }] }
}

#[test]
fn a_ratio_is_of_one_round_and_what_was_not_measured_has_none() {
    let rows = [row("evenkeel", &[1.0, 2.0, 1.0]), row("swarm_default", &[4.0, 4.0, 10.0]), row("swarm_tuned", &[])];
    let figures = figures(&rows, &Floor::default());
    assert_eq!(figures.get("wall_s"), Some(1.0));
    assert_eq!(figures.get("wall_vs_swarm_default"), Some(0.25));
    assert_eq!(figures.get("wall_vs_swarm_tuned"), None);
    assert_eq!(figures.get("failed_requests"), Some(6.0));
    assert_eq!(figures.get("overhead_ms_p50"), None);
    let table = table(&rows);
    assert!(table.contains("not measured") && table.contains("1.00-2.00"), "{table}");
}

#[test]
fn a_bad_release_is_over_when_the_hosts_are_back_and_it_was_said() {
    let rows = [row("evenkeel_crash", &[0.0, 4.0]), row("swarm_tuned_crash", &[6.0, 4.0])];
    let figures = figures(&rows, &Floor::default());
    assert_eq!(figures.get("bad_crash_reverted_s"), Some(3.5));
    assert_eq!(figures.get("bad_crash_vs_swarm_tuned"), Some(0.75));
}

#[test]
fn the_overhead_is_over_the_engine_alone_in_the_same_round() {
    let rows = [row("evenkeel_fetched", &[0.3, 0.5, 0.7])];
    let floor = Floor {
        own: [(0, vec![150.0]), (2, vec![500.0])].into(),
        published: [(0, vec![250.0])].into(),
        ..Floor::default()
    };
    let figures = figures(&rows, &floor);
    assert!((figures.get("overhead_ms_p50").unwrap() - 75.0).abs() < 1e-6);
    assert!((figures.get("overhead_published_ms_p50").unwrap() + 50.0).abs() < 1e-6);
}
