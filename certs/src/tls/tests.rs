//! Handshakes over in-memory streams: who gets in, who does not, and what either side is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::ServerConfig;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::anchor::VerifyError;
use crate::{Authority, Credentials, CredentialsStore, HOST_LIFETIME, ReplaceError, TimeSource};

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const COORDINATOR: &str = "spiffe://prod/coordinator";
const HOST: &str = "spiffe://prod/host/web-1";
/// More than any handshake needs, so that neither side waits for the other to read.
const PIPE: usize = 64 * 1024;

/// A clock that tests set.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW.0)))
    }

    fn set(&self, now: UnixMillis) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    fn source(&self) -> TimeSource {
        let moment = Arc::clone(&self.0);
        TimeSource::new(move || UnixMillis(moment.load(Ordering::SeqCst)))
    }
}

fn authority() -> Authority {
    Authority::create(&"prod".parse().unwrap(), NOW).unwrap()
}

fn issue(authority: &Authority, identity: &str, now: UnixMillis) -> Credentials {
    authority.issue(&identity.parse().unwrap(), HOST_LIFETIME, now).unwrap()
}

fn store(authority: &Authority, identity: &str, clock: &Clock) -> Arc<CredentialsStore> {
    CredentialsStore::new(issue(authority, identity, NOW), clock.source()).unwrap()
}

type Accepted = Result<(ServerStream<DuplexStream>, Option<Peer>), TlsError>;

async fn handshake(server: &ServerTls, client: &ClientTls) -> (Accepted, Result<ClientStream<DuplexStream>, TlsError>) {
    let (there, here) = duplex(PIPE);
    tokio::join!(server.accept(there), client.connect(here))
}

async fn enrol(
    server: &ServerTls,
    client: &EnrolmentTls,
) -> (Accepted, Result<(ClientStream<DuplexStream>, SeenAuthority), TlsError>) {
    let (there, here) = duplex(PIPE);
    tokio::join!(server.accept(there), client.connect(here))
}

/// What a client is told that was refused: it learns of it when it reads.
async fn told(mut stream: ClientStream<DuplexStream>) -> Complaint {
    let error = stream.read(&mut [0; 1]).await.unwrap_err();
    match TlsError::found_in(&error) {
        Some(TlsError::RefusedByPeer(complaint)) => complaint,
        other => panic!("{other:?}"),
    }
}

fn refusal<T>(result: Result<T, TlsError>) -> VerifyError {
    match result {
        Err(TlsError::PeerRefused(error)) => error,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was accepted"),
    }
}

