//! Where `bench proxy` happens: one host, two containers with an upstream that costs next to nothing, and the two cores.
//! Not here: who stands before the upstream (`candidates`).

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bench::{note, until};
use crate::hosts::{Fleet, Host, Published};

/// The core of the proxy under test.
pub(super) const PROXY_CORE: &str = "0";
/// The core of client and upstream.
pub(super) const OTHER_CORE: &str = "1";
/// Where the engine publishes the first upstream.
pub(super) const PUBLISHED: u16 = 8081;
/// For a port to answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// Of this machine's files, what the upstream's nginx needs in its container, whose image has none of it.
const MOUNTS: [&str; 5] = ["/usr", "/lib", "/lib64", "/etc/passwd", "/etc/group"];

/// A host with two upstreams. Everything on it goes with it.
#[derive(Debug)]
pub(super) struct Ground {
    fleet: Fleet,
    /// The upstreams, which answer `v1` and `v2`.
    pub(super) upstreams: [SocketAddr; 2],
}

impl Ground {
    pub(super) fn prepare() -> Result<Self> {
        let fleet = Fleet::start(1)?;
        note("starting the upstreams");
        let image = fleet.publish("upstream", &[])?;
        let first = upstream(fleet.host(0), &image, "v1", Some(PUBLISHED))?;
        let second = upstream(fleet.host(0), &image, "v2", None)?;
        let ground = Self { fleet, upstreams: [first, second] };
        for (address, version) in [(first, "v1"), (second, "v2")] {
            until("the upstream answers", DEADLINE, || Ok(ground.check(address, version).is_ok()))?;
        }
        Ok(ground)
    }

    pub(super) fn host(&self) -> &Host {
        self.fleet.host(0)
    }

    /// A port of the host, as clients on it reach it: not by the loopback interface's address, where an engine may do otherwise.
    pub(super) fn at(&self, port: u16) -> SocketAddr {
        self.host().at(port)
    }

    /// A program on the host that has one core and no other.
    pub(super) fn pinned(&self, core: &str, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.host().command("taskset");
        command.args(["-c", core]).arg(program);
        command
    }

    /// A directory of the host for one program.
    pub(super) fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.host().directory().join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Whether an answer is what it should be: status, version and body.
    pub(super) fn check(&self, address: SocketAddr, version: &str) -> Result<()> {
        let url = format!("http://{address}/");
        let answer = self.host().run("curl", &["--silent", "--show-error", "--include", "--max-time", "5", &url])?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
        let head = head.to_ascii_lowercase();
        let is_right = head.starts_with("http/1.1 200 ") && head.contains(&format!("\r\nx-version: {version}"));
        ensure!(is_right && body == format!("{version}\n"), "{address} does not answer as {version}: {answer}");
        Ok(())
    }

    /// Waits until a port answers as the first upstream.
    pub(super) fn answers(&self, address: SocketAddr) -> Result<()> {
        until("the port answers", DEADLINE, || Ok(self.check(address, "v1").is_ok()))
    }
}

/// Runs nginx with a constant answer in a container, and says where it listens.
fn upstream(host: &Host, image: &Published, version: &str, published: Option<u16>) -> Result<SocketAddr> {
    let name = format!("upstream-{version}");
    let directory = host.directory().join(&name);
    fs::create_dir_all(&directory)?;
    let text = format!(
        "user root;\ndaemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n  access_log off;\n  keepalive_requests 1000000000;\n\
         \x20 keepalive_timeout 300s;\n  client_body_temp_path body;\n  proxy_temp_path proxy;\n  fastcgi_temp_path fastcgi;\n\
         \x20 uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n  server {{\n    listen 8080 backlog=1024;\n    location / {{\n\
         \x20     default_type text/plain;\n      add_header X-Version {version};\n      return 200 \"{version}\\n\";\n    }}\n  }}\n}}\n"
    );
    fs::write(directory.join("nginx.conf"), text)?;
    let mut arguments: Vec<String> = ["run", "--detach", "--name", &name].map(str::to_owned).to_vec();
    for path in MOUNTS {
        arguments.extend(["--volume".to_owned(), format!("{path}:{path}:ro")]);
    }
    arguments.extend(["--volume".to_owned(), format!("{}:/bench", directory.display())]);
    if let Some(port) = published {
        arguments.extend(["--publish".to_owned(), format!("{port}:8080")]);
    }
    arguments.extend(["--entrypoint".to_owned(), "/usr/bin/taskset".to_owned(), image.pinned()]);
    let nginx =
        ["-c", OTHER_CORE, "/usr/sbin/nginx", "-p", "/bench/", "-c", "/bench/nginx.conf", "-e", "/bench/error.log"];
    arguments.extend(nginx.map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    host.run("docker", &arguments)?;
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let ip = host.run("docker", &["inspect", "--format", format, &name])?;
    format!("{}:8080", ip.trim()).parse().with_context(|| format!("{name} has no address: {ip}"))
}
