//! Answers about objects, so that nobody pays twice for one: by SHA-256 with
//! the other hashes as aliases, each for its lifetime, the least recently used
//! ones going first where the room is full.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Store, StoreError, count, whole};

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file, by one of its hashes.
    File,
    /// An IP address.
    Address,
    /// A domain.
    Domain,
    /// A URL, by VirusTotal's id of it.
    Url,
}

impl Kind {
    /// VirusTotal's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Address => "ip_address",
            Self::Domain => "domain",
            Self::Url => "url",
        }
    }
}

/// How long an answer is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// What VirusTotal knows.
    pub known: Duration,
    /// What it does not know yet.
    pub unknown: Duration,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Answers.
    pub entries: u64,
    /// Bytes of their reports.
    pub bytes: u64,
}

/// An answer to keep.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// About what.
    pub kind: Kind,
    /// VirusTotal's id, for a file its SHA-256; what was asked for, where it is
    /// not known.
    pub id: &'a str,
    /// Other hashes of the file.
    pub aliases: &'a [&'a str],
    /// VirusTotal's object as JSON; `None`: it is not known there.
    pub report: Option<&'a str>,
    /// The report has each engine's result.
    pub engines: bool,
}

/// An answer that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// VirusTotal's id.
    pub id: String,
    /// VirusTotal's object as JSON; `None`: it is not known there.
    pub report: Option<String>,
    /// The report has each engine's result.
    pub engines: bool,
    /// When VirusTotal was asked.
    pub asked_at: DateTime<Utc>,
}

/// How much is kept, and how it was used, since the file was begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Known and unknown objects.
    pub entries: u64,
    /// Of their reports.
    pub bytes: u64,
    /// Look-ups that were answered from here.
    pub hits: u64,
    /// Look-ups that were not.
    pub misses: u64,
    /// Answers that were kept.
    pub stores: u64,
    /// Entries that made room for others.
    pub evicted: u64,
    /// Entries whose lifetime was over.
    pub expired: u64,
}

impl Store {
    /// The answer about an object, by its id or an alias, if it is still good;
    /// with each engine's result if `engines`. Counted as a hit or a miss.
    pub fn look_up(
        &self,
        kind: Kind,
        id: &str,
        engines: bool,
        lifetimes: Lifetimes,
        now: DateTime<Utc>,
    ) -> Result<Option<Kept>, StoreError> {
        self.write(now, |transaction| {
            let kept = find(transaction, kind, id)?;
            let good = kept.filter(|kept| {
                is_good(kept, lifetimes, now) && (!engines || kept.engines || kept.report.is_none())
            });
            match &good {
                Some(kept) => {
                    touch(transaction, kind, &kept.id, now)?;
                    add(transaction, "hits", 1)?;
                }
                None => add(transaction, "misses", 1)?,
            }
            Ok(good)
        })
    }

    /// Keeps answers, and makes room for them; returns how many others went.
    ///
    /// A report without the engines' results does not replace a good one that
    /// has them.
    pub fn keep(
        &self,
        answers: &[Answer<'_>],
        lifetimes: Lifetimes,
        room: Room,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.write(now, |transaction| {
            for answer in answers {
                keep(transaction, answer, lifetimes, now)?;
            }
            add(transaction, "stores", answers.len() as u64)?;
            evict(transaction, room)
        })
    }

    /// Those of `ids` whose answers are still good, without counting.
    pub fn fresh(
        &self,
        kind: Kind,
        ids: &[&str],
        lifetimes: Lifetimes,
        now: DateTime<Utc>,
    ) -> Result<Vec<Kept>, StoreError> {
        self.read(now, |connection| {
            let mut fresh = Vec::new();
            for id in ids {
                let kept = find(connection, kind, id)?;
                fresh.extend(kept.filter(|kept| is_good(kept, lifetimes, now)));
            }
            Ok(fresh)
        })
    }

    /// How much is kept, and how it was used.
    pub fn stats(&self, now: DateTime<Utc>) -> Result<Stats, StoreError> {
        self.read(now, |connection| {
            let mut stats = Stats::default();
            let mut statement = connection.prepare_cached("SELECT name, value FROM counter")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let value = count(row.get(1)?);
                let field = match row.get_ref(0)?.as_str()? {
                    "entries" => &mut stats.entries,
                    "bytes" => &mut stats.bytes,
                    "hits" => &mut stats.hits,
                    "misses" => &mut stats.misses,
                    "stores" => &mut stats.stores,
                    "evicted" => &mut stats.evicted,
                    "expired" => &mut stats.expired,
                    _ => continue,
                };
                *field = value;
            }
            Ok(stats)
        })
    }