async fn echo(client: &mut ClientStream<DuplexStream>, server: &mut ServerStream<DuplexStream>) {
    let mut heard = [0; 4];
    client.write_all(b"ping").await.unwrap();
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping");
    server.write_all(b"pong").await.unwrap();
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"pong");
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    for identity in [HOST, "spiffe://prod/operator/alice", COORDINATOR] {
        let (accepted, connected) = handshake(&server, &ClientTls::new(&store(&authority, identity, &clock))).await;
        let (mut there, peer) = accepted.unwrap();
        let expected = Peer { identity: identity.parse().unwrap(), not_after: NOW + HOST_LIFETIME };
        assert_eq!(peer, Some(expected));
        let mut here = connected.unwrap();
        assert_eq!(here.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        echo(&mut here, &mut there).await;
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_enrols_and_is_nobody() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    let client = ClientTls::enrolment(authority.fingerprint().clone(), &clock.source());
    let (accepted, connected) = enrol(&server, &client).await;
    let (mut there, peer) = accepted.unwrap();
    assert_eq!(peer, None);
    let (mut here, seen) = connected.unwrap();
    assert_eq!(seen.fleet.as_str(), "prod");
    assert_eq!(seen.authority_pem, authority.certificate_pem());
    echo(&mut here, &mut there).await;
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let (ours, theirs, clock) = (authority(), authority(), Clock::new());
    let server = ServerTls::new(&store(&theirs, COORDINATOR, &clock));
    let client = ClientTls::new(&store(&ours, HOST, &clock));
    let (accepted, connected) = handshake(&server, &client).await;
    assert!(matches!(refusal(connected), VerifyError::OtherAuthority));
    assert!(matches!(accepted, Err(TlsError::RefusedByPeer(Complaint::OtherAuthority))), "{accepted:?}");
}

/// A server that shows these certificates, whatever they are worth, and accepts everyone who is of `trusts`.
fn impostor(shown: CertifiedKey, trusts: &Credentials, clock: &Clock) -> TlsAcceptor {
    let config: ServerConfig = server_config(shown, trusts.anchor(), &clock.source());
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused_and_told() {
    let (ours, theirs, clock) = (authority(), authority(), Clock::new());
    let server = ServerTls::new(&store(&ours, COORDINATOR, &clock));
    // It trusts our authority, and shows a certificate of another one of the same name.
    let foreign = issue(&theirs, HOST, NOW);
    let anchor = issue(&ours, HOST, NOW);
    let config = client_config(foreign.shown_by_client(), anchor.anchor(), &clock.source());
    let (there, here) = duplex(PIPE);
    let (accepted, connected) =
        tokio::join!(server.accept(there), client::connect(Arc::new(config), here, HANDSHAKE_TIMEOUT));
    assert!(matches!(refusal(accepted), VerifyError::OtherAuthority));
    assert_eq!(told(connected.unwrap()).await, Complaint::OtherAuthority);
}

#[tokio::test]
async fn an_expired_client_is_refused_and_told() {
    let (authority, clock) = (authority(), Clock::new());
    let server = store(&authority, COORDINATOR, &clock);
    let client = ClientTls::new(&store(&authority, HOST, &clock));
    let later = NOW + HOST_LIFETIME + Millis::minutes(1);
    clock.set(NOW + Millis::minutes(60));
    server.replace(issue(&authority, COORDINATOR, NOW + Millis::minutes(60))).unwrap();
    clock.set(later);
    let (accepted, connected) = handshake(&ServerTls::new(&server), &client).await;
    match refusal(accepted) {
        VerifyError::Expired { not_after, now } => assert_eq!((not_after, now), (NOW + HOST_LIFETIME, later)),
        other => panic!("{other:?}"),
    }
    assert_eq!(told(connected.unwrap()).await, Complaint::NotValidNow);
}

#[tokio::test]
async fn an_expired_server_is_refused() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    let client = store(&authority, HOST, &clock);
    clock.set(NOW + Millis::minutes(60));
    client.replace(issue(&authority, HOST, NOW + Millis::minutes(60))).unwrap();
    clock.set(NOW + HOST_LIFETIME + Millis::minutes(1));
    let (accepted, connected) = handshake(&server, &ClientTls::new(&client)).await;
    assert!(matches!(refusal(connected), VerifyError::Expired { .. }));
    assert!(matches!(accepted, Err(TlsError::RefusedByPeer(Complaint::NotValidNow))));
}

#[tokio::test]
async fn a_clock_far_behind_is_named_with_both_times() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    let slow = Clock::new();
    slow.set(UnixMillis(0));
    let client = ClientTls::enrolment(authority.fingerprint().clone(), &slow.source());
    let error = refusal(enrol(&server, &client).await.1);
    assert!(error.to_string().contains("2026-09-21T14:08:20Z"), "{error}");
    assert!(error.to_string().contains("1970-01-01T00:00:00Z"), "{error}");
}

