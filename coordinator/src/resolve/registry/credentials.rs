//! Names and passwords from Docker's `config.json`. Not here: credential helpers, which are programs of the operator's machine;
//! a registry that has only one is asked without credentials.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::RegistrySettingsError;

/// What Docker calls its own registry in that file.
const DOCKER_HUB: &str = "index.docker.io";

/// The credentials by registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::resolve) struct Credentials(BTreeMap<String, Login>);

/// A name and a password, as the header wants them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login(String);

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

impl Login {
    /// The value of the `Authorization` header.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", self.0)
    }
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize, Default)]
struct Entry {
    #[serde(rename = "auth")]
    encoded: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Entry {
    fn login(self) -> Option<Login> {
        let encoded = match self {
            Self { encoded: Some(encoded), .. } if !encoded.is_empty() => encoded,
            Self { username: Some(name), password: Some(password), .. } => {
                STANDARD.encode(format!("{name}:{password}"))
            }
            _ => return None,
        };
        Some(Login(encoded))
    }
}

impl Credentials {
    /// Reads Docker's file.
    pub(in crate::resolve) fn read(path: &Path) -> Result<Self, RegistrySettingsError> {
        let text =
            std::fs::read(path).map_err(|source| RegistrySettingsError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|source| RegistrySettingsError::Malformed { path: path.to_owned(), source })
    }

    fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let config: DockerConfig = serde_json::from_slice(text)?;
        let logins = config.auths.into_iter().filter_map(|(name, auth)| Some((registry(&name), auth.login()?)));
        Ok(Self(logins.collect()))
    }

    /// Those of a registry, as a reference names it.
    pub(super) fn of(&self, registry: &str) -> Option<&Login> {
        self.0.get(registry)
    }
}

/// The file has registries as plain names, as URLs, and Docker Hub under a name of its own.
fn registry(name: &str) -> String {
    let name = name.trim_start_matches("https://").trim_start_matches("http://");
    let name = name.split('/').next().unwrap_or(name);
    if name == DOCKER_HUB { "docker.io" } else { name }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_by_the_registry_of_a_reference() {
        let text = br#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOmE="},
            "registry.example:5000": {"username": "ci", "password": "b"},
            "helped.example": {}
        }, "credsStore": "desktop"}"#;
        let credentials = Credentials::parse(text).unwrap();
        assert_eq!(credentials.of("docker.io").unwrap().basic(), "Basic aHViOmE=");
        assert_eq!(credentials.of("registry.example:5000").unwrap().basic(), "Basic Y2k6Yg==");
        assert_eq!(credentials.of("helped.example"), None);
        assert!(!format!("{credentials:?}").contains("aHViOmE="));
    }
}
