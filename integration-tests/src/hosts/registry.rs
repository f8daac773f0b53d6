//! A real image registry on the hosts' network, without TLS, that can be stopped and can lose an image.
//!
//! Deliberately not here: a registry that is slow or refuses (a proxy before this one), and pushing (`images.rs`).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::command::search_path;
use super::eventually;
use super::http::{self, Answer, Connection, Request};
use super::process::Process;

/// It answers within a second of its start, on a machine that is not busy.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// For one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// What a manifest may be; the registry answers with another digest for kinds that the client does not name.
const MANIFEST_KINDS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json";

/// The registry. Its images are on disk and survive [`Registry::stop`].
#[derive(Debug)]
pub struct Registry {
    directory: PathBuf,
    address: SocketAddr,
    process: Mutex<Option<Process>>,
}

impl Registry {
    /// Starts a registry on a free port of `gateway`, with its files in `directory`; returns when it answers.
    pub(super) fn open(directory: PathBuf, gateway: Ipv4Addr) -> Result<Self> {
        let address = TcpListener::bind((gateway, 0)).and_then(|socket| socket.local_addr())?;
        fs::create_dir_all(&directory)?;
        fs::write(
            directory.join("config.yml"),
            format!(
                "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\n\
                 storage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
                 http:\n  addr: {address}\n",
                directory.join("data").display()
            ),
        )?;
        let registry = Self { directory, address, process: Mutex::default() };
        registry.start()?;
        Ok(registry)
    }

    /// `HOST:PORT`, as it stands before the slash of an image's name.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it again on the same port, with all it had; returns when it answers. Nothing happens if it runs.
    pub fn start(&self) -> Result<()> {
        let mut slot = self.process();
        if slot.as_ref().is_some_and(Process::is_running) {
            return Ok(());
        }
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(self.directory.join("config.yml")).env("PATH", search_path());
        let process = Process::spawn(command, "registry", &self.directory)?;
        let answers = eventually::value("the registry answers", START_DEADLINE, || {
            ensure!(process.is_running(), "the registry has ended");
            let answer = http::get(self.address, "/v2/");
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

    /// The digest of `repository:tag`, `None` if there is none.
    pub fn digest_of(&self, repository: &str, tag: &str) -> Result<Option<String>> {
        let answer = self.call("HEAD", &format!("/v2/{repository}/manifests/{tag}"))?;
        match answer.status {
            200 => Ok(answer.header("docker-content-digest").map(str::to_owned)),
            404 => Ok(None),
            status => bail!("the registry answered {status}"),
        }
    }

    /// Removes a manifest and its configuration, so that nobody can pull this digest any more. Tags that named it are gone with it.
    /// The manifest alone would not do: an engine keeps those it has seen for a while after their images were removed, and then needs the rest only.
    pub fn delete_image(&self, repository: &str, digest: &str) -> Result<()> {
        let manifest = self.call("GET", &format!("/v2/{repository}/manifests/{digest}"))?.json()?;
        let configuration = manifest["config"]["digest"].as_str().context("the manifest names no configuration")?;
        for path in [format!("manifests/{digest}"), format!("blobs/{configuration}")] {
            let answer = self.call("DELETE", &format!("/v2/{repository}/{path}"))?;
            ensure!(answer.status == 202, "cannot delete {path}: {} {}", answer.status, answer.text());
        }
        Ok(())
    }

    fn call(&self, method: &str, path: &str) -> Result<Answer> {
        let headers = [("Accept", MANIFEST_KINDS), ("Connection", "close")];
        Connection::open(self.address, CALL_TIMEOUT)?.send(Request { headers: &headers, ..Request::new(method, path) })
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
