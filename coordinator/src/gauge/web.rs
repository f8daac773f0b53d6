//! The gauge that really asks: Prometheus servers and web servers, over HTTP/1.1, with the system's certificate authorities. Not here: credentials;
//! who needs them puts something between that has them.

use std::time::Duration;

use async_trait::async_trait;

use evenkeel_model::analysis::Source;
use evenkeel_rollout::{Measure, Measured};

use super::check::{Good, check};
use super::client::WebClient;
use super::{DEADLINE, Gauge, not_the_agents, numbers, prometheus};

/// Asks over the network.
#[derive(Debug)]
pub struct WebGauge {
    client: WebClient,
}

impl WebGauge {
    /// Reads the system's certificate authorities. Where there are none, servers without TLS can still be asked.
    pub fn with_system_roots() -> Self {
        Self::with_deadline(DEADLINE)
    }

    fn with_deadline(deadline: Duration) -> Self {
        Self { client: WebClient::new(deadline) }
    }
}

#[async_trait]
impl Gauge for WebGauge {
    async fn measure(&self, what: &Measure) -> Measured {
        match &what.source {
            Source::Prometheus { url, query, compare, .. } => {
                numbers::measure(what, query, compare.as_ref(), |asked| prometheus::ask(&self.client, url, asked)).await
            }
            Source::Http { url, status, body } => {
                check(&self.client, url, Good { status: *status, text: body.as_deref() }).await
            }
            Source::Logs { .. } => not_the_agents(),
        }
    }
}

#[cfg(test)]
mod tests;
