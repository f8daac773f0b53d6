//! An answer that nobody will send: both orders of it and the connection's end. On simulated time.

use tokio::sync::oneshot;

use super::*;
use crate::limits::within;

#[tokio::test(start_paused = true)]
async fn a_request_that_neither_side_sees_comes_back_when_the_senders_are_let_go() {
    let (stranded, answer) = oneshot::channel::<()>();
    let ended = CancellationToken::new();
    ended.cancel();
    // As tokio's channel does: what is stranded in it is dropped with the last sender.
    let answer = unless_stranded(answer, &ended, || drop(stranded));
    assert!(tokio::time::timeout(within(Millis::minutes(1)), answer).await.expect("it waits for ever").is_err());
}

#[tokio::test]
async fn an_answer_that_has_come_is_taken_though_the_connection_has_ended() {
    let (sender, answer) = oneshot::channel();
    let ended = CancellationToken::new();
    ended.cancel();
    sender.send("answer").unwrap();
    assert_eq!(unless_stranded(answer, &ended, || panic!("nothing is stranded")).await, Ok("answer"));
}
