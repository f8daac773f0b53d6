//! Those who are compared: each stands before the same upstream, with one thread on one core, and tells it the same of the client.
//! Not here: what is measured (`sample`).

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};

use super::ground::{Ground, PROXY_CORE, PUBLISHED};
use super::routes::{Ours, route};
use super::{DIRECT, OURS, PEERS};
use crate::bench::{Arguments, note};
use crate::hosts::Process;

/// Where they listen.
const OURS_PORT: u16 = 9000;
const HAPROXY_PORT: u16 = 9001;
const NGINX_PORT: u16 = 9002;

/// One of them, at work.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    process: Option<Process>,
}

impl Candidate {
    /// Its process, where it has one.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }
}

/// Starts all that were asked for. One that does not start is a problem.
pub(super) fn start_all(ground: &Ground, arguments: &Arguments, problems: &mut Vec<String>) -> Vec<Candidate> {
    let mut all = vec![Candidate { name: DIRECT, address: ground.upstreams[0], process: None }];
    let wanted = PEERS.into_iter().filter(|peer| arguments.wants(peer));
    for name in arguments.ours.then_some(OURS).into_iter().chain(wanted) {
        note(&format!("setting up {name}"));
        let started = start(ground, name).and_then(|candidate| {
            ground.answers(candidate.address)?;
            Ok(candidate)
        });
        match started {
            Ok(candidate) => all.push(candidate),
            Err(error) => problems.push(format!("{name} could not be set up: {error:#}")),
        }
    }
    all
}

fn start(ground: &Ground, name: &'static str) -> Result<Candidate> {
    let (port, process) = match name {
        OURS => (OURS_PORT, Some(ours(ground)?)),
        "haproxy" => (HAPROXY_PORT, Some(haproxy(ground)?)),
        "nginx" => (NGINX_PORT, Some(nginx(ground)?)),
        _ => (PUBLISHED, None),
    };
    Ok(Candidate { name, address: ground.at(port), process })
}

fn ours(ground: &Ground) -> Result<Process> {
    let ours = Ours::start(ground, "evenkeel-proxy")?;
    let listen = format!("0.0.0.0:{OURS_PORT}");
    ours.set("default/web", vec![route(&listen, &[], ground.upstreams[0])])?;
    Ok(ours.into_process())
}

fn haproxy(ground: &Ground) -> Result<Process> {
    let text = format!(
        "global\n  maxconn 4000\n  nbthread 1\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  option forwardfor\n\
         \x20 http-reuse always\n\
         frontend in\n  bind *:{HAPROXY_PORT}\n  http-request set-header X-Forwarded-Proto http\n\
         \x20 http-request set-header X-Forwarded-Host %[req.hdr(host)]\n  default_backend app\n\
         backend app\n  server a {}\n",
        ground.upstreams[0]
    );
    let file = ground.directory("haproxy")?.join("haproxy.cfg");
    fs::write(&file, text)?;
    let mut command = ground.pinned(PROXY_CORE, "haproxy");
    command.arg("-db").arg("-f").arg(&file);
    ground.host().spawn("haproxy", command).context("HAProxy")
}

fn nginx(ground: &Ground) -> Result<Process> {
    let directory = ground.directory("nginx")?;
    let text = format!(
        "user root;\ndaemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n  access_log off;\n  keepalive_requests 1000000000;\n\
         \x20 client_body_temp_path body;\n  proxy_temp_path proxy;\n  fastcgi_temp_path fastcgi;\n\
         \x20 uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n\
         \x20 upstream app {{ server {}; keepalive 128; keepalive_requests 1000000000; }}\n\
         \x20 server {{\n    listen {NGINX_PORT} backlog=1024;\n    location / {{\n      proxy_pass http://app;\n\
         \x20     proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_set_header Host $host;\n\
         \x20     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
         \x20     proxy_set_header X-Forwarded-Proto $scheme;\n      proxy_set_header X-Forwarded-Host $host;\n    }}\n  }}\n}}\n",
        ground.upstreams[0]
    );
    fs::write(directory.join("nginx.conf"), text)?;
    let at = |name: &str| format!("{}/{name}", directory.display());
    let mut command = ground.pinned(PROXY_CORE, "nginx");
    command.args(["-p", &at(""), "-c", &at("nginx.conf"), "-e", &at("error.log")]);
    ground.host().spawn("nginx", command).context("nginx")
}
