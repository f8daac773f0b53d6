//! A stand-in for an ACME server (RFC 8555), for these tests alone: real TLS, signed requests that are verified, nonces that are good once,
//! http-01 validation by really asking the proxy. It knows one identifier for each order and one way to prove it; it is no example of one.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use evenkeel_certs::{PublicCertificate, PublicTls, TimeSource};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::authority::Authority;
use super::upstream;

/// A running server.
pub(crate) struct AcmeServer {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    authority: Arc<Authority>,
    base: String,
    /// Where every name leads.
    names_lead_to: SocketAddr,
    /// Validations wait for a permit.
    gate: Semaphore,
    state: Mutex<State>,
}

/// What happened, and what is to happen.
#[derive(Debug, Default)]
pub(crate) struct State {
    nonces: BTreeSet<String>,
    given: u64,
    /// So many requests are answered badNonce.
    pub(crate) bad_nonces: u32,
    accounts: Vec<Account>,
    pub(crate) contacts: Vec<Value>,
    orders: Vec<Order>,
}

#[derive(Debug)]
struct Account {
    key: Vec<u8>,
    thumbprint: String,
}

#[derive(Debug)]
struct Order {
    account: usize,
    host: String,
    authorization: &'static str,
    problem: Value,
    certificate: Option<String>,
}

/// A signed request that was verified.
struct Signed {
    account: Option<usize>,
    key: Vec<u8>,
    thumbprint: String,
    payload: Value,
}