#[tokio::test]
async fn a_host_or_an_operator_cannot_answer_for_the_coordinator() {
    let (authority, clock) = (authority(), Clock::new());
    let client = ClientTls::new(&store(&authority, HOST, &clock));
    let enrolment = ClientTls::enrolment(authority.fingerprint().clone(), &clock.source());
    for identity in ["spiffe://prod/host/web-2", "spiffe://prod/operator/mallory"] {
        let server = ServerTls::new(&store(&authority, identity, &clock));
        for error in [refusal(handshake(&server, &client).await.1), refusal(enrol(&server, &enrolment).await.1)] {
            assert!(error.to_string().contains(identity), "{error}");
            assert!(matches!(error, VerifyError::NotTheCoordinator { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn enrolment_with_another_fingerprint_is_refused() {
    let (ours, theirs, clock) = (authority(), authority(), Clock::new());
    let server = ServerTls::new(&store(&theirs, COORDINATOR, &clock));
    let client = ClientTls::enrolment(ours.fingerprint().clone(), &clock.source());
    let error = refusal(enrol(&server, &client).await.1);
    assert!(matches!(error, VerifyError::OtherFingerprint { .. }), "{error:?}");
}

#[tokio::test]
async fn the_right_authority_behind_a_foreign_certificate_is_no_proof() {
    let (ours, theirs, clock) = (authority(), authority(), Clock::new());
    let (real, forged) = (issue(&ours, COORDINATOR, NOW), issue(&theirs, COORDINATOR, NOW));
    let (mut appended, foreign) = (forged.shown_by_server(), forged.shown_by_server());
    appended.cert[1] = real.shown_by_server().cert[1].clone();
    let mut both = foreign;
    both.cert.push(real.shown_by_server().cert[1].clone());
    for shown in [appended, both] {
        let client = ClientTls::enrolment(ours.fingerprint().clone(), &clock.source());
        let (there, here) = duplex(PIPE);
        let (_, connected) = tokio::join!(impostor(shown, &forged, &clock).accept(there), client.connect(here));
        assert!(matches!(refusal(connected), VerifyError::OtherAuthority));
    }
}

#[tokio::test]
async fn the_real_certificate_without_its_key_is_no_proof() {
    let (authority, clock) = (authority(), Clock::new());
    let (real, other) = (issue(&authority, COORDINATOR, NOW), issue(&authority, HOST, NOW));
    let stolen = CertifiedKey::new(real.shown_by_server().cert, other.shown_by_client().key);
    let client = ClientTls::new(&store(&authority, HOST, &clock));
    let (there, here) = duplex(PIPE);
    let (_, connected) = tokio::join!(impostor(stolen, &real, &clock).accept(there), client.connect(here));
    assert!(connected.is_err());
}

#[tokio::test]
async fn renewed_credentials_serve_new_handshakes_and_leave_open_connections_alone() {
    let (authority, clock) = (authority(), Clock::new());
    let (serving, calling) = (store(&authority, COORDINATOR, &clock), store(&authority, HOST, &clock));
    let (server, client) = (ServerTls::new(&serving), ClientTls::new(&calling));
    let (accepted, connected) = handshake(&server, &client).await;
    let ((mut old_server, old_peer), mut old_client) = (accepted.unwrap(), connected.unwrap());

    let later = NOW + Millis::minutes(36 * 60);
    clock.set(later);
    calling.replace(issue(&authority, HOST, later)).unwrap();
    serving.replace(issue(&authority, COORDINATOR, later)).unwrap();
    clock.set(NOW + HOST_LIFETIME + Millis::minutes(1));

    let (accepted, connected) = handshake(&server, &client).await;
    let ((mut new_server, new_peer), mut new_client) = (accepted.unwrap(), connected.unwrap());
    assert_eq!(old_peer.unwrap().not_after, NOW + HOST_LIFETIME);
    assert_eq!(new_peer.unwrap().not_after, later + HOST_LIFETIME);
    let shown = new_client.get_ref().1.peer_certificates().unwrap()[0].clone();
    assert_eq!(shown, *serving.credentials().leaf());
    echo(&mut old_client, &mut old_server).await;
    echo(&mut new_client, &mut new_server).await;
}

#[tokio::test]
async fn unusable_credentials_are_not_taken_and_the_ones_before_stay() {
    let (ours, theirs, clock) = (authority(), authority(), Clock::new());
    let store = store(&ours, HOST, &clock);
    let before = store.credentials();
    let expired = issue(&ours, HOST, UnixMillis(NOW.0 - 2 * HOST_LIFETIME.0));
    assert!(matches!(store.replace(expired), Err(ReplaceError::Invalid(_))));
    assert!(matches!(store.replace(issue(&theirs, HOST, NOW)), Err(ReplaceError::OtherAuthority { .. })));
    let foreign = issue(&theirs, HOST, NOW);
    let disguised = Credentials::new(foreign.certificate_pem(), foreign.key_pem(), ours.certificate_pem()).unwrap();
    assert!(matches!(store.replace(disguised), Err(ReplaceError::Invalid(_))));
    let other = issue(&ours, "spiffe://prod/host/web-2", NOW);
    assert!(matches!(store.replace(other), Err(ReplaceError::OtherIdentity { .. })));
    assert_eq!(store.credentials().leaf(), before.leaf());
    assert!(CredentialsStore::new(issue(&ours, HOST, UnixMillis(0)), clock.source()).is_err());
}

#[tokio::test]
async fn plain_text_is_an_error_on_either_side_and_no_hang() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    for text in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let (there, mut here) = duplex(PIPE);
        here.write_all(text.as_bytes()).await.unwrap();
        let accepted = server.accept(there).await;
        assert!(matches!(accepted, Err(TlsError::NotTls)), "{accepted:?}");
    }
    let (mut there, here) = duplex(PIPE);
    there.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let connected = ClientTls::new(&store(&authority, HOST, &clock)).connect(here).await;
    assert!(matches!(connected, Err(TlsError::NotTls)), "{connected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_after_the_handshake_timeout() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    let client = ClientTls::new(&store(&authority, HOST, &clock));
    let (there, _silent) = duplex(PIPE);
    let began = Instant::now();
    assert!(matches!(server.accept(there).await, Err(TlsError::TimedOut(HANDSHAKE_TIMEOUT))));
    assert_eq!(began.elapsed(), HANDSHAKE_TIMEOUT.to_std());
    let (_silent, here) = duplex(PIPE);
    let limit = Millis::seconds(3);
    let connected = client.with_handshake_timeout(limit).connect(here).await;
    assert!(matches!(connected, Err(TlsError::TimedOut(Millis(3000)))));
    assert_eq!(began.elapsed(), HANDSHAKE_TIMEOUT.plus(limit).to_std());
}

#[tokio::test]
async fn a_connection_that_ends_in_the_handshake_is_lost() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    let (there, here) = duplex(PIPE);
    drop(here);
    assert!(matches!(server.accept(there).await, Err(TlsError::Lost(_))));
}

#[tokio::test]
async fn a_client_that_does_not_speak_http2_is_refused() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    let host = issue(&authority, HOST, NOW);
    for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
        let mut config = client_config(host.shown_by_client(), host.anchor(), &clock.source());
        config.alpn_protocols = protocols;
        let (there, here) = duplex(PIPE);
        let connecting = client::connect(Arc::new(config), here, HANDSHAKE_TIMEOUT);
        let (accepted, connected) = tokio::join!(server.accept(there), connecting);
        assert!(matches!(accepted, Err(TlsError::NotHttp2)), "{accepted:?}");
        assert!(matches!(connected, Err(TlsError::NotHttp2)), "{connected:?}");
    }
}

#[tokio::test]
async fn sessions_are_not_resumed_so_that_certificates_are_checked_each_time() {
    let (authority, clock) = (authority(), Clock::new());
    let server = ServerTls::new(&store(&authority, COORDINATOR, &clock));
    let host = issue(&authority, HOST, NOW);
    let mut config = client_config(host.shown_by_client(), host.anchor(), &clock.source());
    config.resumption = rustls::client::Resumption::default();
    let config = Arc::new(config);
    for _ in 0..2 {
        let (there, here) = duplex(PIPE);
        let connecting = client::connect(Arc::clone(&config), here, HANDSHAKE_TIMEOUT);
        let (accepted, connected) = tokio::join!(server.accept(there), connecting);
        let ((mut there, peer), mut here) = (accepted.unwrap(), connected.unwrap());
        // Tickets would come with the first data.
        echo(&mut here, &mut there).await;
        assert_eq!(here.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert!(peer.is_some());
    }
}
