//! The coordinator under test: started, killed, and what it has taken. Not here: what it is asked (`operator.rs`).

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bench::{processor_time, resident};
use crate::hosts::{Place, Process};
use crate::installation::optimised_coordinator;

/// Ports below those that connections get by themselves.
const PORTS: std::ops::Range<u16> = 21_000..31_000;
/// For its end after SIGTERM: agents are told, and have their time.
const END: Duration = Duration::from_mins(1);

/// A running coordinator.
#[derive(Debug)]
pub(super) struct Coordinator(Process);

/// How it is started.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) address: SocketAddr,
    pub(super) data_dir: PathBuf,
}

impl Settings {
    pub(super) fn in_folder(folder: &Path) -> Result<Self> {
        let free = PORTS.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let address = free.into_iter().find(|address| TcpListener::bind(address).is_ok()).context("no free port")?;
        Ok(Self { address, data_dir: folder.join("coordinator") })
    }

    /// The file with the first operator's certificate.
    pub(super) fn admin_file(&self) -> PathBuf {
        self.data_dir.join("admin.toml")
    }

    pub(super) fn store(&self) -> PathBuf {
        self.data_dir.join("store.sqlite")
    }
}

impl Coordinator {
    /// With all defaults. Returns at once.
    pub(super) fn start(place: &Place, settings: &Settings) -> Result<Self> {
        // The machine's own configuration must not count.
        let empty = place.directory().join("empty.toml");
        std::fs::write(&empty, "")?;
        let mut command = Command::new(optimised_coordinator()?);
        command.arg("serve").arg("--config").arg(empty).args(["--fleet", "scale", "--http-listen", "127.0.0.1:0"]);
        command.args(["--listen", &settings.address.to_string()]).arg("--data-dir").arg(&settings.data_dir);
        Ok(Self(place.spawn("coordinator", command)?))
    }

    /// Ends it with SIGKILL.
    pub(super) fn kill(self) {
        self.0.kill9();
    }

    /// Ends it as an operator would.
    pub(super) fn stop(self) -> Result<()> {
        self.0.terminate();
        let status = self.0.wait(END)?;
        ensure!(status.success(), "the coordinator ended with {status}");
        Ok(())
    }

    /// Processor time so far.
    pub(super) fn processor_time(&self) -> Duration {
        processor_time(self.0.pid())
    }

    /// Resident memory now, in KiB.
    pub(super) fn resident(&self) -> Result<f64> {
        Ok(f64::from(u32::try_from(resident(self.0.pid())?)?))
    }
}
