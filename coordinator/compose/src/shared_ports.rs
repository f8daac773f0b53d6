//! Ports that two services publish alike. Not here: reading them (module `ports`).

use std::collections::BTreeMap;

use evenkeel_model::{Constraint, HttpRoute, Port, Protocol, ServiceName, Via};

use crate::ports::PublishedAt;
use crate::reader::Reader;
use crate::service::ReadService;

/// Finds ports that two containers on one host would both publish.
pub(crate) fn check(reader: &mut Reader<'_>, services: &BTreeMap<ServiceName, ReadService>) {
    let mut seen: BTreeMap<(u16, Protocol), Vec<Publisher<'_>>> = BTreeMap::new();
    for (name, service) in services {
        for at in &service.published {
            let new = Publisher { name, service, at };
            let earlier = seen.entry((at.port.published, at.port.protocol)).or_default();
            if let Some(message) = earlier.iter().find_map(|other| new.clash_with(other)) {
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
    /// Why both can't be, if they can't.
    fn clash_with(&self, other: &Self) -> Option<String> {
        let may_meet = self.name == other.name || may_meet(self.service, other.service);
        let (one, two) = (&self.at.port, &other.at.port);
        if !may_meet || !one.meets(two) {
            return None;
        }
        let (port, name, line) = (one.published, other.name, other.at.place.line);
        match (&one.via, &two.via) {
            // One socket takes the requests of both, so both must mean the same one.
            (Via::Http(one), Via::Http(two)) if self.at.port.address == other.at.port.address && differ(one, two) => {
                (one.tls != two.tls).then(|| {
                    format!(
                        "port {port} is shared with {name} on line {line}, and only one of them has `tls: true`: \
                         write it for both, or for neither"
                    )
                })
            }
            _ => {
                let why = surprise(one, two);
                Some(format!("port {port} is also published by {name} on line {line}{why}: change one of them"))
            }
        }
    }
}

/// Whether no request is for both: another path, or no host in common. One for all hosts leaves the named ones to the other.
fn differ(one: &HttpRoute, other: &HttpRoute) -> bool {
    let same_hosts = one.hosts.is_empty() && other.hosts.is_empty();
    one.path != other.path || !(same_hosts || one.hosts.iter().any(|host| other.hosts.contains(host)))
}

/// Whether both services may run on one host: not if they want different values of one label.
fn may_meet(one: &ReadService, other: &ReadService) -> bool {
    let excludes = |a: &Constraint, b: &Constraint| {
        a.label == b.label && (a.value == b.value) != (a.equal == b.equal) && (a.equal || b.equal)
    };
    let (one, other) = (&one.draft.spec.constraints, &other.draft.spec.constraints);
    !one.iter().any(|a| other.iter().any(|b| excludes(a, b)))
}

/// Why two ports meet whose addresses are written otherwise, where that may surprise.
fn surprise(one: &Port, other: &Port) -> &'static str {
    let family = |port: &Port| port.address.as_deref().map(|address| address.contains(':'));
    match (family(one), family(other)) {
        (None, None) => "",
        (None, _) | (_, None) => ", and where no address is written it may be any of the host's",
        (one, other) if one != other => ", and `::` is all of IPv4 too where the proxy has the port",
        _ => "",
    }
}
