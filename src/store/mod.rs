//! What this machine remembers: one SQLite file in the data directory.
//!
//! | part        | holds                                              | kept                     |
//! |-------------|----------------------------------------------------|--------------------------|
//! | [`ledger`]  | quotas as they were read, own requests, by hour    | a retention of days      |
//! | [`share`]   | pace and count that this machine's processes share | until the next reading   |
//! | [`lookups`] | VirusTotal's answers about files                   | their lifetime, LRU      |
//!
//! Several processes use the file at the same time (WAL); each statement is a
//! transaction of its own or part of a short one, so that a kill leaves the
//! last state that was acknowledged. A damaged file is set aside under another
//! name and begun anew, with a warning that says where it went.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

mod damage;
pub mod ledger;
pub mod lookups;
mod schema;
pub mod share;

/// The file's name in the data directory.
pub const FILE: &str = "vtreporter.db";

/// So long one process waits for another one's transaction.
const BUSY: Duration = Duration::from_secs(3);

/// The open file. Cheap to clone; clones share one connection.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// Why nothing can be remembered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The directory or the file in it cannot be made or written.
    #[error("{path} cannot be used as a data directory: {why}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A newer version has written it; to change it would harm that one.
    #[error(
        "{path} was written by a newer version (form {found}, this version knows {known}): use that version, or another data directory"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The form that it has.
        found: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// The file is there, and a statement failed: a full disk, or another
    /// process that does not let go.
    #[error("{path} could not be {doing}: {why}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        doing: &'static str,
        /// What SQLite says.
        why: String,
    },
}

impl Store {
    /// Opens the file in `directory`, and makes both where they are missing.
    ///
    /// `now` names a damaged file that is set aside.
    pub fn open(directory: &Path, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let unusable = |error: std::io::Error| StoreError::Unusable {
            path: directory.to_owned(),
            why: error.to_string(),
        };
        make_directory(directory).map_err(unusable)?;
        let path = directory.join(FILE);
        let connection = Mutex::new(damage::open(&path, now)?);
        Ok(Self(Arc::new(Inner { path, connection })))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Reads. A damaged file is set aside, and what is asked is asked once more
    /// of the new one.
    fn read<T>(
        &self,
        now: DateTime<Utc>,
        ask: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.with(now, "read", |connection| ask(connection))
    }

    /// Writes in one transaction, which takes its lock at once: two processes
    /// never read the same and then both write.
    fn write<T>(
        &self,
        now: DateTime<Utc>,
        change: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.with(now, "written", |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    fn with<T>(
        &self,
        now: DateTime<Utc>,
        doing: &'static str,
        run: impl Fn(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.0.connection.lock();
        let mut result = run(&mut connection);
        if result.as_ref().is_err_and(damage::is_damage) {
            *connection = damage::replace(&self.0.path, now)?;
            result = run(&mut connection);
        }
        result.map_err(|error| StoreError::Failed {
            path: self.0.path.clone(),
            doing,
            why: error.to_string(),
        })
    }
}

/// What is in it is nobody else's business: which files an organisation asks
/// for is telling.
fn make_directory(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// SQLite's whole numbers are signed: what does not fit is the largest.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// And back: nothing that is counted here is negative.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
