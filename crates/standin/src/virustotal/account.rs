//! Whose key it is, what it may, and what it has spent.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};

use super::refusal::Refusal;

/// How the account's key stands in logged paths.
pub(crate) const OWN_KEY: &str = "{key}";

/// What a key is licensed for; decides what a search costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Licence {
    /// A premium API key: a search costs an API request.
    Premium,
    /// VT Intelligence without the premium API: a search costs one of the
    /// month's searches, everything else an API request of the public quota.
    IntelligenceOnly,
    /// A free key: searches and premium relationships are forbidden.
    Free,
}

/// What one request costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Of `api_requests_hourly`, `_daily` and `_monthly`.
    pub requests: u64,
    /// Of `intelligence_searches_monthly`.
    pub searches: u64,
}

impl Cost {
    /// Nothing.
    pub const FREE: Self = Self {
        requests: 0,
        searches: 0,
    };
    /// One API request.
    pub const REQUEST: Self = Self {
        requests: 1,
        searches: 0,
    };
    /// One search of the month's.
    pub const SEARCH: Self = Self {
        requests: 0,
        searches: 1,
    };
    /// Both, should a licence do so.
    pub const BOTH: Self = Self {
        requests: 1,
        searches: 1,
    };

    fn of(self, quota: &str) -> u64 {
        match quota {
            "api_requests_hourly" | "api_requests_daily" | "api_requests_monthly" => self.requests,
            "intelligence_searches_monthly" => self.searches,
            _ => 0,
        }
    }
}

/// One quota: the user's own block and the group's, each with what is allowed
/// and what is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    pub(crate) user: Option<Counter>,
    pub(crate) group: Option<Counter>,
    pub(crate) inherited_from: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) allowed: u64,
    pub(crate) used: u64,
}

impl Quota {
    /// A quota with the user's block. `allowed` is a number above all bounds
    /// (or 0) where the group's is the one that counts.
    pub fn user(allowed: u64, used: u64) -> Self {
        Self {
            user: Some(Counter { allowed, used }),
            ..Self::default()
        }
    }

    /// Adds the group's block.
    #[must_use]
    pub fn group(mut self, allowed: u64, used: u64) -> Self {
        self.group = Some(Counter { allowed, used });
        "acme".clone_into(&mut self.inherited_from);
        self
    }

    /// Used so far: by the user, by the group.
    pub fn used(&self) -> (Option<u64>, Option<u64>) {
        (
            self.user.map(|counter| counter.used),
            self.group.map(|counter| counter.used),
        )
    }

    fn blocks(&mut self) -> impl Iterator<Item = &mut Counter> {
        self.user.iter_mut().chain(self.group.iter_mut())
    }

    /// Whether `more` can still be spent. A user's 0 is no cap: the allowance
    /// comes from the group.
    fn admits(&self, more: u64) -> bool {
        let room = |counter: Counter| counter.used.saturating_add(more) <= counter.allowed;
        self.user.is_none_or(|user| user.allowed == 0 || room(user)) && self.group.is_none_or(room)
    }
}

/// Requests by endpoint on one day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) charged: BTreeMap<&'static str, u64>,
    pub(crate) free: BTreeMap<&'static str, u64>,
}

/// The one account of the stand-in.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) key: String,
    pub(crate) user: String,
    pub(crate) licence: Licence,
    pub(crate) quotas: BTreeMap<String, Quota>,
    pub(crate) usage: BTreeMap<NaiveDate, Usage>,
    /// Requests that any 60 seconds may see.
    pub(crate) rate: Option<u32>,
    /// What a search costs, when it is not as the licence says.
    pub(crate) search_cost: Option<Cost>,
    /// Set by a test that wants it another way than the general rule.
    pub(crate) users_free: bool,
    recent: VecDeque<DateTime<Utc>>,
    rolled: DateTime<Utc>,
}

/// A minute, less what a well-paced client's requests may be late or early on
/// their way.
const MINUTE: TimeDelta = TimeDelta::milliseconds(59_500);

impl Account {
    /// Whether a user in a path is the key's owner.
    pub(crate) fn is_own(&self, id: &str) -> bool {
        id == OWN_KEY || id == self.user
    }

