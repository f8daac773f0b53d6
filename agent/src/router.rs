//! The port to the host's proxy: what the driver asks of it. Traffic does not depend on the agent's life, so all that is in force stays in
//! force when nobody asks. Not here: what should be routed where (crate `evenkeel-machine`), the data path (crate `evenkeel-proxy`).

mod fake;

use async_trait::async_trait;
use tokio::sync::watch;

use evenkeel_machine::{Proxy, RoutePlan};
use evenkeel_model::{AppKey, Failure};

pub use fake::{FakeRouter, Request, Told};

/// The host's proxy, seen by one host's agent. Every call ends within a limit of its own, and may be repeated.
#[async_trait]
pub trait Router: Send + Sync {
    /// What is in force for an app, and what is under way. A proxy that does not answer is a sight too, not an error.
    async fn observe(&self, key: &AppKey) -> Proxy;

    /// Puts a plan in force, all of it or nothing. The failure names the port that can't be had (`port_taken`), or says that the proxy does
    /// not answer (`proxy_unavailable`).
    async fn route(&self, key: &AppKey, plan: &RoutePlan) -> Result<(), Failure>;

    /// Ends what is under way at a container that gets nothing new any more.
    async fn cut(&self, key: &AppKey, container: &str) -> Result<(), Failure>;

    /// Changes whenever something may have changed at the proxy: it came back, or the last request of a draining container ended.
    fn wakeups(&self) -> watch::Receiver<()>;
}
