//! The table, the figures and the samples. Every ratio is of one round; a figure is the median of the rounds.
//! Not here: measuring.

use serde_json::{Map, Value, json};

use super::sample::{Kept, Samples};
use super::switch::Switches;
use super::{DIRECT, OURS, Outcome};
use crate::bench::{Figures, Memory, Table, median};

/// From this share of its core on a proxy is what limits the rate. Below it the client is, or somebody else who has the machine, and all
/// candidates look alike.
const FULL: f64 = 0.9;

pub(super) fn outcome(
    samples: &[Samples],
    memory: &[(String, Memory)],
    switches: Option<&Switches>,
    mut problems: Vec<String>,
) -> Outcome {
    problems.extend(samples.iter().filter_map(idle));
    let mut raw: Map<String, Value> = samples.iter().map(|samples| (samples.name.to_owned(), samples.all())).collect();
    if let Some(switches) = switches {
        raw.insert("switch".to_owned(), switches.all());
    }
    let text = table(samples, memory, switches);
    Outcome { text, figures: figures(samples, memory, switches), samples: json!(raw), problems }
}

/// What there is to say of a proxy that was not what limited the rate; none of one that was, or has no process of its own.
fn idle(samples: &Samples) -> Option<String> {
    let shares: Vec<f64> = samples.kept.iter().filter_map(|kept| kept.cpu).map(|(_, share)| share).collect();
    let share = median(&shares).filter(|share| *share < FULL)?;
    let name = samples.name;
    Some(format!(
        "{name} had only {share:.2} of its core at full speed, so its throughput says nothing: is the machine busy?"
    ))
}

fn figures(samples: &[Samples], memory: &[(String, Memory)], switches: Option<&Switches>) -> Figures {
    let mut figures = Figures::default();
    let find = |name: &str| samples.iter().find(|samples| samples.name == name && !samples.failed);
    let ours = find(OURS);
    let with = |peer: &str| ours.zip(find(peer));
    let ratio = |peer: &str, of: fn(&Samples) -> Vec<f64>| {
        let full = with(peer).filter(|(ours, peer)| idle(ours).is_none() && idle(peer).is_none());
        full.and_then(|(ours, peer)| median(&ratios(&of(ours), &of(peer))))
    };
    for peer in ["haproxy", "nginx", "docker_port"] {
        figures.set(format!("throughput_vs_{peer}"), ratio(peer, rates));
    }
    figures.set("throughput_new_vs_haproxy", ratio("haproxy", |samples| samples.new.clone()));
    figures.set("p99_vs_haproxy", ratio("haproxy", |samples| samples.kept.iter().map(|kept| kept.p99_ms).collect()));
    let added = with(DIRECT).map(|(ours, direct)| added(ours, direct));
    figures.set("added_median_ms", added.as_ref().and_then(|added| median(&added.0)));
    figures.set("added_p99_ms", added.as_ref().and_then(|added| median(&added.1)));
    figures.set("rss_mib", ours.and_then(|_| most(memory, OURS)));
    figures.set("switch_p99_ms", switches.and_then(|switches| at_99(&switches.seen)));
    figures
}

fn table(samples: &[Samples], memory: &[(String, Memory)], switches: Option<&Switches>) -> String {
    let heading = [
        "candidate",
        "requests/s",
        "p99 ms",
        "CPU us/request",
        "core",
        "new conn/s",
        "steady p50 ms",
        "p99 ms ",
        "added p50",
        "added p99",
        "RSS MiB",
    ];
    let mut table = Table::new(&heading);
    let direct = samples.iter().find(|samples| samples.name == DIRECT);
    for one in samples {
        let shown = |values: Vec<f64>, places: usize| {
            let value = if one.failed { None } else { median(&values) };
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
        };
        let kept = |of: fn(&Kept) -> Option<f64>| one.kept.iter().filter_map(of).collect::<Vec<f64>>();
        let added = direct.filter(|_| one.name != DIRECT).map(|direct| added(one, direct)).unwrap_or_default();
        table.row(vec![
            one.name.to_owned(),
            shown(rates(one), 0),
            shown(kept(|kept| Some(kept.p99_ms)), 2),
            shown(kept(|kept| kept.cpu.map(|cpu| cpu.0)), 1),
            shown(kept(|kept| kept.cpu.map(|cpu| cpu.1)), 2),
            shown(one.new.clone(), 0),
            shown(one.steady.iter().map(|(p50, _)| *p50).collect(), 3),
            shown(one.steady.iter().map(|(_, p99)| *p99).collect(), 3),
            shown(added.0, 3),
            shown(added.1, 3),
            most(memory, one.name).map_or_else(|| "-".to_owned(), |mib| format!("{mib:.1}")),
        ]);
    }
    let switches = switches.map_or_else(String::new, |switches| {
        let shown = |values: &[f64]| {
            format!("{:.2} / {:.2}", median(values).unwrap_or_default(), at_99(values).unwrap_or_default())
        };
        format!(
            "one switch of 1,000 routes, median / p99 ms: seen by new requests {}, durable {}\n",
            shown(&switches.seen),
            shown(&switches.durable)
        )
    });
    format!(
        "{table}\nMedians of {} rounds. core: the share of its core that the candidate had while it was asked at full speed.\n{switches}",
        samples.iter().map(|samples| samples.kept.len()).max().unwrap_or_default()
    )
}

