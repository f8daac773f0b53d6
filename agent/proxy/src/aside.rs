//! A future beside a busier one in the same task, polled only when it was woken itself. A connection's task runs several times for each
//! request, and what ends the connection (a cut, a shutdown, the time without a request) happens once: asking all of that each time cost
//! more than choosing the upstream. Not here: what such a future is.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Such a future. To be polled in one task as often as one likes.
#[derive(Debug)]
pub(crate) struct Aside<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// Wakes the task by way of the bell.
    ring: Waker,
    /// The task, as it was when it last asked.
    task: Option<Waker>,
}

#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F> Aside<F> {
    /// Not polled yet.
    pub(crate) fn new(future: F) -> Self {
        // The first poll is a real one.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(None) });
        Self { future: Box::pin(future), ring: bell.clone().into(), bell, task: None }
    }
}

impl<F: Future> Future for Aside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            this.task = Some(cx.waker().clone());
            *this.bell.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        }
        // After the task is known to the bell: whoever rings from now on wakes it.
        if !this.bell.rung.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        this.bell.rung.store(false, Ordering::SeqCst);
        this.future.as_mut().poll(&mut Context::from_waker(&this.ring))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_when_it_is_woken_and_not_when_its_neighbour_is() {
        let polls = Arc::new(AtomicUsize::new(0));
        let (sender, mut receiver) = oneshot::channel::<u8>();
        let mut aside = Aside::new({
            let polls = polls.clone();
            poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                Pin::new(&mut receiver).poll(cx)
            })
        });
        for _ in 0..10 {
            let pending = poll_fn(|cx| Poll::Ready(Pin::new(&mut aside).poll(cx).is_pending())).await;
            assert!(pending);
        }
        assert_eq!(polls.load(Ordering::SeqCst), 1);
        let waiting = tokio::spawn(aside);
        tokio::task::yield_now().await;
        sender.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(7), "another task than the first one was woken");
    }
}
