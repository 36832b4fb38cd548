//! How a key stands: its windows, whether it may send, and what to do. Pure;
//! the shapes are those of `vtreporter quota --json`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::decide::{Verdict, decide};
use super::forecast::{Basis, Forecast, Standing, Used, forecast};
use super::reading::{Line, WATCHED};
use super::window::{SEARCHES, resets_at};
use super::{Cost, OwnRequests, Policy, Reading, Scope, SearchCharge};
use crate::virustotal::quota::{Allowance, Cap};

/// What to wait at most, where much is used: others may stop, or a licence may
/// be widened.
const WAIT_IN_WARNING: Duration = Duration::from_secs(30 * 60);
const WAIT_IN_CRITICAL: Duration = Duration::from_secs(3600);

/// How much of the allowances is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Less than the warning level of each.
    Healthy,
    /// The warning level of one, or more.
    Warning,
    /// The critical level of one, or more.
    Critical,
    /// VirusTotal does not tell.
    Unknown,
    /// VirusTotal does not accept the key.
    Rejected,
}

impl Status {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
        }
    }
}

/// One allowance as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Window {
    /// VirusTotal's name of the quota.
    pub quota: String,
    /// `user` or `group`.
    pub scope: &'static str,
    /// Used so far; `None` where it is not told.
    pub used: Option<u64>,
    /// Allowed in all; `None` where it is not capped, or not told.
    pub limit: Option<u64>,
    /// Not used yet.
    pub left: Option<u64>,
    /// Used, with one decimal.
    pub percent: Option<f64>,
    /// When `used` begins again at 0; `None` for what is no window of time.
    pub resets_at: Option<DateTime<Utc>>,
    /// Requests of this product count against it, and it is capped.
    pub applies: bool,
}

/// What is to be expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outlook {
    /// `enough` or `not_enough_data`.
    pub state: &'static str,
    /// When the allowance that lasts shortest is used up; `None`: none is
    /// before it begins again, or it is not known.
    pub exhausted_at: Option<DateTime<Utc>>,
    /// On eight days of ten not before this.
    pub earliest: Option<DateTime<Utc>>,
    /// And not after this.
    pub latest: Option<DateTime<Utc>>,
    /// Requests an hour that last until the allowances begin again.
    pub budget_per_hour: Option<u64>,
    /// The allowance that this is about.
    pub quota: Option<String>,
    /// Days that are known of it.
    pub days: usize,
}

/// What the next run will cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextRun {
    /// When it is due.
    pub at: DateTime<Utc>,
    /// As the last ones did.
    pub requests: u64,
    /// Whether that much is left.
    pub fits: bool,
}

/// A key as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyStatus {
    /// The key's fingerprint.
    pub key: String,
    /// How much is used.
    pub status: Status,
    /// One more request may be sent.
    pub can_send: bool,
    /// How long to wait before the next ones; 0 where there is no need.
    pub wait_seconds: u64,
    /// Why nothing may be sent, or nothing is known.
    pub why: Option<String>,
    /// Those that requests count against first.
    pub windows: Vec<Window>,
    /// What is to be expected of them.
    pub forecast: Outlook,
    /// The next scheduled run, where one is known.
    pub next_run: Option<NextRun>,
    /// When VirusTotal told this.
    pub read_at: DateTime<Utc>,
}

/// A key of which VirusTotal has told its quotas, or that it does not.
///
/// `past` holds the readings of the hours before, by quota and scope.
pub fn status(
    key: &str,
    reading: &Reading,
    charged: SearchCharge,
    policy: Policy,
    past: impl Fn(&str, Scope) -> Vec<Used>,
    now: DateTime<Utc>,
) -> KeyStatus {
    let lines = applying(reading, charged);
    let level = level(reading, &lines, policy);
    // A spent quota of either kind keeps a run from its end.
    let pause = [Cost::Search, Cost::Request].into_iter().find_map(|cost| {
        match decide(reading, OwnRequests::default(), cost, charged, policy, now) {
            Verdict::Pause(pause) => Some(pause),
            Verdict::Go | Verdict::Warn(_) => None,
        }
    });
    let why = pause.as_ref().map(|pause| pause.cause.to_string());
    KeyStatus {
        key: key.to_owned(),
        status: level,
        can_send: pause.is_none(),
        wait_seconds: wait(level, pause.map(|pause| pause.resumes_at), &lines, now).as_secs(),
        why: why.or_else(|| reading.unknown.clone()),
        windows: windows(reading, &lines, now),
        forecast: outlook(&lines, policy, past, now),
        next_run: None,
        read_at: reading.taken_at,
    }
}

