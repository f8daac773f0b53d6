//! The one stream to a coordinator: full assignments down, full reports up, beats both ways. It is opened again whenever it ends.
//!
//! Deliberately not here: what assignments mean (`driver.rs`), and any state that must survive: whatever was missed while there
//! was no stream comes whole with the next one.

mod desired;
mod open;
mod questions;
mod stream;

use std::sync::Arc;

use evenkeel_certs::{CredentialsStore, TimeSource};
use evenkeel_model::{Assignment, HostFacts, HostId, Millis, Prefetch};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::contact::Contact;
use crate::credentials::CredentialsFiles;
use crate::dial::Dialer;
use crate::facts::Facts;
use crate::ledger::LedgerStore;
use crate::reports::Reports;
use crate::runtime::Runtime;
use crate::ticker::Ticker;

/// How long an engine may take to tell its version. One that hangs must not keep its host from saying so: opening a stream has a limit.
const ENGINE_VERSION: Millis = Millis::seconds(2);

/// All that the session works with.
pub(crate) struct Session {
    /// The host it speaks for.
    pub(crate) host: HostId,
    /// The coordinators' addresses, tried in turn.
    pub(crate) addresses: Vec<String>,
    /// The network.
    pub(crate) dialer: Arc<dyn Dialer>,
    /// The certificate in use.
    pub(crate) credentials: Arc<CredentialsStore>,
    /// Where a renewed one is kept.
    pub(crate) files: Arc<dyn CredentialsFiles>,
    /// Keeps the highest epoch.
    pub(crate) ledgers: Arc<dyn LedgerStore>,
    /// For the containers' stats.
    pub(crate) runtime: Arc<dyn Runtime>,
    /// For the host's facts and stats.
    pub(crate) facts: Arc<dyn Facts>,
    /// What the drivers report.
    pub(crate) reports: Reports,
    /// What is told to the drivers.
    pub(crate) desired: watch::Sender<Vec<Assignment>>,
    /// What is fetched ahead.
    pub(crate) prefetch: watch::Sender<Vec<Prefetch>>,
    /// Whether a coordinator is heard.
    pub(crate) contact: Contact,
    /// The clock that never jumps.
    pub(crate) ticker: Ticker,
    /// The wall clock, for the certificate's half-life.
    pub(crate) time: TimeSource,
}

impl Session {
    /// Keeps a stream open until it is told to end.
    pub(crate) async fn keep(&self, seed: u64, shutdown: CancellationToken) {
        let mut backoff = Backoff::new(seed);
        for address in self.addresses.iter().cycle() {
            let ended = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                ended = self.stream(address, &mut backoff) => ended,
            };
            let trouble = chain(&ended);
            tracing::warn!(coordinator = address, trouble, "there is no stream to the coordinator");
            self.contact.closed(trouble);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(backoff.wait()) => {}
            }
        }
    }
}

/// Facts that do not change while this process runs, and the engine's version now, if it answers soon.
async fn facts(runtime: &dyn Runtime, facts: &dyn Facts) -> HostFacts {
    let engine = tokio::time::timeout(ENGINE_VERSION.to_std(), runtime.engine_version()).await.ok().flatten();
    HostFacts { engine, ..facts.facts() }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::facts::FixedFacts;
    use crate::runtime::{DockerOptions, DockerRuntime, Scope};

    #[tokio::test]
    async fn an_engine_that_hangs_does_not_keep_its_host_from_the_coordinator() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("engine.sock");
        // Takes connections, as the kernel does for a process that is stopped, and never answers.
        let _engine = UnixListener::bind(&socket).unwrap();
        let scope = Scope { fleet: "f".parse().unwrap(), host: "h".parse().unwrap(), publish_address: None };
        let address = Some(format!("unix://{}", socket.display()));
        let fixed = Arc::new(FixedFacts::default());
        let runtime = DockerRuntime::new(scope, DockerOptions { address, ..DockerOptions::default() }, fixed.clone());
        let limit = open::OPEN_TIMEOUT / 2;
        let told = tokio::time::timeout(limit, facts(&runtime, &*fixed)).await;
        assert_eq!(told.map(|facts| facts.engine), Ok(None));
    }
}
