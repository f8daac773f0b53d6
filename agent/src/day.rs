//! Days as people read them. Not here: any clock.

use evenkeel_model::UnixMillis;

/// A day of the calendar, by UTC: `2026-11-21`. (Days to dates as Howard Hinnant's `civil_from_days` does it.)
pub(crate) fn day(moment: UnixMillis) -> String {
    let days = moment.0 / 86_400_000 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_767_225_599, "2025-12-31"),
            (4_070_908_800, "2099-01-01"),
        ];
        for (seconds, text) in cases {
            assert_eq!(day(UnixMillis(seconds * 1000)), text);
        }
    }
}
