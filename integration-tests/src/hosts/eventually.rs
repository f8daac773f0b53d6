//! Waiting for a condition with a deadline: the only kind of waiting in these tests.
//!
//! Deliberately not here: waiting a fixed time.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks: short against anything an engine does, long against the cost of looking.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Waits until `condition` holds.
///
/// # Panics
///
/// When it does not within `deadline`; the message says `what` was waited for.
#[track_caller]
pub fn eventually(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    if let Err(error) = value(what, deadline, || Ok(condition().then_some(()))) {
        panic!("{error:#}");
    }
}

/// Waits until `look` finds a value. It fails with `look`'s error at once, or when `deadline` is over.
pub(super) fn value<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        if started.elapsed() >= deadline {
            bail!("waited {:.1} s in vain: {what}", started.elapsed().as_secs_f64());
        }
        thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_is_waited_for() {
        let mut looks = 0;
        eventually("the third look", Duration::from_secs(5), || {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
    }

    #[test]
    #[should_panic(expected = "in vain: rain in the desert")]
    fn a_condition_that_never_holds_is_named() {
        eventually("rain in the desert", Duration::from_millis(30), || false);
    }
}
