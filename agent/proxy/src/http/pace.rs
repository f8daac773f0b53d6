//! HTTP/2 streams whose client takes nothing. Its windows may be closed for ever while the connection is well, and hyper does not ask an
//! answer's body for more meanwhile: so nothing in the body would ever notice, and the connection to the upstream would be held for good.
//! So each stream's task is watched from outside. Not here: a client that takes nothing at all (`wire`).

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

use super::client::Client;
use crate::limits::within;

tokio::task_local! {
    /// Since when hyper has had a piece of the answer for which the client has not made room. One for each stream's task.
    static HELD: Cell<Option<Instant>>;
}

/// hyper asks for a piece of the answer: whatever it had is on its way.
pub(super) fn asked() {
    let _ = HELD.try_with(|since| since.set(None));
}

/// hyper has got a piece.
pub(super) fn handed() {
    let _ = HELD.try_with(|since| since.set(Some(Instant::now())));
}

/// Runs the streams of one connection. One whose client makes no room for too long is reset, and the others go on.
#[derive(Debug, Clone)]
pub(super) struct Streams(pub(super) Arc<Client>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        tokio::spawn(HELD.scope(Cell::new(None), watched(stream, self.0.clone())));
    }
}

/// Ends with the stream, or when that is to be reset: hyper does so when it is dropped.
async fn watched(stream: impl Future<Output = ()>, client: Arc<Client>) {
    let limit = within(client.shared.limits.write_stall);
    let mut stream = pin!(stream);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(since) = HELD.with(Cell::get) else { return Poll::Pending };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(since + limit)));
        while timer.as_mut().poll(cx).is_ready() {
            // A connection that is full is not the stream's fault, and has a limit of its own.
            let until = client.blocked_at().max(since) + limit;
            if until <= Instant::now() {
                tracing::debug!("a stream was reset: its client takes nothing of the answer");
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    })
    .await;
}
