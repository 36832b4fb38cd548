//! What a quota counts, and when it begins again at 0: both by its name. Pure.

use chrono::{DateTime, Datelike, DurationRound, Months, NaiveTime, TimeDelta, Utc};

use super::{OwnRequests, SearchCharge};

/// Intelligence searches, of the month.
pub(crate) const SEARCHES: &str = "intelligence_searches_monthly";

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

/// When a quota's counter last began at 0.
pub fn began_at(quota: &str, now: DateTime<Utc>) -> DateTime<Utc> {
    let start = |length| now.duration_trunc(length).unwrap_or(now);
    if quota.ends_with("_hourly") {
        return start(TimeDelta::hours(1));
    }
    let day = start(TimeDelta::days(1));
    match quota.ends_with("_monthly") {
        true => day.with_day(1).unwrap_or(day),
        false => day,
    }
}

/// How much `own` requests burn of a quota.
pub(crate) fn burns(quota: &str, own: OwnRequests, charged: SearchCharge) -> u64 {
    let of_searches = match (quota == SEARCHES, charged) {
        (true, SearchCharge::Requests) | (false, SearchCharge::Searches) => 0,
        _ => own.searches,
    };
    if quota == SEARCHES {
        of_searches
    } else {
        own.requests.saturating_add(of_searches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_begin_again_at_the_next_utc_hour_day_and_month() {
        for (quota, now, expected) in [
            (
                "api_requests_hourly",
                "2026-12-31T23:59:59.999Z",
                "2027-01-01T00:00:00Z",
            ),
            (
                "api_requests_hourly",
                "2026-11-20T10:00:00Z",
                "2026-11-20T11:00:00Z",
            ),
            (
                "api_requests_daily",
                "2028-02-28T12:00:00Z",
                "2028-02-29T00:00:00Z",
            ),
            (
                "api_requests_monthly",
                "2026-01-31T00:00:00Z",
                "2026-02-01T00:00:00Z",
            ),
            (
                "intelligence_searches_monthly",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
            ("", "2026-11-20T10:00:00Z", "2026-11-21T00:00:00Z"),
        ] {
            assert_eq!(
                resets_at(quota, now.parse().unwrap()),
                expected.parse::<DateTime<Utc>>().unwrap(),
                "{quota} {now}"
            );
        }
    }
}