/// A key that VirusTotal does not accept.
pub fn rejected(key: &str, why: &str, now: DateTime<Utc>) -> KeyStatus {
    KeyStatus {
        key: key.to_owned(),
        status: Status::Rejected,
        can_send: false,
        wait_seconds: 0,
        why: Some(why.to_owned()),
        windows: Vec::new(),
        forecast: Outlook::default(),
        next_run: None,
        read_at: now,
    }
}

/// The allowances that requests of ours count against: not the searches', once
/// it is known that a search burns API requests, and the other way round.
fn applying(reading: &Reading, charged: SearchCharge) -> Vec<&Line> {
    let counts = |line: &&Line| match charged {
        SearchCharge::Requests => line.quota != SEARCHES,
        SearchCharge::Unknown | SearchCharge::Searches | SearchCharge::Both => true,
    };
    reading.lines().iter().filter(counts).collect()
}

fn level(reading: &Reading, lines: &[&Line], policy: Policy) -> Status {
    if reading.drained {
        return Status::Critical;
    }
    if reading.unknown.is_some() {
        return Status::Unknown;
    }
    let reaches = |percent: u8| {
        // Exact: a percentage that is rounded would warn too early or too late.
        let at_least = |line: &&&Line| {
            u128::from(line.used) * 100 >= u128::from(percent) * u128::from(line.allowed)
        };
        lines.iter().find(at_least).is_some()
    };
    match () {
        () if reaches(policy.critical_percent) => Status::Critical,
        () if reaches(policy.warn_percent) => Status::Warning,
        () => Status::Healthy,
    }
}

/// How long to wait: less than half an hour or an hour where the allowance
/// begins again before.
fn wait(
    status: Status,
    resumes_at: Option<DateTime<Utc>>,
    lines: &[&Line],
    now: DateTime<Utc>,
) -> Duration {
    let most = match status {
        Status::Warning => WAIT_IN_WARNING,
        Status::Critical => WAIT_IN_CRITICAL,
        Status::Healthy | Status::Unknown | Status::Rejected if resumes_at.is_some() => {
            WAIT_IN_CRITICAL
        }
        Status::Healthy | Status::Unknown | Status::Rejected => return Duration::ZERO,
    };
    let tightest = lines
        .iter()
        .max_by(|a, b| a.percent().total_cmp(&b.percent()));
    let reset = resumes_at.or_else(|| tightest.map(|line| line.resets_at));
    let until = reset.and_then(|reset| (reset - now).to_std().ok());
    until.map_or(most, |until| until.min(most))
}

fn windows(reading: &Reading, lines: &[&Line], now: DateTime<Utc>) -> Vec<Window> {
    let mut names: Vec<&String> = reading.told.0.keys().collect();
    let rank = |name: &str| WATCHED.iter().position(|watched| *watched == name);
    names.sort_by_key(|name| (rank(name).unwrap_or(WATCHED.len()), (*name).clone()));
    let mut windows = Vec::new();
    for quota in names {
        let both = &reading.told.0[quota];
        for (scope, block) in [(Scope::Group, &both.group), (Scope::User, &both.user)] {
            let Some(block) = block else { continue };
            let applies = |line: &&&Line| line.quota == *quota && line.scope == scope;
            let line = lines.iter().find(applies).copied();
            windows.push(window(quota, scope, block, line, now));
        }
    }
    windows
}

