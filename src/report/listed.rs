//! Which files VirusTotal has listed in a run: each counts once, however often
//! it comes.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::virustotal::objects::File;

/// The files that were read, by 64 bits of their hash; clones share them.
///
/// What is not delivered may have to be read again: it is listed for good only
/// once its numbers are. What is read is delivered in the same order.
#[derive(Clone, Debug, Default)]
pub struct Listed(Arc<Mutex<Files>>);

#[derive(Debug, Default)]
struct Files {
    all: HashSet<u64>,
    /// The last of them, whose numbers are not saved yet.
    pending: VecDeque<u64>,
}

impl Listed {
    fn files(&self) -> MutexGuard<'_, Files> {
        // The section holds no code that panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a file, and says whether it is a new one.
    pub fn add(&self, file: &File) -> bool {
        let Some(key) = key(file) else {
            return false;
        };
        let mut files = self.files();
        let new = files.all.insert(key);
        if new {
            files.pending.push_back(key);
        }
        new
    }

    /// Whether it was listed before. What has no hash never was: nothing says
    /// that two such are the same.
    pub fn has(&self, file: &File) -> bool {
        key(file).is_some_and(|key| self.files().all.contains(&key))
    }

    /// Lists the first so many for good: their numbers are saved.
    pub fn settle(&self, count: usize) {
        let mut files = self.files();
        let count = count.min(files.pending.len());
        files.pending.drain(..count);
    }

    /// Forgets what was not delivered: it comes once more.
    pub fn take_back(&self) {
        let mut files = self.files();
        let Files { all, pending } = &mut *files;
        for key in pending.drain(..) {
            all.remove(&key);
        }
    }

    /// How much memory it holds, about.
    pub fn held(&self) -> usize {
        let files = self.files();
        (files.all.capacity() + files.pending.capacity()) * size_of::<u64>()
    }

    /// Forgets all: the whole list comes once more.
    pub fn clear(&self) {
        self.files().all.clear();
    }
}

fn key(file: &File) -> Option<u64> {
    let hash = file.sha256();
    if hash.is_empty() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    hash.to_ascii_lowercase().hash(&mut hasher);
    Some(hasher.finish())
}
