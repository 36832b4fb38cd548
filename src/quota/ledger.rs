//! What is remembered of a key, beyond this process: readings, and requests of
//! our own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use parking_lot::Mutex;
use tracing::warn;

use super::{Cost, OwnRequests, Reading, SearchCharge};
use crate::store::ledger::{Charge, Snapshot};
use crate::store::share::Sent;
use crate::store::{Store, StoreError};
use crate::virustotal::client::Tries;

/// Where it is remembered.
#[derive(Debug)]
pub enum Ledger {
    /// Nowhere: what this process knows ends with it.
    Memory,
    /// In the data directory.
    Disk(Disk),
}

/// A request's place among those of all processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// How long to wait before it is sent.
    pub(super) wait: Duration,
    /// All that were counted, this one included.
    pub(super) sent: OwnRequests,
}

/// A key's part of the data directory.
#[derive(Debug)]
pub struct Disk {
    store: Store,
    /// The key's fingerprint.
    key: String,
    /// The last try failed, which was said.
    failing: AtomicBool,
    /// How long it is remembered.
    retention: TimeDelta,
    /// The day on which what is older was last forgotten.
    cleaned: Mutex<NaiveDate>,
}

impl Ledger {
    /// One in the data directory, which remembers so many days.
    pub fn disk(store: Store, key: impl Into<String>, days: u16) -> Self {
        Self::Disk(Disk {
            store,
            key: key.into(),
            failing: AtomicBool::new(false),
            retention: TimeDelta::days(days.into()),
            cleaned: Mutex::default(),
        })
    }

    /// Remembers what VirusTotal told.
    pub(super) fn read(&self, reading: &Reading) {
        let Self::Disk(disk) = self else { return };
        let snapshots: Vec<Snapshot> = snapshots(reading).collect();
        if !snapshots.is_empty() {
            let now = reading.taken_at;
            disk.note(disk.store.remember_reading(&disk.key, &snapshots, now));
            disk.forget(now);
        }
    }

    /// Counts requests for all processes of this machine, and tells when their
    /// turn is. `None`: nobody shares, or nobody can at the moment.
    pub(super) fn turn(
        &self,
        more: OwnRequests,
        apart: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Option<Turn> {
        let Self::Disk(disk) = self else { return None };
        let turn = disk.store.take_turn(&disk.key, more.into(), apart, now);
        disk.note_and_keep(turn).map(|turn| Turn {
            wait: turn.wait,
            sent: turn.sent.into(),
        })
    }

    /// Requests that were counted for all were not sent.
    pub(super) fn give_back(&self, less: OwnRequests, now: DateTime<Utc>) {
        if let Self::Disk(disk) = self {
            disk.note(disk.store.give_back(&disk.key, less.into(), now));
        }
    }

    /// Nobody on this machine sends for so long.
    pub(super) fn hold(&self, pause: Duration, now: DateTime<Utc>) {
        if let Self::Disk(disk) = self {
            disk.note(disk.store.hold(&disk.key, pause, now));
        }
    }

    /// What all processes of this machine have counted.
    pub(super) fn counted(&self, now: DateTime<Utc>) -> Option<OwnRequests> {
        let Self::Disk(disk) = self else { return None };
        let sent = disk.note_and_keep(disk.store.sent(&disk.key, now))?;
        Some(sent.into())
    }

    /// Remembers requests that were sent.
    pub(super) fn sent(
        &self,
        cost: Cost,
        charged: SearchCharge,
        endpoint: &str,
        tries: Tries,
        now: DateTime<Utc>,
    ) {
        let Self::Disk(disk) = self else { return };
        if tries.sent == 0 {
            return;
        }
        for charge in charges(cost, charged) {
            let (sent, failed) = (tries.sent, tries.failed);
            let kept = &disk.store;
            disk.note(kept.remember_sent(&disk.key, *charge, endpoint, sent, failed, now));
        }
    }
}

impl Disk {
    /// Once a day what is too old goes.
    fn forget(&self, now: DateTime<Utc>) {
        let today = now.date_naive();
        let before = std::mem::replace(&mut *self.cleaned.lock(), today);
        if before != today {
            let gone = self.store.forget_before(now - self.retention, now);
            self.note(gone.map(drop));
        }
    }

    /// The value, if there is one; else the fault is said once.
    fn note_and_keep<T>(&self, done: Result<T, StoreError>) -> Option<T> {
        let (value, done) = match done {
            Ok(value) => (Some(value), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.note(done);
        value
    }

    /// What cannot be remembered is said once, and no reason to stop.
    fn note(&self, done: Result<(), StoreError>) {
        match done {
            Ok(()) => self.failing.store(false, Ordering::Relaxed),
            Err(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                warn!("the quotas are not remembered: {error}");
            }
            Err(_) => {}
        }
    }
}

impl From<OwnRequests> for Sent {
    fn from(own: OwnRequests) -> Self {
        Self {
            searches: own.searches,
            requests: own.requests,
        }
    }
}

impl From<Sent> for OwnRequests {
    fn from(sent: Sent) -> Self {
        Self {
            searches: sent.searches,
            requests: sent.requests,
        }
    }
}

/// The allowances that bind us.
fn snapshots(reading: &Reading) -> impl Iterator<Item = Snapshot> {
    reading.lines().iter().map(|line| Snapshot {
        quota: line.quota.clone(),
        scope: line.scope.word().to_owned(),
        used: line.used,
        allowed: Some(line.allowed),
    })
}

/// What a request is charged to. While it is not known what a search burns, it
/// is taken for an API request, as with most licences.
fn charges(cost: Cost, charged: SearchCharge) -> &'static [Charge] {
    match (cost, charged) {
        (Cost::Request, _) | (Cost::Search, SearchCharge::Unknown | SearchCharge::Requests) => {
            &[Charge::Requests]
        }
        (Cost::Search, SearchCharge::Searches) => &[Charge::Searches],
        (Cost::Search, SearchCharge::Both) => &[Charge::Requests, Charge::Searches],
    }
}
