//! The hosts' proxies: started, replaced, killed. Deliberately not here: what they carry.

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{Installation, SOON, agent_binary, held};
use crate::hosts::{Identity, Process, eventually};

impl Installation {
    /// Starts the proxy of a host.
    pub fn start_proxy(&self, host: usize) -> Result<()> {
        let mut command = self.agent(host, &agent_binary()?)?;
        command.arg("proxy");
        *held(&self.proxies[host]) = Some(self.fleet.host(host).spawn("proxy", command)?);
        Ok(())
    }

    /// Ends the proxy of a host with SIGKILL: the parent, and with it what it started.
    pub fn kill_proxy(&self, host: usize) {
        if let Some(process) = held(&self.proxies[host]).take() {
            process.kill9();
        }
    }

    /// The process id of a host's proxy: the parent's.
    pub fn proxy_pid(&self, host: usize) -> Option<u32> {
        held(&self.proxies[host]).as_ref().map(Process::pid)
    }

    /// What a host's proxy wrote.
    pub fn proxy_log(&self, host: usize) -> String {
        held(&self.proxies[host]).as_ref().map(Process::log).unwrap_or_default()
    }

    /// Has the proxy of a host replaced by a new process, as `systemctl reload` does, and waits until the old one has ended.
    pub fn replace_proxy(&self, host: usize) {
        let before = self.workers(host);
        if let Some(process) = held(&self.proxies[host]).as_ref() {
            process.hang_up();
        }
        eventually("another process has taken over, and the old one has ended", SOON, || {
            let now = self.workers(host);
            !now.is_empty() && now.iter().all(|worker| !before.contains(worker))
        });
    }

    /// Ends what carries the traffic of a host with SIGKILL, but not the parent that has the listening sockets, and waits for the next.
    pub fn kill_proxy_worker(&self, host: usize) {
        let before = self.workers(host);
        for worker in &before {
            worker.signal(Signal::SIGKILL);
        }
        eventually("another process is there", SOON, || {
            self.workers(host).iter().any(|worker| !before.contains(worker))
        });
    }

    fn workers(&self, host: usize) -> Vec<Identity> {
        held(&self.proxies[host]).as_ref().map(Process::children).unwrap_or_default()
    }
}
