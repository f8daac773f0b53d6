//! The leak of a leaky program.
//!
//! Deliberately not here: a limit that a test could tune; limits belong to the container, whose out-of-memory kill is what
//! the tests are about.

use std::thread;
use std::time::Duration;

/// Taken at a time; touched, so that it counts as resident.
const STEP_BYTES: usize = 1024 * 1024;
/// Between two steps: some 200 MiB a second, so that a container limited to 64 MiB dies within half a second.
const STEP_EVERY: Duration = Duration::from_millis(5);
/// Where the leak stops if nothing kills it: a test that forgot the limit must not take the machine down.
const CEILING_STEPS: usize = 2048;

/// Starts to leak `after` this long, from a thread of its own.
pub(crate) fn leak(after: Duration) {
    thread::spawn(move || {
        thread::sleep(after);
        let mut hoard = Vec::new();
        while hoard.len() < CEILING_STEPS {
            hoard.push(vec![1_u8; STEP_BYTES]);
            thread::sleep(STEP_EVERY);
        }
        loop {
            thread::park();
        }
    });
}
