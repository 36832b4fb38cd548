//! Whether a batch fits into what is left, and if not, when it will. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::reading::Line;
use super::window::{SEARCHES, resets_at};
use super::{Policy, Reading};

/// Whether so many requests can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Now.
    Now,
    /// By then, hours and days having begun again.
    Later(DateTime<Utc>),
    /// Not before the month begins again.
    No,
}

/// Whether `need` requests fit into what is left before the stop percentage;
/// if not, when hours and days that begin again will have given room for all.
pub fn fit(reading: &Reading, policy: Policy, need: u64, now: DateTime<Utc>) -> Fit {
    let month = resets_at(SEARCHES, now);
    let lines = reading.lines().iter().filter(|line| line.quota != SEARCHES);
    let room = lines.map(|line| room_for(line, policy, need, now));
    match room.max() {
        None => Fit::Now,
        Some(at) if at <= now => Fit::Now,
        Some(at) if at < month => Fit::Later(at),
        Some(_) => Fit::No,
    }
}

/// When an allowance will have had room for so many.
fn room_for(line: &Line, policy: Policy, need: u64, now: DateTime<Utc>) -> DateTime<Utc> {
    let most = u128::from(line.allowed) * u128::from(policy.stop_percent) / 100;
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let missing = need.saturating_sub(most.saturating_sub(line.used));
    if missing == 0 {
        return now;
    }
    let length = match line.quota.as_str() {
        hourly if hourly.ends_with("_hourly") => TimeDelta::hours(1),
        monthly if monthly.ends_with("_monthly") => TimeDelta::days(31),
        _ => TimeDelta::days(1),
    };
    // A first window from its reset on, then as many as the rest needs.
    let more = missing.div_ceil(most.max(1)) - 1;
    let more = i32::try_from(more).unwrap_or(i32::MAX);
    let wait = length.checked_mul(more).unwrap_or(TimeDelta::MAX);
    let at = line.resets_at.checked_add_signed(wait);
    at.filter(|_| most > 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::OnUnknown;
    use crate::virustotal::quota::Quotas;
    use serde_json::{Value, json};

    const POLICY: Policy = Policy {
        warn_percent: 80,
        critical_percent: 95,
        stop_percent: 90,
        on_unknown: OnUnknown::Continue,
    };

    fn daily(used: u64, allowed: u64) -> Value {
        json!({ "api_requests_daily": { "user": { "allowed": allowed, "used": used } } })
    }

    #[test]
    fn a_batch_fits_now_or_by_a_time_or_not_this_month() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-11-20T10:20:00Z");
        let fits = |quotas: &Value, need| {
            let reading = Reading::new(&Quotas::parse(quotas).unwrap(), now);
            fit(&reading, POLICY, need, now)
        };
        // 900 a day may be used, 400 are.
        let day = daily(400, 1000);
        for (need, expected) in [
            (500, Fit::Now),
            (501, Fit::Later(at("2026-11-21T00:00:00Z"))),
            (1400, Fit::Later(at("2026-11-21T00:00:00Z"))),
            (1401, Fit::Later(at("2026-11-22T00:00:00Z"))),
            (9500, Fit::Later(at("2026-11-30T00:00:00Z"))),
            (9501, Fit::No),
        ] {
            assert_eq!(fits(&day, need), expected, "{need}");
        }
        let mut month = daily(400, 1000);
        month["api_requests_monthly"] = json!({ "group": { "allowed": 1000, "used": 700 } });
        assert_eq!(fits(&month, 200), Fit::Now);
        assert_eq!(fits(&month, 201), Fit::No);
        let uncapped =
            json!({ "api_requests_daily": { "user": { "allowed": 1_000_000_000, "used": 5 } } });
        assert_eq!(fits(&uncapped, 1_000_000), Fit::Now);
    }
}
