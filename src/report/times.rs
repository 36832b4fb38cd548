//! How every form of the report writes a time and a span of time.

use chrono::{DateTime, Utc};

use crate::base::number::counted;
use crate::stix::time;

/// Writes a moment as `2026-11-19 13:00:00`, in UTC.
pub(crate) fn seconds(at: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(20);
    time::write_seconds(&mut text, at, ' ');
    text
}

/// Tells a span in the largest unit that it fills: `24 hours`, `7 days`.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let minutes = (to - from).num_minutes();
    let many = |number: i64, unit: &str| counted(number.unsigned_abs(), unit, &format!("{unit}s"));
    match minutes {
        minutes if minutes >= 2880 && minutes % 1440 == 0 => many(minutes / 1440, "day"),
        minutes if minutes >= 60 && minutes % 60 == 0 => many(minutes / 60, "hour"),
        minutes if minutes >= 2880 => {
            let days = many(minutes / 1440, "day");
            format!("{days} {} h", minutes % 1440 / 60)
        }
        minutes if minutes >= 60 => format!("{} h {} min", minutes / 60, minutes % 60),
        minutes => many(minutes, "minute"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_window_is_told_in_its_own_unit() {
        let from: DateTime<Utc> = "2026-11-19T13:00:00Z".parse().unwrap();
        let told = |minutes| span(from, from + TimeDelta::minutes(minutes));
        assert_eq!(
            [10, 60, 90, 1440, 2880, 4380, 10_080].map(told),
            [
                "10 minutes",
                "1 hour",
                "1 h 30 min",
                "24 hours",
                "2 days",
                "73 hours",
                "7 days"
            ]
        );
    }
}
