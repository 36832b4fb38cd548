//! What is known of the quotas, in our terms and in words.

use std::fmt;
use std::num::NonZeroU32;

use chrono::{DateTime, Utc};

use super::window::{SEARCHES, burns, resets_at};
use super::{OwnRequests, Scope, SearchCharge};
use crate::base::number::grouped;
use crate::virustotal::quota::{Allowance, Cap, Quotas};

/// The quotas that searches and requests count against, tightest window first.
pub const WATCHED: [&str; 4] = [
    "api_requests_hourly",
    "api_requests_daily",
    "api_requests_monthly",
    SEARCHES,
];

/// What VirusTotal said of the quotas at one moment, as far as it binds us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it was asked.
    pub taken_at: DateTime<Utc>,
    /// Why nothing is known; then there are no lines.
    pub unknown: Option<String>,
    /// Even the look at the quotas was refused for a spent quota.
    pub drained: bool,
    /// Requests a minute that the licence allows; `None`: not told, or no limit.
    pub per_minute: Option<NonZeroU32>,
    /// All that VirusTotal told, what does not bind us included.
    pub told: Quotas,
    pub(crate) lines: Vec<Line>,
    pub(crate) user: Counters,
}

/// One allowance that binds us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// VirusTotal's name of the quota.
    pub quota: String,
    /// Whose.
    pub scope: Scope,
    /// The group's name.
    pub group: Option<String>,
    /// Used so far.
    pub used: u64,
    /// Allowed in all; never 0.
    pub allowed: u64,
    /// When `used` begins again at 0.
    pub resets_at: DateTime<Utc>,
}

/// The user's own `used` counters: which one moves tells what a search burns.
/// The group's are moved by its other members too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) requests: Option<u64>,
    pub(crate) searches: Option<u64>,
}

impl Reading {
    /// What `quotas`, asked for at `now`, mean.
    pub fn new(quotas: &Quotas, now: DateTime<Utc>) -> Self {
        let mut reading = Self::empty(now);
        let mut uncapped = false;
        for name in WATCHED {
            let Some(quota) = quotas.0.get(name) else {
                continue;
            };
            for (scope, block) in [(Scope::Group, &quota.group), (Scope::User, &quota.user)] {
                let Some(block) = block else { continue };
                match block.cap() {
                    Cap::At { used, allowed } => reading.lines.push(Line {
                        quota: name.to_owned(),
                        scope,
                        group: block.inherited_from.clone(),
                        used,
                        allowed,
                        resets_at: resets_at(name, now),
                    }),
                    Cap::None => uncapped = true,
                    Cap::Unknown => {}
                }
            }
        }
        if reading.lines.is_empty() && !uncapped {
            reading.unknown = Some("none of the quotas that count here is in the answer".into());
        }
        let hourly = reading.lines.iter().filter(|line| line.quota == WATCHED[0]);
        reading.per_minute = hourly.map(|line| line.allowed / 60).min().and_then(|n| {
            // Less than one a minute: as slow as a pace goes.
            NonZeroU32::new(u32::try_from(n).unwrap_or(u32::MAX).max(1))
        });
        reading.user = Counters::of(quotas);
        reading.told = quotas.clone();
        reading
    }

    /// Nothing is known, and why.
    pub fn unknown(why: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            unknown: Some(why.into()),
            ..Self::empty(now)
        }
    }

    fn empty(now: DateTime<Utc>) -> Self {
        Self {
            taken_at: now,
            unknown: None,
            drained: false,
            per_minute: None,
            told: Quotas::default(),
            lines: Vec::new(),
            user: Counters::default(),
        }
    }

    /// The allowances that bind us, tightest window first. A quota that is not
    /// capped has no line.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The allowance of which most is used.
    pub fn tightest(&self) -> Option<&Line> {
        // Exact: percents compared as fractions.
        self.lines.iter().max_by(|a, b| {
            let (a, b) = (a.cross(b), b.cross(a));
            a.cmp(&b)
        })
    }

    /// The same with requests of our own added.
    pub fn with(&self, own: OwnRequests, charged: SearchCharge) -> Self {
        let mut with = self.clone();
        for line in &mut with.lines {
            line.used = line.used.saturating_add(burns(&line.quota, own, charged));
        }
        with
    }
}

impl Line {
    /// Used, in percent.
    pub fn percent(&self) -> f64 {
        self.used as f64 * 100.0 / self.allowed as f64
    }

    /// Not used yet.
    pub fn remaining(&self) -> u64 {
        self.allowed.saturating_sub(self.used)
    }

    /// "15,493 of the group's daily API requests left".
    pub fn left(&self) -> String {
        let left = grouped(self.remaining());
        format!("{left} of {} {} left", self.scope, name(&self.quota))
    }

