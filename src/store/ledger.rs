//! The past of the quotas: what VirusTotal said, and what was sent, by hour.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use rusqlite::params;

use super::{Store, StoreError, count, whole};

/// One allowance as VirusTotal told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// VirusTotal's name of the quota.
    pub quota: String,
    /// `user` or `group`.
    pub scope: String,
    /// Used so far in its window.
    pub used: u64,
    /// Allowed in all; `None` where it is not capped.
    pub allowed: Option<u64>,
}

/// What one request was charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Charge {
    /// API requests.
    Requests,
    /// Intelligence searches.
    Searches,
}

/// An hour of one allowance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// When it began.
    pub hour: DateTime<Utc>,
    /// The key's fingerprint.
    pub key: String,
    /// VirusTotal's name of the quota.
    pub quota: String,
    /// `user` or `group`.
    pub scope: String,
    /// Used at the last reading of the hour.
    pub used: u64,
    /// Allowed in all; `None` where it is not capped.
    pub limit: Option<u64>,
    /// Own requests of the hour that were charged to it.
    pub own: u64,
}

impl Charge {
    fn text(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Searches => "searches",
        }
    }
}

impl Store {
    /// Remembers a reading; the last one of an hour stays.
    pub fn remember_reading(
        &self,
        key: &str,
        snapshots: &[Snapshot],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let hour = start_of(now);
        self.write(now, |transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO snapshot (hour, key, quota, scope, used, allowed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET used = excluded.used, allowed = excluded.allowed",
            )?;
            for one in snapshots {
                let (used, allowed) = (whole(one.used), one.allowed.map(whole));
                statement.execute(params![hour, key, one.quota, one.scope, used, allowed])?;
            }
            Ok(())
        })
    }

    /// Remembers requests that were sent at `now`, one kind of call.
    pub fn remember_sent(
        &self,
        key: &str,
        charge: Charge,
        endpoint: &str,
        sent: u64,
        failed: u64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (hour, sent, failed) = (start_of(now), whole(sent), whole(failed));
        self.write(now, |transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO spent (hour, key, charged, endpoint, sent, failed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE
                 SET sent = sent + excluded.sent, failed = failed + excluded.failed",
            )?;
            statement.execute(params![hour, key, charge.text(), endpoint, sent, failed])?;
            Ok(())
        })
    }

    /// The allowances of each hour since `from`, oldest first.
    pub fn hours(&self, from: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<Hour>, StoreError> {
        self.read(now, |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT hour, key, quota, scope, used, allowed, coalesce((
                     SELECT sum(sent) FROM spent
                     WHERE spent.hour = snapshot.hour AND spent.key = snapshot.key
                       AND spent.charged = CASE
                           WHEN quota LIKE 'intelligence_searches%' THEN 'searches'
                           WHEN quota LIKE 'api_requests%' THEN 'requests' END), 0)
                 FROM snapshot WHERE hour >= ?1 ORDER BY hour, key, quota, scope",
            )?;
            let rows = statement.query_map([start_of(from)], |row| {
                Ok(Hour {
                    hour: moment(row.get(0)?),
                    key: row.get(1)?,
                    quota: row.get(2)?,
                    scope: row.get(3)?,
                    used: count(row.get(4)?),
                    limit: row.get::<_, Option<i64>>(5)?.map(count),
                    own: count(row.get(6)?),
                })
            })?;
            rows.collect()
        })
    }

    /// Forgets the hours before `moment`; returns how many rows went.
    pub fn forget_before(
        &self,
        moment: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let hour = start_of(moment);
        self.write(now, |transaction| {
            let snapshots = transaction.execute("DELETE FROM snapshot WHERE hour < ?1", [hour])?;
            let spent = transaction.execute("DELETE FROM spent WHERE hour < ?1", [hour])?;
            Ok(snapshots + spent)
        })
    }
}

/// The beginning of the hour, in seconds since 1970.
fn start_of(moment: DateTime<Utc>) -> i64 {
    let hour = moment.duration_trunc(TimeDelta::hours(1));
    hour.unwrap_or(moment).timestamp()
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}
