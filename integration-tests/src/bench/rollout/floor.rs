//! What the engine alone takes on each host: create, start, first answer, by its API and at the container's own address. Whoever starts a
//! container can't be faster. On all hosts at the same time, as in a rollout, and while the same clients ask for what serves; the image is there
//! already. Not here: what is compared with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::ours;
use super::outside::Outside;
use super::releases::{Kind, Releases};
use crate::bench::{enter, note, pause};
use crate::hosts::{Host, Published, http};

/// Of the container, and of its network, which is as an app's.
const NAME: &str = "floor";
/// In the block that is set aside for benchmarks.
const SUBNET: &str = "198.18.77.0/24";
const ADDRESS: &str = "198.18.77.10";
/// Where the engine publishes the same container.
const PORT: u16 = 8199;
/// Before each start, so that what was set up for it has come to rest.
const SETTLE: Duration = Duration::from_secs(1);
/// Between two questions to a container that does not answer yet.
const ASK_EVERY: Duration = Duration::from_millis(1);
/// For the first answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Of each round and host, in ms.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// A container as ours are: on a network of its app, with an address of its own, no port published.
    pub(super) own: BTreeMap<u32, Vec<f64>>,
    /// A container with a port of the host, asked there.
    pub(super) published: BTreeMap<u32, Vec<f64>>,
    pub(super) problem: Option<String>,
}

impl Floor {
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.as_ref().map(|problem| format!("the engine alone: {problem}"))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.problem.is_none()
    }

    pub(super) fn turn(&mut self, round: u32, releases: &Releases<'_>) {
        if self.problem.is_some() {
            return;
        }
        match measure(releases) {
            Ok([own, published]) => {
                self.own.insert(round, own);
                self.published.insert(round, published);
            }
            Err(error) => {
                note(&format!("the engine alone: {error:#}"));
                self.problem = Some(format!("{error:#}"));
            }
        }
    }

    /// For the file.
    pub(super) fn all(&self) -> Value {
        json!({ "problem": self.problem, "own_address_ms": self.own, "published_ms": self.published })
    }
}

fn measure(releases: &Releases<'_>) -> Result<[Vec<f64>; 2]> {
    let hosts = releases.fleet.hosts();
    let image = releases.publish(Kind::Good, false)?;
    for host in hosts {
        host.engine().pull(&image.pinned())?;
        ensure_network(host)?;
    }
    let own = on_all(hosts, |host| own_address(host, &image))?;
    let published = on_all(hosts, |host| published(host, &image))?;
    Ok([own, published])
}

fn ensure_network(host: &Host) -> Result<()> {
    if host.engine().api("GET", &format!("/networks/{NAME}"), None).is_err() {
        let body = json!({ "Name": NAME, "Driver": "bridge", "IPAM": { "Config": [{ "Subnet": SUBNET }] } });
        host.engine().api("POST", "/networks/create", Some(&body))?;
    }
    Ok(())
}

/// On all hosts at the same time, after a rest; the containers are removed afterwards. The machine has the same clients to serve as in a rollout.
fn on_all(hosts: &[Host], serve: impl Fn(&Host) -> Result<f64> + Sync) -> Result<Vec<f64>> {
    let clients = Outside::begin(hosts, ours::PORT);
    pause(SETTLE);
    let times = thread::scope(|scope| {
        let serve = &serve;
        let threads: Vec<_> = hosts.iter().map(|host| scope.spawn(move || serve(host))).collect();
        threads.into_iter().map(|thread| thread.join().ok().context("a thread panicked")?).collect::<Result<Vec<_>>>()
    });
    drop(clients);
    let removed = hosts.iter().try_for_each(|host| host.engine().remove_container(NAME));
    times.and_then(|times| removed.map(|()| times))
}

fn own_address(host: &Host, image: &Published) -> Result<f64> {
    // From the host itself, as its agent and its proxy ask.
    enter(&host.port().namespace())?;
    let endpoint = json!({ NAME: { "IPAMConfig": { "IPv4Address": ADDRESS } } });
    let body = json!({
        "Image": image.pinned(),
        "HostConfig": { "NetworkMode": NAME },
        "NetworkingConfig": { "EndpointsConfig": endpoint },
    });
    let began = Instant::now();
    host.engine().api("POST", &format!("/containers/create?name={NAME}"), Some(&body))?;
    host.engine().api("POST", &format!("/containers/{NAME}/start"), None)?;
    first_answer(SocketAddr::new(ADDRESS.parse()?, 8080), began)
}

fn published(host: &Host, image: &Published) -> Result<f64> {
    let began = Instant::now();
    host.engine().run_container(NAME, &image.pinned(), &[(PORT, 8080)])?;
    first_answer(host.at(PORT), began)
}

/// Not asked before its start has returned: until then the address is nobody's, and who asks for it has to wait.
fn first_answer(address: SocketAddr, began: Instant) -> Result<f64> {
    while !http::get(address, "/").is_ok_and(|answer| answer.status == 200) {
        ensure!(began.elapsed() < DEADLINE, "the container never answered");
        pause(ASK_EVERY);
    }
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}
