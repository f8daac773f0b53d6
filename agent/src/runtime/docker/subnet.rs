//! Which network an app gets out of the pool, and which of its addresses a container gets. Pure. Not here: asking the engine what is taken.
//!
//! ```text
//! x.y.z.1         the bridge
//! x.y.z.2–127     containers: each has one for life, running or not
//! x.y.z.128–255   what the engine gives to those that ask for no address of their own
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// The first and the last of a network's addresses that containers get.
const FIRST: u8 = 2;
const LAST: u8 = 127;
/// Of a network, in bits.
const NETWORK: u8 = 24;
/// Of the part of it that the engine gives from, in bits.
const DYNAMIC: u8 = 25;
/// Beyond it, a pool would hold other people's addresses.
const WIDEST: u8 = 8;

/// Addresses with a common beginning: `10.213.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block {
    address: u32,
    prefix: u8,
}

impl Block {
    fn new(address: u32, prefix: u8) -> Self {
        Self { address: address & mask(prefix), prefix }
    }

    fn overlaps(self, other: Self) -> bool {
        let common = mask(self.prefix.min(other.prefix));
        self.address & common == other.address & common
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.address), self.prefix)
    }
}

impl FromStr for Block {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = text.split_once('/').ok_or(())?;
        let (address, prefix) = (address.parse::<Ipv4Addr>().map_err(drop)?, prefix.parse().map_err(drop)?);
        if prefix <= 32 { Ok(Self::new(address.to_bits(), prefix)) } else { Err(()) }
    }
}

/// Where the apps' networks are taken from: `10.213.0.0/16` unless somebody says otherwise. Each app gets a /24 of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressPool(Block);

/// A text that is no pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no pool of addresses: write one such as 10.213.0.0/16, not smaller than a /24 and not larger than a /8"
)]
pub struct NoPool(String);

impl Default for AddressPool {
    fn default() -> Self {
        Self(Block::new(Ipv4Addr::new(10, 213, 0, 0).to_bits(), 16))
    }
}

impl FromStr for AddressPool {
    type Err = NoPool;

    fn from_str(text: &str) -> Result<Self, NoPool> {
        let block = text.parse::<Block>().ok().filter(|block| (WIDEST..=NETWORK).contains(&block.prefix));
        block.map(Self).ok_or_else(|| NoPool(text.to_owned()))
    }
}

impl fmt::Display for AddressPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AddressPool {
    /// The networks of it that overlap nothing of what is taken, the first first.
    pub(super) fn free(self, taken: &[Block]) -> impl Iterator<Item = AppNetwork> {
        let Block { address, prefix } = self.0;
        let networks = (0..1_u32 << (NETWORK - prefix)).map(move |number| Block::new(address + (number << 8), NETWORK));
        networks.filter(|network| !taken.iter().any(|block| block.overlaps(*network))).map(AppNetwork)
    }
}

/// A network of one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AppNetwork(Block);

impl AppNetwork {
    /// The network that the engine describes so; none if we have not made it: its containers have no addresses of their own.
    pub(super) fn read(subnet: &str, range: &str) -> Option<Self> {
        let network = Self(subnet.parse().ok().filter(|block: &Block| block.prefix == NETWORK)?);
        (range.parse() == Ok(network.dynamic())).then_some(network)
    }

    pub(super) fn subnet(self) -> Block {
        self.0
    }

    pub(super) fn gateway(self) -> Ipv4Addr {
        self.at(1)
    }

    /// What the engine gives from by itself.
    pub(super) fn dynamic(self) -> Block {
        Block::new(self.0.address | (u32::from(LAST) + 1), DYNAMIC)
    }

    /// The address for a new container: the next free one after the one that was given last, so that the one just freed rests a while, for
    /// neighbours may still know it. None: all are taken.
    pub(super) fn next(self, taken: &BTreeSet<Ipv4Addr>, last: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let own = |address: &&Ipv4Addr| Block::new(address.to_bits(), NETWORK) == self.0;
        let containers = |address: &&Ipv4Addr| (FIRST..=LAST).contains(&address.octets()[3]);
        // Nobody remembers which was given last: then it was none below the highest.
        let last = last.as_ref().filter(own).or_else(|| taken.iter().filter(own).rfind(containers));
        let last = last.map_or(FIRST - 1, |address| address.octets()[3]);
        let round = (last.saturating_add(1)..=LAST).chain(FIRST..=last.min(LAST));
        round.map(|number| self.at(number)).find(|address| !taken.contains(address))
    }

    fn at(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0.address | u32::from(number))
    }
}