    pub(crate) fn new(key: String, user: String, licence: Licence, now: DateTime<Utc>) -> Self {
        Self {
            key,
            user,
            licence,
            quotas: usual(licence),
            usage: BTreeMap::new(),
            rate: None,
            search_cost: None,
            users_free: false,
            recent: VecDeque::new(),
            rolled: now,
        }
    }

    pub(crate) fn search_cost(&self) -> Cost {
        self.search_cost.unwrap_or(match self.licence {
            Licence::Premium => Cost::REQUEST,
            Licence::IntelligenceOnly => Cost::SEARCH,
            Licence::Free => Cost::FREE,
        })
    }

    /// Resets what a new hour, day or month (UTC) resets.
    pub(crate) fn roll(&mut self, now: DateTime<Utc>) {
        let was = std::mem::replace(&mut self.rolled, now);
        let month = (was.year(), was.month()) != (now.year(), now.month());
        let day = month || was.day() != now.day();
        let hour = day || was.hour() != now.hour();
        for (name, quota) in &mut self.quotas {
            let over = if name.ends_with("_hourly") {
                hour
            } else if name.ends_with("_daily") {
                day
            } else {
                name.ends_with("_monthly") && month
            };
            if over {
                quota.blocks().for_each(|counter| counter.used = 0);
            }
        }
    }

    /// Whether the minute has room for one more request; then it is counted.
    pub(crate) fn pace(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        while self.recent.front().is_some_and(|&at| now - at >= MINUTE) {
            self.recent.pop_front();
        }
        if self.recent.len() >= rate as usize {
            return Err(Refusal::too_many());
        }
        self.recent.push_back(now);
        Ok(())
    }

    /// Takes the cost from every quota that it concerns, or from none.
    pub(crate) fn charge(&mut self, cost: Cost) -> Result<(), Refusal> {
        let admits = |(name, quota): (&String, &Quota)| {
            let own = cost.of(name);
            own == 0 || quota.admits(own)
        };
        if !self.quotas.iter().all(admits) {
            return Err(Refusal::quota());
        }
        for (name, quota) in &mut self.quotas {
            let own = cost.of(name);
            quota.blocks().for_each(|counter| counter.used += own);
        }
        Ok(())
    }

    /// Gives back what a refused request does not cost.
    pub(crate) fn refund(&mut self, cost: Cost) {
        for (name, quota) in &mut self.quotas {
            let own = cost.of(name);
            quota
                .blocks()
                .for_each(|counter| counter.used = counter.used.saturating_sub(own));
        }
    }

    /// Books a request for `api_usage`.
    pub(crate) fn book(&mut self, endpoint: &'static str, cost: Cost, now: DateTime<Utc>) {
        let day = self.usage.entry(now.date_naive()).or_default();
        let map = if cost == Cost::FREE {
            &mut day.free
        } else {
            &mut day.charged
        };
        *map.entry(endpoint).or_default() += 1;
    }
}

/// The quotas that a key of this kind shows.
pub(crate) fn usual(licence: Licence) -> BTreeMap<String, Quota> {
    const UNBOUNDED: u64 = 1_000_000_000;
    let public = [
        ("api_requests_hourly", Quota::user(240, 0)),
        ("api_requests_daily", Quota::user(500, 0)),
        ("api_requests_monthly", Quota::user(15_500, 0)),
    ];
    let premium = [
        (
            "api_requests_hourly",
            Quota::user(60_000_000_000, 0).group(60_000, 52),
        ),
        (
            "api_requests_daily",
            Quota::user(UNBOUNDED, 17).group(20_000, 407),
        ),
        (
            "api_requests_monthly",
            Quota::user(UNBOUNDED, 137).group(600_000, 14_176),
        ),
    ];
    let intelligence = [
        (
            "intelligence_searches_monthly",
            Quota::user(0, 46).group(3_000, 210),
        ),
        (
            "intelligence_downloads_monthly",
            Quota::user(0, 5).group(1_500, 88),
        ),
    ];
    let nothing = ["private_scans_per_minute", "monitor_storage_bytes"];
    let mut all: Vec<(&str, Quota)> = nothing.map(|name| (name, Quota::user(0, 0))).to_vec();
    all.extend(if licence == Licence::Premium {
        premium
    } else {
        public
    });
    if licence != Licence::Free {
        all.extend(intelligence);
    }
    all.into_iter()
        .map(|(name, quota)| (name.to_owned(), quota))
        .collect()
}