    fn cross(&self, other: &Self) -> u128 {
        u128::from(self.used) * u128::from(other.allowed)
    }
}

/// "the group's daily API requests: 4,507 of 20,000 used (22.5 %), 15,493 left
/// until 2026-11-21 00:00 UTC".
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {} of {} used ({:.1} %), {} left until {}",
            self.scope,
            name(&self.quota),
            grouped(self.used),
            grouped(self.allowed),
            self.percent(),
            grouped(self.remaining()),
            self.resets_at.format("%Y-%m-%d %H:%M UTC")
        )
    }
}

impl Counters {
    fn of(quotas: &Quotas) -> Self {
        let used = |name: &str| -> Option<&Allowance> { quotas.0.get(name)?.user.as_ref() };
        Self {
            // The month's: the others begin again in the middle of a run.
            requests: ["api_requests_monthly", "api_requests_daily", WATCHED[0]]
                .into_iter()
                .find_map(|name| used(name)?.used),
            searches: used(SEARCHES).and_then(|block| block.used),
        }
    }
}

/// A quota's name in words.
pub(crate) fn name(quota: &str) -> &str {
    match quota {
        "api_requests_hourly" => "hourly API requests",
        "api_requests_daily" => "daily API requests",
        "api_requests_monthly" => "monthly API requests",
        SEARCHES => "monthly Intelligence searches",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{Cause, Pause};
    use serde_json::{Value, json};

    fn reading(quotas: &Value) -> Reading {
        let now = "2026-11-20T10:20:30Z".parse().unwrap();
        Reading::new(&Quotas::parse(quotas).unwrap(), now)
    }

    #[test]
    fn a_reading_says_what_binds_and_which_binds_most() {
        let reading = reading(&json!({
            "api_requests_hourly": { "user": { "allowed": 60_000_000_000u64, "used": 0 }, "group": { "allowed": 60000, "used": 652 } },
            "api_requests_daily": { "user": { "allowed": 1_000_000_000, "used": 17 }, "group": { "allowed": 20000, "used": 4507 } },
            "intelligence_searches_monthly": { "user": { "allowed": 0, "used": 46 }, "group": { "allowed": 3000, "used": 1210 } } }));
        assert_eq!(reading.unknown, None);
        assert_eq!(reading.lines().len(), 3);
        assert_eq!(
            reading.lines()[1].to_string(),
            "the group's daily API requests: 4,507 of 20,000 used (22.5 %), 15,493 left until 2026-11-21 00:00 UTC"
        );
        let tightest = reading.tightest().unwrap();
        assert_eq!(tightest.quota, "intelligence_searches_monthly");
        let own = OwnRequests {
            searches: 1000,
            requests: 10_000,
        };
        let with = reading.with(own, SearchCharge::Requests);
        assert_eq!(with.tightest().unwrap().quota, "api_requests_daily");
        assert_eq!(with.lines()[2].used, 1210);
    }

    #[test]
    fn the_pace_is_a_sixtieth_of_the_hour() {
        let pace = |allowed: u64| {
            let quotas =
                json!({ "api_requests_hourly": { "user": { "allowed": allowed, "used": 0 } } });
            reading(&quotas).per_minute.map(NonZeroU32::get)
        };
        assert_eq!(pace(240), Some(4));
        assert_eq!(pace(60_000), Some(1000));
        assert_eq!(pace(30), Some(1));
        assert_eq!(pace(60_000_000_000), None);
        assert_eq!(pace(0), None);
    }

    #[test]
    fn an_answer_without_the_quotas_that_count_is_unknown() {
        for quotas in [
            json!({}),
            json!({ "api_requests_daily": { "user": { "allowed": 0, "used": 5 } } }),
        ] {
            assert!(reading(&quotas).unknown.is_some(), "{quotas}");
        }
        let uncapped =
            json!({ "api_requests_daily": { "user": { "allowed": 1_000_000_000, "used": 5 } } });
        assert_eq!(reading(&uncapped).unknown, None);
    }

    #[test]
    fn a_pause_is_a_plain_sentence() {
        let resumes_at = "2026-11-21T00:00:00Z".parse().unwrap();
        let pause = |cause| Pause { cause, resumes_at };
        let spent = pause(Cause::Quota {
            quota: "api_requests_daily".to_owned(),
            scope: Scope::Group,
            used: 18_003,
            allowed: 20_000,
            stop_percent: 90,
        });
        assert_eq!(
            spent.to_string(),
            "the group's daily API requests stand at 18,003 of 20,000 (stop at 90 %); goes on at 2026-11-21 00:00 UTC"
        );
        assert_eq!(
            pause(Cause::Unknown).to_string(),
            "VirusTotal does not say how much of its quota is left; goes on at 2026-11-21 00:00 UTC"
        );
    }
}
