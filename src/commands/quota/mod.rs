//! `quota`: what is used, what is left, and until when it lasts. Needs no
//! OpenCTI and spends nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Exit;
use crate::base::clock::Clock;
use crate::quota::fit::{Fit, fit};
use crate::quota::forecast::Used;
use crate::quota::status::{KeyStatus, Status, rejected, status};
use crate::quota::{Cost, Guard, Policy, Reading, Scope, SearchCharge};
use crate::store::Store;
use crate::store::ledger::Hour;
use crate::virustotal::Error;

mod history;
mod show;

pub use history::{Form, history};

/// So far back a forecast looks.
const PAST: TimeDelta = TimeDelta::days(35);

/// Between two looks of `--watch`.
const LOOK: Duration = Duration::from_secs(60);

/// What the commands of the quota need.
pub struct Quota {
    /// A guard a key.
    pub guards: Vec<Guard>,
    /// When it warns and stops.
    pub policy: Policy,
    /// What this machine remembers, and where; or why it does not.
    pub store: Result<Store, String>,
    /// The time.
    pub clock: Clock,
}

/// How `quota` answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// One JSON object.
    pub json: bool,
    /// Again and again, until it is stopped.
    pub watch: bool,
    /// In colours, where a person looks on.
    pub colour: bool,
}

/// `quota --json`.
#[derive(Serialize)]
struct Told<'a> {
    at: DateTime<Utc>,
    keys: &'a [KeyStatus],
    /// The data directory, or why there is none.
    remembers: &'a str,
}

/// Prints how the keys stand.
pub async fn run(quota: &Quota, how: How, stop: &CancellationToken) -> Result<(), Exit> {
    loop {
        let keys = quota.keys().await?;
        quota.print(&keys, how);
        if !how.watch {
            return worst(&keys);
        }
        let next = stop.run_until_cancelled(quota.clock.sleep(LOOK)).await;
        if next.is_none() {
            return Ok(());
        }
    }
}

/// Says whether `need` requests fit.
pub async fn check(quota: &Quota, need: u64, json: bool) -> Result<(), Exit> {
    let mut readings = Vec::new();
    for guard in &quota.guards {
        readings.push(guard.refresh().await.map_err(|error| Exit::from(&error))?);
    }
    let now = quota.clock.now();
    let fits = quota.fit(&readings, need, now);
    show::fits(&fits, need, json);
    match fits.fit {
        Fit::Now => Ok(()),
        Fit::Later(_) | Fit::No => Err(Exit::NotEverything(format!(
            "{need} requests do not fit into what is left now"
        ))),
    }
}

/// Whether so many requests fit, with all keys together.
struct Fits {
    fit: Fit,
    left: Option<u64>,
}

impl Quota {
    async fn keys(&self) -> Result<Vec<KeyStatus>, Exit> {
        let now = self.clock.now();
        let past = self.past(now);
        let mut keys = Vec::new();
        for guard in &self.guards {
            let key = guard.key();
            keys.push(match guard.refresh().await {
                Ok(reading) => {
                    let of = |quota: &str, scope: Scope| {
                        let place = (key.to_owned(), quota.to_owned(), scope.word().to_owned());
                        past.get(&place).cloned().unwrap_or_default()
                    };
                    status(key, &reading, guard.charged(), self.policy, of, now)
                }
                Err(error @ Error::WrongKey { .. }) => rejected(key, &error.to_string(), now),
                Err(error) => {
                    let unknown = Reading::unknown(error.to_string(), now);
                    let none = |_: &str, _: Scope| Vec::new();
                    status(key, &unknown, SearchCharge::Unknown, self.policy, none, now)
                }
            });
        }
        Ok(keys)
    }

    /// The readings that are remembered, by key, quota and scope.
    fn past(&self, now: DateTime<Utc>) -> BTreeMap<(String, String, String), Vec<Used>> {
        let mut past: BTreeMap<_, Vec<Used>> = BTreeMap::new();
        let hours = self.hours(now - PAST, now);
        for Hour {
            hour,
            key,
            quota,
            scope,
            used,
            ..
        } in hours
        {
            past.entry((key, quota, scope))
                .or_default()
                .push(Used { hour, used });
        }
        past
    }

    fn hours(&self, from: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Hour> {
        let Ok(store) = &self.store else {
            return Vec::new();
        };
        store.hours(from, now).unwrap_or_else(|error| {
            tracing::warn!("the past is not known: {error}");
            Vec::new()
        })
    }

    fn fit(&self, readings: &[Reading], need: u64, now: DateTime<Utc>) -> Fits {
        let best = readings
            .iter()
            .map(|reading| fit(reading, self.policy, need, now))
            .min_by_key(|fit| match fit {
                Fit::Now => (0, now),
                Fit::Later(at) => (1, *at),
                Fit::No => (2, now),
            });
        let left = self
            .guards
            .iter()
            .map(|guard| guard.calls_left(Cost::Request));
        Fits {
            fit: best.unwrap_or(Fit::No),
            left: left.flatten().max(),
        }
    }

    fn print(&self, keys: &[KeyStatus], how: How) {
        let now = self.clock.now();
        let remembers = match &self.store {
            Ok(store) => format!("remembered in {}", store.path().display()),
            Err(why) => format!("nothing is remembered: {why}"),
        };
        if how.json {
            let told = Told {
                at: now,
                keys,
                remembers: &remembers,
            };
            say!(
                "{}",
                serde_json::to_string_pretty(&told).unwrap_or_default()
            );
            return;
        }
        if how.watch && how.colour {
            // The screen is cleared and the cursor goes home.
            say!("\u{1b}[2J\u{1b}[H");
        }
        for key in keys {
            show::key(key, how.colour, now);
        }
        say!("{remembers}");
    }
}

/// A key that VirusTotal does not accept is wrong; of several, the others go on.
fn worst(keys: &[KeyStatus]) -> Result<(), Exit> {
    let of = |status| keys.iter().filter(|key| key.status == status).count();
    let why = |status| {
        let key = keys.iter().find(|key| key.status == status);
        key.and_then(|key| key.why.clone()).unwrap_or_default()
    };
    match (of(Status::Rejected), of(Status::Unknown)) {
        (0, 0) => Ok(()),
        (rejected, _) if rejected == keys.len() => Err(Exit::Settings(why(Status::Rejected))),
        (0, unknown) => Err(Exit::NotEverything(format!(
            "the quotas of {unknown} of {} keys could not be read: {}",
            keys.len(),
            why(Status::Unknown)
        ))),
        (rejected, _) => Err(Exit::NotEverything(format!(
            "{rejected} of {} keys are not accepted: {}",
            keys.len(),
            why(Status::Rejected)
        ))),
    }
}
