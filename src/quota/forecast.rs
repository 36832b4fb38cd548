//! When an allowance will be used up, by the pattern of the past weeks and
//! today's pace. Pure.
//!
//! ```text
//! readings by hour -> used in each hour -> pattern by weekday and hour
//!                                             x today's pace -> hour by hour until the reset
//! ```

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, DurationRound, TimeDelta, Timelike, Utc};

use super::window::{began_at, resets_at};

/// Fewer days than these say nothing about the next ones.
pub const FEWEST_DAYS: usize = 3;

/// A hole in the readings up to here is filled evenly; what was used in a
/// longer one has no hours.
const LONGEST_HOLE: i64 = 24;

/// Today's pace counts fully once so many usual hours were used: one early
/// request is no trend.
const USUAL_HOURS: f64 = 3.0;

/// Eight days of ten lie between the earliest and the latest moment.
const EIGHT_OF_TEN: f64 = 1.28;

/// An allowance at the last reading of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// When the hour began, UTC.
    pub hour: DateTime<Utc>,
    /// Used of the allowance by then.
    pub used: u64,
}

/// An allowance as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// VirusTotal's name of the quota.
    pub quota: &'a str,
    /// Used of it.
    pub used: u64,
    /// What is not passed: the limit, or the stop percentage of it.
    pub most: u64,
}

/// What is to be expected of an allowance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// When it is used up; `None`: not before it begins again, or not known.
    pub exhausted_at: Option<Range>,
    /// Whole requests an hour that last until it begins again.
    pub budget_per_hour: u64,
    /// What the forecast stands on.
    pub basis: Basis,
}

/// A moment, and between which ones it lies on eight days of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// If the pace is high.
    pub earliest: DateTime<Utc>,
    /// By the pattern and today's pace.
    pub likely: DateTime<Utc>,
    /// If it is low; `None`: then it lasts.
    pub latest: Option<DateTime<Utc>>,
}

/// What a forecast stands on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Basis {
    /// So many days are known, and they are too few.
    NotEnoughData {
        /// Days with readings.
        days: usize,
    },
    /// The pattern of so many days.
    Days {
        /// Days with readings.
        days: usize,
        /// Today's pace against the pattern: 1 is as usual.
        pace: f64,
    },
}

/// What is to be expected of an allowance after `past`, oldest first.
pub fn forecast(past: &[Used], standing: Standing<'_>, now: DateTime<Utc>) -> Forecast {
    let reset = resets_at(standing.quota, now);
    let left = standing.most.saturating_sub(standing.used);
    let hours = ((reset - now).num_seconds().max(1) as f64 / 3600.0).max(1.0);
    let used = by_hour(past, standing.quota);
    let pattern = Pattern::of(&used, now);
    let budget_per_hour = (left as f64 / hours) as u64;
    if pattern.days.len() < FEWEST_DAYS {
        return Forecast {
            exhausted_at: None,
            budget_per_hour,
            basis: Basis::NotEnoughData {
                days: pattern.days.len(),
            },
        };
    }
    let pace = pattern.pace(&used, now);
    let spread = EIGHT_OF_TEN * pattern.spread();
    let until = |pace: f64| pattern.used_up(left as f64, pace, now, reset);
    let exhausted_at = until(pace).map(|likely| Range {
        earliest: until(pace * (1.0 + spread)).unwrap_or(likely),
        likely,
        latest: until((pace * (1.0 - spread)).max(0.0)),
    });
    Forecast {
        exhausted_at,
        budget_per_hour,
        basis: Basis::Days {
            days: pattern.days.len(),
            pace,
        },
    }
}

/// What was used in each hour: the difference of two readings, evenly over the
/// hours between them.
fn by_hour(past: &[Used], quota: &str) -> BTreeMap<DateTime<Utc>, f64> {
    let mut hours = BTreeMap::new();
    for pair in past.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let began = began_at(quota, after.hour);
        let (from, amount) = match before.hour < began {
            // The counter began again between them.
            true => (began, after.used),
            false => (
                before.hour + TimeDelta::hours(1),
                after.used.saturating_sub(before.used),
            ),
        };
        let count = (after.hour - from).num_hours() + 1;
        if !(1..=LONGEST_HOLE).contains(&count) {
            continue;
        }
        for n in 0..count {
            let hour = from + TimeDelta::hours(n);
            *hours.entry(hour).or_insert(0.0) += amount as f64 / count as f64;
        }
    }
    hours
}

/// How much is used at which time of the week.
struct Pattern {
    /// Sum and count by weekday and hour.
    of_week: BTreeMap<(u32, u32), (f64, f64)>,
    /// And by hour alone.
    of_day: BTreeMap<u32, (f64, f64)>,
    all: (f64, f64),
    /// Used by day: days since the common era.
    days: BTreeMap<i32, f64>,
}

