//! The coordinator's wall clock, as a port: the simulation has one that it moves itself. Not here: waiting, and leases, which
//! go by tokio's clock, and the clock by which certificates are checked (`evenkeel_certs::TimeSource`).

use std::time::SystemTime;

use evenkeel_model::{Millis, UnixMillis};
use tokio::time::Instant;

/// What time it is.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now(&self) -> UnixMillis;
}

/// The machine's wall clock as it was when the process started, carried on by the monotonic one: somebody who sets the clock
/// ends no bake and fires no deadline. A restart takes over the clock as it is by then.
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock {
    wall: UnixMillis,
    started: Instant,
}

impl SteadyClock {
    /// Reads the wall clock, once.
    pub fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { wall: UnixMillis(0) + Millis::from(since_1970), started: Instant::now() }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> UnixMillis {
        self.wall + Millis::from(self.started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_with_the_monotonic_clock() {
        let clock = SteadyClock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().since(before), Millis::seconds(90));
    }
}
