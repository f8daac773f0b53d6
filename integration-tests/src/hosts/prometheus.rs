//! A real Prometheus beside the hosts, which asks programs for their numbers every second and can be stopped.
//!
//! Deliberately not here: asking it (the coordinator's gauge is what is tested), rules and alerts.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::command::{require, search_path};
use super::eventually;
use super::fleet::Fleet;
use super::http;
use super::process::Process;

/// It answers within two seconds of its start, on a machine that is not busy.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// A Prometheus on loopback. Its numbers are on disk and survive [`Prometheus::stop`]. Dropping it ends it; the fleet, its files.
#[derive(Debug)]
pub struct Prometheus {
    directory: PathBuf,
    address: SocketAddr,
    process: Mutex<Option<Process>>,
}

impl Prometheus {
    /// Starts one on a free port, and returns when it answers. It asks each of `programs` for `/metrics`; their numbers get the label `host` with
    /// the name that stands before the address.
    pub fn start_beside(fleet: &Fleet, programs: &[(&str, SocketAddr)]) -> Result<Self> {
        require(&["prometheus"])?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr())?;
        let directory = fleet.directory().join("prometheus");
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("config.yml"), configuration(programs))?;
        let prometheus = Self { directory, address, process: Mutex::default() };
        prometheus.start()?;
        Ok(prometheus)
    }

    /// Its address, as a gate of a Compose file has it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it again on the same port, with all it had; returns when it answers. Nothing happens if it runs.
    pub fn start(&self) -> Result<()> {
        let mut slot = self.process();
        if slot.as_ref().is_some_and(Process::is_running) {
            return Ok(());
        }
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", self.directory.join("config.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", self.directory.join("data").display()));
        command.arg(format!("--web.listen-address={}", self.address));
        command.args(["--log.level=warn"]).env("PATH", search_path());
        let process = Process::spawn(command, "prometheus", &self.directory)?;
        let answers = eventually::value("Prometheus answers", START_DEADLINE, || {
            ensure!(process.is_running(), "Prometheus has ended");
            let answer = http::get(self.address, "/-/ready");
            Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
        });
        answers.with_context(|| process.last_words(20))?;
        *slot = Some(process);
        Ok(())
    }

    /// Ends it at once: from now on connections are refused.
    pub fn stop(&self) {
        drop(self.process().take());
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn configuration(programs: &[(&str, SocketAddr)]) -> String {
    let mut text = "global: { scrape_interval: 1s, scrape_timeout: 1s }\n\
        scrape_configs:\n  - job_name: programs\n    static_configs:\n"
        .to_owned();
    for (host, address) in programs {
        writeln!(text, "      - {{ targets: [\"{address}\"], labels: {{ host: \"{host}\" }} }}")
            .expect("writing to a string does not fail");
    }
    text
}
