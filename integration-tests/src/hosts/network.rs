//! The wire between the hosts: a bridge in the root namespace, and for each host a namespace on a veth pair.
//!
//! Deliberately not here: removing all of it at the end (`dismantle.rs`, which works from names alone), and loss or delay.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::command::run;
use super::run::Run;

/// Where named network namespaces are found.
pub(super) const NAMESPACES: &str = "/var/run/netns";
/// Host n has the address of the bridge's network that ends in this plus n.
const FIRST_HOST: u8 = 10;

/// A bridge with a /24 of its own, in which this machine is `.1`.
#[derive(Debug)]
pub struct Network {
    id: String,
    subnet: u8,
    bridge: String,
}

/// A host's place on the network: its namespace and its end of the wire. Both look the same after a reboot.
#[derive(Debug)]
pub struct Port {
    /// Names the namespace, and the control group of the host's containers.
    pub(super) mark: String,
    link: String,
    hardware: String,
    bridge: String,
    address: Ipv4Addr,
}

impl Network {
    /// Makes the bridge, gives this machine its address there and lets hosts talk to each other and to this machine,
    /// whatever an engine of the machine's own has told its firewall.
    pub(super) fn open(run_of_tests: &Run) -> Result<Self> {
        let id = run_of_tests.id().to_owned();
        let network = Self { bridge: format!("{id}b"), id, subnet: run_of_tests.subnet() };
        let bridge = network.bridge.as_str();
        // A fixed hardware address: else it is that of the lowest port and changes when a host is unplugged.
        let hardware = hardware_address(network.subnet, 1);
        run("ip", &["link", "add", "name", bridge, "address", &hardware, "type", "bridge"])?;
        run("ip", &["address", "add", &format!("{}/24", network.gateway()), "dev", bridge])?;
        run("ip", &["link", "set", bridge, "up"])?;
        for rule in firewall_rules(bridge) {
            let arguments: Vec<&str> = ["-w", "-I"].into_iter().chain(rule).collect();
            run("iptables", &arguments)?;
        }
        Ok(network)
    }

    /// The machine's own address on the bridge: where the registry and a test's coordinator listen.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, self.subnet, 1)
    }

    /// The bridge's name.
    pub fn bridge(&self) -> &str {
        &self.bridge
    }

    /// Makes the namespace of host `number` (from 1) and plugs it in.
    pub(super) fn attach(&self, number: u8) -> Result<Port> {
        let last = FIRST_HOST + number;
        let port = Port {
            mark: format!("{}h{number}", self.id),
            link: format!("{}v{number}", self.id),
            hardware: hardware_address(self.subnet, last),
            bridge: self.bridge.clone(),
            address: Ipv4Addr::new(10, 99, self.subnet, last),
        };
        port.plug()?;
        Ok(port)
    }

    /// Cuts a host off: its link goes down, its processes stay.
    pub fn cut(&self, port: &Port) -> Result<()> {
        run("ip", &["link", "set", &port.link, "down"]).map(drop)
    }

    /// Ends [`Network::cut`].
    pub fn heal(&self, port: &Port) -> Result<()> {
        run("ip", &["link", "set", &port.link, "up"]).map(drop)
    }
}

impl Port {
    /// The host's address, the same after a reboot.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The file that stands for the host's namespace.
    pub fn namespace(&self) -> PathBuf {
        Path::new(NAMESPACES).join(&self.mark)
    }

    /// Throws the namespace away, with every interface, rule and neighbour in it, and makes it anew: what a reboot does to
    /// a kernel's network.
    pub(super) fn replug(&self) -> Result<()> {
        // The other end of the wire goes with the namespace, but only once the kernel gets round to it.
        run("ip", &["link", "delete", &self.link])?;
        run("ip", &["netns", "delete", &self.mark])?;
        self.plug()
    }

    fn plug(&self) -> Result<()> {
        let (mark, link) = (self.mark.as_str(), self.link.as_str());
        run("ip", &["netns", "add", mark])?;
        // A hardware address that stays: nobody has to learn a new one after a reboot.
        let peer = ["peer", "name", "eth0", "address", &self.hardware, "netns", mark];
        let add: Vec<&str> = ["link", "add", link, "type", "veth"].into_iter().chain(peer).collect();
        run("ip", &add)?;
        run("ip", &["-n", mark, "address", "add", &format!("{}/24", self.address), "dev", "eth0"])?;
        run("ip", &["-n", mark, "link", "set", "lo", "up"])?;
        run("ip", &["-n", mark, "link", "set", "eth0", "up"])?;
        run("ip", &["link", "set", link, "master", &self.bridge, "up"])?;
        Ok(())
    }
}

/// The rules that a network puts before all others, without the verb: for adding and for removing.
pub(super) fn firewall_rules(bridge: &str) -> [Vec<&str>; 2] {
    [vec!["FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"], vec!["INPUT", "-i", bridge, "-j", "ACCEPT"]]
}

/// A locally administered address; the middle spells "ek".
fn hardware_address(subnet: u8, last: u8) -> String {
    format!("02:65:6b:00:{subnet:02x}:{last:02x}")
}
