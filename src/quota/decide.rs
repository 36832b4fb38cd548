//! May the next request be sent? Pure: readings, counts and the time are arguments.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::reading::{Counters, Line, Reading};
use super::window::{burns, resets_at};
use super::{Cause, Cost, LONGEST_PAUSE, OnUnknown, OwnRequests, Pause, Policy, SearchCharge};

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
    own: OwnRequests,
    cost: Cost,
    charged: SearchCharge,
    policy: Policy,
    now: DateTime<Utc>,
) -> Verdict {
    let unknown = reading.unknown.is_some() && policy.on_unknown == OnUnknown::Pause;
    if reading.drained || unknown {
        return Verdict::Pause(unknown_pause(now));
    }
    let mut pause: Option<Pause> = None;
    let mut warn = Vec::new();
    for line in &reading.lines {
        let next = burns(&line.quota, OwnRequests::of(cost, 1), charged);
        if next == 0 {
            continue;
        }
        let line = current(line, own, charged, now);
        if passes(
            line.used.saturating_add(next),
            line.allowed,
            policy.stop_percent,
        ) {
            let stop = pause_of(line, policy.stop_percent);
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

/// The pause until a used up allowance begins again.
fn pause_of(line: Line, stop_percent: u8) -> Pause {
    Pause {
        resumes_at: line.resets_at,
        cause: Cause::Quota {
            quota: line.quota,
            scope: line.scope,
            used: line.used,
            allowed: line.allowed,
            stop_percent,
        },
    }
}

/// How many calls of this cost may still be sent before the stop percentage;
/// `None`: no limit is known.
pub fn calls_left(
    reading: &Reading,
    own: OwnRequests,
    cost: Cost,
    charged: SearchCharge,
    policy: Policy,
    now: DateTime<Utc>,
) -> Option<u64> {
    let left = |line: &Line| {
        let next = burns(&line.quota, OwnRequests::of(cost, 1), charged);
        let line = current(line, own, charged, now);
        let stop = u128::from(line.allowed) * u128::from(policy.stop_percent) / 100;
        let stop = u64::try_from(stop).unwrap_or(u64::MAX);
        (next > 0).then(|| stop.saturating_sub(line.used))
    };
    reading.lines.iter().filter_map(left).min()
}

/// The pause when nothing is known: until the next UTC day.
pub fn unknown_pause(now: DateTime<Utc>) -> Pause {
    Pause {
        cause: Cause::Unknown,
        resumes_at: resets_at("", now),
    }
}

/// The pause that VirusTotal asks for itself, with an end to it.
pub(crate) fn asked_pause(wait: Duration, now: DateTime<Utc>) -> Pause {
    Pause {
        cause: Cause::Asked(wait),
        resumes_at: now + wait.min(LONGEST_PAUSE),
    }
}

/// The line as it stands now: our own requests added, and begun again where its
/// window has passed since the reading.
fn current(line: &Line, own: OwnRequests, charged: SearchCharge, now: DateTime<Utc>) -> Line {
    let begun_again = line.resets_at <= now;
    let before = if begun_again { 0 } else { line.used };
    Line {
        used: before.saturating_add(burns(&line.quota, own, charged)),
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
pub(crate) fn charged_by(
    before: Counters,
    after: Counters,
    own: OwnRequests,
) -> Option<SearchCharge> {
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
        (Some(true), Some(true)) => Some(SearchCharge::Both),
        (Some(true), _) => Some(SearchCharge::Requests),
        (_, Some(true)) => Some(SearchCharge::Searches),
        // Neither moved: VirusTotal counts late.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virustotal::Quotas;
    use serde_json::{Value, json};

    const POLICY: Policy = Policy {
        warn_percent: 80,
        critical_percent: 95,
        stop_percent: 90,
        on_unknown: OnUnknown::Continue,
    };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn now() -> DateTime<Utc> {
        at("2026-11-20T10:20:30Z")
    }

    fn reading(quotas: &Value) -> Reading {
        Reading::new(&Quotas::parse(quotas).unwrap(), now())
    }

    fn own(searches: u64, requests: u64) -> OwnRequests {
        OwnRequests { searches, requests }
    }

    /// A reading with one group quota that stands at `used` of `allowed`.
    fn group(name: &str, used: u64, allowed: u64) -> Reading {
        reading(&json!({ name: {
            "user": { "allowed": 1_000_000_000u64, "used": 3 },
            "group": { "allowed": allowed, "used": used, "inherited_from": "acme" } } }))
    }

    /// "go", "warn ..." or "pause ... until ..." in short.
    fn verdict(reading: &Reading, own: OwnRequests, cost: Cost, charged: SearchCharge) -> String {
        match decide(reading, own, cost, charged, POLICY, now()) {
            Verdict::Go => "go".to_owned(),
            Verdict::Warn(lines) => format!("warn {}", lines.len()),
            Verdict::Pause(pause) => {
                let until = pause.resumes_at.format("%m-%d %H:%M");
                match pause.cause {
                    Cause::Quota {
                        quota,
                        scope,
                        used,
                        allowed,
                        ..
                    } => format!("pause {quota} {scope:?} {used}/{allowed} until {until}"),
                    other => format!("pause {other:?} until {until}"),
                }
            }
        }
    }

    #[test]
    fn the_request_that_would_pass_the_stop_percentage_is_not_sent() {
        for (used, expected) in [
            (0, "go"),
            (7_999, "go"),
            (8_000, "warn 1"),
            (8_998, "warn 1"),
            (8_999, "warn 1"),
            (
                9_000,
                "pause api_requests_daily Group 9000/10000 until 11-21 00:00",
            ),
            (
                20_000,
                "pause api_requests_daily Group 20000/10000 until 11-21 00:00",
            ),
        ] {
            let reading = group("api_requests_daily", used, 10_000);
            let verdict = verdict(&reading, own(0, 0), Cost::Request, SearchCharge::Unknown);
            assert_eq!(verdict, expected, "{used}");
        }
    }

    #[test]
    fn every_window_of_every_quota_can_stop_and_names_its_own_end() {
        for (name, until) in [
            ("api_requests_hourly", "11-20 11:00"),
            ("api_requests_daily", "11-21 00:00"),
            ("api_requests_monthly", "12-01 00:00"),
            ("intelligence_searches_monthly", "12-01 00:00"),
        ] {
            let reading = group(name, 900, 1000);
            assert_eq!(
                verdict(&reading, own(0, 0), Cost::Search, SearchCharge::Unknown),
                format!("pause {name} Group 900/1000 until {until}")
            );
        }
    }

    #[test]
    fn a_search_counts_where_the_licence_counts_it() {
        let searches = group("intelligence_searches_monthly", 900, 1000);
        let requests = group("api_requests_daily", 900, 1000);
        for (charged, stops_searches, stops_requests) in [
            (SearchCharge::Unknown, true, true),
            (SearchCharge::Requests, false, true),
            (SearchCharge::Searches, true, false),
            (SearchCharge::Both, true, true),
        ] {
            let stops = |reading, cost| verdict(reading, own(0, 0), cost, charged) != "go";
            assert_eq!(
                stops(&searches, Cost::Search),
                stops_searches,
                "{charged:?}"
            );
            assert_eq!(
                stops(&requests, Cost::Search),
                stops_requests,
                "{charged:?}"
            );
            assert!(!stops(&searches, Cost::Request), "{charged:?}");
            assert!(stops(&requests, Cost::Request), "{charged:?}");
        }
    }

    #[test]
    fn own_requests_since_the_reading_count() {
        let reading = group("api_requests_daily", 890, 1000);
        let left = |own, charged| {
            calls_left(&reading, own, Cost::Request, charged, POLICY, now()).unwrap()
        };
        assert_eq!(left(own(0, 0), SearchCharge::Unknown), 10);
        assert_eq!(left(own(4, 5), SearchCharge::Unknown), 1);
        assert_eq!(left(own(4, 5), SearchCharge::Searches), 5);
        assert_eq!(left(own(40, 50), SearchCharge::Unknown), 0);
        let verdict = |own| verdict(&reading, own, Cost::Request, SearchCharge::Unknown);
        assert_eq!(verdict(own(4, 5)), "warn 1");
        assert!(verdict(own(4, 6)).starts_with("pause"));
    }

    #[test]
    fn what_caps_nothing_stops_nothing() {
        for quotas in [
            json!({ "api_requests_hourly": { "user": { "allowed": 60_000_000_000u64, "used": 59_999_999_999u64 } } }),
            json!({ "api_requests_daily": { "user": { "allowed": 0, "used": 73 }, "group": { "allowed": 1000, "used": 1 } } }),
            json!({ "api_requests_daily": { "user": { "allowed": 0, "used": 73 } } }),
            json!({ "intelligence_downloads_monthly": { "user": { "allowed": 5, "used": 5 } } }),
            json!({ "private_scans_per_minute": { "user": { "allowed": 0, "used": 0 } } }),
            json!({}),
        ] {
            let reading = reading(&quotas);
            let verdict = verdict(&reading, own(0, 0), Cost::Search, SearchCharge::Unknown);
            assert_eq!(verdict, "go", "{quotas}");
        }
    }

    #[test]
    fn the_users_own_cap_stops_as_well_as_the_groups() {
        let reading = reading(&json!({ "api_requests_daily": {
            "user": { "allowed": 300, "used": 270 }, "group": { "allowed": 20000, "used": 4507 } } }));
        assert_eq!(
            verdict(&reading, own(0, 0), Cost::Request, SearchCharge::Unknown),
            "pause api_requests_daily User 270/300 until 11-21 00:00"
        );
    }

    #[test]
    fn of_several_spent_quotas_the_last_to_begin_again_counts() {
        let reading = reading(&json!({
            "api_requests_hourly": { "user": { "allowed": 240, "used": 240 } },
            "api_requests_monthly": { "user": { "allowed": 15500, "used": 15500 } },
            "api_requests_daily": { "user": { "allowed": 500, "used": 500 } } }));
        assert_eq!(
            verdict(&reading, own(0, 0), Cost::Request, SearchCharge::Unknown),
            "pause api_requests_monthly User 15500/15500 until 12-01 00:00"
        );
    }

    #[test]
    fn sums_end_at_the_largest_number_and_never_overflow() {
        let huge = group("api_requests_daily", u64::MAX, 1000);
        let many = own(u64::MAX, u64::MAX);
        for own in [own(0, 1), many] {
            let verdict = verdict(&huge, own, Cost::Request, SearchCharge::Unknown);
            assert!(verdict.starts_with("pause"), "{verdict}");
        }
        assert_eq!(many.plus(many), many);
        assert_eq!(many.total(), u64::MAX);
        let with = huge.with(many, SearchCharge::Both);
        assert_eq!(with.lines()[0].used, u64::MAX);
    }

    #[test]
    fn a_window_that_has_passed_since_the_reading_begins_again() {
        let reading = group("api_requests_daily", 10_000, 10_000);
        let tomorrow = at("2026-11-21T00:00:00Z");
        let decide = |own| {
            decide(
                &reading,
                own,
                Cost::Request,
                SearchCharge::Unknown,
                POLICY,
                tomorrow,
            )
        };
        assert_eq!(decide(own(0, 20)), Verdict::Go);
        let Verdict::Pause(pause) = decide(own(0, 9_000)) else {
            panic!("not paused");
        };
        assert_eq!(pause.resumes_at, at("2026-11-22T00:00:00Z"));
    }

    #[test]
    fn not_knowing_follows_the_setting_and_a_drained_key_always_pauses() {
        let unknown = Reading::unknown("403", now());
        let drained = Reading {
            drained: true,
            ..unknown.clone()
        };
        let pausing = Policy {
            on_unknown: OnUnknown::Pause,
            ..POLICY
        };
        let paused = |reading: &Reading, policy| {
            let verdict = decide(
                reading,
                own(0, 0),
                Cost::Search,
                SearchCharge::Both,
                policy,
                now(),
            );
            matches!(verdict, Verdict::Pause(pause) if pause.cause == Cause::Unknown
                && pause.resumes_at == at("2026-11-21T00:00:00Z"))
        };
        assert!(!paused(&unknown, POLICY));
        assert!(paused(&unknown, pausing));
        assert!(paused(&drained, POLICY) && paused(&drained, pausing));
    }

    #[test]
    fn the_counter_that_moves_tells_what_a_search_burns() {
        let counters = |requests, searches| Counters { requests, searches };
        let before = counters(Some(100), Some(10));
        for (after, own, expected) in [
            (
                counters(Some(101), Some(10)),
                own(1, 0),
                Some(SearchCharge::Requests),
            ),
            (
                counters(Some(100), Some(11)),
                own(1, 0),
                Some(SearchCharge::Searches),
            ),
            (
                counters(Some(101), Some(11)),
                own(1, 0),
                Some(SearchCharge::Both),
            ),
            (counters(Some(100), Some(10)), own(1, 0), None),
            // Other requests went along: they alone explain what moved.
            (
                counters(Some(105), Some(12)),
                own(2, 5),
                Some(SearchCharge::Searches),
            ),
            (
                counters(Some(107), Some(10)),
                own(2, 5),
                Some(SearchCharge::Requests),
            ),
            // Nothing of ours was a search.
            (counters(Some(105), Some(12)), own(0, 5), None),
            // A month has begun in between, or the block is missing.
            (counters(Some(1), Some(0)), own(1, 0), None),
            (counters(None, None), own(1, 0), None),
        ] {
            assert_eq!(
                charged_by(before, after, own),
                expected,
                "{after:?} {own:?}"
            );
        }
    }
}
