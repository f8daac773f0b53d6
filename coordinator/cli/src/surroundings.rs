//! What the verbs need of the world: the environment, the clock, the way to the coordinator, Ctrl-C. Tests put another world
//! in. Not here: what is printed (`terminal.rs`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_certs::TimeSource;

use crate::dial::Dial;

/// How the coordinator is found.
#[derive(Debug, Clone, Default)]
pub enum Reach {
    /// As the context file says, over TLS.
    #[default]
    ByContext,
    /// Otherwise; no context file is read.
    Given {
        /// Tried in turn.
        addresses: Vec<String>,
        /// How each is reached.
        dial: Arc<dyn Dial>,
    },
}

/// Something to wait for.
pub type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the verbs need of the world.
pub struct Surroundings {
    /// Environment variables; those that are not Unicode are left out.
    pub variables: BTreeMap<String, String>,
    /// The engine's command line program.
    pub engine: PathBuf,
    /// The wall clock.
    pub time: TimeSource,
    /// The way to the coordinator.
    pub reach: Reach,
    /// Ends when the operator wants to stop waiting. Called whenever a wait begins.
    pub interrupt: Box<dyn Fn() -> Waiting + Send + Sync>,
}

impl Surroundings {
    /// Those of the process.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        Self {
            variables: variables
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            engine: PathBuf::from("docker"),
            time: TimeSource::system(),
            reach: Reach::ByContext,
            interrupt: Box::new(|| {
                Box::pin(async {
                    // If the signal can't be had, Ctrl-C ends the process as it always does.
                    if tokio::signal::ctrl_c().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                })
            }),
        }
    }
}

impl fmt::Debug for Surroundings {
    /// Without the environment's values, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("engine", &self.engine)
            .field("time", &self.time)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}
