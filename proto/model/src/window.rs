//! When a window is open: calendar arithmetic alone, by the time zone database that is part of the program, so that the same moment gives the same
//! answer on every machine. Not here: the present (it is an argument), what waits for it (crate `evenkeel-rollout`).

use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::gate::{Weekday, Window};
use crate::{Millis, UnixMillis};

/// A week and two days: the longest that a window of a single day can be away, and a day for what the clocks do.
const LOOKED_AHEAD: usize = 9;
/// A window reaches no further than a day, so that the one that began yesterday may still be open.
const DAY: Millis = Millis::minutes(24 * 60);

/// How a window is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It is open.
    Open {
        /// It closes then.
        until: UnixMillis,
    },
    /// It is closed.
    Closed {
        /// It opens then; none: not within a week.
        until: Option<UnixMillis>,
    },
}

/// A window that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    /// The zone is not in the database.
    #[error("`{0}` is no time zone: write one as the IANA database names it, such as `Europe/Berlin` or `UTC`")]
    UnknownZone(String),
    /// Such a day has no such minute.
    #[error("it opens {0} minutes after midnight, and a day has 1440")]
    NoSuchMinute(u16),
    /// Nothing, or more than a day.
    #[error("it is open for {0}: write more than nothing and at most a day")]
    Length(Millis),
}

impl Window {
    /// Whether it makes sense.
    pub fn check(&self) -> Result<(), InvalidWindow> {
        self.zone()?;
        self.time()?;
        if self.length.0 == 0 || self.length > DAY {
            return Err(InvalidWindow::Length(self.length));
        }
        Ok(())
    }

    /// How it is now. One that makes no sense is never open.
    pub fn opening(&self, now: UnixMillis) -> Opening {
        self.find(now).unwrap_or(Opening::Closed { until: None })
    }

    fn find(&self, now: UnixMillis) -> Option<Opening> {
        let (zone, time) = (self.zone().ok()?, self.time().ok()?);
        let present = Timestamp::from_millisecond(i64::try_from(now.0).ok()?).ok()?;
        let today = present.to_zoned(zone.clone()).date();
        let yesterday = today.yesterday().ok()?;
        for day in yesterday.series(jiff::Span::new().days(1)).take(LOOKED_AHEAD + 1) {
            if !self.is_on(day) {
                continue;
            }
            // What the clocks skip begins as much later; what they repeat begins the first time.
            let opens = day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp();
            let length = SignedDuration::from_millis(i64::try_from(self.length.0).ok()?);
            let closes = opens.checked_add(length).ok()?;
            if present < opens {
                return Some(Opening::Closed { until: Some(unix(opens)?) });
            }
            if present < closes {
                return Some(Opening::Open { until: unix(closes)? });
            }
        }
        None
    }

    fn is_on(&self, day: Date) -> bool {
        let weekday =
            Weekday::ALL[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs()) % Weekday::ALL.len()];
        self.days.is_empty() || self.days.contains(&weekday)
    }

    fn zone(&self) -> Result<TimeZone, InvalidWindow> {
        TimeZoneDatabase::bundled().get(&self.zone).map_err(|_| InvalidWindow::UnknownZone(self.zone.clone()))
    }

    fn time(&self) -> Result<Time, InvalidWindow> {
        let invalid = || InvalidWindow::NoSuchMinute(self.start);
        let (hour, minute) = (i8::try_from(self.start / 60), i8::try_from(self.start % 60));
        let (Ok(hour), Ok(minute)) = (hour, minute) else { return Err(invalid()) };
        Time::new(hour, minute, 0, 0).map_err(|_| invalid())
    }
}

fn unix(timestamp: Timestamp) -> Option<UnixMillis> {
    u64::try_from(timestamp.as_millisecond()).ok().map(UnixMillis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        unix(text.parse::<Timestamp>().unwrap()).unwrap()
    }

    fn window(days: &[Weekday], start: u16, minutes: u64, zone: &str) -> Window {
        let window = Window {
            days: days.iter().copied().collect(),
            start,
            length: Millis::minutes(minutes),
            zone: zone.to_owned(),
        };
        window.check().unwrap();
        window
    }

    const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

    #[test]
    fn a_window_opens_on_its_days_by_its_own_clocks() {
        let office = window(&WORKDAYS, 9 * 60, 8 * 60, "Europe/Berlin");
        // 2026-11-20 is a Friday; Berlin is an hour ahead in winter.
        assert_eq!(
            office.opening(at("2026-11-20T07:59:59Z")),
            Opening::Closed { until: Some(at("2026-11-20T08:00:00Z")) }
        );
        assert_eq!(office.opening(at("2026-11-20T08:00:00Z")), Opening::Open { until: at("2026-11-20T16:00:00Z") });
        assert_eq!(
            office.opening(at("2026-11-20T16:00:00Z")),
            Opening::Closed { until: Some(at("2026-11-23T08:00:00Z")) }
        );
        // And two in summer.
        assert_eq!(office.opening(at("2026-07-20T07:30:00Z")), Opening::Open { until: at("2026-07-20T15:00:00Z") });
    }

    #[test]
    fn a_window_may_reach_into_the_next_day() {
        let night = window(&[Weekday::Sat], 22 * 60, 6 * 60, "UTC");
        assert_eq!(night.opening(at("2026-11-22T03:59:00Z")), Opening::Open { until: at("2026-11-22T04:00:00Z") });
        assert_eq!(
            night.opening(at("2026-11-22T22:30:00Z")),
            Opening::Closed { until: Some(at("2026-11-28T22:00:00Z")) }
        );
    }

    #[test]
    fn every_day_is_every_day_and_a_week_is_far_enough() {
        let daily = window(&[], 0, 24 * 60, "UTC");
        assert_eq!(daily.opening(at("2026-11-21T12:00:00Z")), Opening::Open { until: at("2026-11-22T00:00:00Z") });
        let weekly = window(&[Weekday::Mon], 60, 1, "Pacific/Auckland");
        for hour in 0..24 * 8 {
            let now = at("2026-11-16T00:00:00Z") + Millis::minutes(60 * hour);
            assert!(!matches!(weekly.opening(now), Opening::Closed { until: None }), "{hour}");
        }
    }

    #[test]
    fn what_the_clocks_skip_opens_as_soon_as_they_go_on() {
        // Berlin's clocks go from 02:00 to 03:00 on 2026-03-29.
        let skipped = window(&[Weekday::Sun], 2 * 60 + 30, 30, "Europe/Berlin");
        let opens = at("2026-03-29T01:30:00Z");
        assert_eq!(skipped.opening(at("2026-03-29T00:00:00Z")), Opening::Closed { until: Some(opens) });
        assert_eq!(skipped.opening(opens), Opening::Open { until: at("2026-03-29T02:00:00Z") });
    }

    #[test]
    fn nonsense_is_refused_and_never_open() {
        let good = window(&[], 60, 60, "UTC");
        let bad = [
            Window { zone: "Mars/Olympus".to_owned(), ..good.clone() },
            Window { start: 24 * 60, ..good.clone() },
            Window { start: u16::MAX, ..good.clone() },
            Window { length: Millis(0), ..good.clone() },
            Window { length: Millis::minutes(24 * 60 + 1), ..good.clone() },
        ];
        assert!(bad.iter().all(|window| window.check().is_err()));
        let closed = Opening::Closed { until: None };
        assert_eq!(
            bad[..3].iter().map(|window| window.opening(at("2026-11-21T01:30:00Z"))).collect::<Vec<_>>(),
            [closed; 3]
        );
    }
}
