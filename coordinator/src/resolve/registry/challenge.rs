//! How a registry says what it wants: the `WWW-Authenticate` header (RFC 9110, 11.6.1). Not here: obeying it.

/// What the registry wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password.
    Basic,
    /// A token.
    Bearer(Bearer),
}

/// Where to get a token, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bearer {
    pub(super) realm: String,
    pub(super) service: Option<String>,
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// Reads one header. None: it is of a scheme that we do not know, or names no place to get a token.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut bearer = Bearer::default();
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => bearer.realm = value,
                "service" => bearer.service = Some(value),
                "scope" => bearer.scope = Some(value),
                _ => {}
            }
        }
        (!bearer.realm.is_empty()).then_some(Self::Bearer(bearer))
    }
}

/// `name=value` and `name="quoted, value"`, with commas between them.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim().to_owned();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => after
                .split_once(',')
                .map_or((after.trim().to_owned(), ""), |(value, after)| (value.trim().to_owned(), after)),
        };
        found.push((name, value));
        rest = after.trim_start_matches([',', ' ', '\t']);
    }
    found
}

/// The text up to the closing quote, and what comes after it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            character => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_challenge_is_read_with_commas_in_its_values() {
        let header =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:app:pull,push""#;
        let Some(Challenge::Bearer(bearer)) = Challenge::parse(header) else { panic!("not read") };
        assert_eq!(bearer.realm, "https://auth.example/token");
        assert_eq!(bearer.service.as_deref(), Some("registry.example"));
        assert_eq!(bearer.scope.as_deref(), Some("repository:app:pull,push"));
    }

    #[test]
    fn other_challenges_are_told_apart() {
        assert_eq!(Challenge::parse(r#"Basic realm="x""#), Some(Challenge::Basic));
        assert_eq!(
            Challenge::parse("bearer realm=http://127.0.0.1/t").map(|found| found != Challenge::Basic),
            Some(true)
        );
        for unknown in ["", "Negotiate", "Bearer", r#"Bearer service="x""#, r#"Bearer realm=""#] {
            assert_eq!(Challenge::parse(unknown), None, "{unknown}");
        }
    }
}
