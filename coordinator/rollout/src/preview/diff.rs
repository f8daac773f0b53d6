//! What differs between two releases of a service, for people: images by digest, variables by name (a value may be a secret), the rest as it is.
//! Not here: what becomes of the container (module `preview`).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{Mount, Port, Service, ServiceName};

/// So many characters of a digest tell two of them apart.
const DIGEST_SHOWN: usize = 19;

/// The differences, a line each; none where one of the two is not there.
pub(super) fn differences(name: &ServiceName, old: Option<&Service>, new: Option<&Service>) -> Vec<String> {
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    let mut lines = Vec::new();
    if old.image.digest() != new.image.digest() {
        let [was, is] = [old, new].map(|service| shown(&service.image.digest().to_string()));
        lines.push(format!("image {was} -> {is} ({})", new.image));
    }
    lines.extend(variables(&old.spec.environment, &new.spec.environment));
    lines.extend(listed("port", &old.spec.ports, &new.spec.ports, port));
    lines.extend(listed("mount", &old.spec.mounts, &new.spec.mounts, mount));
    let others = [
        ("command", old.spec.command != new.spec.command || old.spec.entrypoint != new.spec.entrypoint),
        ("user", old.spec.user != new.spec.user),
        ("labels", old.spec.labels != new.spec.labels),
        ("health", old.spec.health != new.spec.health || old.spec.engine_healthcheck != new.spec.engine_healthcheck),
        ("restart", old.spec.restart != new.spec.restart),
        (
            "stop",
            (old.spec.stop_signal != new.spec.stop_signal) || old.spec.stop_grace_period != new.spec.stop_grace_period,
        ),
        ("traffic", old.spec.traffic != new.spec.traffic || old.spec.keep_old != new.spec.keep_old),
        ("placement", old.spec.constraints != new.spec.constraints),
    ];
    lines.extend(others.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| format!("{what} changed")));
    lines.into_iter().map(|line| format!("{name}: {line}")).collect()
}

fn variables<V: PartialEq>(old: &BTreeMap<String, V>, new: &BTreeMap<String, V>) -> Option<String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let sign = |name: &&String| match (old.get(*name), new.get(*name)) {
        (None, _) => Some('+'),
        (_, None) => Some('-'),
        (was, is) => (was != is).then_some('~'),
    };
    let changed: Vec<String> = names.iter().filter_map(|name| Some(format!("{}{name}", sign(name)?))).collect();
    (!changed.is_empty()).then(|| format!("variables {}", changed.join(" ")))
}

fn listed<T: PartialEq>(what: &str, old: &[T], new: &[T], show: fn(&T) -> String) -> Vec<String> {
    let gone = old.iter().filter(|item| !new.contains(item)).map(|item| format!("{what} -{}", show(item)));
    let come = new.iter().filter(|item| !old.contains(item)).map(|item| format!("{what} +{}", show(item)));
    gone.chain(come).collect()
}

fn port(port: &Port) -> String {
    let address = port.address.as_ref().map(|address| format!("{address}:")).unwrap_or_default();
    let by = if port.is_routed() { "by the proxy" } else { "published directly" };
    format!("{address}{}:{} {by}", port.published, port.target)
}

fn mount(mount: &Mount) -> String {
    let (from, to, read_only) = match mount {
        Mount::Volume { name, target, read_only } => (name, target, read_only),
        Mount::Bind { source, target, read_only } => (source, target, read_only),
    };
    format!("{from}:{to}{}", if *read_only { ":ro" } else { "" })
}

fn shown(digest: &str) -> String {
    digest.chars().take(DIGEST_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{Protocol, Via};

    use super::*;
    use crate::fixture::{image, spec};

    fn service(version: u64) -> Service {
        Service { image: image(version), spec: spec(&[]) }
    }

    fn lines(old: &Service, new: &Service) -> Vec<String> {
        differences(&"web".parse().unwrap(), Some(old), Some(new))
    }

    #[test]
    fn equal_releases_do_not_differ() {
        assert_eq!(lines(&service(1), &service(1)), [""; 0]);
        assert!(differences(&"web".parse().unwrap(), None, Some(&service(1))).is_empty());
    }

    #[test]
    fn variables_are_named_and_their_values_are_not() {
        let mut old = service(1);
        let mut new = service(1);
        old.spec.environment = [("GONE", "1"), ("KEPT", "same"), ("PASSWORD", "old secret")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        new.spec.environment = [("KEPT", "same"), ("NEW", "1"), ("PASSWORD", "new secret")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(lines(&old, &new), ["web: variables -GONE +NEW ~PASSWORD"]);
    }

    #[test]
    fn images_ports_and_mounts_are_shown() {
        let mut new = service(2);
        new.spec.ports =
            vec![Port { address: None, published: 80, target: 8080, protocol: Protocol::Tcp, via: Via::Tcp }];
        new.spec.mounts = vec![Mount::Volume { name: "data".to_owned(), target: "/data".to_owned(), read_only: true }];
        new.spec.user = Some("app".to_owned());
        let lines = lines(&service(1), &new);
        assert!(lines[0].starts_with("web: image sha256:") && lines[0].contains(" -> sha256:"), "{}", lines[0]);
        assert_eq!(lines[1..], ["web: port +80:8080 by the proxy", "web: mount +data:/data:ro", "web: user changed"]);
    }
}
