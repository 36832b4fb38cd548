//! The guard: HOW MUCH may still be asked. Decisions pure, in [`decide`];
//! asking and waiting in [`guard`].
//!
//! ```text
//! reserve (decide: go, warn, pause) -> send -> settle
//!                                        429 -> read the quotas: spent = pause, else wait a minute
//! ```

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod counts;
pub mod decide;
pub mod fit;
pub mod forecast;
pub mod guard;
pub mod ledger;
pub mod reading;
pub mod status;
pub mod window;

pub use guard::Guard;
pub use ledger::Ledger;
pub use reading::{Line, Reading};

use crate::base::number::grouped;
use crate::virustotal::Error;

/// The longest pause that VirusTotal can ask for. Its shortest quota that a run
/// waits for begins again each day: to ask again then costs one request.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// When the guard warns and when it stops. Percent of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From this on, the log and the work's message warn.
    pub warn_percent: u8,
    /// From this on, a key's status is critical.
    pub critical_percent: u8,
    /// A request that would pass this is not sent: the run pauses.
    pub stop_percent: u8,
    /// What to do when VirusTotal does not say what is left.
    pub on_unknown: OnUnknown,
}

/// What to do when VirusTotal does not say what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Go on, and say so.
    Continue,
    /// Pause until the next UTC day.
    Pause,
}

/// What a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// A page of an Intelligence search.
    Search,
    /// Any other request.
    Request,
}

/// Which quota a search burns: the licence decides, and which one moves tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchCharge {
    /// Not seen yet: both are watched.
    #[default]
    Unknown,
    /// API requests (Premium API).
    Requests,
    /// Intelligence searches (VirusTotal Intelligence without Premium API).
    Searches,
    /// Both moved.
    Both,
}

impl SearchCharge {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "not known",
            Self::Requests => "API requests",
            Self::Searches => "Intelligence searches",
            Self::Both => "API requests and Intelligence searches",
        }
    }
}

/// Whose allowance it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The user's own.
    User,
    /// All members' together.
    Group,
}

impl Scope {
    /// VirusTotal's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "the user's",
            Self::Group => "the group's",
        })
    }
}

/// Requests of our own, sent or about to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnRequests {
    /// Pages of searches.
    pub searches: u64,
    /// Other requests.
    pub requests: u64,
}

impl OwnRequests {
    pub(crate) fn of(cost: Cost, count: u64) -> Self {
        match cost {
            Cost::Search => Self {
                searches: count,
                requests: 0,
            },
            Cost::Request => Self {
                searches: 0,
                requests: count,
            },
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            searches: self.searches.saturating_add(other.searches),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            searches: self.searches.saturating_sub(other.searches),
            requests: self.requests.saturating_sub(other.requests),
        }
    }

    /// Requests of either kind.
    pub fn total(self) -> u64 {
        self.searches.saturating_add(self.requests)
    }
}

/// What a run has spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// HTTP requests that cost something, searches among them.
    pub sent: u64,
    /// API requests charged. While it is not known what a search burns, it
    /// counts here and below.
    pub requests: u64,
    /// Intelligence searches charged.
    pub searches: u64,
}

/// Why the run has to wait, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Why.
    pub cause: Cause,
    /// When it is worth going on.
    pub resumes_at: DateTime<Utc>,
}

/// Why the run has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The next request would pass the stop percentage of a quota.
    Quota {
        /// VirusTotal's name of it.
        quota: String,
        /// Whose.
        scope: Scope,
        /// Used, our own requests since the last reading included.
        used: u64,
        /// Allowed in all.
        allowed: u64,
        /// The percentage that is not passed.
        stop_percent: u8,
    },
    /// VirusTotal does not say what is left.
    Unknown,
    /// VirusTotal asks to wait so long, by `Retry-After`.
    Asked(Duration),
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        let moment = self.resumes_at.format("%Y-%m-%d %H:%M UTC");
        write!(f, "; goes on at {moment}")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota {
                quota,
                scope,
                used,
                allowed,
                stop_percent,
            } => write!(
                f,
                "{scope} {} stand at {} of {} (stop at {stop_percent} %)",
                reading::name(quota),
                grouped(*used),
                grouped(*allowed),
            ),
            Self::Unknown => f.write_str("VirusTotal does not say how much of its quota is left"),
            Self::Asked(wait) if *wait > LONGEST_PAUSE => {
                f.write_str("VirusTotal asks to wait longer than a day (Retry-After)")
            }
            Self::Asked(wait) => write!(
                f,
                "VirusTotal asks to wait {} minutes (Retry-After)",
                wait.as_secs().div_ceil(60)
            ),
        }
    }
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A quota is spent, or the next request would pass the stop percentage.
    #[error("paused: {0}")]
    Paused(Pause),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] Error),
}
