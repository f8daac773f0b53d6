//! The wall clock as an argument, so that a simulation can set it, and moments as operators read them. Not here: timeouts,
//! which are tokio's.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use time::OffsetDateTime;

use evenkeel_model::UnixMillis;

/// 9999-12-31T23:59:59Z in seconds since 1970: the last moment that a certificate can name.
const LAST_SECOND: u64 = 253_402_300_799;

/// What certificates are checked against in handshakes.
#[derive(Clone)]
pub struct TimeSource(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl TimeSource {
    /// The time that `now` tells; it is called once or more in each handshake, from any thread.
    pub fn new(now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's clock. One set before 1970 counts as 1970.
    pub fn system() -> Self {
        Self::new(|| {
            let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            UnixMillis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// What time it is.
    pub fn now(&self) -> UnixMillis {
        (self.0)()
    }
}

impl fmt::Debug for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeSource({})", Utc(&self.now()))
    }
}

impl TimeProvider for TimeSource {
    fn current_time(&self) -> Option<UnixTime> {
        Some(to_tls(self.now()))
    }
}

/// As rustls counts: whole seconds.
pub(crate) fn to_tls(moment: UnixMillis) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(moment.0))
}

/// From what rustls counts.
pub(crate) fn from_tls(time: UnixTime) -> UnixMillis {
    UnixMillis(time.as_secs().saturating_mul(1000))
}

/// As X.509 writes moments: whole seconds, at most the last one of the year 9999.
pub(crate) fn to_x509(moment: UnixMillis) -> OffsetDateTime {
    let seconds = i64::try_from((moment.0 / 1000).min(LAST_SECOND)).expect("the year 9999 fits");
    OffsetDateTime::from_unix_timestamp(seconds).expect("1970 to 9999 can be written")
}

/// A moment for a message: `2026-01-31T12:00:00Z`.
pub(crate) struct Utc<'a>(pub(crate) &'a UnixMillis);

impl fmt::Display for Utc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = to_x509(*self.0);
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_utc_and_the_last_one_does_not_overflow() {
        assert_eq!(Utc(&UnixMillis(1_767_225_599_999)).to_string(), "2025-12-31T23:59:59Z");
        assert_eq!(Utc(&UnixMillis(u64::MAX)).to_string(), "9999-12-31T23:59:59Z");
    }
}
