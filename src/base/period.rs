//! A span of time as ISO 8601 writes it: `P1D`, `PT6H`, `P1M`.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Months, TimeDelta, Utc};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// A year of 365.25 days, only to judge what is too long.
const YEAR: u64 = 31_557_600;
/// Longer than this is a slip of the pen, not a period.
const MAX_YEARS: u64 = 10;
/// The parser reads into `f32`: from 2^24 on it would silently lose units.
const EXACT: f32 = 16_777_216.0;

/// A span of time. Years and months have no fixed length: they are counted by
/// the calendar from the date that they are applied to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Period {
    /// Months, years included.
    pub months: u32,
    /// Seconds: weeks, days, hours, minutes and seconds.
    pub seconds: u64,
}

/// Why a text is no period. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not the form `P1Y2M3DT4H5M6S` or `P1W`.
    #[error("is not an ISO 8601 duration such as P1D, PT6H, P1W or P1M")]
    Form,
    /// Not that form, but plainly meant as this one.
    #[error("is not an ISO 8601 duration; did you mean {0}?")]
    Meant(Meant),
    /// A minus sign.
    #[error("is negative")]
    Negative,
    /// Half months, tenths of a second.
    #[error("has a fraction that is no whole number of seconds or months")]
    Fraction,
    /// Over ten years, or a number too large to be read exactly.
    #[error("is longer than 10 years, or its number is too large")]
    TooLong,
}

/// A number and a unit, in another writing than ISO 8601's: `24h`, `7 days`,
/// `P24H`. Fits nothing else, so it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meant {
    number: u32,
    /// As ISO 8601 writes it, and whether it stands behind the `T`.
    unit: (char, bool),
}

impl Meant {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(['P', 'T']);
        let digits = text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
        let unit = match unit.trim() {
            "" | "S" | "SEC" | "SECS" | "SECOND" | "SECONDS" => ('S', true),
            "M" | "MIN" | "MINS" | "MINUTE" | "MINUTES" => ('M', true),
            "H" | "HR" | "HRS" | "HOUR" | "HOURS" => ('H', true),
            "D" | "DAY" | "DAYS" => ('D', false),
            "W" | "WEEK" | "WEEKS" => ('W', false),
            "MONTH" | "MONTHS" => ('M', false),
            "Y" | "YEAR" | "YEARS" => ('Y', false),
            _ => return None,
        };
        Some(Self {
            number: number.parse().ok()?,
            unit,
        })
    }
}

impl fmt::Display for Meant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, by_clock) = self.unit;
        let before = if by_clock { "PT" } else { "P" };
        write!(f, "{before}{}{unit}", self.number)
    }
}

impl Period {
    /// No time at all: run once.
    pub const ZERO: Self = Self {
        months: 0,
        seconds: 0,
    };

