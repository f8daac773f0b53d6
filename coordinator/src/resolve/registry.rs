//! Digests from registries, by the OCI distribution protocol (API v2). One request at first, three at most where a token is
//! asked for. Not here: pulling, which only agents do; retries, which are the operator's: the deploy is refused, and nothing began.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use evenkeel_model::{Digest, ImagePin};

use super::{ImageResolver, Reference, ResolveError};
use crate::chain::chain;

mod challenge;
mod credentials;
mod token;

#[cfg(test)]
mod tests;

use challenge::Challenge;
pub(super) use credentials::Credentials;

/// The kinds of manifest that there are: a list for several platforms first, so that its digest is what is pinned.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The largest manifest that is read, in bytes: what the protocol lets registries limit them to.
const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;

/// What a registry is told of us.
const AGENT: &str = concat!("evenkeel/", env!("CARGO_PKG_VERSION"));

/// How registries are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Registries (`host` or `host:port`) spoken to over plain HTTP. `localhost` and 127.* are in any case.
    pub insecure: BTreeSet<String>,
    /// The `config.json` of Docker with the credentials, looked at whenever one is needed; none, or not there: no credentials.
    pub docker_config: Option<PathBuf>,
    /// For all requests that one image takes, together.
    pub timeout: Duration,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self { insecure: BTreeSet::new(), docker_config: None, timeout: Duration::from_secs(30) }
    }
}

/// Why registries can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistrySettingsError {
    /// The file is not there, or can't be read.
    #[error("{} can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not Docker's.
    #[error("{} is not a Docker configuration", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Asks registries.
#[derive(Debug)]
pub struct RegistryResolver {
    /// Or why there is none: then registries without TLS can still be asked.
    https: Result<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>, String>,
    plain: Client<HttpConnector, Empty<Bytes>>,
    insecure: BTreeSet<String>,
    docker_config: Option<PathBuf>,
    timeout: Duration,
}

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl RegistryResolver {
    /// Reads the credentials and the system's certificate authorities.
    pub fn new(settings: RegistrySettings) -> Result<Self, RegistrySettingsError> {
        credentials(settings.docker_config.as_deref())?;
        let builder = Client::builder(TokioExecutor::new());
        let https = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map(|connector| builder.build(connector.https_only().enable_http1().build()))
            .map_err(|error| format!("the system's certificate authorities can't be read: {error}"));
        let plain = builder.build(HttpConnector::new());
        Ok(Self {
            https,
            plain,
            insecure: settings.insecure,
            docker_config: settings.docker_config,
            timeout: settings.timeout,
        })
    }

    async fn look_up(&self, reference: &Reference) -> Result<Digest, ResolveError> {
        let asked = self.ask(Method::HEAD, reference).await?;
        let digest = match digest_header(&asked) {
            Some(digest) => digest,
            // The registry does not say: then what it hands out does.
            None => Digest::of(&self.ask(Method::GET, reference).await?.body),
        };
        match reference.digest() {
            Some(expected) if *expected != digest => Err(ResolveError::OtherDigest {
                reference: reference.to_string(),
                registry: reference.registry().to_owned(),
                found: digest.to_string(),
            }),
            _ => Ok(digest),
        }
    }

    /// Asks for the manifest, with a token or a password if the registry wants one.
    async fn ask(&self, method: Method, reference: &Reference) -> Result<Answer, ResolveError> {
        let scheme = if self.is_insecure(reference.registry_address()) { "http" } else { "https" };
        let (address, path) = (reference.registry_address(), reference.path());
        let uri = format!("{scheme}://{address}/v2/{path}/manifests/{}", reference.manifest());
        let first = self.request(reference, method.clone(), &uri, Some(MANIFESTS), None).await?;
        if first.status != StatusCode::UNAUTHORIZED {
            return checked(first, reference);
        }
        let denied = |answer: &str| denied(reference, answer);
        // Read anew each time: some registries' passwords are good for hours only, and somebody renews them in this file.
        let credentials = credentials(self.docker_config.as_deref()).map_err(|error| denied(&chain(&error)))?;
        let known = credentials.of(reference.registry());
        let mut wanted = first.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let authorization = match wanted.find_map(Challenge::parse) {
            None => return Err(denied("401 Unauthorized, without saying how to authenticate")),
            Some(Challenge::Basic) => known
                .ok_or_else(|| denied("it wants a password, and the Docker configuration has none for it"))?
                .basic(),
            Some(Challenge::Bearer(bearer)) => {
                if scheme == "https" && !bearer.realm.starts_with("https://") {
                    return Err(denied("it sends us for a token to an address without TLS"));
                }
                self.token(reference, &bearer, known).await?
            }
        };
        let second = self.request(reference, method, &uri, Some(MANIFESTS), Some(&authorization)).await?;
        checked(second, reference)
    }

    async fn request(
        &self,
        reference: &Reference,
        method: Method,
        uri: &str,
        accept: Option<&str>,
        authorization: Option<&str>,
    ) -> Result<Answer, ResolveError> {
        let failed = |problem: String| unreachable(reference, problem, None);
        let mut request = Request::builder().method(method).uri(uri).header(USER_AGENT, AGENT);
        if let Some(accept) = accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::new()).map_err(|error| failed(error.to_string()))?;
        let sent = match (&self.https, uri.starts_with("https://")) {
            (Ok(https), true) => https.request(request),
            (Err(problem), true) => return Err(failed(problem.clone())),
            (_, false) => self.plain.request(request),
        };
        let answer = sent.await.map_err(|error| failed(chain(&error)))?;
        let (head, body) = answer.into_parts();
        let body =
            Limited::new(body, LARGEST_MANIFEST).collect().await.map_err(|error| failed(chain(error.as_ref())))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    fn is_insecure(&self, registry: &str) -> bool {
        let host = registry.split_once(':').map_or(registry, |(host, _)| host);
        let is_loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback());
        is_loopback || self.insecure.contains(registry)
    }
}