    /// Forgets what is no longer good; returns how many entries went.
    pub fn clean(&self, lifetimes: Lifetimes, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(now, |transaction| {
            let gone = transaction.execute(
                "DELETE FROM object WHERE asked_at <= CASE WHEN report IS NULL THEN ?1 ELSE ?2 END",
                params![
                    before(now, lifetimes.unknown).timestamp(),
                    before(now, lifetimes.known).timestamp()
                ],
            )? as u64;
            add(transaction, "expired", gone)?;
            Ok(gone)
        })
    }

    /// Hands every answer to `take`, in the order of kinds and ids; ends early
    /// where it says `false`.
    pub fn each(
        &self,
        now: DateTime<Utc>,
        take: impl Fn(&str, Kept) -> bool,
    ) -> Result<(), StoreError> {
        self.read(now, |connection| {
            let mut statement = connection.prepare(
                "SELECT id, report, engines, asked_at, kind FROM object ORDER BY kind, id",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if !take(row.get_ref(4)?.as_str()?, kept(row)?) {
                    break;
                }
            }
            Ok(())
        })
    }
}

fn keep(
    transaction: &Transaction<'_>,
    answer: &Answer<'_>,
    lifetimes: Lifetimes,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let (kind, id) = (answer.kind.word(), answer.id);
    let old = find(transaction, answer.kind, id)?;
    let better = |old: &Kept| old.engines && is_good(old, lifetimes, now);
    let keeps = !answer.engines && answer.report.is_some() && old.as_ref().is_some_and(better);
    if keeps {
        return Ok(());
    }
    for alias in answer.aliases {
        // Asked for by this hash, it was not known.
        transaction.execute(
            "DELETE FROM object WHERE kind = ?1 AND id = ?2",
            [kind, alias],
        )?;
    }
    let bytes = answer.report.map_or(0, str::len) as u64;
    transaction
        .prepare_cached(
            "INSERT INTO object (kind, id, report, engines, asked_at, used_at, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET report = excluded.report, engines = excluded.engines,
                 asked_at = excluded.asked_at, used_at = excluded.used_at, bytes = excluded.bytes",
        )?
        .execute(params![
            kind,
            id,
            answer.report,
            answer.engines,
            now.timestamp(),
            now.timestamp_millis(),
            whole(bytes)
        ])?;
    for alias in answer.aliases {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO alias (hash, id) VALUES (?1, ?2)")?
            .execute([*alias, id])?;
    }
    Ok(())
}

/// The least recently used go until the rest has room.
fn evict(transaction: &Transaction<'_>, room: Room) -> rusqlite::Result<u64> {
    let mut gone = 0;
    let mut size = transaction.prepare_cached("SELECT value FROM counter WHERE name = ?1")?;
    let mut oldest = transaction.prepare_cached(
        "DELETE FROM object WHERE (kind, id) IN
             (SELECT kind, id FROM object ORDER BY used_at LIMIT 1)",
    )?;
    loop {
        let entries: i64 = size.query_row(["entries"], |row| row.get(0))?;
        let bytes: i64 = size.query_row(["bytes"], |row| row.get(0))?;
        if count(entries) <= room.entries && count(bytes) <= room.bytes {
            break;
        }
        if oldest.execute([])? == 0 {
            break;
        }
        gone += 1;
    }
    add(transaction, "evicted", gone)?;
    Ok(gone)
}

fn find(connection: &Connection, kind: Kind, id: &str) -> rusqlite::Result<Option<Kept>> {
    connection
        .prepare_cached(
            "SELECT id, report, engines, asked_at FROM object
             WHERE kind = ?1 AND id = coalesce((SELECT id FROM alias WHERE hash = ?2), ?2)",
        )?
        .query_row([kind.word(), id], kept)
        .optional()
}

fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        id: row.get(0)?,
        report: row.get(1)?,
        engines: row.get(2)?,
        asked_at: DateTime::from_timestamp(row.get(3)?, 0).unwrap_or_default(),
    })
}

fn touch(
    transaction: &Transaction<'_>,
    kind: Kind,
    id: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE object SET used_at = ?3 WHERE kind = ?1 AND id = ?2")?
        .execute(params![kind.word(), id, now.timestamp_millis()])?;
    Ok(())
}

fn add(transaction: &Transaction<'_>, name: &str, more: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE counter SET value = value + ?2 WHERE name = ?1")?
        .execute(params![name, whole(more)])?;
    Ok(())
}

fn is_good(kept: &Kept, lifetimes: Lifetimes, now: DateTime<Utc>) -> bool {
    let lifetime = match kept.report {
        Some(_) => lifetimes.known,
        None => lifetimes.unknown,
    };
    kept.asked_at > before(now, lifetime)
}

fn before(now: DateTime<Utc>, lifetime: Duration) -> DateTime<Utc> {
    let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
    now.checked_sub_signed(lifetime)
        .unwrap_or(DateTime::UNIX_EPOCH)
}
