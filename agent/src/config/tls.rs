//! The sections `[proxy.tls]` and `[proxy.acme]`: where certificates come from. Not here: getting them.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

/// The port at which an ACME server asks (RFC 8555, 8.3).
const CHALLENGE_PORT: u16 = 80;

/// The keys of `[proxy.tls]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// Where certificates are: each `NAME.crt` with its `NAME.key`. Default: `/etc/evenkeel/tls`.
    pub directory: Option<PathBuf>,
}

/// The keys of `[proxy.acme]` as written. Without the section no certificate is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAcme {
    /// The ACME server's directory. No default.
    pub directory: Option<String>,
    /// Whom the server may write to: `mailto:` addresses. Default: nobody.
    pub contact: Option<Vec<String>>,
    /// Whether you agree to the server's terms. Must be `true`.
    pub terms_agreed: Option<bool>,
    /// The authority (PEM) that the server's own certificate is of. Default: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// Where its questions are answered while no route is on that port. Default: `[::]:80`.
    pub challenge_listen: Option<String>,
}

/// The checked section `[proxy.acme]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeConfig {
    /// The ACME server's directory, an https address.
    pub directory: String,
    /// Whom the server may write to.
    pub contact: Vec<String>,
    /// The authority that the server's own certificate is of; none: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// Where its questions are answered while no route is on that port.
    pub challenge_listen: SocketAddr,
}

/// Checks the section, and tells every problem by its key.
pub(super) fn check_acme(raw: RawAcme, problems: &mut Vec<String>) -> Option<AcmeConfig> {
    let before = problems.len();
    let directory = raw.directory.unwrap_or_default();
    if directory.is_empty() {
        problems.push("proxy.acme.directory: name the ACME server's directory, an https address".to_owned());
    } else if !is_https(&directory) {
        problems.push(format!("proxy.acme.directory: `{directory}` is no https address"));
    }
    if raw.terms_agreed != Some(true) {
        problems.push("proxy.acme.terms_agreed: read the server's terms, and write `true` if you agree".to_owned());
    }
    let contact = raw.contact.unwrap_or_default();
    let odd = contact.iter().filter(|address| !address.starts_with("mailto:"));
    problems.extend(odd.map(|address| format!("proxy.acme.contact: `{address}` does not begin with `mailto:`")));
    let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, CHALLENGE_PORT));
    let challenge_listen = raw.challenge_listen.map_or(everywhere, |text| {
        text.parse().unwrap_or_else(|_| {
            problems.push(format!("proxy.acme.challenge_listen: `{text}` is no address and port, such as `[::]:80`"));
            everywhere
        })
    });
    let good = problems.len() == before;
    good.then_some(AcmeConfig { directory, contact, ca_file: raw.ca_file, challenge_listen })
}

fn is_https(text: &str) -> bool {
    let uri = text.parse::<http::Uri>().ok();
    uri.is_some_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty()))
}