#[async_trait]
impl ImageResolver for RegistryResolver {
    async fn resolve(&self, reference: &str) -> Result<ImagePin, ResolveError> {
        let parsed: Reference = reference.parse()?;
        let digest = match tokio::time::timeout(self.timeout, self.look_up(&parsed)).await {
            Ok(found) => found?,
            Err(_) => return Err(unreachable(&parsed, format!("no answer within {:?}", self.timeout), None)),
        };
        Ok(ImagePin::Registry { reference: reference.to_owned(), repository: parsed.repository(), digest })
    }
}

/// What the Docker configuration has; nothing where there is none.
fn credentials(docker_config: Option<&Path>) -> Result<Credentials, RegistrySettingsError> {
    match docker_config {
        Some(path) if path.exists() => Credentials::read(path),
        _ => Ok(Credentials::default()),
    }
}

/// The digest that the registry names, if it does in a form that we know.
fn digest_header(answer: &Answer) -> Option<Digest> {
    answer.headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

/// What an answer's status means.
fn checked(answer: Answer, reference: &Reference) -> Result<Answer, ResolveError> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::NOT_FOUND => {
            Err(ResolveError::NotFound { reference: reference.to_string(), registry: reference.registry().to_owned() })
        }
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(denied(reference, &format!("{status}: it may not exist, or need other credentials")))
        }
        status => {
            let later = answer.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok());
            let later = later.map(|after| format!(", again after {after} s")).unwrap_or_default();
            Err(unreachable(reference, format!("it answers {status}{later}"), Some(status)))
        }
    }
}

fn denied(reference: &Reference, answer: &str) -> ResolveError {
    ResolveError::Denied {
        reference: reference.to_string(),
        registry: reference.registry().to_owned(),
        answer: answer.to_owned(),
    }
}

fn unreachable(reference: &Reference, problem: String, status: Option<StatusCode>) -> ResolveError {
    ResolveError::Unreachable {
        reference: reference.to_string(),
        registry: reference.registry().to_owned(),
        problem,
        status: status.map(|status| status.as_u16()),
    }
}
