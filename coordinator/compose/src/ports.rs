//! `ports`, short and long, and the ports that two services publish alike. Not here: publishing them (the agent).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use evenkeel_model::{Constraint, Port, Protocol, ServiceName};

use crate::keys;
use crate::problem::shown;
use crate::reader::{At, Reader};
use crate::service::ReadService;
use crate::tree::{Place, Value};

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
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, service: &ServiceName) -> Vec<PublishedAt> {
    let mut published = Vec::new();
    for item in reader.list(at, "a list of ports such as `\"8080:80\"`").unwrap_or_default() {
        let ports = match &item.node.value {
            Value::Map(_) => read_long(reader, &item, service).into_iter().collect(),
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
    let port = |(published, target)| Port { address: address.clone(), published, target, protocol };
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

fn read_long(reader: &mut Reader<'_>, at: &At<'_>, service: &ServiceName) -> Option<Port> {
    let fields = reader.map(at, &keys::PORT)?;
    let target = fields.get("target").map(|at| reader.whole(&at, 1..=65535));
    let published = fields.get("published").map(|at| reader.whole(&at, 1..=65535));
    let address = fields.get("host_ip").map(|at| {
        let text = reader.text(&at, "an address")?;
        parse_address(&text).map_err(|message| reader.problem(&at, message)).ok()
    });
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp)];
    let protocol = fields.get("protocol").map_or(Some(Protocol::Tcp), |at| reader.one_of(&at, &protocols, &[]));
    if let Some(at) = fields.get("mode") {
        reader.one_of(&at, &[("host", ()), ("ingress", ())], &[]);
    }
    if let Some(at) = fields.get("app_protocol")
        && reader.one_of(&at, &[("http", ())], &[]).is_some()
    {
        reader.note(format!("{service}: `app_protocol: http` has no effect yet, every port is published directly"));
    }
    for (key, missing) in [("target", target.is_none()), ("published", published.is_none())] {
        if missing {
            reader.problem(at, format!("the port has no `{key}`: write it"));
        }
    }
    let address = address.map_or(Some(None), |address| address.map(Some))?;
    Some(Port { address, published: published??, target: target??, protocol: protocol? })
}

/// Finds ports that two containers on one host would both publish.
pub(crate) fn check_shared(reader: &mut Reader<'_>, services: &BTreeMap<ServiceName, ReadService>) {
    let mut seen: BTreeMap<(u16, Protocol), Vec<Publisher<'_>>> = BTreeMap::new();
    for (name, service) in services {
        for at in &service.published {
            let new = Publisher { name, service, at };
            let earlier = seen.entry((at.port.published, at.port.protocol)).or_default();
            if let Some(other) = earlier.iter().find(|other| new.clashes_with(other)) {
                let (port, name, line) = (at.port.published, other.name, other.at.place.line);
                let message = format!("port {port} is also published by {name} on line {line}: change one of them");
                reader.problem_at(at.place, &at.path, message);
            }
            earlier.push(new);
        }
    }
}

/// A service and one of its ports.
struct Publisher<'s> {
    name: &'s ServiceName,
    service: &'s ReadService,
    at: &'s PublishedAt,
}

impl Publisher<'_> {
    fn clashes_with(&self, other: &Self) -> bool {
        let may_meet = self.name == other.name || may_meet(self.service, other.service);
        may_meet && overlap(&self.at.port, &other.at.port)
    }
}

/// Whether both services may run on one host: not if they want different values of one label.
fn may_meet(one: &ReadService, other: &ReadService) -> bool {
    let excludes = |a: &Constraint, b: &Constraint| {
        a.label == b.label && (a.value == b.value) != (a.equal == b.equal) && (a.equal || b.equal)
    };
    let (one, other) = (&one.draft.spec.constraints, &other.draft.spec.constraints);
    !one.iter().any(|a| other.iter().any(|b| excludes(a, b)))
}

/// Whether both want the same port of one address. No address is the agent's `publish_address`: known to be within all
/// addresses, and not known to be any certain one.
fn overlap(one: &Port, other: &Port) -> bool {
    let contains = |all: &Port, part: &Port| match all.address.as_deref() {
        Some("0.0.0.0") => part.address.as_deref().is_none_or(|address| !address.contains(':')),
        Some("::") => part.address.as_deref().is_none_or(|address| address.contains(':')),
        _ => all.address == part.address,
    };
    contains(one, other) || contains(other, one)
}