    /// Reads an ISO 8601 duration. `0`, `PT0S` and `P0D` are zero.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn parse(text: &str) -> Result<Self, PeriodError> {
        let text = text.trim();
        if text == "0" {
            return Ok(Self::ZERO);
        }
        // ISO 8601 also writes the decimal point as a comma.
        let text = text.to_ascii_uppercase().replace(',', ".");
        if text.contains('-') {
            return Err(PeriodError::Negative);
        }
        let form = || Meant::read(&text).map_or(PeriodError::Form, PeriodError::Meant);
        // The parser also takes `PTINFS`, `PTNANS`, `PT1E30S` and signs.
        let plain = |c: char| c.is_ascii_digit() || "PYMWDTHS.".contains(c);
        if !text.chars().all(plain) || !text.contains(|c: char| c.is_ascii_digit()) {
            return Err(form());
        }
        let read = iso8601_duration::Duration::parse(&text).map_err(|_| form())?;
        let months = whole(read.year, 12)? + whole(read.month, 1)?;
        let seconds = whole(read.day, DAY)?
            + whole(read.hour, HOUR)?
            + whole(read.minute, MINUTE)?
            + whole(read.second, 1)?;
        if months * (YEAR / 12) + seconds > MAX_YEARS * YEAR {
            return Err(PeriodError::TooLong);
        }
        let months = u32::try_from(months).map_err(|_| PeriodError::TooLong)?;
        Ok(Self { months, seconds })
    }

    /// The moment that lies this long before `moment`; the last day of a month
    /// stands in for a day that the month has not.
    pub fn before(&self, moment: DateTime<Utc>) -> DateTime<Utc> {
        moment
            .checked_sub_months(Months::new(self.months))
            .and_then(|moment| moment.checked_sub_signed(self.delta()?))
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// The moment that lies this long after `moment`; the last day of a month
    /// stands in for a day that the month has not.
    pub fn after(&self, moment: DateTime<Utc>) -> DateTime<Utc> {
        moment
            .checked_add_months(Months::new(self.months))
            .and_then(|moment| moment.checked_add_signed(self.delta()?))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// No time at all: run once.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Its length, where that does not depend on the calendar.
    pub fn fixed(&self) -> Option<Duration> {
        (self.months == 0).then(|| Duration::from_secs(self.seconds))
    }

    /// Its length with months of 30.4 days: for comparing, not for counting.
    pub fn roughly(&self) -> Duration {
        let months = u64::from(self.months) * (YEAR / 12);
        Duration::from_secs(months.saturating_add(self.seconds))
    }

    fn delta(&self) -> Option<TimeDelta> {
        TimeDelta::try_seconds(i64::try_from(self.seconds).ok()?)
    }
}

/// `value` units of `unit` each, where that is a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite, not negative and far below 2^53 by the checks above it"
)]
fn whole(value: f32, unit: u64) -> Result<u64, PeriodError> {
    if !value.is_finite() || value >= EXACT {
        return Err(PeriodError::TooLong);
    }
    if value < 0.0 {
        return Err(PeriodError::Negative);
    }
    let exact = f64::from(value) * unit as f64;
    // 0.1 is not exact in binary; a hundredth forgives that and nothing else.
    if (exact - exact.round()).abs() > 0.01 || (exact.round() == 0.0 && value > 0.0) {
        return Err(PeriodError::Fraction);
    }
    Ok(exact.round() as u64)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("PT0S");
        }
        let part = |f: &mut fmt::Formatter<'_>, number: u64, letter: char| {
            if number > 0 {
                write!(f, "{number}{letter}")
            } else {
                Ok(())
            }
        };
        f.write_str("P")?;
        part(f, u64::from(self.months / 12), 'Y')?;
        part(f, u64::from(self.months % 12), 'M')?;
        part(f, self.seconds / DAY, 'D')?;
        let clock = self.seconds % DAY;
        if clock > 0 {
            f.write_str("T")?;
            part(f, clock / HOUR, 'H')?;
            part(f, clock % HOUR / MINUTE, 'M')?;
            part(f, clock % MINUTE, 'S')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn these_periods_are_read() {
        for (text, months, seconds) in [
            ("P1D", 0, 86_400),
            (" p1d ", 0, 86_400),
            ("PT6H", 0, 21_600),
            ("PT5M", 0, 300),
            ("P1W", 0, 604_800),
            ("P2W", 0, 1_209_600),
            ("P1M", 1, 0),
            ("P1Y", 12, 0),
            ("P1Y2M3DT4H5M6S", 14, 3 * 86_400 + 4 * 3_600 + 5 * 60 + 6),
            ("P365DT1S", 0, 365 * 86_400 + 1),
            ("P0.5D", 0, 43_200),
            ("PT1.5H", 0, 5_400),
            ("PT0,5H", 0, 1_800),
            ("PT0.1H", 0, 360),
            ("P0.5Y", 6, 0),
            ("P10Y", 120, 0),
            ("0", 0, 0),
            ("PT0S", 0, 0),
            ("P0D", 0, 0),
        ] {
            assert_eq!(
                Period::parse(text),
                Ok(Period { months, seconds }),
                "{text}"
            );
        }
    }

    #[test]
    fn these_are_no_periods() {
        for (text, error) in [
            ("", PeriodError::Form),
            ("P", PeriodError::Form),
            ("PT", PeriodError::Form),
            ("P1WT1H", PeriodError::Form),
            ("PTinfS", PeriodError::Form),
            ("PTNaNS", PeriodError::Form),
            ("PT1e30S", PeriodError::Form),
            ("P+1D", PeriodError::Form),
            ("P1D P1D", PeriodError::Form),
            ("P-1D", PeriodError::Negative),
            ("-P1D", PeriodError::Negative),
            ("PT0.5S", PeriodError::Fraction),
            ("PT0.001S", PeriodError::Fraction),
            ("P0.5M", PeriodError::Fraction),
            ("P11Y", PeriodError::TooLong),
            ("P3700D", PeriodError::TooLong),
            ("P10YT1S", PeriodError::TooLong),
            ("PT16777217S", PeriodError::TooLong),
            (
                "P99999999999999999999999999999999999999999999Y",
                PeriodError::TooLong,
            ),
        ] {
            assert_eq!(Period::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_plainly_meant_is_told_as_it_is_written() {
        for (text, meant) in [
            ("1D", "P1D"),
            ("86400", "PT86400S"),
            ("24h", "PT24H"),
            ("24 hours", "PT24H"),
            ("P24H", "PT24H"),
            ("PT1D", "P1D"),
            ("30min", "PT30M"),
            ("2 months", "P2M"),
        ] {
            let told = Period::parse(text).unwrap_err().to_string();
            assert!(
                told.ends_with(&format!("did you mean {meant}?")),
                "{text}: {told}"
            );
            assert!(Period::parse(meant).is_ok(), "{meant}");
        }
        // Whatever else stands there may be a secret in the wrong place.
        for text in ["daily", "24 h and more", "999999999999h", "h"] {
            assert_eq!(Period::parse(text), Err(PeriodError::Form), "{text}");
        }
    }

    #[test]
    fn months_go_by_the_calendar_and_stop_at_the_end_of_the_month() {
        let month = Period::parse("P1M").unwrap();
        let year = Period::parse("P1Y").unwrap();
        assert_eq!(
            month.before(at("2026-03-31T08:00:00Z")),
            at("2026-02-28T08:00:00Z")
        );
        assert_eq!(
            month.after(at("2028-01-31T08:00:00Z")),
            at("2028-02-29T08:00:00Z")
        );
        assert_eq!(
            year.before(at("2028-02-29T00:00:00Z")),
            at("2027-02-28T00:00:00Z")
        );
        assert_eq!(
            Period::parse("P1MT1H")
                .unwrap()
                .after(at("2026-11-30T23:30:00Z")),
            at("2026-12-31T00:30:00Z")
        );
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        let long = Period {
            months: u32::MAX,
            seconds: u64::MAX,
        };
        assert_eq!(long.before(DateTime::UNIX_EPOCH), DateTime::<Utc>::MIN_UTC);
        assert_eq!(long.after(DateTime::UNIX_EPOCH), DateTime::<Utc>::MAX_UTC);
        assert!(long.roughly() > Duration::from_secs(1));
    }

    #[test]
    fn a_period_prints_as_it_is_written() {
        for text in ["P1D", "PT6H", "P1M", "P1Y2M3DT4H5M6S", "PT0S", "PT10M"] {
            assert_eq!(Period::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Period::parse("P1W").unwrap().to_string(), "P7D");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}|P[0-9YMWDTHS.,e+-]{0,20}") {
            if let Ok(period) = Period::parse(&text) {
                prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
            }
        }
    }
}
