//! What one measurement of an analysis comes to. Not here: measuring (the coordinator), how many good ones it takes (step `gate`).

use evenkeel_model::analysis::{Compare, Source};
use evenkeel_model::decimal::Bounds;

use crate::Verdict;

/// What was measured, or why nothing was.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// A number, and what it is compared with where that was asked for.
    Number {
        /// Of the hosts with the release.
        value: f64,
        /// Of the others, or of before; none: there is none, and why.
        baseline: Option<Result<f64, String>>,
    },
    /// Whether an answer was as it should be, and what it was.
    Answer {
        /// Whether it was.
        good: bool,
        /// Question and answer.
        said: String,
    },
    /// Lines of logs that match.
    Lines(Lines),
    /// Nothing, and why.
    Nothing(String),
}

/// The lines that match in the logs of the release's containers, over all hosts that have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// How many were found.
    pub matched: u64,
    /// In the logs of so many containers.
    pub containers: u64,
    /// A few of them, for people, each with its host and service.
    pub examples: Vec<String>,
    /// Why there may be more of them: a host that does not answer, a log that is too long. None: those are all.
    pub missing: Option<String>,
}

/// What a measurement comes to, and what it says to people.
pub(crate) fn judge(source: &Source, measured: &Measured) -> (Verdict, String) {
    match (source, measured) {
        (_, Measured::Nothing(why)) => (Verdict::Inconclusive, why.clone()),
        (Source::Prometheus { bounds, compare, .. }, Measured::Number { value, baseline }) => {
            number(*bounds, compare.as_ref(), *value, baseline.as_ref())
        }
        (Source::Http { .. }, Measured::Answer { good, said }) => {
            (if *good { Verdict::Good } else { Verdict::Bad }, said.clone())
        }
        (Source::Logs { min, max, .. }, Measured::Lines(found)) => lines(*min, *max, found),
        _ => (Verdict::Inconclusive, "what was measured is not what was asked for".to_owned()),
    }
}

fn number(
    bounds: Bounds,
    compare: Option<&Compare>,
    value: f64,
    baseline: Option<&Result<f64, String>>,
) -> (Verdict, String) {
    if value.is_nan() {
        return (Verdict::Inconclusive, "the answer is no number (NaN)".to_owned());
    }
    if !bounds.hold(value) {
        return (Verdict::Bad, format!("{value}, and it may be {}", in_words(bounds)));
    }
    let Some(compare) = compare else { return (Verdict::Good, value.to_string()) };
    match baseline {
        None => (Verdict::Inconclusive, format!("{value}, with nothing to compare it with")),
        Some(Err(why)) => (Verdict::Inconclusive, format!("{value}, with nothing to compare it with: {why}")),
        Some(Ok(baseline)) if baseline.is_nan() => {
            (Verdict::Inconclusive, format!("{value}, and what it is compared with is no number (NaN)"))
        }
        Some(Ok(baseline)) => compared(*compare, value, *baseline),
    }
}

fn compared(compare: Compare, value: f64, baseline: f64) -> (Verdict, String) {
    let too_often = compare.max_ratio.filter(|ratio| value > baseline * ratio.as_f64());
    let too_much = compare.max_increase.filter(|increase| value > baseline + increase.as_f64());
    match (too_often, too_much) {
        (Some(ratio), _) => (Verdict::Bad, format!("{value}, more than {ratio} times {baseline}")),
        (_, Some(increase)) => (Verdict::Bad, format!("{value}, more than {increase} above {baseline}")),
        (None, None) => (Verdict::Good, format!("{value}, beside {baseline}")),
    }
}

