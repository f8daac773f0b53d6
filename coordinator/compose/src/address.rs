//! Addresses of web servers, as RFC 3986 writes them. Not here: which key wants one, asking them.

use std::net::Ipv6Addr;

/// What a message says was expected.
pub(crate) const EXPECTED: &str = "an address such as `http://prometheus:9090`";

/// A text that is no address that can be asked. None of the messages repeats it, as there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// Neither of the two that are spoken.
    #[error("it begins with neither `http://` nor `https://`: write one of them")]
    Scheme,
    /// A name, and perhaps a password.
    #[error(
        "it has a name or a password before `@`, and everybody who may see the rollout would see them: write the address without"
    )]
    Person,
    /// Something after `#`.
    #[error("what is after `#` is never sent: remove it, or write `%23` for the character itself")]
    Fragment,
    /// No name or address, or none that can be.
    #[error("it names no host: write for example `http://prometheus:9090`")]
    Host,
    /// No port that can be.
    #[error("its port is no number from 1 to 65535: write for example `http://prometheus:9090`")]
    Port,
    /// Spaces, quotes, letters outside ASCII.
    #[error("it has characters that no address has: write them as `%` and two hexadecimal digits")]
    Character,
}

/// Checks the address.
pub(crate) fn check(text: &str) -> Result<(), AddressError> {
    let scheme = ["http://", "https://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    let rest = scheme.ok_or(AddressError::Scheme)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err(AddressError::Person);
    }
    check_authority(authority)?;
    if path.contains('#') {
        return Err(AddressError::Fragment);
    }
    check_path(path)
}

fn check_authority(authority: &str) -> Result<(), AddressError> {
    // An address of IPv6 stands in brackets, because it has colons of its own.
    let end = authority.find(']').map(|bracket| bracket + 1).or_else(|| authority.find(':'));
    let (host, port) = authority.split_at(end.unwrap_or(authority.len()));
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host(host),
    };
    if !is_host {
        return Err(AddressError::Host);
    }
    let is_number =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0);
    if port.is_empty() || port.strip_prefix(':').is_some_and(is_number) { Ok(()) } else { Err(AddressError::Port) }
}

/// As DNS has it, with the underscore that engines allow in their own names.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Path and query.
fn check_path(path: &str) -> Result<(), AddressError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let mut escapes = path.split('%').skip(1);
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if path.bytes().all(is_allowed) && escapes.all(is_escape) { Ok(()) } else { Err(AddressError::Character) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_web_servers_are_taken() {
        for text in [
            "http://prometheus",
            "http://prometheus:9090",
            "https://metrics.example/prometheus/",
            "http://my_metrics:9090",
            "http://127.0.0.1:9090",
            "http://[::1]",
            "http://[fe80::1]:9090/x",
            "https://shop.example/check?release=2&deep=true",
            "https://shop.example?x",
            "https://shop.example/@me/a%20b",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_asked_is_refused_with_its_reason() {
        let long_label = format!("http://{}/", "a".repeat(64));
        for (text, error) in [
            ("", AddressError::Scheme),
            ("prometheus:9090", AddressError::Scheme),
            ("ftp://prometheus", AddressError::Scheme),
            ("HTTP://prometheus", AddressError::Scheme),
            ("http:/prometheus", AddressError::Scheme),
            ("http://ann:secret@prometheus", AddressError::Person),
            ("http://ann@prometheus:9090/x", AddressError::Person),
            ("http://", AddressError::Host),
            ("http:///x", AddressError::Host),
            ("http://:9090", AddressError::Host),
            ("http://a..b", AddressError::Host),
            ("http://a b", AddressError::Host),
            ("http://é", AddressError::Host),
            ("http://[::1", AddressError::Host),
            ("http://[]", AddressError::Host),
            ("http://[a]", AddressError::Host),
            (&long_label, AddressError::Host),
            ("http://a:", AddressError::Port),
            ("http://a:0", AddressError::Port),
            ("http://a:65536", AddressError::Port),
            ("http://a:+1", AddressError::Port),
            ("http://a:1:2", AddressError::Port),
            ("http://[::1]9090", AddressError::Port),
            ("http://a/#x", AddressError::Fragment),
            ("http://a#x", AddressError::Fragment),
            ("http://a/b c", AddressError::Character),
            ("http://a/é", AddressError::Character),
            ("http://a/\"", AddressError::Character),
            ("http://a/{b}", AddressError::Character),
            ("http://a/%2", AddressError::Character),
            ("http://a/%zz", AddressError::Character),
            ("http://a/\n", AddressError::Character),
        ] {
            assert_eq!(check(text), Err(error), "{text}");
        }
    }
}