fn rates(samples: &Samples) -> Vec<f64> {
    samples.kept.iter().map(|kept| kept.rate).collect()
}

/// Of the same rounds.
fn ratios(ours: &[f64], peers: &[f64]) -> Vec<f64> {
    ours.iter().zip(peers).map(|(ours, peers)| ours / peers).collect()
}

/// What it adds to the direct way in the same round, at the median and at 99 %.
fn added(one: &Samples, direct: &Samples) -> (Vec<f64>, Vec<f64>) {
    one.steady.iter().zip(&direct.steady).map(|(one, direct)| (one.0 - direct.0, one.1 - direct.1)).unzip()
}

fn most(memory: &[(String, Memory)], name: &str) -> Option<f64> {
    memory.iter().find(|(of, _)| of == name)?.1.most()
}

/// The value that 99 of 100 are not above.
fn at_99(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * 99).div_ceil(100).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(name: &'static str, rates: &[f64], steady: (f64, f64)) -> Samples {
        let mut samples = Samples::new(name);
        samples.kept = rates.iter().map(|rate| Kept { rate: *rate, p99_ms: 2.0, cpu: None }).collect();
        samples.steady = vec![steady; rates.len()];
        samples
    }

    #[test]
    fn a_ratio_is_of_one_round_and_what_failed_has_none() {
        let mut all = vec![
            samples(DIRECT, &[100.0, 100.0, 100.0], (0.1, 0.5)),
            samples(OURS, &[10.0, 30.0, 20.0], (0.15, 0.75)),
            samples("haproxy", &[20.0, 20.0, 20.0], (0.2, 0.5)),
            samples("nginx", &[10.0], (0.2, 0.5)),
        ];
        all[3].failed = true;
        let figures = figures(&all, &[], None);
        assert_eq!(figures.get("throughput_vs_haproxy"), Some(1.0));
        assert_eq!(figures.get("throughput_vs_nginx"), None);
        assert_eq!(figures.get("switch_p99_ms"), None);
        assert!((figures.get("added_median_ms").unwrap() - 0.05).abs() < 1e-9);
        assert!((figures.get("added_p99_ms").unwrap() - 0.25).abs() < 1e-9);
        assert!(table(&all, &[], None).contains("nginx"));
    }

    #[test]
    fn a_ratio_of_a_proxy_that_was_not_what_limited_the_rate_is_none() {
        let with = |name, share| {
            let mut samples = samples(name, &[10.0], (0.1, 0.5));
            samples.kept.iter_mut().for_each(|kept| kept.cpu = Some((10.0, share)));
            samples
        };
        let all =
            [with(OURS, 0.97), with("haproxy", 0.95), with("nginx", 0.4), samples("docker_port", &[5.0], (0.1, 0.5))];
        let found = figures(&all, &[], None);
        assert_eq!(found.get("throughput_vs_haproxy"), Some(1.0));
        assert_eq!(found.get("throughput_vs_nginx"), None);
        assert_eq!(found.get("throughput_vs_docker_port"), Some(2.0), "it has no process");
        let problems = outcome(&all, &[], None, vec![]).problems;
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("nginx had only 0.40"), "{problems:?}");
    }

    #[test]
    fn ninety_nine_of_a_hundred_are_not_above() {
        let values: Vec<f64> = (1..=300).map(f64::from).collect();
        assert_eq!(at_99(&values), Some(297.0));
        assert_eq!((at_99(&[]), at_99(&[4.0])), (None, Some(4.0)));
    }
}
