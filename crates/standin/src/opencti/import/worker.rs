//! The worker: takes bundles from the queue, splits them, tells their works how
//! much to expect, and imports object by object. It may be slow, behind, or dead.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::contents::Contents;
use super::fault::{FaultKind, ImportFault};
use super::rules::Examined;
use super::store::{Judgement, Store, arranged};
use crate::opencti::connectors::Queue;
use crate::opencti::works::{WorkMessage, Works};

/// Which way a bundle came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameBy {
    /// `stixBundlePush`.
    Api,
    /// A message of the broker.
    Queue,
    /// A file in a directory.
    Directory,
    /// An object in a bucket.
    S3,
}

/// A bundle as it came.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// When.
    pub at: DateTime<Utc>,
    /// Which way.
    pub road: CameBy,
    /// The connector that sent it, where that is told.
    pub connector: String,
    /// The work that it named.
    pub work: Option<String>,
    /// The draft that it named.
    pub draft: Option<String>,
    /// Its text; empty where objects are only counted.
    pub text: String,
    /// The size of its text.
    pub bytes: usize,
    /// How many objects it holds.
    pub objects: usize,
}

/// What waits in a connector's queue: a bundle as it came, or what is left of
/// one that was split.
pub(crate) struct Held {
    contents: Waiting,
    work: Option<String>,
    bytes: usize,
    /// The work was told how much there is.
    counted: bool,
}

/// Objects that wait.
enum Waiting {
    Judged(VecDeque<Examined>),
    Counted(Contents),
}

impl Held {
    pub(super) fn new(contents: Contents, work: Option<String>, bytes: usize) -> Self {
        Self {
            contents: match contents {
                Contents::Judged(objects) => Waiting::Judged(arranged(objects).into()),
                counted @ Contents::Counted(_) => Waiting::Counted(counted),
            },
            work,
            bytes,
            counted: false,
        }
    }

    /// One that its work was told of before it came.
    pub(super) fn announced(mut self) -> Self {
        self.counted = true;
        self
    }

    fn len(&self) -> usize {
        match &self.contents {
            Waiting::Judged(objects) => objects.len(),
            Waiting::Counted(objects) => objects.len(),
        }
    }

    /// In the queue: one message as it came, then one an object.
    fn messages(&self) -> usize {
        if self.counted { self.len() } else { 1 }
    }

    /// Tells the work how much there is, once.
    pub(super) fn count(&mut self, works: &mut Works) {
        let work = self.work.as_deref().and_then(|id| works.get(id).ok());
        if let (false, Some(work)) = (self.counted, work) {
            work.expected += self.len() as u64;
        }
        self.counted = true;
    }
}

/// What came, what waits, what was taken, and what was wrong with it.
#[derive(Default)]
pub(crate) struct Importer {
    pub(crate) bundles: Vec<Arc<Pushed>>,
    held: VecDeque<Held>,
    pub(crate) store: Store,
    pub(crate) faults: Vec<ImportFault>,
}

impl Importer {
    /// One that took objects with these ids before.
    pub(crate) fn new(known: &[String]) -> Self {
        Self {
            store: Store::new(known),
            ..Self::default()
        }
    }

    /// How many bundles wait.
    pub(crate) fn waiting(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn forget_waiting(&mut self) {
        self.held.clear();
    }

    /// What waits, as the broker counts it.
    pub(crate) fn queue(&self) -> Queue {
        Queue {
            messages: self.held.iter().map(|held| held.messages() as f64).sum(),
            bytes: self.held.iter().map(|held| held.bytes as f64).sum(),
        }
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held.push_back(held);
    }

    /// Remembers that something was no bundle.
    pub(super) fn refuse(&mut self, why: String) {
        self.faults.push(ImportFault {
            object: String::new(),
            kind: FaultKind::NotABundle,
            detail: why,
            work: None,
        });
    }

    /// The worker takes every bundle from the queue, counts and splits it, and
    /// puts the objects back; returns how many bundles.
    pub(crate) fn count(&mut self, works: &mut Works) -> usize {
        let fresh = self.held.iter_mut().filter(|held| !held.counted);
        fresh.map(|held| held.count(works)).count()
    }

    /// The worker imports up to `most` objects that were counted; returns how many.
    pub(crate) fn import_some(
        &mut self,
        works: &mut Works,
        most: usize,
        now: DateTime<Utc>,
    ) -> usize {
        let mut done = 0;
        while done < most
            && let Some(mut held) = self.held.pop_front()
        {
            if !held.counted {
                self.held.push_front(held);
                break;
            }
            let number = held.len().min(most - done);
            let judgements = match &mut held.contents {
                Waiting::Judged(objects) => self.store.import(objects.drain(..number)),
                Waiting::Counted(Contents::Counted(types)) => {
                    self.store.count(types);
                    types.clear();
                    Vec::new()
                }
                Waiting::Counted(Contents::Judged(_)) => Vec::new(),
            };
            self.tell(works, held.work.as_deref(), judgements, number, now);
            done += number;
            if held.len() > 0 {
                self.held.push_front(held);
            }
        }
        done
    }

    /// Works everything off; returns how many bundles there were.
    pub(crate) fn work_off(&mut self, works: &mut Works, now: DateTime<Utc>) -> usize {
        let number = self.held.len();
        self.count(works);
        self.import_some(works, usize::MAX, now);
        number
    }

    /// Tells the work what became of its objects.
    fn tell(
        &mut self,
        works: &mut Works,
        work: Option<&str>,
        judgements: Vec<Judgement>,
        number: usize,
        now: DateTime<Utc>,
    ) {
        let mut errors = Vec::new();
        for judged in judgements {
            let said: Vec<&str> = judged
                .faults
                .iter()
                .map(|(_, said)| said.as_str())
                .collect();
            errors.push(judged.refused.then(|| WorkMessage {
                at: now,
                message: said.join("; "),
                source: Some(judged.id.clone()),
            }));
            for (kind, detail) in judged.faults {
                self.faults.push(ImportFault {
                    object: judged.id.clone(),
                    kind,
                    detail,
                    work: work.map(str::to_owned),
                });
            }
        }
        errors.resize(number, None);
        if let Some(work) = work.and_then(|id| works.get(id).ok()) {
            for error in errors {
                work.report(error, now);
            }
        }
    }
}
