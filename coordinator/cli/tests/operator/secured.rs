//! The whole way over TCP and TLS, by a context file: who is let in, and what is said to those who are not. This one runs on the
//! real clock, because the network does.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_certs::{Authority, CredentialsStore, ServerTls, TimeSource};
use evenkeel_cli::{ContextFile, Reach, Wire};
use evenkeel_model::{Millis, UnixMillis};
use evenkeel_proto::v1::operator_service_server::OperatorServiceServer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use crate::canned::{Canned, Shared};
use crate::desk::{Desk, NOW, Ran};
use crate::verbs::Nowhere;

/// An accepted connection.
struct Accepted(Box<dyn Wire>);

impl Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, to)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn authority() -> Authority {
    Authority::create(&"prod".parse().unwrap(), UnixMillis(NOW)).unwrap()
}

/// Serves with a coordinator's certificate of this authority, by a clock that is `ahead` of the
/// operator's, and tells where.
async fn serve(authority: &Authority, ahead: Millis) -> String {
    let credentials =
        authority.issue(&"spiffe://prod/coordinator".parse().unwrap(), Millis::minutes(60), UnixMillis(NOW)).unwrap();
    let time = TimeSource::new(move || UnixMillis(NOW) + ahead);
    let tls = ServerTls::new(&CredentialsStore::new(credentials, time).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, incoming) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok((stream, Some(_))) = tls.accept(stream).await {
                let accepted = Ok::<_, std::io::Error>(Accepted(Box::new(stream)));
                sender.send(accepted).await.unwrap();
            }
        }
    });
    let service = OperatorServiceServer::new(Shared(Arc::new(Canned::default())));
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(ReceiverStream::new(incoming)));
    address
}

/// Asks for the hosts with an operator's certificate of this authority.
async fn ask(addresses: &[String], authority: &Authority) -> Ran {
    let credentials =
        authority.issue(&"spiffe://prod/operator/ada".parse().unwrap(), Millis::minutes(9), UnixMillis(NOW)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("context.toml");
    std::fs::write(&path, ContextFile { addresses, credentials: &credentials }.to_toml()).unwrap();
    let mut desk = Desk::dialling(Arc::new(Nowhere));
    desk.surroundings.reach = Reach::ByContext;
    desk.run(&format!("hosts --context {}", path.display())).await
}

#[tokio::test]
async fn an_operator_with_a_context_file_gets_an_answer_even_if_the_first_address_is_dead() {
    let authority = authority();
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let ran = ask(&[dead, serve(&authority, Millis(0)).await], &authority).await;
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    assert!(ran.output.starts_with("No hosts yet."), "{}", ran.output);
}

#[tokio::test]
async fn a_coordinator_of_another_authority_is_refused_with_what_to_do() {
    let ran = ask(&[serve(&authority(), Millis(0)).await], &authority()).await;
    assert_eq!((ran.code, ran.output.as_str()), (1, ""));
    assert!(
        ran.error.contains("issued by another authority") && ran.error.contains("new context file"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn an_operators_certificate_that_the_coordinator_takes_for_expired_is_told_as_such() {
    let authority = authority();
    let ran = ask(&[serve(&authority, Millis::minutes(10)).await], &authority).await;
    assert_eq!((ran.code, ran.output.as_str()), (1, ""));
    assert!(ran.error.contains("certificate for expired") && ran.error.contains("compare the clocks"), "{}", ran.error);
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let ran = ask(&[address], &authority()).await;
    assert_eq!(ran.code, 1);
    assert!(ran.error.contains("does not speak TLS"), "{}", ran.error);
}
