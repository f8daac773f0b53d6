//! Who forwards what comes to a port: `mode`, `app_protocol` and `x-route` of a port's long form, and what the short one means.
//! Not here: what is in `x-route` (module `route`), forwarding it (the host's proxy).

use evenkeel_model::{HttpRoute, Protocol, Via};

use crate::reader::{At, Fields, Reader};
use crate::{problem::shown, route};

/// What is spoken at a port, as far as the proxy cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http,
    Tcp,
}

/// What no more is said of.
pub(crate) fn by_itself(protocol: Protocol) -> Via {
    match protocol {
        Protocol::Tcp => Via::Tcp,
        Protocol::Udp => Via::Engine,
    }
}

/// Reads the keys of the long form. `protocol`: none if something was wrong with it.
pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, protocol: Option<Protocol>) -> Option<Via> {
    let modes = [("host", true), ("ingress", false)];
    let direct = fields.get("mode").map_or(Some(false), |at| reader.one_of(&at, &modes, &[]));
    let spoken = match fields.get("app_protocol") {
        Some(at) => read_spoken(reader, &at).map(|spoken| Some((spoken, at))),
        None => Some(None),
    };
    let route = fields.get("x-route").map(|at| (route::read(reader, &at), at));
    let (protocol, direct, spoken) = (protocol?, direct?, spoken?);
    if let Some((spoken, at)) = &spoken {
        check_spoken(reader, at, *spoken, protocol, direct);
    }
    let is_http = spoken.is_some_and(|(spoken, _)| spoken == Spoken::Http);
    match route {
        Some((_, at)) if !is_http => {
            reader.problem(&at, "it is about requests: write `app_protocol: http` beside it, or remove it");
            None
        }
        Some((route, _)) => route.map(Via::Http),
        None if is_http => Some(Via::Http(HttpRoute::default())),
        None if direct => Some(Via::Engine),
        None => Some(by_itself(protocol)),
    }
}

fn read_spoken(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Spoken> {
    let expected = "`http`, `h2c`, `grpc` or `tcp`";
    let text = reader.text(at, expected)?;
    match text.as_str() {
        // The proxy tells HTTP/1.1 and HTTP/2 apart by itself, and gRPC is HTTP/2.
        "http" | "h2c" | "grpc" => Some(Spoken::Http),
        "tcp" => Some(Spoken::Tcp),
        "https" => {
            reader.problem(
                at,
                "the proxy speaks no TLS to a container: write `http` with `x-route: {tls: true}` and let the container \
                 speak plain HTTP, or `tcp` to pass its TLS through",
            );
            None
        }
        _ => {
            reader.problem(at, format!("expected {expected}, found {}", shown(&text)));
            None
        }
    }
}

fn check_spoken(reader: &mut Reader<'_>, at: &At<'_>, spoken: Spoken, protocol: Protocol, direct: bool) {
    if protocol == Protocol::Udp {
        reader.problem(at, "it is spoken over TCP, and the port is `protocol: udp`: remove one of the two");
    } else if direct && spoken == Spoken::Http {
        reader.problem(
            at,
            "with `mode: host` the engine publishes the port, and no proxy sees its requests: remove one of the two",
        );
    }
}
