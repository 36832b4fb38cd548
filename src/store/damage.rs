//! Opening the file, and what to do about one that is damaged: it is set aside
//! under another name, never deleted, and a new one is begun.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use fs4::FileExt;
use rusqlite::{Connection, ErrorCode};
use tracing::warn;

use super::schema::{self, Form, KNOWN};
use super::{BUSY, StoreError};

/// Opens a file, damaged or not.
pub(super) fn open(path: &Path, now: DateTime<Utc>) -> Result<Connection, StoreError> {
    match connect(path) {
        Err(error) if is_damage(&error) => replace(path, now),
        connected => judged(path, connected),
    }
}

/// A file that was found to be damaged gives way to a new one.
///
/// Under a lock, since another process may have seen the damage too and may
/// have replaced it already: what is sound by now stays.
pub(super) fn replace(path: &Path, now: DateTime<Utc>) -> Result<Connection, StoreError> {
    let failed = |error: std::io::Error| StoreError::Unusable {
        path: path.parent().unwrap_or(path).to_owned(),
        why: error.to_string(),
    };
    let lock = File::create(path.with_extension("lock")).map_err(failed)?;
    FileExt::lock(&lock).map_err(failed)?;
    if let Ok((connection, form)) = connect(path)
        && is_sound(&connection)
    {
        return judged(path, Ok((connection, form)));
    }
    let aside = free_name(path, now);
    for end in ["", "-wal", "-shm"] {
        match fs::rename(with(path, end), with(&aside, end)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    let (file, aside) = (path.display(), aside.display());
    warn!("{file} was damaged: it is now {aside}, and a new one was begun");
    judged(path, connect(path))
}

/// Whether an error means that the file is no longer what SQLite wrote.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn connect(path: &Path) -> rusqlite::Result<(Connection, Form)> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What was acknowledged survives a kill; the last moments before a power
    // failure may be forgotten, and cost requests at most.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let form = schema::migrate(&mut connection)?;
    Ok((connection, form))
}

fn is_sound(connection: &Connection) -> bool {
    let said = connection.pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0));
    said.is_ok_and(|said| said == "ok")
}

fn judged(
    path: &Path,
    connected: rusqlite::Result<(Connection, Form)>,
) -> Result<Connection, StoreError> {
    match connected {
        Ok((connection, Form::Ready)) => Ok(connection),
        Ok((_, Form::Newer(found))) => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: KNOWN,
        }),
        Err(error) => Err(StoreError::Unusable {
            path: path.parent().unwrap_or(path).to_owned(),
            why: error.to_string(),
        }),
    }
}

/// A name that no file has: damage found twice in one second keeps both.
fn free_name(path: &Path, now: DateTime<Utc>) -> PathBuf {
    let base = with(path, &now.format(".damaged-%Y%m%dT%H%M%SZ").to_string());
    (1..)
        .map(|n| match n {
            1 => base.clone(),
            n => with(&base, &format!("-{n}")),
        })
        .find(|name| !name.exists())
        .unwrap_or(base)
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
