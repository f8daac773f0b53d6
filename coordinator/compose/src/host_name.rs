//! Host names as requests carry them. Not here: which key wants one.

/// What a message says was expected.
pub(crate) const EXPECTED: &str = "a host name such as `shop.example`, without port";

/// As DNS allows them (RFC 1123: 253 characters, labels of 63), in lower case.
pub(crate) fn parse(text: &str) -> Option<String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (text.len() <= 253 && text.split('.').all(is_label)).then(|| text.to_ascii_lowercase())
}

/// A host name with a port behind it or not, in lower case.
pub(crate) fn parse_with_port(text: &str) -> Option<String> {
    let Some((host, port)) = text.split_once(':') else { return parse(text) };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_port.then(|| parse(host).map(|host| format!("{host}:{port}")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_taken_in_lower_case() {
        for (text, name) in
            [("shop.example", "shop.example"), ("Shop.EXAMPLE", "shop.example"), ("a", "a"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(parse(text).as_deref(), Some(name), "{text}");
        }
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = vec!["a".repeat(49); 6].join(".");
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a/b",
            "é",
            "*.a",
            "[::1]",
            "a:80",
            &long_label,
            &long_name,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_port_may_stand_behind_where_it_is_asked_for() {
        assert_eq!(parse_with_port("Shop.example:8080").as_deref(), Some("shop.example:8080"));
        assert_eq!(parse_with_port("shop.example").as_deref(), Some("shop.example"));
        for text in ["a:", "a:0", "a:65536", "a:+1", ":80", "a:80:80"] {
            assert_eq!(parse_with_port(text), None, "{text}");
        }
    }
}
