//! nginx before two places, told of a swap by a reload, as it is usually done.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Candidate;
use super::slots::Slots;
use crate::bench::{answers, until};
use crate::hosts::{Fleet, Host, Process, Published};

/// How long workers of the old configuration may take over their last requests.
const DRAIN: Duration = Duration::from_secs(10);
/// For new workers to be there.
const RELOAD: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Nginx<'a> {
    host: &'a Host,
    slots: Slots<'a>,
    port: u16,
    directory: PathBuf,
    process: Option<Process>,
}

impl<'a> Nginx<'a> {
    pub(super) fn new(fleet: &Fleet, host: &'a Host, port: u16) -> Result<Self> {
        let directory = host.directory().join(format!("nginx-{port}"));
        Ok(Self { host, slots: Slots::new(fleet, host, port)?, port, directory, process: None })
    }

    fn configure(&self, place: usize) -> Result<()> {
        let text = format!(
            "user root;\ndaemon off;\nworker_processes auto;\npid nginx.pid;\nerror_log error.log;\n\
             worker_shutdown_timeout {drain}s;\nevents {{ worker_connections 4096; }}\nhttp {{\n  access_log off;\n\
             \x20 client_body_temp_path body;\n  proxy_temp_path proxy;\n  fastcgi_temp_path fastcgi;\n\
             \x20 uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n\
             \x20 upstream app {{ server {address}; keepalive 64; }}\n  server {{\n    listen {port} backlog=1024;\n\
             \x20   location / {{\n      proxy_pass http://app;\n      proxy_http_version 1.1;\n\
             \x20     proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n",
            drain = DRAIN.as_secs(),
            address = self.slots.address(place),
            port = self.port,
        );
        fs::write(self.directory.join("nginx.conf"), text).context("cannot write nginx.conf")
    }

    fn arguments(&self) -> Vec<String> {
        let at = |name: &str| format!("{}/{name}", self.directory.display());
        ["-p", &at(""), "-c", &at("nginx.conf"), "-e", &at("error.log")].map(str::to_owned).to_vec()
    }

    fn workers(&self) -> Vec<u32> {
        let Some(master) = self.process.as_ref().map(Process::pid) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }
}

impl Candidate for Nginx<'_> {
    fn begin(&mut self, release: &Published) -> Result<()> {
        self.slots.begin(release)?;
        fs::create_dir_all(&self.directory)?;
        self.configure(0)?;
        let mut command = self.host.command("nginx");
        command.args(self.arguments());
        self.process = Some(self.host.spawn(&format!("nginx-{}", self.port), command)?);
        answers(self.host, self.port)
    }

    fn swap(&mut self, release: &Published) -> Result<()> {
        let (old, new) = (self.slots.current, self.slots.other());
        self.slots.start(new, release)?;
        self.configure(new)?;
        let before = self.workers();
        let mut arguments = self.arguments();
        arguments.extend(["-s".to_owned(), "reload".to_owned()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.host.run("nginx", &arguments)?;
        until("nginx has new workers", RELOAD, || Ok(self.workers().iter().any(|pid| !before.contains(pid))))?;
        // Its own time for that, and a little more.
        until("the old workers end", DRAIN * 2, || Ok(!self.workers().iter().any(|pid| before.contains(pid))))?;
        self.slots.current = new;
        self.slots.stop(old)
    }
}
