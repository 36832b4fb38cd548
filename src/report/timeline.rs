//! When files were first submitted: a histogram over the run's window.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Widths of a bar. The first that makes few enough is taken: hours up to three
/// days, days up to three months.
const WIDTHS: [(i64, i64); 4] = [(HOUR, 73), (DAY, 93), (7 * DAY, 105), (30 * DAY, 200)];

/// Files by the hour, day, week or 30 days of their first submission, UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeline {
    /// Unix seconds of the first bar's beginning.
    from: i64,
    /// Seconds of a bar.
    width: i64,
    bars: Vec<u64>,
    /// Files without a first submission, or with one outside the window.
    elsewhere: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub from: DateTime<Utc>,
    pub count: u64,
}

impl Timeline {
    /// Over a window; bars begin at whole hours or days.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let (from, to) = (from.timestamp(), to.timestamp());
        let number = |width: i64| (to - 1).div_euclid(width) - from.div_euclid(width) + 1;
        let (width, most) = WIDTHS
            .into_iter()
            .find(|&(width, most)| number(width) <= most)
            .unwrap_or(WIDTHS[3]);
        let bars = usize::try_from(number(width).clamp(1, most)).unwrap_or(1);
        Self {
            from: from.div_euclid(width) * width,
            width,
            bars: vec![0; bars],
            elsewhere: 0,
        }
    }

    /// Whether there is a window already.
    pub fn is_set(&self) -> bool {
        self.width > 0
    }

    /// Counts a file, by Unix seconds.
    pub fn add(&mut self, first_submission: Option<i64>) {
        let place = first_submission
            .filter(|_| self.is_set())
            .and_then(|at| usize::try_from(at.checked_sub(self.from)?.div_euclid(self.width)).ok());
        match place.and_then(|place| self.bars.get_mut(place)) {
            Some(bar) => *bar += 1,
            None => self.elsewhere += 1,
        }
    }

    pub fn bars(&self) -> impl ExactSizeIterator<Item = Bar> {
        self.bars.iter().enumerate().map(|(at, &count)| Bar {
            from: self.begin(at),
            count,
        })
    }

    fn begin(&self, at: usize) -> DateTime<Utc> {
        let seconds = self.from + self.width * at as i64;
        DateTime::from_timestamp(seconds, 0).unwrap_or_default()
    }

    /// The same with at most `most` bars: neighbours are put together.
    #[must_use]
    pub fn coarser(&self, most: usize) -> Self {
        let together = self.bars.len().div_ceil(most.max(1)).max(1);
        Self {
            width: self.width * together as i64,
            bars: self
                .bars
                .chunks(together)
                .map(|bars| bars.iter().sum())
                .collect(),
            ..*self
        }
    }

    /// The fullest bar, the first of several; `None` where all are empty.
    pub fn peak(&self) -> Option<Bar> {
        let mut peak: Option<Bar> = None;
        for bar in self.bars() {
            if bar.count > peak.map_or(0, |peak| peak.count) {
                peak = Some(bar);
            }
        }
        peak
    }

    /// Files without a first submission, or with one outside the window.
    pub fn elsewhere(&self) -> u64 {
        self.elsewhere
    }

    pub fn total(&self) -> u64 {
        self.bars.iter().sum::<u64>() + self.elsewhere
    }

    /// Whether bars are whole days.
    pub fn by_days(&self) -> bool {
        self.width >= DAY
    }

    /// The time that one bar stands for, in words.
    pub fn unit(&self) -> String {
        match (self.width, self.width / DAY, self.width / HOUR) {
            (HOUR, ..) => "hour".to_owned(),
            (DAY, ..) => "day".to_owned(),
            (width, _, hours) if width < DAY || width % DAY != 0 => format!("{hours} hours"),
            (_, 7, _) => "week".to_owned(),
            (_, days, _) => format!("{days} days"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn bars_are_hours_or_days_or_more_as_the_window_is_long() {
        let table = [
            ("2026-11-20T13:00:00Z", "hour", 24),
            ("2026-11-20T13:20:00Z", "hour", 25),
            ("2026-11-22T13:00:00Z", "hour", 72),
            ("2026-11-26T13:00:00Z", "day", 8),
            ("2027-02-01T00:00:00Z", "day", 74),
            ("2027-11-19T13:00:00Z", "week", 53),
            ("2036-11-19T13:00:00Z", "30 days", 123),
        ];
        for (to, unit, bars) in table {
            let timeline = Timeline::new(at("2026-11-19T13:00:00Z"), at(to));
            assert_eq!(
                (timeline.unit().as_str(), timeline.bars().len()),
                (unit, bars)
            );
        }
    }

    #[test]
    fn every_file_is_counted_where_it_belongs_or_elsewhere() {
        let from = at("2026-11-19T13:30:00Z");
        let mut timeline = Timeline::new(from, at("2026-11-19T16:30:00Z"));
        let begin = from.timestamp();
        for seconds in [0, 60, 1800, 10_799] {
            timeline.add(Some(begin + seconds));
        }
        for odd in [
            None,
            Some(begin - 3600),
            Some(begin + 99_999),
            Some(i64::MIN),
            Some(i64::MAX),
        ] {
            timeline.add(odd);
        }
        let counts: Vec<u64> = timeline.bars().map(|bar| bar.count).collect();
        assert_eq!((counts, timeline.elsewhere()), (vec![2, 1, 0, 1], 5));
        assert_eq!(timeline.total(), 9);
        assert_eq!(timeline.peak().unwrap().from, at("2026-11-19T13:00:00Z"));
        let coarse = timeline.coarser(2);
        let counts: Vec<u64> = coarse.bars().map(|bar| bar.count).collect();
        assert_eq!((counts, coarse.unit().as_str()), (vec![3, 1], "2 hours"));
    }
}
