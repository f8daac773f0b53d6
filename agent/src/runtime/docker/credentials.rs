//! Who we are to a registry, from the file that `docker login` writes. Not here: credential helpers, which are programs of their own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use http::HeaderValue;
use serde::Deserialize;

const HEADER: &str = "x-registry-auth";
/// How the file names the registry that is meant where an image names none.
const DEFAULT_REGISTRY: [&str; 3] = ["https://index.docker.io/v1/", "index.docker.io", "docker.io"];

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: HashMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Base64 of `user:password`.
    #[serde(default)]
    auth: String,
    #[serde(default)]
    identitytoken: Option<String>,
}

/// Where the client keeps it: `$DOCKER_CONFIG`, or else the home directory.
pub(super) fn usual_file() -> Option<PathBuf> {
    let directory = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker")))?;
    Some(directory.join("config.json"))
}

/// The credentials for a repository's registry; none: anonymous.
pub(super) async fn read(file: &Path, repository: &str) -> Option<DockerCredentials> {
    // Most hosts have no such file, and need none.
    let text = tokio::fs::read(file).await.ok()?;
    match serde_json::from_slice(&text) {
        Ok(parsed) => choose(&parsed, repository),
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "the registry credentials can't be read");
            None
        }
    }
}

fn choose(file: &File, repository: &str) -> Option<DockerCredentials> {
    let registry = registry(repository);
    let names: Vec<String> = match registry {
        Some(registry) => vec![registry.to_owned(), format!("https://{registry}"), format!("http://{registry}")],
        None => DEFAULT_REGISTRY.map(str::to_owned).into(),
    };
    let (name, entry) = names.iter().find_map(|name| Some((name, file.auths.get(name)?)))?;
    let decoded = String::from_utf8(STANDARD.decode(&entry.auth).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(DockerCredentials {
        username: Some(user.to_owned()),
        password: Some(password.to_owned()),
        identitytoken: entry.identitytoken.clone(),
        serveraddress: Some(name.clone()),
        ..DockerCredentials::default()
    })
}

/// The registry that a repository names; none: the default one.
fn registry(repository: &str) -> Option<&str> {
    let (first, _) = repository.split_once('/')?;
    let is_host = first.contains(['.', ':']) || first == "localhost";
    (is_host && !DEFAULT_REGISTRY.contains(&first)).then_some(first)
}

/// The engine reads the header as URL-safe base64 and takes anything else for anonymous; the client writes the other alphabet.
pub(super) fn with_readable_header(docker: Docker) -> Docker {
    docker.with_request_modifier(|mut request| {
        if let Some(value) = request.headers_mut().get_mut(HEADER) {
            let url_safe = value.as_bytes().iter().map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            });
            if let Ok(mut safe) = HeaderValue::from_bytes(&url_safe.collect::<Vec<u8>>()) {
                safe.set_sensitive(true);
                *value = safe;
            }
        }
        request
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_registry_gets_its_own_credentials_and_others_none() {
        let auth = |pair: &str| STANDARD.encode(pair);
        let text = serde_json::json!({"auths": {
            "registry.example:5000": {"auth": auth("ci:a:b")},
            "https://index.docker.io/v1/": {"auth": auth("me:hub")},
            "broken.example": {"auth": "!"},
        }, "credsStore": "desktop"});
        let file: File = serde_json::from_value(text).unwrap();
        let user = |repository| {
            let chosen = choose(&file, repository)?;
            Some((chosen.username.unwrap(), chosen.password.unwrap()))
        };
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(user("registry.example:5000/app"), pair("ci", "a:b"));
        assert_eq!(user("library/redis"), pair("me", "hub"));
        assert_eq!(user("redis"), pair("me", "hub"));
        assert_eq!(user("docker.io/library/redis"), pair("me", "hub"));
        assert_eq!(user("other.example/app"), None);
        assert_eq!(user("broken.example/app"), None);
    }
}
