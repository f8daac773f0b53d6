//! When a beat goes down: as the answer to what the agent says, and by itself only where the agent is late. Both sides beat equally often, so the two
//! meet in one wake-up and one packet there and back, which ten thousand idle streams are mostly made of. Not here: sending it (`conversation.rs`).

use std::time::Duration;

use tokio::time::Instant;

/// The beats of one stream.
#[derive(Debug)]
pub(super) struct Beats {
    interval: Duration,
    /// When something was last sent down.
    sent: Instant,
}

impl Beats {
    /// Something is sent down now.
    pub(super) fn begin(interval: Duration) -> Self {
        Self { interval, sent: Instant::now() }
    }

    /// Something, whatever it is, was sent down just now.
    pub(super) fn sent(&mut self) {
        self.sent = Instant::now();
    }

    /// Whether what the agent says now is answered with a beat: not right after something else.
    pub(super) fn answers(&self) -> bool {
        self.sent.elapsed() >= self.interval / 2
    }

    /// When a beat goes down though the agent has said nothing: a little after its own was due.
    pub(super) fn due(&self) -> Instant {
        self.sent + self.interval + self.interval / 8
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep_until};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_beats_in_time_is_answered_and_never_overtaken() {
        let mut beats = Beats::begin(INTERVAL);
        for _ in 0..10 {
            advance(INTERVAL + Duration::from_millis(100)).await;
            assert!(beats.answers() && Instant::now() < beats.due());
            beats.sent();
            assert!(!beats.answers(), "a second word at once needs no answer of its own");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_says_nothing_gets_a_beat_well_within_the_shortest_lease() {
        let (beats, began) = (Beats::begin(INTERVAL), Instant::now());
        sleep_until(beats.due()).await;
        // A lease is at least two intervals.
        assert!(began.elapsed() < INTERVAL.mul_f64(1.2));
    }
}
