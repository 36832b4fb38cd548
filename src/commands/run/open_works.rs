//! The works that are not known to be complete: which are in hand, which wait
//! for a word of ours, and what that word is. Pure.

use crate::import::open_work::{Hold, LastWords, OpenWork};
use crate::opencti::Progress;

/// More than this are not remembered: a worker that is dead for weeks must not
/// make the state grow for ever.
const MOST: usize = 50;

/// So many looks in a row at an empty queue: nothing more comes. One is not
/// enough, the broker's own numbers lag behind.
const EMPTY_LOOKS: u8 = 2;

/// What is still to be told to a work that was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The platform is at it.
    Nothing,
    /// All that was pushed is counted: our own expectation.
    Own,
    /// Nothing more comes: so many objects that never came, and our own
    /// expectation if there is one.
    Missing { lost: u64, own: bool },
    /// It is complete.
    Complete,
}

/// A work, and what this process knows about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) work: OpenWork,
    /// A run of this process goes on under it.
    in_hand: bool,
    /// The queue was looked at since it was closed, which is too early to tell.
    looked_at: bool,
    /// Looks in a row at an empty queue since then.
    empty_looks: u8,
}

impl Entry {
    /// What is due, by what the platform has counted.
    pub(super) fn due(&self, progress: &Progress) -> Due {
        let held = self.work.hold != Hold::None;
        let counted = self
            .work
            .pushed
            .is_some_and(|pushed| progress.expected > pushed);
        if progress.is_complete() {
            Due::Complete
        } else if self.work.hold == Hold::Held && counted {
            Due::Own
        } else if self.empty_looks < EMPTY_LOOKS || (!held && self.work.pushed.is_some()) {
            Due::Nothing
        } else {
            let missing = progress.missing();
            Due::Missing {
                lost: missing.saturating_sub(u64::from(held)),
                own: held,
            }
        }
    }

    /// Whether a word of ours is still needed for it to become complete.
    fn is_owed(&self) -> bool {
        !self.work.closed || self.work.hold != Hold::None || self.work.pushed.is_none()
    }
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub(super) struct OpenWorks(Vec<Entry>);

impl OpenWorks {
    /// Those that an earlier process left.
    pub(super) fn left(works: Vec<OpenWork>) -> Self {
        let entry = |work| Entry {
            work,
            ..Entry::default()
        };
        Self(works.into_iter().map(entry).collect())
    }

    /// A run begins under a new work. Tells which there is no room for any more.
    pub(super) fn begin(&mut self, id: &str, hold: Hold) -> Vec<OpenWork> {
        let surplus = (self.0.len() + 1).saturating_sub(MOST);
        let dropped = self.0.drain(..surplus);
        let dropped = dropped.map(|entry| entry.work).collect();
        self.0.push(Entry {
            work: OpenWork {
                id: id.to_owned(),
                hold,
                ..OpenWork::default()
            },
            in_hand: true,
            ..Entry::default()
        });
        dropped
    }

    /// A run has ended; `said` is the last word, if the platform did not take it.
    pub(super) fn end(&mut self, id: &str, pushed: Option<u64>, said: Option<LastWords>) {
        self.change(id, |entry| {
            entry.in_hand = false;
            entry.work.pushed = pushed;
            entry.work.closed = said.is_none();
            entry.work.last_words = said;
        });
    }

    pub(super) fn change(&mut self, id: &str, change: impl FnOnce(&mut Entry)) {
        let entry = self.0.iter_mut().find(|entry| entry.work.id == id);
        if let Some(entry) = entry {
            change(entry);
        }
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.0.retain(|entry| entry.work.id != id);
    }

    /// A look at the queue: whether nothing waits in it.
    pub(super) fn looked(&mut self, empty: bool) {
        for entry in self.0.iter_mut().filter(|entry| entry.work.closed) {
            // What was pushed a moment ago shows in the queue only seconds later.
            let counts = std::mem::replace(&mut entry.looked_at, true);
            entry.empty_looks = match empty && counts {
                true => entry.empty_looks.saturating_add(1),
                false => 0,
            };
        }
    }

    /// Somebody purged the queue: what was counted may never come.
    pub(super) fn purged(&mut self) {
        for entry in &mut self.0 {
            entry.work.pushed = None;
            entry.looked_at = false;
            entry.empty_looks = 0;
        }
    }

    /// Those whose run is over.
    pub(super) fn waiting(&self) -> Vec<Entry> {
        let over = self.0.iter().filter(|entry| !entry.in_hand);
        over.cloned().collect()
    }

