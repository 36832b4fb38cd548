//! The worker: takes bundles from the queue, splits them, tells their works how
//! much to expect, and imports object by object. It may be slow, behind, or dead.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::Contents;
use super::fault::ImportFault;
use super::rules::Examined;
use super::store::{Judgement, arranged};
use crate::opencti::platform::State;
use crate::opencti::works::WorkMessage;

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
    pub(crate) fn messages(&self) -> usize {
        if self.counted { self.len() } else { 1 }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Tells the work how much there is, once.
    pub(super) fn count(&mut self, state: &mut State) {
        let work = self.work.as_deref().and_then(|id| state.work(id).ok());
        if let (false, Some(work)) = (self.counted, work) {
            work.expected += self.len() as u64;
        }
        self.counted = true;
    }
}

/// The worker takes every bundle from the queue, counts and splits it, and puts
/// the objects back; returns how many bundles.
pub(crate) fn count(state: &mut State) -> usize {
    let mut held = std::mem::take(&mut state.held);
    let fresh = held.iter_mut().filter(|held| !held.counted);
    let number = fresh.map(|held| held.count(state)).count();
    state.held = held;
    number
}

/// The worker imports up to `most` objects that were counted; returns how many.
pub(crate) fn import_some(state: &mut State, most: usize, now: DateTime<Utc>) -> usize {
    let mut done = 0;
    while done < most
        && let Some(mut held) = state.held.pop_front()
    {
        if !held.counted {
            state.held.push_front(held);
            break;
        }
        let number = held.len().min(most - done);
        let judgements = match &mut held.contents {
            Waiting::Judged(objects) => state.store.import(objects.drain(..number)),
            Waiting::Counted(Contents::Counted(types)) => {
                state.store.count(types);
                types.clear();
                Vec::new()
            }
            Waiting::Counted(Contents::Judged(_)) => Vec::new(),
        };
        tell(state, held.work.as_deref(), judgements, number, now);
        done += number;
        if held.len() > 0 {
            state.held.push_front(held);
        }
    }
    done
}

/// Works everything off; returns how many bundles there were.
pub(crate) fn work_off(state: &mut State, now: DateTime<Utc>) -> usize {
    let number = state.held.len();
    count(state);
    import_some(state, usize::MAX, now);
    number
}

/// Tells the work what became of its objects.
fn tell(
    state: &mut State,
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
            state.faults.push(ImportFault {
                object: judged.id.clone(),
                kind,
                detail,
                work: work.map(str::to_owned),
            });
        }
    }
    errors.resize(number, None);
    if let Some(work) = work.and_then(|id| state.work(id).ok()) {
        for error in errors {
            work.report(error, now);
        }
    }
}
