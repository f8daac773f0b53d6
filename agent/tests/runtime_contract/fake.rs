//! The engine in memory under the contract.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_agent::runtime::{Behaviour, FakeEngine, Pull, Runtime};
use evenkeel_model::{CauseKind, Digest, ImagePin, Service};

use crate::rig::{Program, Rig, local, scope, service};

pub(crate) struct FakeRig {
    engine: FakeEngine,
}

impl FakeRig {
    pub(crate) fn new() -> Self {
        Self { engine: FakeEngine::new() }
    }
}

impl Rig for FakeRig {
    fn host(&self, host: &str) -> String {
        host.to_owned()
    }

    fn runtime(&self, host: &str) -> Arc<dyn Runtime> {
        Arc::new(self.engine.runtime(scope("contract", host)))
    }

    fn service(&self, program: Program) -> Service {
        let behaviour = match program {
            Program::Serves => Behaviour::default(),
            Program::Unready => Behaviour::unready(),
            Program::Crashes => Behaviour {
                log: vec!["one".to_owned(), "two".to_owned(), "x".repeat(2000)],
                ..Behaviour::crash(Duration::from_millis(20), 3)
            },
            Program::Missing => Behaviour { startable: false, ..Behaviour::default() },
        };
        let image = local(&format!("{program:?}"));
        self.engine.behave(image.digest(), behaviour);
        self.engine.load(image.digest());
        service(image, &[], &["check"])
    }

    fn unreachable(&self) -> ImagePin {
        let digest = Digest::of(b"unreachable");
        let pull = Pull::Fails(CauseKind::RegistryUnreachable);
        self.engine.behave(&digest, Behaviour { pull, ..Behaviour::default() });
        ImagePin::Registry { reference: "r/app:1".to_owned(), repository: "r/app".to_owned(), digest }
    }

    async fn add_foreign(&self, name: &str) {
        self.engine.add_foreign(name);
    }

    async fn has_foreign(&self, name: &str) -> bool {
        self.engine.has_foreign(name)
    }
}
