//! The probe that a port accepts a connection. Nothing is sent.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use evenkeel_model::Millis;

use super::{Answer, in_words};

pub(super) async fn ask(address: SocketAddr, timeout: Duration) -> Answer {
    let request = format!("connect to {address}");
    match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Answer::good(request, "connected"),
        Ok(Err(error)) => Answer::bad(request, in_words(&error)),
        Err(_) => Answer::bad(request, format!("no answer within {}", Millis::from(timeout))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_port_that_accepts_is_healthy_and_a_closed_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = ask(address, Duration::from_secs(5)).await;
        assert_eq!(answer, Answer::good(format!("connect to {address}"), "connected"));

        drop(listener);
        let answer = ask(address, Duration::from_secs(5)).await;
        assert_eq!((answer.healthy, answer.evidence.answer.as_str()), (false, "connection refused"));
    }
}
