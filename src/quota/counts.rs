//! What the guard counts.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::warn;

use super::reading::{Line, Reading};
use super::window::{SEARCHES, burns};
use super::{OwnRequests, Policy, Scope, SearchCharge, Spent};

/// Counts, the last reading, and what was said of them.
#[derive(Default)]
pub(super) struct GuardCounts {
    pub(super) reading: Option<Reading>,
    /// Readings taken, failed ones included.
    pub(super) generation: u64,
    /// Sent so far, since the guard was made.
    pub(super) sent: OwnRequests,
    /// On their way.
    pub(super) flying: OwnRequests,
    /// `sent` when the last good reading was asked for.
    pub(super) at_reading: OwnRequests,
    /// `sent` when a reading was last tried, and when that was.
    pub(super) at_try: OwnRequests,
    pub(super) tried_at: Duration,
    /// Nothing was on its way while the last good reading was taken.
    pub(super) quiet: bool,
    /// `sent` when the run started.
    at_start: OwnRequests,
    pub(super) charged: SearchCharge,
    pub(super) calibrations: u32,
    /// Allowances that were warned of in this run.
    warned: BTreeSet<(String, Scope)>,
    /// And that nothing is known.
    warned_unknown: bool,
    pub(super) warnings: Vec<String>,
}

impl GuardCounts {
    /// Of our own, not in the reading.
    pub(super) fn own(&self) -> OwnRequests {
        self.sent.minus(self.at_reading).plus(self.flying)
    }

    /// Says once a run what is over the warning percentage.
    pub(super) fn warn_of(&mut self, lines: &[Line], policy: Policy) {
        for line in lines {
            if self.warned.insert((line.quota.clone(), line.scope)) {
                let text = format!("{line}; the run pauses at {} %", policy.stop_percent);
                warn!(quota.name = %line.quota, quota.used = line.used, quota.allowed = line.allowed, "{text}");
                self.warnings.push(text);
            }
        }
    }

    /// Says once a run that nothing is known.
    pub(super) fn warn_unknown(&mut self, why: &str) {
        if !std::mem::replace(&mut self.warned_unknown, true) {
            let text = format!(
                "VirusTotal does not say how much of its quota is left ({why}); going on without knowing"
            );
            warn!("{text}");
            self.warnings.push(text);
        }
    }

    /// Counts and warnings begin anew.
    pub(super) fn start_run(&mut self) {
        self.at_start = self.sent;
        self.warned.clear();
        self.warned_unknown = false;
        self.warnings.clear();
    }

    /// What was spent since the run started.
    pub(super) fn spent(&self) -> Spent {
        let own = self.sent.minus(self.at_start);
        Spent {
            sent: own.total(),
            requests: burns("", own, self.charged),
            searches: burns(SEARCHES, own, self.charged),
        }
    }
}
