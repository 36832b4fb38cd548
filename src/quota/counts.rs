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
    /// Counted for all processes of this machine.
    turns: OwnRequests,
    /// What all had counted when the last good reading was asked for, and what
    /// this process had.
    shared_at_reading: Option<(OwnRequests, OwnRequests)>,
    /// Requests of other processes since then.
    others: OwnRequests,
}

/// The counts at the moment at which a reading is asked for.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) sent: OwnRequests,
    flying: OwnRequests,
    others: OwnRequests,
    /// Of all processes and of this one; `None`: nobody shares.
    shared: Option<(OwnRequests, OwnRequests)>,
}

impl GuardCounts {
    /// Of our own and of other processes here, not in the reading.
    pub(super) fn own(&self) -> OwnRequests {
        let own = self.sent.minus(self.at_reading).plus(self.flying);
        own.plus(self.others)
    }

    /// The counts as they are; `shared` is what all processes have counted.
    pub(super) fn before(&self, shared: Option<OwnRequests>) -> Before {
        Before {
            sent: self.sent,
            flying: self.flying,
            others: self.others,
            shared: shared.map(|shared| (shared, self.turns)),
        }
    }

    /// Nothing was on its way then, and nothing was sent since: what moves is
    /// by what was sent before.
    pub(super) fn was_quiet_since(&self, before: Before) -> bool {
        let nothing = OwnRequests::default();
        before.flying == nothing
            && before.others == nothing
            && self.flying == nothing
            && self.sent == before.sent
    }

    /// What others send counts from that moment on.
    pub(super) fn share_from(&mut self, before: Before) {
        self.shared_at_reading = before.shared;
        self.others = OwnRequests::default();
    }

    /// So many more are counted for all, who have sent `shared` together.
    pub(super) fn turn(&mut self, more: OwnRequests, shared: OwnRequests) {
        self.turns = self.turns.plus(more);
        if let Some((all, ours)) = self.shared_at_reading {
            let since = self.turns.minus(ours);
            self.others = shared.minus(all).minus(since);
        }
    }

    /// So many of ours were counted too early.
    pub(super) fn take_back(&mut self, less: OwnRequests) {
        self.turns = self.turns.minus(less);
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
