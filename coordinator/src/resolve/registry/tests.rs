//! The resolver against a small registry on this machine that speaks the protocol, well and badly.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use http::{Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use evenkeel_model::CauseKind;

use super::*;

const MANIFEST: &str = r#"{"schemaVersion":2}"#;

/// How the registry behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// As the specification says.
    Good,
    /// Without the header that names the digest.
    WithoutHeader,
    /// Names another digest than that of what it hands out.
    WithOtherDigest,
    /// Wants a token, and gives one to everybody.
    WithToken,
    /// Wants a token, and gives one that it does not take.
    WithBadToken,
    /// Wants the name `ci` with the password `secret`.
    WithPassword,
    /// Answers everything with this status.
    Status(u16),
    /// Takes the request and never answers.
    Mute,
}

/// A registry with the image `app:v1`.
struct Registry {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Registry {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                let service = service_fn(move |request: http::Request<Incoming>| {
                    log.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
                    async move {
                        if manner == Manner::Mute {
                            std::future::pending::<()>().await;
                        }
                        Ok::<_, Infallible>(respond(manner, address, &request))
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, asked, task }
    }

    async fn resolve(&self, image: &str) -> Result<ImagePin, ResolveError> {
        let timeout = Duration::from_millis(200);
        self.resolve_with(image, RegistrySettings { timeout, ..RegistrySettings::default() }).await
    }

    async fn resolve_with(&self, image: &str, settings: RegistrySettings) -> Result<ImagePin, ResolveError> {
        let resolver = RegistryResolver::new(settings).unwrap();
        resolver.resolve(&format!("{}/{image}", self.address)).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

type Answered = Response<Full<Bytes>>;

fn respond(manner: Manner, address: SocketAddr, request: &http::Request<Incoming>) -> Answered {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let answer = |status: u16| Response::builder().status(status);
    let empty = || Full::new(Bytes::new());
    match manner {
        Manner::Status(status) => return answer(status).header(RETRY_AFTER, "7").body(empty()).unwrap(),
        Manner::WithToken | Manner::WithBadToken if request.uri().path() == "/token" => {
            let token = if manner == Manner::WithToken { "good" } else { "bad" };
            return answer(200).body(Full::new(format!(r#"{{"token":"{token}"}}"#).into())).unwrap();
        }
        Manner::WithToken | Manner::WithBadToken if authorization != Some("Bearer good") => {
            let wanted = format!(r#"Bearer realm="http://{address}/token",service="here",scope="repository:app:pull""#);
            return answer(401).header(WWW_AUTHENTICATE, wanted).body(empty()).unwrap();
        }
        Manner::WithPassword => {
            let expected = base64::engine::general_purpose::STANDARD.encode("ci:secret");
            if authorization != Some(format!("Basic {expected}").as_str()) {
                return answer(401).header(WWW_AUTHENTICATE, r#"Basic realm="here""#).body(empty()).unwrap();
            }
        }
        _ => {}
    }
    manifest(manner, request.uri())
}

fn manifest(manner: Manner, uri: &Uri) -> Answered {
    let digest = Digest::of(MANIFEST.as_bytes());
    let is_there =
        [String::from("/v2/app/manifests/v1"), format!("/v2/app/manifests/{digest}")].contains(&uri.path().to_owned());
    if !is_there {
        return Response::builder().status(404).body(Full::new(Bytes::new())).unwrap();
    }
    let answer = match manner {
        Manner::WithoutHeader => Response::builder(),
        Manner::WithOtherDigest => Response::builder().header("docker-content-digest", Digest::of(b"other").as_str()),
        _ => Response::builder().header("docker-content-digest", digest.as_str()),
    };
    answer.body(Full::new(MANIFEST.into())).unwrap()
}

fn expected() -> Digest {
    Digest::of(MANIFEST.as_bytes())
}

#[tokio::test]
async fn a_tag_is_pinned_to_its_digest_with_one_request() {
    let registry = Registry::start(Manner::Good).await;
    let pin = registry.resolve("app:v1").await.unwrap();
    let repository = format!("{}/app", registry.address);
    let reference = format!("{repository}:v1");
    assert_eq!(pin, ImagePin::Registry { reference, repository, digest: expected() });
    assert_eq!(registry.asked(), ["HEAD /v2/app/manifests/v1"]);
}

#[tokio::test]
async fn without_the_header_the_digest_is_that_of_the_manifest() {
    let registry = Registry::start(Manner::WithoutHeader).await;
    assert_eq!(*registry.resolve("app:v1").await.unwrap().digest(), expected());
    assert_eq!(registry.asked(), ["HEAD /v2/app/manifests/v1", "GET /v2/app/manifests/v1"]);
}

#[tokio::test]
async fn a_digest_is_checked_to_exist() {
    let registry = Registry::start(Manner::Good).await;
    let there = registry.resolve(&format!("app@{}", expected())).await.unwrap();
    assert_eq!(*there.digest(), expected());
    let gone = registry.resolve(&format!("app@{}", Digest::of(b"gone"))).await.unwrap_err();
    assert_eq!(gone.kind(), Some(CauseKind::ImageNotFound));
    let other = Registry::start(Manner::WithOtherDigest).await;
    let lied = other.resolve(&format!("app@{}", expected())).await.unwrap_err();
    assert_eq!(lied.kind(), Some(CauseKind::DigestMismatch));
}

#[tokio::test]
async fn an_image_that_is_not_there_is_named() {
    let registry = Registry::start(Manner::Good).await;
    let error = registry.resolve("app:v9").await.unwrap_err();
    assert_eq!(error.kind(), Some(CauseKind::ImageNotFound));
    let address = registry.address;
    assert_eq!(error.to_string(), format!("image {address}/app:v9 is not there: {address} says 404 Not Found"));
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_says() {
    let registry = Registry::start(Manner::WithToken).await;
    assert_eq!(*registry.resolve("app:v1").await.unwrap().digest(), expected());
    assert_eq!(
        registry.asked(),
        ["HEAD /v2/app/manifests/v1", "GET /token?scope=repository:app:pull&service=here", "HEAD /v2/app/manifests/v1"]
    );
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_a_denial() {
    let registry = Registry::start(Manner::WithBadToken).await;
    assert_eq!(registry.resolve("app:v1").await.unwrap_err().kind(), Some(CauseKind::ImageDenied));
    assert_eq!(registry.asked().len(), 3, "it is not tried again and again");
}

#[tokio::test]
async fn a_password_comes_from_the_docker_configuration() {
    let registry = Registry::start(Manner::WithPassword).await;
    let without = registry.resolve("app:v1").await.unwrap_err();
    assert_eq!(without.kind(), Some(CauseKind::ImageDenied));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    for (password, expected_kind) in [("secret", None), ("wrong", Some(CauseKind::ImageDenied))] {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("ci:{password}"));
        std::fs::write(&path, format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.address)).unwrap();
        let settings = RegistrySettings { docker_config: Some(path.clone()), ..RegistrySettings::default() };
        let found = registry.resolve_with("app:v1", settings).await;
        assert_eq!(found.err().and_then(|error| error.kind()), expected_kind, "{password}");
    }
}

#[tokio::test]
async fn a_password_that_is_renewed_in_the_docker_configuration_counts_at_once() {
    let registry = Registry::start(Manner::WithPassword).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let settings = RegistrySettings { docker_config: Some(path.clone()), ..RegistrySettings::default() };
    let resolver = RegistryResolver::new(settings).unwrap();
    let image = format!("{}/app:v1", registry.address);
    assert_eq!(resolver.resolve(&image).await.unwrap_err().kind(), Some(CauseKind::ImageDenied));
    let auth = base64::engine::general_purpose::STANDARD.encode("ci:secret");
    std::fs::write(&path, format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.address)).unwrap();
    assert!(resolver.resolve(&image).await.is_ok());
}

#[tokio::test]
async fn passing_trouble_is_told_from_what_stays() {
    for (status, kind) in [
        (401, CauseKind::ImageDenied),
        (403, CauseKind::ImageDenied),
        (404, CauseKind::ImageNotFound),
        (429, CauseKind::RegistryUnreachable),
        (500, CauseKind::RegistryUnreachable),
        (503, CauseKind::RegistryUnreachable),
    ] {
        let registry = Registry::start(Manner::Status(status)).await;
        let error = registry.resolve("app:v1").await.unwrap_err();
        assert_eq!(error.kind(), Some(kind), "{status}");
        if let ResolveError::Unreachable { status: found, problem, .. } = error {
            assert_eq!(found, Some(status));
            assert!(problem.ends_with("again after 7 s"), "{problem}");
        }
    }
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_given_up_on() {
    let registry = Registry::start(Manner::Mute).await;
    let error = registry.resolve("app:v1").await.unwrap_err();
    assert_eq!(error.kind(), Some(CauseKind::RegistryUnreachable));
    assert!(error.to_string().ends_with("no answer within 200ms"), "{error}");
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_unreachable_with_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let resolver = RegistryResolver::new(RegistrySettings::default()).unwrap();
    let error = resolver.resolve(&format!("{address}/app:v1")).await.unwrap_err();
    assert_eq!(error.kind(), Some(CauseKind::RegistryUnreachable));
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn other_registries_are_asked_over_tls_unless_the_settings_say_otherwise() {
    let resolver = |insecure: &[&str]| {
        let insecure = insecure.iter().map(|&registry| registry.to_owned()).collect();
        RegistryResolver::new(RegistrySettings { insecure, ..RegistrySettings::default() }).unwrap()
    };
    for (registry, expected) in [
        ("localhost", true),
        ("localhost:5000", true),
        ("127.9.9.9:1", true),
        ("registry.example", false),
        ("10.0.0.1:5000", false),
    ] {
        assert_eq!(resolver(&[]).is_insecure(registry), expected, "{registry}");
    }
    assert!(resolver(&["10.0.0.1:5000"]).is_insecure("10.0.0.1:5000"));
    assert!(!resolver(&["10.0.0.1:5000"]).is_insecure("10.0.0.1:5001"));
}
