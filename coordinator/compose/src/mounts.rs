//! `volumes` of a service, short and long: named volumes and paths of the host. Not here: declaring volumes (module `file`),
//! and which paths a host gives away (the agent's policy file).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::Mount;

use crate::keys;
use crate::problem::shown;
use crate::reader::{At, Reader};
use crate::tree::{Place, Value};

/// A mount and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct MountedAt {
    pub(crate) mount: Mount,
    pub(crate) place: Place,
}

/// All mounts of a service. `declared` are the volumes at the top of the file.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, declared: &BTreeSet<String>) -> Vec<MountedAt> {
    let mut mounted = Vec::new();
    let mut targets: BTreeMap<String, usize> = BTreeMap::new();
    for item in reader.list(at, "a list of volumes such as `data:/var/lib/data`").unwrap_or_default() {
        let mount = match &item.node.value {
            Value::Map(_) => read_long(reader, &item),
            _ => read_short(reader, &item),
        };
        let Some(mount) = mount else { continue };
        let (Mount::Volume { target, .. } | Mount::Bind { target, .. }) = &mount;
        if let Some(line) = targets.insert(target.clone(), item.place.line) {
            let message = format!("{} already has something mounted, on line {line}: keep one", shown(target));
            reader.problem(&item, message);
        }
        if let Mount::Volume { name, .. } = &mount
            && !declared.contains(name)
        {
            let name = shown(name);
            reader.problem(&item, format!("the volume {name} is not declared: write it under `volumes:` at the top"));
        }
        mounted.push(MountedAt { mount, place: item.place });
    }
    mounted
}

/// `SOURCE:TARGET[:ro|rw]`.
fn read_short(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Mount> {
    let text = reader.text(at, "a volume such as `data:/var/lib/data`, or a map")?;
    let parts: Vec<_> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [source, target] => (source, target, "rw"),
        [source, target, options] => (source, target, options),
        [_] => {
            reader.problem(at, "a volume without a name is not supported: name it, such as `data:/var/lib/data`");
            return None;
        }
        _ => {
            reader.problem(
                at,
                format!("expected `SOURCE:TARGET`, with `:ro` or `:rw` behind it, found {}", shown(&text)),
            );
            return None;
        }
    };
    let read_only = match options {
        "ro" => true,
        "rw" => false,
        _ => {
            reader.problem(at, format!("the option {} is not supported yet: write `ro`, `rw` or none", shown(options)));
            return None;
        }
    };
    if source.starts_with(['/', '.', '~']) {
        bind(reader, at, source, target, read_only)
    } else {
        volume(reader, at, source, target, read_only)
    }
}

fn read_long(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Mount> {
    #[derive(Clone, Copy)]
    enum Kind {
        Volume,
        Bind,
    }
    let fields = reader.map(at, &keys::MOUNT)?;
    let kinds = [("volume", Kind::Volume), ("bind", Kind::Bind)];
    let kind = fields.get("type").map(|at| reader.one_of(&at, &kinds, &["tmpfs", "image", "npipe", "cluster"]));
    let source = fields.get("source").map(|at| reader.text(&at, "a volume's name or a path of the host"));
    let target = fields.get("target").map(|at| reader.text(&at, "a path in the container"));
    let read_only = fields.get("read_only").map_or(Some(false), |at| reader.bool(&at));
    for (key, missing) in [("type", kind.is_none()), ("source", source.is_none()), ("target", target.is_none())] {
        if missing {
            reader.problem(at, format!("the volume has no `{key}`: write it"));
        }
    }
    let (kind, source, target) = (kind??, source??, target??);
    match kind {
        Kind::Volume => volume(reader, at, &source, &target, read_only?),
        Kind::Bind => bind(reader, at, &source, &target, read_only?),
    }
}

fn volume(reader: &mut Reader<'_>, at: &At<'_>, name: &str, target: &str, read_only: bool) -> Option<Mount> {
    let target = absolute(reader, at, target)?;
    if name.is_empty() {
        reader.problem(at, "a volume without a name is not supported: name it, such as `data:/var/lib/data`");
        return None;
    }
    Some(Mount::Volume { name: name.to_owned(), target, read_only })
}

fn bind(reader: &mut Reader<'_>, at: &At<'_>, source: &str, target: &str, read_only: bool) -> Option<Mount> {
    let target = absolute(reader, at, target)?;
    if !source.starts_with('/') {
        let message = format!(
            "{} is no path on a host, which has no project folder and no home: write it from `/`",
            shown(source)
        );
        reader.problem(at, message);
        return None;
    }
    Some(Mount::Bind { source: source.to_owned(), target, read_only })
}

fn absolute(reader: &mut Reader<'_>, at: &At<'_>, target: &str) -> Option<String> {
    if !target.starts_with('/') || target == "/" {
        reader.problem(at, format!("{} is no path in the container to mount at: write it from `/`", shown(target)));
        return None;
    }
    Some(target.to_owned())
}
