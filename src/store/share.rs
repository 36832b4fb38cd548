//! One pace and one count for all processes of this machine that use a key.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::params;

use super::{Store, StoreError, count, whole};

/// No turn is further away, in milliseconds: a clock that was ahead must not
/// stop everybody until it is that late.
const FURTHEST: i64 = 24 * 3600 * 1000;

/// Requests of all processes, since the file was begun: only differences say
/// something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Pages of searches.
    pub searches: u64,
    /// Other requests.
    pub requests: u64,
}

/// A request that was counted, and when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// How long to wait before it is sent.
    pub wait: Duration,
    /// All that were counted, this one included.
    pub sent: Sent,
}

impl Store {
    /// Counts one more request and gives it its turn, `apart` after the one
    /// before it, whichever process sent that.
    pub fn take_turn(
        &self,
        key: &str,
        more: Sent,
        apart: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Result<Turn, StoreError> {
        let (at, apart) = (
            now.timestamp_millis(),
            apart.map_or(0, |apart| apart.as_millis()),
        );
        let apart = i64::try_from(apart).unwrap_or(i64::MAX / 4);
        self.write(now, |transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO share (key, next_at, searches, requests)
                 VALUES (?1, ?2 + ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE
                 SET next_at = min(max(next_at, ?2), ?2 + ?6) + ?3,
                     searches = searches + ?4, requests = requests + ?5
                 RETURNING next_at - ?3 - ?2, searches, requests",
            )?;
            let more = (whole(more.searches), whole(more.requests));
            statement.query_row(params![key, at, apart, more.0, more.1, FURTHEST], |row| {
                Ok(Turn {
                    wait: Duration::from_millis(count(row.get(0)?)),
                    sent: Sent {
                        searches: count(row.get(1)?),
                        requests: count(row.get(2)?),
                    },
                })
            })
        })
    }

    /// A counted request was not charged after all.
    pub fn give_back(&self, key: &str, less: Sent, now: DateTime<Utc>) -> Result<(), StoreError> {
        let less = (whole(less.searches), whole(less.requests));
        self.write(now, |transaction| {
            transaction.execute(
                "UPDATE share SET searches = max(searches - ?2, 0),
                     requests = max(requests - ?3, 0) WHERE key = ?1",
                params![key, less.0, less.1],
            )?;
            Ok(())
        })
    }

    /// Nobody sends with this key for so long, as VirusTotal asked.
    pub fn hold(&self, key: &str, pause: Duration, now: DateTime<Utc>) -> Result<(), StoreError> {
        let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::days(1));
        let until = (now + pause).timestamp_millis();
        self.write(now, |transaction| {
            transaction.execute(
                "INSERT INTO share (key, next_at, searches, requests) VALUES (?1, ?2, 0, 0)
                 ON CONFLICT DO UPDATE SET next_at = max(next_at, ?2)",
                params![key, until],
            )?;
            Ok(())
        })
    }

    /// What was counted so far.
    pub fn sent(&self, key: &str, now: DateTime<Utc>) -> Result<Sent, StoreError> {
        self.read(now, |connection| {
            let mut statement =
                connection.prepare_cached("SELECT searches, requests FROM share WHERE key = ?1")?;
            let mut rows = statement.query([key])?;
            Ok(match rows.next()? {
                Some(row) => Sent {
                    searches: count(row.get(0)?),
                    requests: count(row.get(1)?),
                },
                None => Sent::default(),
            })
        })
    }
}
