//! One way to an answer about an object: what is fresh in the data directory
//! costs nothing, the rest is asked for once and kept.
//!
//! ```text
//! hash -> fresh in the store? -> quota guard -> VirusTotal -> kept -> answer
//! ```

use crate::base::clock::Clock;
use crate::quota::{CallError, Cost, Guard};
use crate::store::lookups::{Answer, Kept, Kind, Lifetimes, Room};
use crate::store::{Store, StoreError};
use crate::virustotal::lookup::{FileHash, FileReport};

/// How long answers are good for, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// How long.
    pub lifetimes: Lifetimes,
    /// How many.
    pub room: Room,
}

/// What was learned before.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Where it is kept.
    pub store: Store,
    /// How long, and how much.
    pub keeping: Keeping,
    /// The time.
    pub clock: Clock,
}

/// Where an answer is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was known here.
    Cache,
    /// It was asked for.
    VirusTotal,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// VirusTotal was not asked, or did not answer.
    #[error(transparent)]
    Asking(#[from] CallError),
    /// What is kept cannot be read.
    #[error(transparent)]
    Keeping(#[from] StoreError),
}

impl Cache {
    /// What is known of a file and still good; with each engine's result.
    pub fn file(&self, hash: &FileHash) -> Result<Option<Kept>, StoreError> {
        let lifetimes = self.keeping.lifetimes;
        let now = self.clock.now();
        self.store
            .look_up(Kind::File, hash.as_str(), true, lifetimes, now)
    }

    /// Whether an answer about a file is still good, without counting.
    pub fn is_fresh(&self, hash: &FileHash) -> Result<bool, StoreError> {
        let (ids, lifetimes) = ([hash.as_str()], self.keeping.lifetimes);
        let fresh = self
            .store
            .fresh(Kind::File, &ids, lifetimes, self.clock.now())?;
        let good = |kept: &Kept| kept.engines || kept.report.is_none();
        Ok(fresh.iter().any(good))
    }

    /// Keeps an answer about a file; `None`: VirusTotal does not know it.
    pub fn keep(&self, hash: &FileHash, report: Option<&FileReport>) -> Result<(), StoreError> {
        let aliases: Vec<&str> = report
            .map(|report| report.aliases.iter().map(String::as_str).collect())
            .unwrap_or_default();
        let answer = Answer {
            kind: Kind::File,
            id: report.map_or(hash.as_str(), |report| &report.id),
            aliases: &aliases,
            report: report.map(|report| report.json.as_str()),
            engines: report.is_some_and(|report| report.engines),
        };
        let Keeping { lifetimes, room } = self.keeping;
        let now = self.clock.now();
        self.store.keep(&[answer], lifetimes, room, now).map(drop)
    }
}

/// A file's report, from what is known or from VirusTotal.
pub async fn file(
    cache: &Cache,
    guard: &Guard,
    hash: &FileHash,
) -> Result<(Option<FileReport>, Source), LookupError> {
    if let Some(kept) = cache.file(hash)? {
        let report = kept.report.and_then(|json| {
            let object = serde_json::from_str(&json).ok()?;
            FileReport::of(&object)
        });
        return Ok((report, Source::Cache));
    }
    let asked = guard
        .call(Cost::Request, async |client| client.file(hash).await)
        .await?;
    cache.keep(hash, asked.as_ref())?;
    Ok((asked, Source::VirusTotal))
}
