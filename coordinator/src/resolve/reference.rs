//! Image references as Docker reads them: `[host[:port]/]repository[:tag][@digest]`. Not here: asking a registry.

use std::fmt;
use std::str::FromStr;

use evenkeel_model::Digest;

/// What Docker takes a reference without a host to mean.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The longest repository and tag, by the distribution specification.
const LONGEST_REPOSITORY: usize = 255;
const LONGEST_TAG: usize = 128;

/// An image reference, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    text: String,
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A text that is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {problem}")]
pub struct InvalidReference {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Reference {
    /// The registry as Docker names it, with its port: `docker.io`, `registry.example:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The registry's name and port for a connection. Docker Hub answers elsewhere than its name says.
    pub fn registry_address(&self) -> &str {
        if self.registry == DEFAULT_REGISTRY { "registry-1.docker.io" } else { &self.registry }
    }

    /// The repository within the registry: `library/nginx`.
    pub fn path(&self) -> &str {
        &self.repository
    }

    /// Registry and repository, as an engine is asked for them: `docker.io/library/nginx`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What to ask the registry for: the digest, if there is one, else the tag, which is `latest` if none is written.
    pub fn manifest(&self) -> &str {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag,
            (None, None) => "latest",
        }
    }

    /// The digest in the reference.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl fmt::Display for Reference {
    /// As written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        parse(text).map_err(|problem| InvalidReference { text: text.to_owned(), problem })
    }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    let (name, digest) = match text.split_once('@') {
        None => (text, None),
        Some((name, digest)) => {
            (name, Some(digest.parse().map_err(|_| "after `@` comes `sha256:` and 64 hexadecimal digits")?))
        }
    };
    // A colon behind the last slash is a tag's; one before it is a port's.
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match name[last..].split_once(':') {
        None => (name, None),
        Some((image, tag)) => (&name[..last + image.len()], Some(tag)),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err("a tag is 1 to 128 of letters, digits, `_`, `.` and `-`, and begins with none of the last two");
    }
    let (registry, path) = split_registry(name);
    if !is_registry(registry) {
        return Err("before the first `/` comes a host name, with a port if need be");
    }
    let is_short = registry == DEFAULT_REGISTRY && !path.contains('/');
    let repository = if is_short { format!("library/{path}") } else { path.to_owned() };
    if !is_repository(&repository) {
        return Err("a repository is of lower-case letters, digits and `.`, `_`, `-` between them, in parts with `/`");
    }
    Ok(Reference {
        text: text.to_owned(),
        registry: registry.to_owned(),
        repository,
        tag: tag.map(str::to_owned),
        digest,
    })
}

/// The first part is a registry if it looks like a host: with a dot or a port, or `localhost`.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "index.docker.io" | "registry-1.docker.io" => (DEFAULT_REGISTRY, path),
            host => (host, path),
        },
        _ => (DEFAULT_REGISTRY, name),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_repository(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|byte| is_alphanumeric(*byte))
            && bytes.last().is_some_and(|byte| is_alphanumeric(*byte))
            && bytes.iter().all(|byte| is_alphanumeric(*byte) || b"._-".contains(byte))
            && !part.contains("..")
    };
    text.len() <= LONGEST_REPOSITORY && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST_TAG
        && bytes.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn references_read_as_docker_reads_them() {
        let with_digest = format!("registry.example/app:1.4@{DIGEST}");
        for (text, address, repository, manifest) in [
            ("nginx", "registry-1.docker.io", "docker.io/library/nginx", "latest"),
            ("nginx:1.27", "registry-1.docker.io", "docker.io/library/nginx", "1.27"),
            ("team/app:v1", "registry-1.docker.io", "docker.io/team/app", "v1"),
            ("docker.io/nginx", "registry-1.docker.io", "docker.io/library/nginx", "latest"),
            ("index.docker.io/library/nginx", "registry-1.docker.io", "docker.io/library/nginx", "latest"),
            ("localhost/app", "localhost", "localhost/app", "latest"),
            ("localhost:5000/app:v2", "localhost:5000", "localhost:5000/app", "v2"),
            ("10.77.0.1:5000/a/b/c:x_Y.z-1", "10.77.0.1:5000", "10.77.0.1:5000/a/b/c", "x_Y.z-1"),
            ("ghcr.io/team/my-app", "ghcr.io", "ghcr.io/team/my-app", "latest"),
            (with_digest.as_str(), "registry.example", "registry.example/app", DIGEST),
        ] {
            let reference: Reference = text.parse().unwrap();
            let found = (reference.registry_address(), reference.repository(), reference.manifest().to_owned());
            assert_eq!(found, (address, repository.to_owned(), manifest.to_owned()), "{text}");
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        for text in [
            "",
            "/",
            "app:",
            "App",
            "app//x",
            "app/",
            "-app",
            "app:-x",
            "app@sha256:12",
            "app@",
            "a b",
            "app:v1:v2",
            "registry.example:port/app",
            "http://registry.example/app",
            "../app",
            "registry.example/../etc",
            "app?x=1",
            "app:v1#x",
            "[::1]/app",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