fn window(
    quota: &str,
    scope: Scope,
    block: &Allowance,
    line: Option<&Line>,
    now: DateTime<Utc>,
) -> Window {
    // A line has our own requests since the reading in it.
    let (used, limit) = match (line, block.cap()) {
        (Some(line), _) => (Some(line.used), Some(line.allowed)),
        (None, Cap::At { used, allowed }) => (Some(used), Some(allowed)),
        (None, Cap::None | Cap::Unknown) => (block.used, None),
    };
    let timed = ["_hourly", "_daily", "_monthly"].iter();
    let timed = timed.copied().any(|end| quota.ends_with(end));
    Window {
        quota: quota.to_owned(),
        scope: scope.word(),
        used,
        limit,
        left: limit.map(|limit| limit.saturating_sub(used.unwrap_or(0))),
        percent: used.zip(limit).map(|(used, limit)| percent(used, limit)),
        resets_at: timed.then(|| resets_at(quota, now)),
        applies: line.is_some(),
    }
}

/// With one decimal, cut and not rounded: 94.99 is no 95.
fn percent(used: u64, limit: u64) -> f64 {
    let thousandths = u128::from(used) * 1000 / u128::from(limit.max(1));
    thousandths as f64 / 10.0
}

/// The outlook of the allowance that lasts shortest. An hour is too short to be
/// foreseen.
fn outlook(
    lines: &[&Line],
    policy: Policy,
    past: impl Fn(&str, Scope) -> Vec<Used>,
    now: DateTime<Utc>,
) -> Outlook {
    let forecasts = lines
        .iter()
        .filter(|line| !line.quota.ends_with("_hourly"))
        .map(|line| {
            let standing = Standing {
                quota: &line.quota,
                used: line.used,
                most: (u128::from(line.allowed) * u128::from(policy.stop_percent) / 100) as u64,
            };
            (
                *line,
                forecast(&past(&line.quota, line.scope), standing, now),
            )
        });
    let soonest = forecasts.min_by_key(|(_, forecast)| {
        let at = forecast.exhausted_at.map(|range| range.likely);
        (at.is_none(), at, forecast.budget_per_hour)
    });
    soonest.map_or_else(Outlook::default, |(line, forecast)| told(line, &forecast))
}

/// Nothing is known.
impl Default for Outlook {
    fn default() -> Self {
        Self {
            state: "not_enough_data",
            exhausted_at: None,
            earliest: None,
            latest: None,
            budget_per_hour: None,
            quota: None,
            days: 0,
        }
    }
}