impl Pattern {
    /// Of all whole hours before today; today is what is compared with it.
    fn of(used: &BTreeMap<DateTime<Utc>, f64>, now: DateTime<Utc>) -> Self {
        let mut pattern = Self {
            of_week: BTreeMap::new(),
            of_day: BTreeMap::new(),
            all: (0.0, 0.0),
            days: BTreeMap::new(),
        };
        let today = start_of_day(now);
        for (hour, amount) in used.range(..today) {
            let add = |(sum, count): &mut (f64, f64)| {
                *sum += amount;
                *count += 1.0;
            };
            add(pattern.of_week.entry(time_of_week(*hour)).or_default());
            add(pattern.of_day.entry(hour.hour()).or_default());
            add(&mut pattern.all);
            *pattern.days.entry(hour.num_days_from_ce()).or_default() += amount;
        }
        pattern
    }

    /// What is usual in an hour: as on the same weekday, where two weeks are
    /// known, else as at that hour of any day.
    fn usual(&self, hour: DateTime<Utc>) -> f64 {
        let mean = |(sum, count): &(f64, f64)| sum / count.max(1.0);
        let of_week = self.of_week.get(&time_of_week(hour));
        let of_week = of_week.filter(|(_, count)| *count >= 2.0);
        let of_day = || self.of_day.get(&hour.hour());
        mean(of_week.or_else(of_day).unwrap_or(&self.all))
    }

    /// Today's use against what is usual by now, drawn towards 1 while little
    /// of the day is known.
    fn pace(&self, used: &BTreeMap<DateTime<Utc>, f64>, now: DateTime<Utc>) -> f64 {
        let (mut today, mut usual) = (0.0, 0.0);
        for (hour, amount) in used.range(start_of_day(now)..=now) {
            today += amount;
            usual += self.usual(*hour) * passed(*hour, now);
        }
        let doubt = USUAL_HOURS * self.all.0 / self.all.1.max(1.0);
        match usual + doubt > 0.0 {
            true => (today + doubt) / (usual + doubt),
            false => 1.0,
        }
    }

    /// How far days lie from what is usual, as a share of it.
    fn spread(&self) -> f64 {
        let count = self.days.len() as f64;
        let mean = self.days.values().sum::<f64>() / count;
        let squares = self.days.values().map(|day| (day - mean).powi(2));
        let deviation = (squares.sum::<f64>() / (count - 1.0).max(1.0)).sqrt();
        match mean > 0.0 {
            true => (deviation / mean).min(0.9),
            false => 0.0,
        }
    }

    /// When `left` is used up at a pace, if before `reset`.
    fn used_up(
        &self,
        mut left: f64,
        pace: f64,
        now: DateTime<Utc>,
        reset: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if left < 1.0 {
            return Some(now);
        }
        let mut hour = start_of_hour(now);
        while hour < reset {
            let end = hour + TimeDelta::hours(1);
            let rest = 1.0 - passed(hour, now);
            let use_of_hour = self.usual(hour) * pace * rest;
            if use_of_hour >= left {
                let seconds = (left / use_of_hour * rest * 3600.0) as i64;
                let at = hour.max(now) + TimeDelta::seconds(seconds);
                return (at < reset).then_some(at);
            }
            left -= use_of_hour;
            hour = end;
        }
        None
    }
}

/// Which part of an hour is over.
fn passed(hour: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    ((now - hour).num_seconds() as f64 / 3600.0).clamp(0.0, 1.0)
}

fn time_of_week(hour: DateTime<Utc>) -> (u32, u32) {
    (hour.weekday().num_days_from_monday(), hour.hour())
}

fn start_of_hour(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now)
}

