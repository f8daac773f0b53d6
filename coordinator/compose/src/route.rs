//! `x-route` of a port: which of its requests are the service's, and how they are treated. Not here: whether it may stand
//! there (module `via`), routes of two services that clash (module `shared_ports`).

use evenkeel_model::HttpRoute;

use crate::problem::shown;
use crate::reader::{At, Reader};
use crate::{host_name, keys};

/// The route, if it could be read.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<HttpRoute> {
    let fields = reader.map(at, &keys::ROUTE)?;
    let default = HttpRoute::default();
    let hosts = fields.get("hosts").map_or(Some(default.hosts), |at| read_hosts(reader, &at));
    let path = fields.get("path").map_or(Some(default.path), |at| read_path(reader, &at));
    let sticky = fields.get("sticky").map_or(Some(None), |at| {
        let expected = "a cookie's name, of letters, digits, `-`, `_` and `.`";
        reader.parsed(&at, expected, |text| is_cookie_name(text).then(|| Some(text.to_owned())))
    });
    let tls = fields.get("tls").map_or(Some(default.tls), |at| reader.bool(&at));
    let redirect = fields.get("redirect_to_https");
    let redirect_to_https = redirect.as_ref().map_or(Some(default.redirect_to_https), |at| reader.bool(at));
    let (tls, redirect_to_https) = (tls?, redirect_to_https?);
    if let Some(at) = redirect.filter(|_| tls && redirect_to_https) {
        reader.problem(&at, "with `tls: true` every request on this port is https already: remove one of the two");
        return None;
    }
    Some(HttpRoute { hosts: hosts?, path: path?, sticky: sticky?, tls, redirect_to_https })
}

/// Host names as clients send them, in lower case.
fn read_hosts(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    let items = reader.list(at, "a list of host names such as `[shop.example]`")?;
    if items.is_empty() {
        reader.problem(at, "there are no hosts: name at least one, or remove `hosts` for all");
        return None;
    }
    let mut hosts = Vec::new();
    for item in &items {
        let Some(text) = reader.text(item, host_name::EXPECTED) else { continue };
        match host_name::parse(&text) {
            Some(host) if hosts.contains(&host) => {
                reader.problem(item, format!("{} is written twice: keep one", shown(&text)));
            }
            Some(host) => hosts.push(host),
            None if text.contains('*') => {
                reader.problem(item, "wildcards are not supported yet: name each host, or remove `hosts` for all");
            }
            None => reader.problem(item, format!("expected {}, found {}", host_name::EXPECTED, shown(&text))),
        }
    }
    Some(hosts)
}

/// A prefix of paths. A slash at its end means nothing: a route is for its path and all below it.
fn read_path(reader: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let is_path = |text: &str| {
        text.starts_with('/')
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))
            && !text.contains("//")
    };
    reader.parsed(at, "a path such as `/api`, without `?` and `#`", |text| {
        let bare = text.trim_end_matches('/');
        is_path(text).then(|| if bare.is_empty() { "/".to_owned() } else { bare.to_owned() })
    })
}

/// What the proxy takes, which is less than cookies may have.
fn is_cookie_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
