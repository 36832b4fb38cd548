//! Which window a run asks for, and when the next one starts. Pure.
//!
//! Windows are UTC and start where the last *successful* one ended (less an
//! overlap, because VirusTotal lists some files late), so no outage, failure
//! or delay leaves a gap. Starts lie on a grid (`anchor` + k periods), so a
//! long run or a late one does not shift the following ones.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::base::period::Period;

/// The look-back of the very first run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// So long before now.
    Ago(Period),
    /// From this moment on.
    At(DateTime<Utc>),
}

/// A half-open range of first submissions, `[from, to)`, whole seconds, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// The first moment asked for.
    pub from: DateTime<Utc>,
    /// The first moment not asked for.
    pub to: DateTime<Utc>,
}

/// The window of a run at `now`.
///
/// `last_end` is the end of the last successful window; without one, `start`
/// counts. A `last_end` or a start in the future (a clock set back) gives an
/// empty window at `now` rather than a backward one. Windows overlap by a second
/// at least: whether VirusTotal's dates include their edge is not known.
pub fn window(
    last_end: Option<DateTime<Utc>>,
    start: Start,
    overlap: Period,
    now: DateTime<Utc>,
) -> Window {
    let to = whole_second(now);
    let from = match (last_end, start) {
        (Some(end), _) => overlap.before(end).min(end - TimeDelta::seconds(1)),
        (None, Start::Ago(period)) => period.before(to),
        (None, Start::At(moment)) => moment,
    };
    Window {
        from: whole_second(from).min(to),
        to,
    }
}

/// The first point of the grid `anchor + k * period` (k >= 1) after `last_start`.
///
/// Counted from the anchor, not from point to point: `P1M` anchored on the
/// 31st runs on the 28th in February and on the 31st again in March.
pub fn next_start(
    anchor: DateTime<Utc>,
    last_start: DateTime<Utc>,
    period: Period,
) -> DateTime<Utc> {
    let mut k = whole_periods(anchor, last_start, period);
    loop {
        let point = times(period, k).after(anchor);
        if point > last_start {
            return point;
        }
        k += 1;
    }
}

/// A lower bound of the periods between two moments, so that the search above
/// takes a few steps however old the anchor is.
fn whole_periods(anchor: DateTime<Utc>, until: DateTime<Utc>, period: Period) -> u32 {
    const LONGEST_MONTH: i64 = 31 * 86_400;
    let seconds = i64::try_from(period.seconds).unwrap_or(i64::MAX);
    let longest = (i64::from(period.months) * LONGEST_MONTH).saturating_add(seconds);
    let passed = (until - anchor).num_seconds().max(0);
    u32::try_from(passed / longest.max(1))
        .unwrap_or(u32::MAX)
        .max(1)
}

fn times(period: Period, k: u32) -> Period {
    Period {
        months: period.months.saturating_mul(k),
        seconds: period.seconds.saturating_mul(u64::from(k)),
    }
}

/// VirusTotal's times are whole seconds.
pub fn whole_second(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment
        .duration_trunc(TimeDelta::seconds(1))
        .unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn period(text: &str) -> Period {
        Period::parse(text).unwrap()
    }

    fn of(from: &str, to: &str) -> Window {
        Window {
            from: at(from),
            to: at(to),
        }
    }

    #[test]
    fn the_first_window_looks_back_one_start() {
        let now = at("2026-11-20T13:00:00.900Z");
        assert_eq!(
            window(None, Start::Ago(period("PT6H")), period("PT10M"), now),
            of("2026-11-20T07:00:00Z", "2026-11-20T13:00:00Z")
        );
        assert_eq!(
            window(
                None,
                Start::At(at("2026-11-01T00:00:00Z")),
                period("PT10M"),
                now
            ),
            of("2026-11-01T00:00:00Z", "2026-11-20T13:00:00Z")
        );
        assert_eq!(
            window(
                None,
                Start::Ago(period("P1M")),
                period("PT10M"),
                at("2026-03-31T12:00:00Z")
            ),
            of("2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z")
        );
    }

    #[test]
    fn a_window_starts_at_the_last_successful_end_less_the_overlap_however_old_it_is() {
        let three_days_ago = at("2026-11-17T13:00:00Z");
        assert_eq!(
            window(
                Some(three_days_ago),
                Start::Ago(period("P1D")),
                period("PT10M"),
                at("2026-11-20T13:00:00Z")
            ),
            of("2026-11-17T12:50:00Z", "2026-11-20T13:00:00Z")
        );
    }

    #[test]
    fn a_clock_that_was_set_back_gives_an_empty_window_and_not_a_backward_one() {
        let now = at("2026-11-20T13:00:00Z");
        let future = at("2026-11-21T13:00:00Z");
        let window = window(Some(future), Start::Ago(period("P1D")), period("PT0S"), now);
        assert_eq!(window.from, window.to);
    }

    #[test]
    fn consecutive_windows_cover_everything_and_repeat_only_the_overlap() {
        for text in ["PT1H", "PT6H", "P1D", "P1W", "P1M"] {
            let step = period(text);
            let mut now = at("2026-01-31T21:00:00.500Z");
            let mut last = window(None, Start::Ago(step), period("PT10M"), now);
            for _ in 0..40 {
                now = step.after(now);
                let next = window(Some(last.to), Start::Ago(step), period("PT10M"), now);
                assert_eq!(last.to - next.from, TimeDelta::minutes(10), "{text}");
                last = next;
            }
        }
    }

    #[test]
    fn starts_lie_on_a_grid_that_late_and_long_runs_do_not_shift() {
        let anchor = at("2026-11-01T06:00:00Z");
        for (last_start, period_text, expected) in [
            ("2026-11-01T06:00:00Z", "P1D", "2026-11-02T06:00:00Z"),
            ("2026-11-05T09:30:00Z", "P1D", "2026-11-06T06:00:00Z"),
            ("2026-11-01T06:00:00Z", "PT1H", "2026-11-01T07:00:00Z"),
            ("2030-11-01T06:00:01Z", "PT1M", "2030-11-01T06:01:00Z"),
            ("2026-11-20T06:00:00Z", "P1M", "2026-12-01T06:00:00Z"),
        ] {
            let next = next_start(anchor, at(last_start), period(period_text));
            assert_eq!(next, at(expected), "{last_start} {period_text}");
        }
    }

    #[test]
    fn a_month_from_the_31st_comes_back_to_the_31st() {
        let anchor = at("2026-01-31T00:00:00Z");
        let february = next_start(anchor, anchor, period("P1M"));
        let march = next_start(anchor, february, period("P1M"));
        assert_eq!(
            (february, march),
            (at("2026-02-28T00:00:00Z"), at("2026-03-31T00:00:00Z"))
        );
    }
}