/// The networks that this host knows a way to, from the text of `/proc/net/route`; the way to all others is none of them.
pub(super) fn routes(table: &str) -> Vec<Block> {
    let number = |hex: &str| u32::from_str_radix(hex, 16).ok().map(u32::swap_bytes);
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (destination, mask) = (number(columns.get(1)?)?, number(columns.get(7)?)?);
        let prefix = u8::try_from(mask.count_ones()).ok()?;
        (prefix > 0).then(|| Block::new(destination, prefix))
    };
    table.lines().skip(1).filter_map(route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        text.parse().unwrap()
    }

    fn network() -> AppNetwork {
        AppNetwork(block("10.213.7.0/24"))
    }

    fn taken(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<Ipv4Addr> {
        numbers.into_iter().map(|number| network().at(number)).collect()
    }

    #[test]
    fn a_pool_is_read_as_it_is_written_and_one_that_can_not_be_is_refused() {
        assert_eq!(AddressPool::default().to_string(), "10.213.0.0/16");
        assert_eq!("172.30.5.9/20".parse::<AddressPool>().unwrap().to_string(), "172.30.0.0/20");
        for text in ["", "10.0.0.0", "10.0.0.0/25", "10.0.0.0/7", "0.0.0.0/0", "10.0.0/16", "10.0.0.0/x", "fd00::/16"] {
            let refused = text.parse::<AddressPool>().unwrap_err().to_string();
            assert!(refused.starts_with(&format!("`{text}` is no pool")), "{refused}");
        }
    }

    #[test]
    fn the_first_network_of_the_pool_that_overlaps_nothing_is_free() {
        let pool = |text: &str| text.parse::<AddressPool>().unwrap();
        let free = |pool: AddressPool, taken: &[&str]| {
            let taken: Vec<_> = taken.iter().copied().map(block).collect();
            let free: Vec<_> = pool.free(&taken).map(|network| network.subnet().to_string()).collect();
            (free.first().cloned(), free.len())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(free(AddressPool::default(), &[]), (some("10.213.0.0/24"), 256));
        assert_eq!(free(AddressPool::default(), &["10.213.0.0/25", "10.213.1.7/32"]), (some("10.213.2.0/24"), 254));
        assert_eq!(free(AddressPool::default(), &["10.213.0.0/17", "192.168.0.0/16"]), (some("10.213.128.0/24"), 128));
        assert_eq!(free(pool("10.9.8.0/24"), &["10.9.9.0/24"]), (some("10.9.8.0/24"), 1));
        assert_eq!(free(AddressPool::default(), &["10.0.0.0/8"]), (None, 0));
    }

    #[test]
    fn what_the_engine_gives_by_itself_is_never_a_containers_own() {
        let network = network();
        assert_eq!(network.gateway().to_string(), "10.213.7.1");
        assert_eq!(network.dynamic().to_string(), "10.213.7.128/25");
        assert_eq!(AppNetwork::read("10.213.7.0/24", "10.213.7.128/25"), Some(network));
        for (subnet, range) in
            [("10.213.7.0/24", ""), ("10.213.7.0/24", "10.213.7.0/25"), ("172.18.0.0/16", "172.18.128.0/17")]
        {
            assert_eq!(AppNetwork::read(subnet, range), None);
        }
        let given = (0..126).fold(Vec::new(), |mut given: Vec<Ipv4Addr>, _| {
            given.extend(network.next(&given.iter().copied().collect(), given.last().copied()));
            given
        });
        let (first, last) = (given.first().unwrap().octets()[3], given.last().unwrap().octets()[3]);
        assert_eq!((given.len(), first, last), (126, 2, 127));
        assert_eq!(network.next(&given.into_iter().collect(), None), None);
    }

    #[test]
    fn the_address_that_was_freed_last_is_given_again_last() {
        let next = |numbers: &[u8], last: Option<u8>| {
            let last = last.map(|number| network().at(number));
            network().next(&taken(numbers.iter().copied()), last).map(|address| address.octets()[3])
        };
        assert_eq!(next(&[], None), Some(2));
        assert_eq!(next(&[2], None), Some(3));
        assert_eq!(next(&[3], None), Some(4));
        // 3 was given last and is gone again.
        assert_eq!(next(&[2], Some(3)), Some(4));
        assert_eq!(next(&[2, 127], None), Some(3));
        assert_eq!(next(&[2, 4], Some(127)), Some(3));
        // The bridge's, and what the engine gave by itself, say nothing.
        assert_eq!(next(&[1, 2, 200], None), Some(3));
        // Only one is free.
        let all_but = |free: u8| (2..=127).filter(|number| *number != free).collect::<Vec<_>>();
        assert_eq!(next(&all_but(9), Some(9)), Some(9));
        // What was given in another network says nothing.
        assert_eq!(network().next(&taken([]), Some(Ipv4Addr::new(10, 213, 8, 50))), Some(network().at(2)));
    }

    #[test]
    fn the_hosts_routes_are_read_and_the_way_to_everywhere_is_not_one() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
            tun0\t0700D50A\t00000000\t0001\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n\
            torn";
        assert_eq!(routes(table), [block("172.17.0.0/16"), block("10.213.0.7/32")]);
        assert_eq!(routes(""), []);
    }
}
