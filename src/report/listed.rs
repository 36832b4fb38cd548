//! Which files VirusTotal has listed in a run: each counts once, however often
//! it comes.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::marks::Marks;
use crate::virustotal::objects::File;

/// The files that were read, by some bits of their hash, mixed by a secret of this
/// process: nobody can make two files that are taken for one. Clones share them.
///
/// What is not delivered may have to be read again: it is listed for good only
/// once its numbers are. What is read is delivered in the same order.
#[derive(Clone, Debug, Default)]
pub struct Listed(Arc<Mutex<Files>>);

#[derive(Debug, Default)]
struct Files {
    all: Marks,
    secret: RandomState,
    /// The last of them, whose numbers are not saved yet.
    pending: VecDeque<u64>,
}

impl Listed {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock()
    }

    /// Lists a file, and says whether it is a new one.
    pub fn add(&self, file: &File) -> bool {
        let mut files = self.files();
        let Some(key) = files.key(file) else {
            return false;
        };
        let new = files.all.set(key, 0);
        if new {
            files.pending.push_back(key);
        }
        new
    }

    /// Whether it was listed before. What has no hash never was: nothing says
    /// that two such are the same.
    pub fn has(&self, file: &File) -> bool {
        let files = self.files();
        let key = files.key(file);
        key.is_some_and(|key| files.all.get(key).is_some())
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
        let Files { all, pending, .. } = &mut *files;
        for key in pending.drain(..) {
            all.remove(key);
        }
    }

    /// How much memory it holds, about.
    pub fn held(&self) -> usize {
        let files = self.files();
        files.all.held() + files.pending.capacity() * size_of::<u64>()
    }

    /// Forgets all: the whole list comes once more.
    pub fn clear(&self) {
        self.files().all = Marks::default();
    }
}

impl Files {
    fn key(&self, file: &File) -> Option<u64> {
        let hash = file.sha256();
        let lower = || self.secret.hash_one(hash.to_ascii_lowercase());
        (!hash.is_empty()).then(lower)
    }
}