fn told(line: &Line, forecast: &Forecast) -> Outlook {
    let (state, days) = match forecast.basis {
        Basis::Days { days, .. } => ("enough", days),
        Basis::NotEnoughData { days } => ("not_enough_data", days),
    };
    Outlook {
        state,
        exhausted_at: forecast.exhausted_at.map(|range| range.likely),
        earliest: forecast.exhausted_at.map(|range| range.earliest),
        latest: forecast.exhausted_at.and_then(|range| range.latest),
        budget_per_hour: Some(forecast.budget_per_hour),
        quota: Some(line.quota.clone()),
        days,
    }
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

    fn now() -> DateTime<Utc> {
        "2026-11-20T10:20:00Z".parse().unwrap()
    }

    fn reading(quotas: &Value) -> Reading {
        Reading::new(&Quotas::parse(quotas).unwrap(), now())
    }

    fn of(quotas: &Value) -> KeyStatus {
        let none = |_: &str, _: Scope| Vec::new();
        status(
            "key-1",
            &reading(quotas),
            SearchCharge::Unknown,
            POLICY,
            none,
            now(),
        )
    }

    fn daily(used: u64, allowed: u64) -> Value {
        json!({ "api_requests_daily": { "user": { "allowed": allowed, "used": used } } })
    }

    #[test]
    fn the_tightest_allowance_says_how_a_key_stands() {
        for (used, expected, can_send, wait) in [
            (0, Status::Healthy, true, 0),
            (799, Status::Healthy, true, 0),
            (800, Status::Warning, true, 1800),
            (899, Status::Warning, true, 1800),
            (900, Status::Warning, false, 1800),
            (949, Status::Warning, false, 1800),
            (950, Status::Critical, false, 3600),
            (1000, Status::Critical, false, 3600),
            (1200, Status::Critical, false, 3600),
        ] {
            let key = of(&daily(used, 1000));
            let told = (key.status, key.can_send, key.wait_seconds);
            assert_eq!(told, (expected, can_send, wait), "{used}");
            assert_eq!(key.why.is_some(), !can_send, "{used}");
        }
    }

    #[test]
    fn a_reset_that_is_near_is_not_waited_for_longer() {
        let hourly = json!({ "api_requests_hourly": { "user": { "allowed": 100, "used": 99 } } });
        assert_eq!(of(&hourly).wait_seconds, 40 * 60);
    }

    #[test]
    fn what_is_not_capped_here_or_is_of_another_kind_is_not_critical() {
        let key = of(&json!({
            "api_requests_hourly": { "user": { "allowed": 60_000_000_000u64, "used": 9 } },
            "api_requests_daily": {
                "user": { "allowed": 1_000_000_000, "used": 17 },
                "group": { "allowed": 20_000, "used": 4_507, "inherited_from": "acme" } },
            "intelligence_searches_monthly": { "user": { "allowed": 0, "used": 46 } },
            "intelligence_downloads_monthly": { "user": { "allowed": 10, "used": 10 } },
            "a_new_one": { "user": { "allowed": 5, "used": 5 } }
        }));
        assert_eq!((key.status, key.can_send), (Status::Healthy, true));
        let window = |quota: &str, scope: &str| {
            let mut windows = key.windows.iter();
            let found = windows.find(|window| window.quota == quota && window.scope == scope);
            found.unwrap().clone()
        };
        let group = window("api_requests_daily", "group");
        let told = (
            group.used,
            group.limit,
            group.left,
            group.percent,
            group.applies,
        );
        assert_eq!(
            told,
            (Some(4_507), Some(20_000), Some(15_493), Some(22.5), true)
        );
        assert_eq!(
            group.resets_at,
            Some("2026-11-21T00:00:00Z".parse().unwrap())
        );
        let searches = window("intelligence_searches_monthly", "user");
        assert_eq!(
            (searches.used, searches.limit, searches.applies),
            (Some(46), None, false)
        );
        let downloads = window("intelligence_downloads_monthly", "user");
        assert_eq!((downloads.percent, downloads.applies), (Some(100.0), false));
        assert_eq!(window("a_new_one", "user").resets_at, None);
        let first: Vec<&str> = key
            .windows
            .iter()
            .map(|window| window.quota.as_str())
            .collect();
        assert_eq!(
            first[0], "api_requests_hourly",
            "what counts comes first: {first:?}"
        );
    }

    #[test]
    fn a_spent_month_or_spent_searches_stop_though_the_day_is_free() {
        for spent in ["api_requests_monthly", "intelligence_searches_monthly"] {
            let mut quotas = daily(1, 1000);
            quotas[spent] = json!({ "group": { "allowed": 300, "used": 300 } });
            let key = of(&quotas);
            assert_eq!(
                (key.status, key.can_send),
                (Status::Critical, false),
                "{spent}"
            );
            let why = key.why.unwrap();
            assert!(why.contains("monthly"), "{why}");
        }
    }

    #[test]
    fn searches_that_burn_api_requests_leave_the_searches_quota_alone() {
        let mut quotas = daily(1, 1000);
        quotas["intelligence_searches_monthly"] =
            json!({ "group": { "allowed": 300, "used": 300 } });
        let none = |_: &str, _: Scope| Vec::new();
        let key = status(
            "key-1",
            &reading(&quotas),
            SearchCharge::Requests,
            POLICY,
            none,
            now(),
        );
        assert_eq!((key.status, key.can_send), (Status::Healthy, true));
    }

    #[test]
    fn what_is_not_told_is_unknown_and_no_number() {
        let key = of(&json!({ "api_requests_daily": { "user": { "allowed": 0, "used": 5 } } }));
        assert_eq!((key.status, key.can_send), (Status::Unknown, true));
        assert!(key.why.is_some());
        assert_eq!(key.forecast.state, "not_enough_data");
        let gone = rejected("key-1", "401", now());
        assert_eq!((gone.status, gone.can_send), (Status::Rejected, false));
    }
}
