//! `ports`, short and long. Not here: who forwards what comes to one (module `via`), the ports that two services publish
//! alike (module `shared_ports`), and publishing them (the agent).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use evenkeel_model::{Port, Protocol};

use crate::problem::shown;
use crate::reader::{At, Reader};
use crate::tree::{Place, Value};
use crate::{keys, via};

/// Ports in one range. Each is published on its own, and engines need long for very many.
const LONGEST_RANGE: usize = 256;

/// A port and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct PublishedAt {
    pub(crate) port: Port,
    pub(crate) place: Place,
    pub(crate) path: String,
}

/// All ports of a service.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<PublishedAt> {
    let mut published = Vec::new();
    for item in reader.list(at, "a list of ports such as `\"8080:80\"`").unwrap_or_default() {
        let ports = match &item.node.value {
            Value::Map(_) => read_long(reader, &item).into_iter().collect(),
            _ => read_short(reader, &item),
        };
        published.extend(ports.into_iter().map(|port| PublishedAt {
            port,
            place: item.place,
            path: item.path.clone(),
        }));
    }
    published
}

/// `[ADDRESS:]PUBLISHED:TARGET[/PROTOCOL]`, where both ports may be ranges of one length.
fn read_short(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Port> {
    let Some(text) = reader.text(at, "a port such as `\"8080:80\"`, or a map") else { return Vec::new() };
    match parse_short(&text) {
        Ok(ports) => ports,
        Err(message) => {
            reader.problem(at, message);
            Vec::new()
        }
    }
}

fn parse_short(text: &str) -> Result<Vec<Port>, String> {
    let (numbers, protocol) = match text.split_once('/') {
        None => (text, Protocol::Tcp),
        Some((numbers, "tcp")) => (numbers, Protocol::Tcp),
        Some((numbers, "udp")) => (numbers, Protocol::Udp),
        Some((_, other)) => return Err(format!("expected `tcp` or `udp` after `/`, found {}", shown(other))),
    };
    let Some((rest, target)) = numbers.rsplit_once(':') else {
        return Err(format!("{} names no port of the host: write both, such as `8080:80`", shown(text)));
    };
    let (address, published) = match rest.rsplit_once(':') {
        Some((address, published)) => (Some(parse_address(address)?), published),
        None => (None, rest),
    };
    if published.is_empty() {
        return Err(format!("{} names no port of the host: write it before the container's", shown(text)));
    }
    let (published, target) = (parse_range(published)?, parse_range(target)?);
    if published.len() != target.len() {
        return Err(format!("the two ranges in {} differ in length: write as many ports on both sides", shown(text)));
    }
    if published.len() > LONGEST_RANGE {
        return Err(format!("a range may have {LONGEST_RANGE} ports at most: write a shorter one"));
    }
    let via = via::by_itself(protocol);
    let port = |(published, target)| Port { address: address.clone(), published, target, protocol, via: via.clone() };
    Ok(published.zip(target).map(port).collect())
}

fn parse_address(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => {
            Err(format!("{} is not an address of the host: write for example `127.0.0.1` or `[::1]`", shown(text)))
        }
    }
}

fn parse_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|port| *port > 0 && !text.starts_with('+'));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(format!("expected a port from 1 to 65535 or a rising range, found {}", shown(text))),
    }
}

fn read_long(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Port> {
    let fields = reader.map(at, &keys::PORT)?;
    let target = fields.get("target").map(|at| reader.whole(&at, 1..=65535));
    let published = fields.get("published").map(|at| reader.whole(&at, 1..=65535));
    let address = fields.get("host_ip").map(|at| {
        let text = reader.text(&at, "an address")?;
        parse_address(&text).map_err(|message| reader.problem(&at, message)).ok()
    });
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp)];
    let protocol = fields.get("protocol").map_or(Some(Protocol::Tcp), |at| reader.one_of(&at, &protocols, &[]));
    let via = via::read(reader, &fields, protocol);
    for (key, missing) in [("target", target.is_none()), ("published", published.is_none())] {
        if missing {
            reader.problem(at, format!("the port has no `{key}`: write it"));
        }
    }
    let address = address.map_or(Some(None), |address| address.map(Some))?;
    Some(Port { address, published: published??, target: target??, protocol: protocol?, via: via? })
}
