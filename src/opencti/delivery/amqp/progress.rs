//! How far the bundle in hand is: what its work was told, and what became of
//! each of its messages.

use crate::opencti::delivery::LeftBehind;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was not handed over, or the broker gave it back.
    Unsent,
    /// It was handed over, and nothing was answered.
    InDoubt,
    /// The broker has it.
    Confirmed,
}

/// Whether a work was told how many objects come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Announced {
    #[default]
    No,
    /// It was said, and no answer came.
    InDoubt,
    Yes,
}

#[derive(Default)]
pub(super) struct Progress {
    /// Which bundle, for which work and draft.
    of: Option<u64>,
    work: Option<String>,
    announced: Announced,
    fates: Vec<Fate>,
    /// A work, and how many objects it was told to expect so far.
    told: Option<(String, u64)>,
}

impl Progress {
    /// Goes on with the bundle that failed last, or begins another.
    pub(super) fn begin(&mut self, of: u64, work: Option<&str>, count: usize) {
        if self.of == Some(of) {
            return;
        }
        if self.announced == Announced::InDoubt {
            self.told = None;
        }
        self.of = Some(of);
        self.work = work.map(str::to_owned);
        self.announced = Announced::No;
        self.fates = vec![Fate::Unsent; count];
    }

    /// The bundle is over: every message is confirmed.
    pub(super) fn done(&mut self) {
        *self = Self {
            told: self.told.take(),
            ..Self::default()
        };
    }

    /// Messages that are not confirmed.
    pub(super) fn open(&self) -> impl Iterator<Item = usize> + '_ {
        let places = self.fates.iter().enumerate();
        places
            .filter(|(_, fate)| **fate != Fate::Confirmed)
            .map(|(at, _)| at)
    }

    pub(super) fn set(&mut self, at: usize, fate: Fate) {
        self.fates[at] = fate;
    }

    pub(super) fn is_announced(&self) -> bool {
        self.announced == Announced::Yes
    }

    /// How many objects the work expects before this bundle; `None` where only
    /// the platform knows.
    pub(super) fn expected_by(&self, work: &str) -> Option<u64> {
        let told = self.told.as_ref().filter(|(told, _)| told == work);
        told.map(|(_, expected)| *expected)
    }

    /// The bundle is being announced to a work that expects so many before;
    /// whether it may have been heard already.
    pub(super) fn saying(&mut self, work: &str, before: u64) -> bool {
        self.told = Some((work.to_owned(), before));
        std::mem::replace(&mut self.announced, Announced::InDoubt) == Announced::InDoubt
    }

    /// The work expects so many by now, this bundle's objects among them.
    pub(super) fn said(&mut self, work: &str, expected: u64) {
        self.told = Some((work.to_owned(), expected));
        self.announced = Announced::Yes;
    }

    /// What a work was told of and did not certainly get.
    pub(super) fn left_behind(&self, work: &str) -> LeftBehind {
        let count = |wanted: Fate| self.fates.iter().filter(|fate| **fate == wanted).count();
        match self.announced {
            _ if self.work.as_deref() != Some(work) => LeftBehind::default(),
            Announced::No => LeftBehind::default(),
            Announced::InDoubt => LeftBehind {
                unsent: 0,
                in_doubt: true,
            },
            Announced::Yes => LeftBehind {
                unsent: count(Fate::Unsent),
                in_doubt: count(Fate::InDoubt) > 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(unsent: usize, in_doubt: bool) -> LeftBehind {
        LeftBehind { unsent, in_doubt }
    }

    #[test]
    fn what_is_left_behind_is_what_was_announced_and_not_confirmed() {
        let mut progress = Progress::default();
        progress.begin(1, Some("w"), 4);
        assert_eq!(progress.left_behind("w"), left(0, false), "not announced");
        assert!(!progress.saying("w", 5));
        assert_eq!(
            progress.left_behind("w"),
            left(0, true),
            "perhaps announced"
        );
        assert!(progress.saying("w", 5), "said before");
        progress.said("w", 9);
        progress.set(0, Fate::Confirmed);
        progress.set(1, Fate::InDoubt);
        assert_eq!(progress.left_behind("w"), left(2, true));
        assert_eq!(progress.left_behind("another"), left(0, false));
        assert_eq!(progress.open().collect::<Vec<_>>(), [1, 2, 3]);
        progress.begin(1, Some("w"), 4);
        assert_eq!(progress.left_behind("w"), left(2, true), "the same bundle");
        progress.done();
        assert_eq!(progress.left_behind("w"), left(0, false));
        assert_eq!(progress.expected_by("w"), Some(9));
        progress.begin(2, Some("v"), 1);
        assert_eq!(progress.expected_by("v"), None);
    }
}
