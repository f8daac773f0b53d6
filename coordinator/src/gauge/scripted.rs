//! The gauge of the simulation and of tests: it answers at once what it was told to, always the same. Held to the real one's behaviour by the contract
//! tests. Not here: any network.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use evenkeel_model::analysis::Source;
use evenkeel_rollout::{Measure, Measured};

use super::{Asked, Gauge, not_the_agents, numbers};

/// What the number is that a query asks for, or why there is none.
type Number = dyn Fn(&Asked<'_>) -> Result<f64, String> + Send + Sync;

/// Knows what it was told. What it was not told of says nothing.
#[derive(Default)]
pub struct ScriptedGauge {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    numbers: BTreeMap<String, Arc<Number>>,
    checks: BTreeMap<String, Result<bool, String>>,
    asked: Vec<Measure>,
}

impl fmt::Debug for ScriptedGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedGauge").field("asked", &self.lock().asked.len()).finish_non_exhaustive()
    }
}

impl ScriptedGauge {
    /// One that was told nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on this is the number that the query asks for (whatever the address): of these hosts, at this moment. Or why there is none.
    pub fn number(&self, query: &str, number: impl Fn(&Asked<'_>) -> Result<f64, String> + Send + Sync + 'static) {
        self.lock().numbers.insert(query.to_owned(), Arc::new(number));
    }

    /// From now on the web server at this address answers well, or badly; or why nothing is known of it.
    pub fn check(&self, url: &str, good: Result<bool, String>) {
        self.lock().checks.insert(url.to_owned(), good);
    }

    /// All that was measured, in its order.
    pub fn asked(&self) -> Vec<Measure> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in it is ever half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Gauge for ScriptedGauge {
    async fn measure(&self, what: &Measure) -> Measured {
        self.lock().asked.push(what.clone());
        match &what.source {
            Source::Prometheus { query, compare, .. } => {
                let number = self.lock().numbers.get(query).cloned();
                let ask = |asked: Asked<'_>| {
                    let number = number.as_ref().map(|number| number(&asked));
                    std::future::ready(number.unwrap_or_else(|| Err("no data".to_owned())))
                };
                numbers::measure(what, query, compare.as_ref(), ask).await
            }
            Source::Http { url, .. } => match self.lock().checks.get(url) {
                Some(Ok(good)) => Measured::Answer {
                    good: *good,
                    said: format!("GET {url}: {}", if *good { "200 OK" } else { "503 Service Unavailable" }),
                },
                Some(Err(why)) => Measured::Nothing(format!("GET {url}: {why}")),
                None => Measured::Nothing(format!("GET {url}: nobody was told of it")),
            },
            Source::Logs { .. } => not_the_agents(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gauge::contract::{self, Place, contract_tests};

    #[derive(Default)]
    struct Scripts;

    impl Place for Scripts {
        async fn open(&self) -> (Arc<dyn Gauge>, String) {
            let gauge = ScriptedGauge::new();
            for query in contract::QUERIES {
                gauge.number(query, |asked| contract::number(asked.query, asked.hosts, asked.at));
            }
            let url = "http://shop.example".to_owned();
            gauge.check(&format!("{url}/good"), Ok(true));
            gauge.check(&format!("{url}/bad"), Ok(false));
            (Arc::new(gauge), url)
        }
    }

    contract_tests!(Scripts);

    #[tokio::test]
    async fn it_remembers_what_it_was_asked_and_says_nothing_of_what_it_was_not_told() {
        let gauge = ScriptedGauge::new();
        let what = contract::prometheus("http://prometheus.example", "unheard_of", None);
        assert_eq!(gauge.measure(&what).await, Measured::Nothing("no data".to_owned()));
        assert_eq!(gauge.asked(), [what]);
    }
}
