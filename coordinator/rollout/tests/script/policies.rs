//! Policies and gates in the scripts' language. Not here: what they do.

use evenkeel_model::analysis::Source;
use evenkeel_model::gate::{Approval, Check, GateWaves, Weekday, Window};
use evenkeel_model::{Analysis, Count, Gate, GatePoint, OnFailure, Policy, Promote, Strategy, Wave, Waves};

use super::{id, millis};

/// `waves 1,100% budget 1 …`
pub(crate) fn policy(settings: &[&str]) -> Policy {
    let mut policy = Policy::default();
    for setting in settings.chunks(2) {
        let [name, value] = setting else { panic!("`{setting:?}` has no value") };
        set(&mut policy, name, value);
    }
    policy
}

fn set(policy: &mut Policy, name: &str, value: &str) {
    match name {
        "strategy" => {
            let known = [Strategy::Rolling, Strategy::Canary, Strategy::BlueGreen];
            policy.strategy = known.into_iter().find(|strategy| strategy.as_str() == value).expect("a strategy");
            policy.waves = policy.strategy.default_waves();
        }
        "waves" => policy.waves = Waves::List(value.split(',').map(wave).collect()),
        "by" => policy.by = Some(value.to_owned()),
        "first" => policy.first = value.split(',').map(id).collect(),
        "budget" => policy.max_unavailable = Some(count(value)),
        "floor" => policy.min_healthy = Some(count(value)),
        "failures" => policy.max_failures = Some(count(value)),
        "bake" => policy.bake = millis(value),
        "deadline" => policy.progress_deadline = millis(value),
        "weights" => {
            policy.weights = value.split(',').map(|share| share.parse::<u32>().unwrap().try_into().unwrap()).collect();
        }
        "promote" => policy.promote = if value == "manual" { Promote::Manual } else { Promote::Auto },
        "on_failure" => {
            let known = [OnFailure::Pause, OnFailure::RevertFailed, OnFailure::Rollback];
            policy.on_failure = known.into_iter().find(|action| action.as_str() == value).expect("an action");
        }
        other => panic!("there is no setting `{other}`"),
    }
}

/// `1`, or with a bake of its own `1+10m`.
fn wave(text: &str) -> Wave {
    match text.split_once('+') {
        Some((hosts, bake)) => Wave { bake: Some(millis(bake)), ..Wave::from(count(hosts)) },
        None => count(text).into(),
    }
}

/// `commit first approval 2`, `before every window 22:00 6h sat,sun`, `commit every analysis errors 3 30s`.
pub(crate) fn gate(words: &[&str]) -> Gate {
    let [at, waves, check @ ..] = words else { panic!("a gate stands somewhere") };
    let points = [GatePoint::Before, GatePoint::Switch, GatePoint::Commit, GatePoint::After];
    let at = points.into_iter().find(|point| point.as_str() == *at).expect("a point of a wave");
    let waves = match *waves {
        "every" => GateWaves::Every,
        "first" => GateWaves::First,
        "last" => GateWaves::Last,
        number => GateWaves::Only(number.parse::<usize>().unwrap() - 1),
    };
    let check = match check {
        ["approval", persons] => Check::Approval(Approval { persons: persons.parse().unwrap() }),
        ["window", start, length, days @ ..] => Check::Window(window(start, length, days)),
        ["analysis", name, samples, interval] => Check::Analysis(analysis(name, samples, interval, http())),
        ["logs", pattern, max, samples, interval] => {
            let pattern = pattern.parse().unwrap();
            let source = Source::Logs { services: [].into(), pattern, min: 0, max: Some(max.parse().unwrap()) };
            Check::Analysis(analysis("logs", samples, interval, source))
        }
        other => panic!("`{other:?}` is no gate"),
    };
    Gate { at, waves, check }
}

fn window(start: &str, length: &str, days: &[&str]) -> Window {
    let day = |text: &str| Weekday::ALL.into_iter().find(|day| day.as_str() == text).expect("a day of the week");
    let days = days.first().map(|days| days.split(',').map(day).collect()).unwrap_or_default();
    Window { days, start: minutes(start), length: millis(length), zone: "UTC".to_owned() }
}

fn http() -> Source {
    Source::Http { url: "http://shop/".to_owned(), status: (200, 299), body: None }
}

fn analysis(name: &str, samples: &str, interval: &str, source: Source) -> Analysis {
    Analysis {
        name: name.to_owned(),
        source,
        samples: samples.parse().unwrap(),
        interval: millis(interval),
        max_bad: 0,
        max_inconclusive: 0,
    }
}

/// `09:30`, in minutes after midnight.
pub(crate) fn minutes(time: &str) -> u16 {
    let (hours, minutes) = time.split_once(':').expect("a time such as 09:30");
    hours.parse::<u16>().unwrap() * 60 + minutes.parse::<u16>().unwrap()
}

fn count(text: &str) -> Count {
    text.parse().unwrap()
}
