//! What a service is asked: the one probe of `x-rollout.health`. Not here: how often, and how many answers count (module `health`).

use evenkeel_model::Probe;

use crate::reader::{At, Fields, Reader};
use crate::{http_probe, keys};

/// The keys of which one is there.
const KINDS: [&str; 5] = ["http", "tcp", "grpc", "exec", "docker"];

/// Reads the probe out of the fields of `health`, which is at `at`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<Probe> {
    let written: Vec<_> = KINDS.iter().filter_map(|key| Some((*key, fields.get(key)?))).collect();
    match &written[..] {
        [(key, at)] => read_kind(reader, key, at),
        [] => {
            reader.problem(at, "there is no probe: write `http`, `tcp`, `grpc`, `exec` or `docker`");
            None
        }
        [(first, _), (second, at), ..] => {
            reader.problem(at, format!("there is already the probe `{first}`: keep it or `{second}`"));
            None
        }
    }
}

fn read_kind(reader: &mut Reader<'_>, key: &str, at: &At<'_>) -> Option<Probe> {
    match key {
        "http" => http_probe::read(reader, at).map(Probe::Http),
        "tcp" => {
            let fields = reader.map(at, &keys::TCP)?;
            Some(Probe::Tcp { port: read_port(reader, at, &fields)? })
        }
        "grpc" => {
            let fields = reader.map(at, &keys::GRPC)?;
            let port = read_port(reader, at, &fields);
            let service = fields.get("service").map_or(Some(String::new()), |at| {
                let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
                let expected = "a gRPC service such as `shop.v1.Orders`";
                reader.parsed(&at, expected, |text| is_name(text).then(|| text.to_owned()))
            });
            Some(Probe::Grpc { port: port?, service: service? })
        }
        "exec" => {
            let command = reader.texts(at)?;
            if command.is_empty() {
                reader.problem(at, "the command is empty: write a program and its arguments, such as `[pg_isready]`");
                return None;
            }
            Some(Probe::Exec { command })
        }
        _ => {
            if !reader.bool(at)? {
                reader.problem(at, "`docker` is either `true` or not written: remove it, and write another probe");
                return None;
            }
            Some(Probe::Docker)
        }
    }
}

/// The port that a probe asks.
pub(crate) fn read_port(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<u16> {
    let Some(port) = fields.get("port") else {
        reader.problem(at, "the probe has no `port`: write the container's port");
        return None;
    };
    reader.whole(&port, 1..=65535)
}