type Answer = Result<Response<Full<Bytes>>, (StatusCode, &'static str)>;

impl AcmeServer {
    /// Of an authority; all names lead to this address.
    pub(crate) async fn start(authority: &Arc<Authority>, names_lead_to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let tls = PublicTls::new(&TimeSource::system());
        let own = authority.issue(&["127.0.0.1"]);
        let own = PublicCertificate::from_pem(own.chain.as_bytes(), own.key.as_bytes()).unwrap();
        tls.show(&[Arc::new(own)], BTreeSet::new());
        let gate = Semaphore::new(1000);
        let shared =
            Arc::new(Shared { authority: Arc::clone(authority), base, names_lead_to, gate, state: Mutex::default() });
        let (mut tasks, serving) = (JoinSet::new(), Arc::clone(&shared));
        tasks.spawn(async move {
            let (tls, mut connections) = (Arc::new(tls), JoinSet::new());
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, shared) = (Arc::clone(&tls), Arc::clone(&serving));
                connections.spawn(async move {
                    let Ok(accepted) = tls.accept(stream).await else { return };
                    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(accepted.stream), service).await;
                });
            }
        });
        Self { shared, _tasks: tasks }
    }

    /// The section of the configuration that names it.
    pub(crate) fn settings(&self, folder: &Path, challenge_listen: SocketAddr) -> String {
        let ca = folder.join("acme-ca.pem");
        std::fs::write(&ca, &self.shared.authority.pem).unwrap();
        format!(
            "[proxy.tls]\ndirectory = '{}'\n[proxy.acme]\ndirectory = '{}/directory'\nterms_agreed = true\n\
             contact = ['mailto:ops@shop.test']\nca_file = '{}'\nchallenge_listen = '{challenge_listen}'",
            folder.display(),
            self.shared.base,
            ca.display()
        )
    }

    /// Where its certificates are kept, below the proxy's state.
    pub(crate) fn folder(&self, state: &Path) -> PathBuf {
        let address = self.shared.base.trim_start_matches("https://").replace(':', "_");
        state.join("acme").join(format!("{address}_directory"))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    pub(crate) fn accounts(&self) -> usize {
        self.state().accounts.len()
    }

    /// The hosts of all orders, in their order.
    pub(crate) fn ordered(&self) -> Vec<String> {
        self.state().orders.iter().map(|order| order.host.clone()).collect()
    }

    /// Validations wait from now on.
    pub(crate) fn hold(&self) {
        self.shared.gate.forget_permits(1000);
    }

    pub(crate) fn release(&self) {
        self.shared.gate.add_permits(1000);
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = parts.uri.path().to_owned();
    let answered = if parts.method == Method::POST {
        match shared.verify(&path, &body) {
            Ok(signed) => shared.post(&path, &signed),
            Err(problem) => Err(problem),
        }
    } else {
        shared.get(&path)
    };
    let mut answer = answered.unwrap_or_else(|(status, kind)| {
        let problem = json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": kind});
        Response::builder().status(status).body(Full::from(problem.to_string())).unwrap()
    });
    answer.headers_mut().insert("replay-nonce", shared.nonce().parse().unwrap());
    Ok(answer)
}

/// A body of JSON; 201 if something was made, with its address.
fn reply(made: Option<String>, body: &Value) -> Response<Full<Bytes>> {
    let builder = Response::builder().status(if made.is_some() { 201 } else { 200 });
    let builder = made.into_iter().fold(builder, |builder, at| builder.header("location", at));
    builder.body(Full::from(body.to_string())).unwrap()
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn nonce(&self) -> String {
        let mut state = self.state();
        state.given += 1;
        let nonce = format!("nonce-{}", state.given);
        state.nonces.insert(nonce.clone());
        nonce
    }

    fn get(&self, path: &str) -> Answer {
        let url = |path: &str| format!("{}{path}", self.base);
        match path {
            "/directory" => Ok(reply(
                None,
                &json!({"newNonce": url("/nonce"), "newAccount": url("/account"), "newOrder": url("/orders")}),
            )),
            "/nonce" => Ok(reply(None, &Value::Null)),
            _ => Err((StatusCode::NOT_FOUND, "malformed")),
        }
    }

    /// RFC 8555, 6.2: the signature, the address, the nonce, and a key only where an account is made.
    fn verify(&self, path: &str, body: &[u8]) -> Result<Signed, (StatusCode, &'static str)> {
        let bad = (StatusCode::BAD_REQUEST, "malformed");
        let jws: Value = serde_json::from_slice(body).map_err(|_| bad)?;
        let part = |name: &str| jws[name].as_str().and_then(|text| BASE64.decode(text).ok()).ok_or(bad);
        let (protected, payload, signature) = (part("protected")?, part("payload")?, part("signature")?);
        let protected: Value = serde_json::from_slice(&protected).map_err(|_| bad)?;
        let mut state = self.state();
        let (account, key, thumbprint) = if path == "/account" {
            let (key, thumbprint) = read_key(&protected["jwk"]).ok_or(bad)?;
            (None, key, thumbprint)
        } else {
            let id = protected["kid"].as_str().and_then(|kid| kid.strip_prefix(&format!("{}/account/", self.base)));
            let id: usize = id.and_then(|id| id.parse().ok()).ok_or(bad)?;
            let account = state.accounts.get(id).ok_or((StatusCode::BAD_REQUEST, "accountDoesNotExist"))?;
            (Some(id), account.key.clone(), account.thumbprint.clone())
        };
        let signed = format!("{}.{}", jws["protected"].as_str().ok_or(bad)?, jws["payload"].as_str().ok_or(bad)?);
        let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key).verify(signed.as_bytes(), &signature);
        if verified.is_err() || protected["alg"] != "ES256" || protected["url"] != format!("{}{path}", self.base) {
            return Err((StatusCode::FORBIDDEN, "unauthorized"));
        }
        let fresh = protected["nonce"].as_str().is_some_and(|nonce| state.nonces.remove(nonce));
        if !fresh || state.bad_nonces > 0 {
            state.bad_nonces = state.bad_nonces.saturating_sub(1);
            return Err((StatusCode::BAD_REQUEST, "badNonce"));
        }
        let payload =
            if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload).map_err(|_| bad)? };
        Ok(Signed { account, key, thumbprint, payload })
    }

    fn post(self: &Arc<Self>, path: &str, signed: &Signed) -> Answer {
        let (what, number) = path.rsplit_once('/').unwrap_or_default();
        match (path, what, number.parse::<usize>()) {
            ("/account", ..) => self.make_account(signed),
            ("/orders", ..) => Ok(self.make_order(signed)),
            (_, "/order", Ok(id)) => Ok(reply(None, &self.order(id))),
            (_, "/authorization", Ok(id)) => Ok(reply(None, &self.authorization(id))),
            (_, "/challenge", Ok(id)) => {
                let (this, thumbprint) = (Arc::clone(self), signed.thumbprint.clone());
                tokio::spawn(async move { this.validate(id, &thumbprint).await });
                Ok(reply(None, &self.challenge(id)))
            }
            (_, "/finalize", Ok(id)) => self.finalize(id, signed),
            (_, "/certificate", Ok(id)) => {
                let pem = self.state().orders[id].certificate.clone().ok_or((StatusCode::NOT_FOUND, "malformed"))?;
                Ok(Response::new(Full::from(pem)))
            }
            _ => Err((StatusCode::NOT_FOUND, "malformed")),
        }
    }

    fn make_account(&self, signed: &Signed) -> Answer {
        if signed.payload["termsOfServiceAgreed"] != true {
            return Err((StatusCode::FORBIDDEN, "userActionRequired"));
        }
        let mut state = self.state();
        state.accounts.push(Account { key: signed.key.clone(), thumbprint: signed.thumbprint.clone() });
        state.contacts.push(signed.payload["contact"].clone());
        let location = format!("{}/account/{}", self.base, state.accounts.len() - 1);
        Ok(reply(Some(location), &json!({"status": "valid"})))
    }

    fn make_order(&self, signed: &Signed) -> Response<Full<Bytes>> {
        let host = signed.payload["identifiers"][0]["value"].as_str().unwrap().to_owned();
        let id = {
            let mut state = self.state();
            let account = signed.account.unwrap();
            let order = Order { account, host, authorization: "pending", problem: Value::Null, certificate: None };
            state.orders.push(order);
            state.orders.len() - 1
        };
        reply(Some(format!("{}/order/{id}", self.base)), &self.order(id))
    }

    fn order(&self, id: usize) -> Value {
        let state = self.state();
        let order = &state.orders[id];
        let status = match (order.authorization, &order.certificate) {
            (_, Some(_)) => "valid",
            ("valid", None) => "ready",
            (authorization, None) => authorization,
        };
        let url = |what: &str| format!("{}/{what}/{id}", self.base);
        let mut told = json!({"status": status, "finalize": url("finalize"), "authorizations": [url("authorization")],
            "identifiers": [{"type": "dns", "value": order.host}]});
        if order.certificate.is_some() {
            told["certificate"] = url("certificate").into();
        }
        told
    }

    fn authorization(&self, id: usize) -> Value {
        let challenge = self.challenge(id);
        let order = &self.state().orders[id];
        json!({"status": order.authorization, "identifier": {"type": "dns", "value": order.host}, "challenges": [challenge]})
    }

    fn challenge(&self, id: usize) -> Value {
        let order = &self.state().orders[id];
        let mut told = json!({"type": "http-01", "url": format!("{}/challenge/{id}", self.base),
            "token": format!("token-{id}"), "status": order.authorization});
        if !order.problem.is_null() {
            told["error"] = order.problem.clone();
        }
        told
    }

    /// Asks whoever the name leads to (RFC 8555, 8.3).
    async fn validate(&self, id: usize, thumbprint: &str) {
        self.gate.acquire().await.expect("never closed").forget();
        self.gate.add_permits(1);
        let path = format!("/.well-known/acme-challenge/token-{id}");
        let found = upstream::get(self.names_lead_to, &path).await;
        let mut state = self.state();
        let order = &mut state.orders[id];
        if found.as_ref().is_ok_and(|found| found.status == 200 && found.body == format!("token-{id}.{thumbprint}")) {
            order.authorization = "valid";
        } else {
            order.authorization = "invalid";
            let detail = format!("{}: {found:?}", order.host);
            order.problem = json!({"type": "urn:ietf:params:acme:error:unauthorized", "detail": detail});
        }
    }

    fn finalize(&self, id: usize, signed: &Signed) -> Answer {
        let request = signed.payload["csr"].as_str().and_then(|text| BASE64.decode(text).ok());
        let request = request.ok_or((StatusCode::BAD_REQUEST, "badCSR"))?;
        {
            let mut state = self.state();
            let order = &mut state.orders[id];
            if order.authorization != "valid" || Some(order.account) != signed.account {
                return Err((StatusCode::FORBIDDEN, "orderNotReady"));
            }
            order.certificate = Some(self.authority.sign(request));
        }
        Ok(reply(None, &self.order(id)))
    }
}

/// The point of a P-256 key, and the key's thumbprint (RFC 7638).
fn read_key(jwk: &Value) -> Option<(Vec<u8>, String)> {
    let (x, y) = (jwk["x"].as_str()?, jwk["y"].as_str()?);
    let point = [vec![4], BASE64.decode(x).ok()?, BASE64.decode(y).ok()?].concat();
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Some((point, BASE64.encode(digest(&SHA256, canonical.as_bytes()))))
}
