//! The road over a directory: one file a bundle, for somebody else to carry in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::base::clock::Clock;
use crate::opencti::error::Error;

use super::Sent;
use super::document::{Names, Retention, Sender, document};

/// What a probe holds: a disk that is full takes an empty file.
const PROBE: &[u8] = &[b' '; 4096];

/// Where files go, and how long they stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySettings {
    /// `CONNECTOR_SEND_TO_DIRECTORY_PATH`.
    pub path: PathBuf,
    /// `CONNECTOR_SEND_TO_DIRECTORY_RETENTION`: days, 0 keeps all.
    pub retention_days: u32,
}

/// The road.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    path: PathBuf,
    retention: Retention,
    sender: Sender,
    names: Names,
    clock: Clock,
}

impl Directory {
    /// A road into a directory. It is not made: a path that is not there is
    /// more often a forgotten mount than a wish.
    pub fn new(settings: DirectorySettings, sender: Sender, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            path: settings.path,
            retention: Retention::days(settings.retention_days),
            names: Names::new(&sender),
            sender,
            clock,
        }))
    }

    /// Whether a bundle could be written, and so many bytes after it: writes a
    /// file that nobody takes for a bundle, and removes it.
    pub(super) async fn try_out(&self, room: u64) -> Result<String, Error> {
        let inner = self.0.clone();
        let tried = tokio::task::spawn_blocking(move || inner.try_out(room));
        tried
            .await
            .map_err(|error| fault(&self.0.path, &io::Error::other(error)))?
    }

    /// Writes a bundle: complete under its name, or not at all.
    pub async fn send(&self, bundle: &str) -> Result<Sent, Error> {
        let (text, objects) = document("DIRECTORY_BUNDLE", &self.0.sender, bundle)?;
        let inner = self.0.clone();
        let done = tokio::task::spawn_blocking(move || {
            inner.sweep();
            inner.write(&text)
        });
        done.await
            .map_err(|error| fault(&self.0.path, &io::Error::other(error)))??;
        Ok(Sent {
            objects,
            bundles: 1,
            counted: None,
            left: Vec::new(),
        })
    }
}

impl Inner {
    fn try_out(&self, room: u64) -> Result<String, Error> {
        let (mut file, target) = self.create()?;
        let probe = half(&target);
        let written = file.write_all(PROBE).and_then(|()| file.sync_all());
        drop(file);
        let removed = fs::remove_file(&probe);
        written
            .and(removed)
            .map_err(|error| fault(&probe, &error))?;
        let path = self.path.display();
        // A file system that does not tell its size does not tell what is free.
        let space = fs4::statvfs(&self.path).ok();
        let Some(space) = space.filter(|space| space.total_space() > 0) else {
            return Ok(format!("{path} can be written; its free space is not told"));
        };
        let free = space.available_space();
        if free < room {
            return Err(fault(&self.path, &io::Error::other(too_little(free, room))));
        }
        Ok(format!(
            "{path} can be written, {} MB free (a run needs about {})",
            free / 1_000_000,
            room / 1_000_000
        ))
    }

    fn write(&self, text: &[u8]) -> Result<(), Error> {
        let (mut file, target) = self.create()?;
        let draft = half(&target);
        let written = file
            .write_all(text)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&draft, &target));
        if let Err(error) = written {
            // Half a file is of no use, and a full disk needs the room.
            let _ = fs::remove_file(&draft);
            return Err(fault(&target, &error));
        }
        // The name outlives a power cut only with its folder. Not every file
        // system can do this, and the file itself is safe.
        let _ = File::open(&self.path).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// A new file `NAME.json.tmp`, and the name that it will have.
    fn create(&self) -> Result<(File, PathBuf), Error> {
        loop {
            let target = self.path.join(self.names.name(self.clock.now()));
            let opened = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(half(&target));
            match opened {
                Ok(file) if !target.exists() => return Ok((file, target)),
                Ok(_) => {
                    let _ = fs::remove_file(half(&target));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fault(&target, &error)),
            }
            // Another process has the name: the next one is a millisecond later.
        }
    }

    /// Removes own files that are older than the retention. What cannot be
    /// removed is said and stays.
    fn sweep(&self) {
        let Some(before) = self.retention.before(self.clock.now()) else {
            return;
        };
        // A folder that cannot be read is told by the write that follows.
        let Ok(entries) = fs::read_dir(&self.path) else {
            return;
        };
        for entry in entries.flatten() {
            let own = entry
                .file_name()
                .to_str()
                .is_some_and(|n| self.names.is_own(n));
            if own && written(&entry).is_some_and(|moment| moment < before) {
                match fs::remove_file(entry.path()) {
                    Ok(()) => tracing::debug!("{} has expired and is gone", entry.path().display()),
                    Err(error) => tracing::warn!(
                        "{} has expired and cannot be removed: {error}",
                        entry.path().display()
                    ),
                }
            }
        }
    }
}

fn too_little(free: u64, room: u64) -> String {
    format!(
        "{} MB are free and a run needs about {}",
        free / 1_000_000,
        room.div_ceil(1_000_000)
    )
}

fn written(entry: &fs::DirEntry) -> Option<DateTime<Utc>> {
    let data = entry.metadata().ok()?;
    let moment = data.is_file().then(|| data.modified().ok())??;
    Some(moment.into())
}

fn half(target: &Path) -> PathBuf {
    target.with_added_extension("tmp")
}

fn fault(path: &Path, error: &io::Error) -> Error {
    Error::Directory {
        path: path.display().to_string(),
        cause: error.to_string(),
    }
}
