//! May the next request be sent? Pure: readings, counts and the time are arguments.

use chrono::{DateTime, Datelike, DurationRound, Months, NaiveTime, TimeDelta, Utc};

use super::reading::{Counters, Line, Reading, SEARCHES};
use super::{Charged, Cost, OnUnknown, Own, Pause, Policy, Scope};

/// What the quotas say to the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Go,
    /// Send it, and say that these are over the warning percentage.
    Warn(Vec<Line>),
    /// Do not send it.
    Pause(Pause),
}

/// Judges the next request by the tightest of all allowances it counts against.
///
/// `own` are our requests since the reading was taken, those on their way
/// included. Where several allowances stop it, the pause lasts until the last
/// of them begins again.
pub fn decide(
    reading: &Reading,
    own: Own,
    cost: Cost,
    charged: Charged,
    policy: Policy,
    now: DateTime<Utc>,
) -> Verdict {
    let unknown = reading.unknown.is_some() && policy.on_unknown == OnUnknown::Pause;
    if reading.drained || unknown {
        return Verdict::Pause(unknown_pause(policy, now));
    }
    let mut pause: Option<Pause> = None;
    let mut warn = Vec::new();
    for line in &reading.lines {
        let next = burns(&line.quota, Own::of(cost, 1), charged);
        if next == 0 {
            continue;
        }
        let line = current(line, own, charged, now);
        if passes(line.used + next, line.allowed, policy.stop_percent) {
            let stop = Pause {
                quota: line.quota,
                scope: line.scope,
                used: line.used,
                allowed: line.allowed,
                stop_percent: policy.stop_percent,
                resumes_at: line.resets_at,
            };
            if pause
                .as_ref()
                .is_none_or(|old| old.resumes_at < stop.resumes_at)
            {
                pause = Some(stop);
            }
        } else if reaches(line.used, line.allowed, policy.warn_percent) {
            warn.push(line);
        }
    }
    match pause {
        Some(pause) => Verdict::Pause(pause),
        None if warn.is_empty() => Verdict::Go,
        None => Verdict::Warn(warn),
    }
}

/// How many calls of this cost may still be sent before the stop percentage;
/// `None`: no limit is known.
pub fn calls_left(
    reading: &Reading,
    own: Own,
    cost: Cost,
    charged: Charged,
    policy: Policy,
    now: DateTime<Utc>,
) -> Option<u64> {
    let left = |line: &Line| {
        let next = burns(&line.quota, Own::of(cost, 1), charged);
        let line = current(line, own, charged, now);
        let stop = u128::from(line.allowed) * u128::from(policy.stop_percent) / 100;
        let stop = u64::try_from(stop).unwrap_or(u64::MAX);
        (next > 0).then(|| stop.saturating_sub(line.used))
    };
    reading.lines.iter().filter_map(left).min()
}

/// The pause when nothing is known: until the next UTC day.
pub fn unknown_pause(policy: Policy, now: DateTime<Utc>) -> Pause {
    Pause {
        quota: String::new(),
        scope: Scope::Unknown,
        used: 0,
        allowed: 0,
        stop_percent: policy.stop_percent,
        resumes_at: resets_at("", now),
    }
}

/// When a quota's counter begins again at 0: the next UTC hour, day or month,
/// by the quota's name. Those of no window are looked at again the next day.
pub fn resets_at(quota: &str, now: DateTime<Utc>) -> DateTime<Utc> {
    if quota.ends_with("_hourly") {
        let hour = TimeDelta::hours(1);
        return now.duration_trunc(hour).map_or(now, |start| start) + hour;
    }
    let day = now.date_naive();
    let next = if quota.ends_with("_monthly") {
        day.with_day(1)
            .and_then(|first| first.checked_add_months(Months::new(1)))
    } else {
        day.succ_opt()
    };
    // Only the end of the calendar has no next day.
    next.map_or(now, |next| next.and_time(NaiveTime::MIN).and_utc())
}

/// How much `own` requests burn of a quota.
pub(crate) fn burns(quota: &str, own: Own, charged: Charged) -> u64 {
    let of_searches = match (quota == SEARCHES, charged) {
        (true, Charged::Requests) | (false, Charged::Searches) => 0,
        _ => own.searches,
    };
    if quota == SEARCHES {
        of_searches
    } else {
        own.requests + of_searches
    }
}

/// The line as it stands now: our own requests added, and begun again where its
/// window has passed since the reading.
fn current(line: &Line, own: Own, charged: Charged, now: DateTime<Utc>) -> Line {
    let begun_again = line.resets_at <= now;
    let before = if begun_again { 0 } else { line.used };
    Line {
        used: before + burns(&line.quota, own, charged),
        resets_at: if begun_again {
            resets_at(&line.quota, now)
        } else {
            line.resets_at
        },
        ..line.clone()
    }
}

fn passes(used: u64, allowed: u64, percent: u8) -> bool {
    u128::from(used) * 100 > u128::from(allowed) * u128::from(percent)
}

fn reaches(used: u64, allowed: u64, percent: u8) -> bool {
    u128::from(used) * 100 >= u128::from(allowed) * u128::from(percent)
}

/// What a search burns, by which of the user's counters moved while `own` was
/// sent. `None`: it cannot be told from this.
pub(crate) fn charged_by(before: Counters, after: Counters, own: Own) -> Option<Charged> {
    if own.searches == 0 {
        return None;
    }
    let moved = |before: Option<u64>, after: Option<u64>, by: u64| match (before, after) {
        (Some(before), Some(after)) => after.checked_sub(before).map(|moved| moved >= by),
        _ => None,
    };
    let requests = moved(before.requests, after.requests, own.total());
    let searches = moved(before.searches, after.searches, own.searches);
    match (requests, searches) {
        (Some(true), Some(true)) => Some(Charged::Both),
        (Some(true), _) => Some(Charged::Requests),
        (_, Some(true)) => Some(Charged::Searches),
        // Neither moved: VirusTotal counts late.
        _ => None,
    }
}