/// More lines than there may be are too many, whoever has not been heard; anything else takes the word of all.
fn lines(min: u64, max: Option<u64>, found: &Lines) -> (Verdict, String) {
    let Lines { matched, containers, missing, .. } = found;
    let what = format!(
        "{} in {}",
        counted(*matched, "line matches", "lines match"),
        counted(*containers, "container", "containers")
    );
    if let Some(max) = max.filter(|max| matched > max) {
        return (Verdict::Bad, format!("{what}, and it may be {max} at most"));
    }
    match missing {
        Some(why) if *containers == 0 => (Verdict::Inconclusive, why.clone()),
        Some(why) => (Verdict::Inconclusive, format!("{why}; elsewhere {what}")),
        // Services that are the same in both releases keep their containers: then there is nothing new that could be wrong.
        None if *containers == 0 => {
            (Verdict::Good, "no container was made for the release, so that there is nothing to read".to_owned())
        }
        None if *matched < min => (Verdict::Bad, format!("{what}, and it must be {min} at least")),
        None => (Verdict::Good, what),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn in_words(bounds: Bounds) -> String {
    match (bounds.min, bounds.max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("{min} at least"),
        (None, Some(max)) => format!("{max} at most"),
        (None, None) => "any number".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::analysis::Baseline;

    use super::*;

    fn prometheus(max: Option<&str>, ratio: Option<&str>, increase: Option<&str>) -> Source {
        let decimal = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let compare =
            Compare { with: Baseline::OtherHosts, max_ratio: decimal(ratio), max_increase: decimal(increase) };
        Source::Prometheus {
            url: "http://prometheus:9090".to_owned(),
            query: "errors".to_owned(),
            bounds: Bounds { min: None, max: decimal(max) },
            compare: (ratio.is_some() || increase.is_some()).then_some(compare),
        }
    }

    fn number(value: f64, baseline: Option<f64>) -> Measured {
        Measured::Number { value, baseline: baseline.map(Ok) }
    }

    #[test]
    fn a_number_is_held_against_its_bounds_and_against_others() {
        let cases = [
            (prometheus(Some("0.05"), None, None), number(0.05, None), Verdict::Good),
            (prometheus(Some("0.05"), None, None), number(0.06, None), Verdict::Bad),
            (prometheus(None, None, None), number(f64::NAN, None), Verdict::Inconclusive),
            (prometheus(None, Some("1.2"), None), number(1.2, Some(1.0)), Verdict::Good),
            (prometheus(None, Some("1.2"), None), number(1.3, Some(1.0)), Verdict::Bad),
            (prometheus(None, None, Some("0.1")), number(0.4, Some(0.3)), Verdict::Good),
            (prometheus(None, None, Some("0.1")), number(0.5, Some(0.3)), Verdict::Bad),
            (prometheus(None, Some("1.2"), None), number(1.0, None), Verdict::Inconclusive),
            (prometheus(None, Some("1.2"), None), number(1.0, Some(f64::NAN)), Verdict::Inconclusive),
            (prometheus(Some("1"), Some("1.2"), None), number(2.0, None), Verdict::Bad),
            (prometheus(None, None, None), Measured::Nothing("refused".to_owned()), Verdict::Inconclusive),
        ];
        for (source, measured, expected) in cases {
            let (verdict, said) = judge(&source, &measured);
            assert_eq!(verdict, expected, "{source:?} {measured:?}: {said}");
        }
    }

    #[test]
    fn an_answer_is_as_good_as_it_was_found() {
        let source = Source::Http { url: "http://shop/".to_owned(), status: (200, 299), body: None };
        for (good, expected) in [(true, Verdict::Good), (false, Verdict::Bad)] {
            let said = "GET http://shop/: 503".to_owned();
            assert_eq!(judge(&source, &Measured::Answer { good, said: said.clone() }), (expected, said));
        }
        assert_eq!(judge(&source, &number(1.0, None)).0, Verdict::Inconclusive);
    }

    #[test]
    fn lines_are_counted_against_what_there_may_and_must_be() {
        let source = |min, max| {
            let pattern = "panic".parse().unwrap();
            Source::Logs { services: [].into(), pattern, min, max }
        };
        let found = |matched, containers, missing: Option<&str>| {
            let missing = missing.map(str::to_owned);
            Measured::Lines(Lines { matched, containers, examples: Vec::new(), missing })
        };
        let (none, ready) = (source(0, Some(0)), source(1, None));
        let cases = [
            (&none, found(0, 2, None), Verdict::Good, "0 lines match in 2 containers"),
            (&none, found(1, 1, None), Verdict::Bad, "1 line matches in 1 container, and it may be 0 at most"),
            (&none, found(0, 0, None), Verdict::Good, "no container was made for the release"),
            (&none, found(0, 0, Some("h3 is not heard from")), Verdict::Inconclusive, "h3 is not heard from"),
            (
                &none,
                found(0, 2, Some("h3 is not heard from")),
                Verdict::Inconclusive,
                "h3 is not heard from; elsewhere 0 lines match in 2 containers",
            ),
            // What is too much already is not made less by anybody's word.
            (&none, found(2, 1, Some("h3 is not heard from")), Verdict::Bad, "2 lines match in 1 container"),
            (&ready, found(0, 1, None), Verdict::Bad, "0 lines match in 1 container, and it must be 1 at least"),
            (&ready, found(7, 1, None), Verdict::Good, "7 lines match in 1 container"),
            (&ready, found(7, 1, Some("h3 is not heard from")), Verdict::Inconclusive, "h3 is not heard from"),
            (&ready, found(0, 0, None), Verdict::Good, "no container was made for the release"),
        ];
        for (source, measured, expected, words) in cases {
            let (verdict, said) = judge(source, &measured);
            assert_eq!(verdict, expected, "{measured:?}: {said}");
            assert!(said.starts_with(words), "{said}");
        }
        assert_eq!(judge(&none, &number(1.0, None)).0, Verdict::Inconclusive);
    }
}