    pub(super) fn get(&self, id: &str) -> Option<Entry> {
        self.0.iter().find(|entry| entry.work.id == id).cloned()
    }

    /// How many wait for a word of ours.
    pub(super) fn owed(&self) -> usize {
        self.0.iter().filter(|entry| entry.is_owed()).count()
    }

    /// For the state. Last words are long, and every ping carries them: only
    /// those of the newest work are kept.
    pub(super) fn stored(&self) -> Vec<OpenWork> {
        let works = self.0.iter().map(|entry| entry.work.clone());
        let mut works: Vec<OpenWork> = works.collect();
        for older in works.iter_mut().rev().skip(1) {
            older.last_words = None;
        }
        works
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(hold: Hold, pushed: Option<u64>, empty_looks: u8) -> Entry {
        Entry {
            work: OpenWork {
                id: "w".to_owned(),
                hold,
                closed: true,
                pushed,
                last_words: None,
            },
            empty_looks,
            ..Entry::default()
        }
    }

    #[test]
    fn what_is_due_follows_from_what_the_platform_has_counted() {
        use Hold::{Held, InDoubt};
        let missing = |lost, own| Due::Missing { lost, own };
        for (hold, pushed, looks, (expected, processed), due) in [
            (Held, Some(39), 0, (1, 0), Due::Nothing),
            (Held, Some(39), 0, (39, 20), Due::Nothing),
            (Held, Some(39), 0, (40, 20), Due::Own),
            (Held, Some(0), 0, (1, 0), Due::Own),
            (Held, Some(39), 1, (30, 29), Due::Nothing),
            // Our splitter counted more than the platform's.
            (Held, Some(39), 2, (30, 29), missing(0, true)),
            (Held, None, 1, (40, 39), Due::Nothing),
            (Held, None, 2, (40, 39), missing(0, true)),
            (Held, None, 2, (40, 30), missing(9, true)),
            (InDoubt, Some(39), 0, (40, 39), Due::Nothing),
            (InDoubt, Some(39), 2, (40, 39), missing(0, true)),
            (Hold::None, Some(39), 9, (39, 20), Due::Nothing),
            (Hold::None, None, 2, (39, 20), missing(19, false)),
        ] {
            let progress = Progress {
                status: "progress".to_owned(),
                expected,
                processed,
            };
            let found = entry(hold, pushed, looks).due(&progress);
            assert_eq!(
                found, due,
                "{hold:?} {pushed:?} {looks} {expected} {processed}"
            );
        }
        let complete = Progress {
            status: "complete".to_owned(),
            ..Progress::default()
        };
        assert_eq!(entry(Held, None, 2).due(&complete), Due::Complete);
    }

    #[test]
    fn looks_count_from_the_last_word_on_and_only_in_a_row() {
        let mut works = OpenWorks::default();
        works.begin("w", Hold::Held);
        works.looked(true);
        works.end("w", Some(1), None);
        for (empty, looks) in [(true, 0), (true, 1), (false, 0), (true, 1), (true, 2)] {
            works.looked(empty);
            assert_eq!(works.get("w").unwrap().empty_looks, looks);
        }
        assert_eq!(works.owed(), 1);
    }

    #[test]
    fn the_newest_last_words_that_were_not_heard_are_kept() {
        let mut works = OpenWorks::default();
        let said = || LastWords {
            text: "done".to_owned(),
            in_error: false,
        };
        for id in ["a", "b"] {
            works.begin(id, Hold::Held);
            works.end(id, Some(1), Some(said()));
        }
        let stored = works.stored();
        assert_eq!(stored[0].last_words, None);
        assert_eq!(stored[1].last_words, Some(said()));
        let next = OpenWorks::left(stored);
        assert_eq!(next.waiting()[1].work.last_words, Some(said()));
    }

    #[test]
    fn works_for_which_nobody_works_do_not_pile_up_for_ever() {
        let mut works = OpenWorks::default();
        let mut dropped = Vec::new();
        for number in 0..200 {
            let more = works.begin(&number.to_string(), Hold::Held);
            dropped.extend(more.into_iter().map(|work| work.id));
        }
        let oldest: Vec<_> = (0..150).map(|number| number.to_string()).collect();
        assert_eq!(dropped, oldest, "each is told, once");
        assert_eq!(works.stored().len(), MOST);
        assert_eq!(works.stored()[MOST - 1].id, "199");
    }
}
