//! The whole agent without a coordinator, on an engine in memory.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use evenkeel_certs::{Authority, HOST_LIFETIME, TimeSource};
use evenkeel_machine::{Accepted, Ledger};
use evenkeel_model::{HostFacts, HostStats, Phase, Pressure, UnixMillis};

use super::*;
use crate::credentials::CredentialsFile;
use crate::dial::TcpDialer;
use crate::driver::tests::assignment;
use crate::failpoint::Never;
use crate::ledger::MemoryLedgers;
use crate::runtime::{FakeEngine, Scope};

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
/// More than anything here takes.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_agent_whose_certificate_has_run_out_still_looks_after_its_containers() {
    let engine = FakeEngine::new();
    let scope = Scope { fleet: "f".parse().unwrap(), host: "h".parse().unwrap(), publish_address: None };
    let runtime = Arc::new(engine.runtime(scope));
    let authority = Authority::create(&"f".parse().unwrap(), NOW).unwrap();
    let issued = authority.issue(&"spiffe://f/host/h".parse().unwrap(), HOST_LIFETIME, NOW).unwrap();
    let time = TimeSource::new(|| NOW + HOST_LIFETIME + HOST_LIFETIME);
    let (assignment, ledgers) = (assignment(1, Phase::Trial), MemoryLedgers::new());
    let ledger = Ledger { accepted: Some(Accepted { assignment: assignment.clone(), end: None }), ..Ledger::default() };
    ledgers.save(&assignment.key, &ledger).await.unwrap();
    let parts = Parts {
        addresses: vec!["127.0.0.1:1".to_owned()],
        runtime: runtime.clone(),
        router: Arc::new(crate::router::FakeRouter::new()),
        min_free_disk: MIN_FREE_DISK,
        prober: runtime.clone(),
        ledgers: Arc::new(ledgers),
        facts: Arc::new(crate::facts::FixedFacts::default()),
        dialer: Arc::new(TcpDialer),
        credentials: CredentialsStore::valid_or_not(issued, time.clone()),
        files: Arc::new(CredentialsFile::in_folder(Path::new("/nowhere"))),
        time,
        failpoint: Arc::new(Never),
        socket: None,
        seed: 1,
    };
    let mut changes = runtime.wakeups();
    let serves = async {
        while runtime.serving(&assignment.key, &"web".parse().unwrap()).is_empty() {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(SOON, run(parts, serves)).await.expect("its container serves").unwrap();
}

/// Remembers where images are kept.
#[derive(Default)]
struct Noted(Mutex<Option<PathBuf>>);

impl Facts for Noted {
    fn facts(&self) -> HostFacts {
        HostFacts::default()
    }

    fn stats(&self) -> HostStats {
        HostStats::default()
    }

    fn pressure(&self) -> Pressure {
        crate::facts::FixedFacts::default().pressure()
    }

    fn disk_free(&self) -> Option<u64> {
        None
    }

    fn set_data_root(&self, path: &Path) {
        *self.0.lock().unwrap() = Some(path.to_owned());
    }
}

#[tokio::test]
async fn an_engine_that_comes_up_later_is_asked_again_where_it_keeps_images() {
    let engine = FakeEngine::new();
    let scope = Scope { fleet: "f".parse().unwrap(), host: "h".parse().unwrap(), publish_address: None };
    engine.engine_down(true);
    let noted = Arc::new(Noted::default());
    let finding = find_data_root(Arc::new(engine.runtime(scope)), noted.clone());
    let mut finding = std::pin::pin!(finding);
    assert!(tokio::time::timeout(Duration::from_millis(10), finding.as_mut()).await.is_err());
    engine.engine_down(false);
    tokio::time::timeout(SOON, finding).await.unwrap();
    assert_eq!(noted.0.lock().unwrap().as_deref(), Some(Path::new("/var/lib/docker")));
}