fn start_of_day(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::days(1)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAILY: &str = "api_requests_daily";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Readings of each hour of so many days before `now`, and of today.
    fn past(
        days: i64,
        now: DateTime<Utc>,
        in_hour: impl Fn(DateTime<Utc>) -> u64,
        today: f64,
    ) -> Vec<Used> {
        let midnight = start_of_day(now);
        let mut hour = midnight - TimeDelta::days(days) - TimeDelta::hours(1);
        let mut used = 0;
        let mut readings = Vec::new();
        while hour < now {
            if hour.hour() == 0 {
                used = 0;
            }
            used += match hour >= midnight {
                true => (in_hour(hour) as f64 * today) as u64,
                false => in_hour(hour),
            };
            readings.push(Used { hour, used });
            hour += TimeDelta::hours(1);
        }
        readings
    }

    fn office(hour: DateTime<Utc>) -> u64 {
        let weekend = hour.weekday().num_days_from_monday() >= 5;
        match hour.hour() {
            8..=17 if !weekend => 1000,
            _ => 10,
        }
    }

    fn standing(used: u64) -> Standing<'static> {
        Standing {
            quota: DAILY,
            used,
            most: 20_000,
        }
    }

    #[test]
    fn fewer_than_three_days_are_not_enough_and_the_budget_is_told_all_the_same() {
        let now = at("2026-11-18T12:00:00Z");
        for days in 0..3 {
            let past = past(days, now, office, 1.0);
            let forecast = forecast(&past, standing(8_000), now);
            let expected = Basis::NotEnoughData {
                days: days as usize,
            };
            assert_eq!((forecast.basis, forecast.exhausted_at), (expected, None));
            assert_eq!(forecast.budget_per_hour, 1000);
        }
    }

    #[test]
    fn a_usual_day_lasts_and_three_times_the_usual_rate_does_not() {
        // A Wednesday after two weeks; 4,081 are usual by then.
        let now = at("2026-11-18T12:00:00Z");
        let usual = past(14, now, office, 1.0);
        let used = usual.last().unwrap().used;
        let calm = forecast(&usual, standing(used), now);
        assert_eq!(calm.exhausted_at, None, "{calm:?}");
        let busy = past(14, now, office, 3.0);
        let used = busy.last().unwrap().used;
        let warned = forecast(&busy, standing(used), now);
        let range = warned.exhausted_at.expect("it warns before the limit");
        assert!(
            range.likely > now && range.likely < at("2026-11-18T16:00:00Z"),
            "{range:?}"
        );
        assert!(range.earliest <= range.likely, "{range:?}");
        assert!(range.latest.is_none_or(|latest| latest >= range.likely));
        let Basis::Days { days, pace } = warned.basis else {
            panic!("{warned:?}");
        };
        assert_eq!(days, 14);
        assert!((1.8..=3.0).contains(&pace), "{pace}");
    }

    #[test]
    fn a_quiet_weekend_is_not_taken_for_a_busy_weekday() {
        let friday = at("2026-11-20T18:30:00Z");
        let saturday = at("2026-11-21T08:00:00Z");
        for (now, used) in [(friday, 19_900), (saturday, 19_000)] {
            let past = past(21, now, office, 1.0);
            let forecast = forecast(&past, standing(used), now);
            assert_eq!(forecast.exhausted_at, None, "{now} {forecast:?}");
        }
    }

    #[test]
    fn what_is_used_up_is_used_up_now() {
        let now = at("2026-11-18T12:00:00Z");
        let past = past(14, now, office, 1.0);
        let range = forecast(&past, standing(20_000), now).exhausted_at.unwrap();
        assert_eq!((range.earliest, range.likely), (now, now));
    }

    #[test]
    fn a_month_is_looked_at_to_its_end() {
        let now = at("2026-11-18T12:00:00Z");
        let mut used = 0;
        let past: Vec<Used> = (0..17 * 24 + 12)
            .map(|n| {
                used += 10;
                let hour = at("2026-11-01T00:00:00Z") + TimeDelta::hours(n);
                Used { hour, used }
            })
            .collect();
        let standing = Standing {
            quota: "intelligence_searches_monthly",
            used,
            most: used + 240 * 5,
        };
        let forecast = forecast(&past, standing, now);
        let range = forecast.exhausted_at.expect("five days are left");
        let days = (range.likely - now).num_hours() as f64 / 24.0;
        assert!((4.8..5.2).contains(&days), "{range:?}");
        assert_eq!(forecast.budget_per_hour, 4, "1,200 over 300 hours");
    }

    #[test]
    fn a_counter_that_begins_again_and_a_hole_are_no_negative_use() {
        let readings = [
            ("2026-11-16T22:00:00Z", 500),
            ("2026-11-17T01:00:00Z", 20),
            ("2026-11-17T05:00:00Z", 60),
            // Two days without a reading.
            ("2026-11-19T05:00:00Z", 90),
            // Somebody's count was put right.
            ("2026-11-19T06:00:00Z", 80),
        ]
        .map(|(hour, used)| Used {
            hour: at(hour),
            used,
        });
        let used = by_hour(&readings, DAILY);
        let of = |hour: &str| used.get(&at(hour)).copied();
        assert_eq!(of("2026-11-17T00:00:00Z"), Some(10.0));
        assert_eq!(of("2026-11-17T03:00:00Z"), Some(10.0));
        assert_eq!(of("2026-11-18T12:00:00Z"), None);
        assert_eq!(of("2026-11-19T00:00:00Z"), Some(15.0));
        assert_eq!(of("2026-11-19T06:00:00Z"), Some(0.0));
        assert!(used.values().all(|amount| *amount >= 0.0));
    }
}
