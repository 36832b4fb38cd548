//! STIX timestamps: UTC, three digits of milliseconds, `Z`.

use std::fmt::{self, Write};

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Serialize, Serializer};

/// A point in time as STIX writes it, `2026-11-20T00:00:00.000Z`. Made once per
/// run: objects carry it by reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp(Box<str>);

impl Timestamp {
    /// Cuts below the millisecond.
    pub fn new(time: DateTime<Utc>) -> Self {
        let mut text = String::with_capacity(24);
        write_seconds(&mut text, time, 'T');
        // A leap second counts as 1000 and more milliseconds in chrono.
        let millis = time.timestamp_subsec_millis().min(999);
        let _ = write!(text, ".{millis:03}Z");
        Self(text.into_boxed_str())
    }

    /// When objects were created that are nobody's news, such as a country: a
    /// date of the run's would make every run a change of theirs, and two runs
    /// disagree.
    pub fn timeless() -> Self {
        Self("2020-01-01T00:00:00.000Z".into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes `2026-11-20T00:00:00` with `separator` in the middle. By hand:
/// chrono's format strings cost more than the rest of a file's conversion.
pub fn write_seconds(out: &mut String, time: DateTime<Utc>, separator: char) {
    let _ = write!(out, "{:04}-", time.year());
    two(out, time.month(), '-');
    two(out, time.day(), separator);
    two(out, time.hour(), ':');
    two(out, time.minute(), ':');
    push_two(out, time.second());
}

fn two(out: &mut String, number: u32, after: char) {
    push_two(out, number);
    out.push(after);
}

fn push_two(out: &mut String, number: u32) {
    out.push(digit(number / 10));
    out.push(digit(number % 10));
}

fn digit(number: u32) -> char {
    char::from_digit(number % 10, 10).unwrap_or('0')
}

/// A time from Unix seconds, when it is one that people and STIX can write:
/// from 1970 to the end of the year 9999. `0` and `1` stand for "not known" in
/// what VirusTotal sends.
pub fn from_unix(seconds: i64) -> Option<DateTime<Utc>> {
    let time = DateTime::from_timestamp(seconds, 0)?;
    (seconds > 1 && time.year() <= 9999).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_three_digits_of_milliseconds() {
        let whole = from_unix(1_795_132_800).expect("a time");
        assert_eq!(Timestamp::new(whole).as_str(), "2026-11-20T00:00:00.000Z");
        let part = DateTime::from_timestamp(1_795_179_601, 123_999_999).expect("a time");
        assert_eq!(Timestamp::new(part).as_str(), "2026-11-20T13:00:01.123Z");
    }

    #[test]
    fn seconds_that_nobody_can_mean_are_no_time() {
        for odd in [0, 1, -5, i64::MIN, i64::MAX, 253_402_300_800] {
            assert_eq!(from_unix(odd), None, "{odd}");
        }
        assert!(from_unix(253_402_300_799).is_some());
    }
}
