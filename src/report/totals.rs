//! What a run has come to so far: saved with its place, told in the report and
//! in the work's message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::counted::Counted;
use crate::convert::filter::Dropped;
use crate::convert::left_out::{LeftOut, Reasons};
use crate::report::counts::Counts;
use crate::report::parts::Parts;
use crate::report::profile::Summary;

/// Different gaps kept by name; what comes on top is one number.
const MOST_GAPS: usize = 20;

/// Of what happened to many objects, so many are named.
const MOST_IDS: usize = 3;

/// How often something happened, and to which objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub struct Cases {
    pub count: u64,
    /// VirusTotal's ids of the first of them.
    pub ids: Vec<String>,
}

/// What a state may hold: those of earlier versions have a number only.
#[derive(Deserialize)]
#[serde(untagged)]
enum Saved {
    Count(u64),
    Cases { count: u64, ids: Vec<String> },
}

impl From<Saved> for Cases {
    fn from(saved: Saved) -> Self {
        let (count, ids) = match saved {
            Saved::Count(count) => (count, Vec::new()),
            Saved::Cases { count, ids } => (count, ids),
        };
        Self { count, ids }
    }
}

impl Cases {
    pub fn add(&mut self, id: Option<&str>) {
        self.count += 1;
        if let Some(id) = id
            && self.ids.len() < MOST_IDS
            && !self.ids.iter().any(|known| known == id)
        {
            self.ids.push(id.to_owned());
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        for id in other.ids {
            if self.ids.len() < MOST_IDS && !self.ids.contains(&id) {
                self.ids.push(id);
            }
        }
    }

    /// The ids in a list that says whether it is all of them.
    fn named(&self) -> String {
        let named = self.ids.join(", ");
        if self.count > self.ids.len() as u64 {
            format!("{named}, ...")
        } else {
            named
        }
    }
}

/// Notes kept; that there are more is one more.
const MOST_NOTES: usize = 20;

/// The numbers of a run, as far as the other side has accepted it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Pages of the search that arrived.
    pub pages: u64,
    /// Files that VirusTotal answered with, each once: those that were kept, and
    /// those that were dropped.
    pub matched: u64,
    /// Objects delivered, each once.
    pub counts: Counts,
    /// Those of them that may come again: a process that takes the run up counts
    /// each once.
    pub counted: Counted,
    /// Files not kept, by reason.
    pub dropped: Reasons<Dropped>,
    /// Parts of objects left out, by reason.
    pub left_out: Reasons<LeftOut>,
    /// What was lost, how often and of which files: the run is not whole.
    pub gaps: BTreeMap<String, Cases>,
    /// Objects that VirusTotal lists and does not have. Nothing is lost with
    /// them: it is an everyday state of VirusTotal.
    pub not_there: Cases,
    /// What a reader should know, without anything being lost.
    pub notes: Notes,
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
    /// They may be more: an attempt ended without a word, and what it had asked
    /// after its last delivery is in no number.
    pub requests_at_least: bool,
    /// What the files look like.
    pub summary: Summary,
    /// Where a report over the cap of references stands.
    pub parts: Parts,
    /// How often the CSV of the part in hand was begun anew, after restarts.
    pub sheets: u32,
}

/// Sentences, each once, and an end to them: they travel with every ping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Notes(BTreeSet<String>);

impl Notes {
    pub fn insert(&mut self, note: String) {
        if self.0.len() < MOST_NOTES || self.0.contains(&note) {
            self.0.insert(note);
        } else {
            self.0.insert("and more of that kind".to_owned());
        }
    }

    /// In the order of their letters.
    pub fn iter(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }
}

impl Extend<String> for Notes {
    fn extend<T: IntoIterator<Item = String>>(&mut self, notes: T) {
        for note in notes {
            self.insert(note);
        }
    }
}

impl Totals {
    /// Adds what was read since. What was delivered is no part of that.
    pub fn add(&mut self, read: Self) {
        self.pages += read.pages;
        self.matched += read.matched;
        self.dropped.merge(&read.dropped);
        self.left_out.merge(&read.left_out);
        self.not_there.merge(read.not_there);
        for (what, cases) in read.gaps {
            self.gap_named(what).merge(cases);
        }
        self.notes.extend(read.notes.0);
    }

    /// Forgets what was read, because all of it comes once more; the objects
    /// stay counted, each once.
    pub fn begin_again(&mut self) {
        self.matched = 0;
        self.dropped = Reasons::default();
        self.left_out = Reasons::default();
    }

    /// Takes the counts of what has gone out. What was kept is what was
    /// delivered; both together are what was answered with.
    pub fn count(&mut self, counts: Counts) {
        self.counts = counts;
        self.matched = counts.main.total() + self.dropped.total();
    }

    pub fn gap(&mut self, what: impl Into<String>) {
        self.lose(what.into(), None);
    }

    /// Counts a loss of the object with this id.
    pub fn gap_of(&mut self, what: impl Into<String>, id: &str) {
        self.lose(what.into(), Some(id));
    }

    fn lose(&mut self, what: String, id: Option<&str>) {
        self.gap_named(what).add(id);
    }

    fn gap_named(&mut self, mut what: String) -> &mut Cases {
        if self.gaps.len() >= MOST_GAPS && !self.gaps.contains_key(&what) {
            what = "other gaps".to_owned();
        }
        self.gaps.entry(what).or_default()
    }

    pub fn lost(&self) -> u64 {
        self.gaps.values().map(|cases| cases.count).sum()
    }

    /// The losses in a sentence; `None` when the run is whole.
    pub fn losses(&self) -> Option<String> {
        if self.gaps.is_empty() {
            return None;
        }
        Some(self.gap_lines().collect::<Vec<_>>().join("; "))
    }

    /// Tells each loss in a line.
    pub fn gap_lines(&self) -> impl Iterator<Item = String> {
        self.gaps.iter().map(|(what, cases)| {
            let told = match cases.count {
                1 => String::new(),
                count => format!("{count} times"),
            };
            match (told.is_empty(), cases.ids.is_empty()) {
                (true, true) => what.clone(),
                (false, true) => format!("{what} ({told})"),
                (true, false) => format!("{what} ({})", cases.named()),
                (false, false) => format!("{what} ({told}: {})", cases.named()),
            }
        })
    }

    /// Tells each note in a line.
    pub fn note_lines(&self) -> impl Iterator<Item = String> {
        let not_there = match self.not_there.count {
            0 => None,
            1 => Some("1 object that VirusTotal lists and does not have".to_owned()),
            count => Some(format!(
                "{count} objects that VirusTotal lists and does not have"
            )),
        };
        let not_there = not_there.map(|text| match self.not_there.ids.is_empty() {
            true => text,
            false => format!("{text} ({})", self.not_there.named()),
        });
        not_there.into_iter().chain(self.notes.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_kept_once_each_and_have_an_end() {
        let mut notes = Notes::default();
        for n in 0..100 {
            notes.insert(format!("note {}", n % 50));
        }
        assert_eq!(notes.iter().count(), MOST_NOTES + 1);
        assert!(notes.iter().any(|note| note.starts_with("and more")));
    }

    #[test]
    fn gaps_are_counted_by_name_and_their_list_does_not_grow_without_end() {
        let mut numbers = Totals::default();
        assert_eq!(numbers.losses(), None);
        numbers.gap("no answer for dropped files");
        numbers.gap("no answer for dropped files");
        assert_eq!(
            numbers.losses().as_deref(),
            Some("no answer for dropped files (2 times)")
        );
        for n in 0..100 {
            numbers.gap(format!("gap {n}"));
        }
        assert_eq!(numbers.gaps.len(), MOST_GAPS + 1);
        assert_eq!(numbers.lost(), 102);
    }

    #[test]
    fn a_gap_names_three_of_its_files_and_each_once() {
        let mut numbers = Totals::default();
        let line = |numbers: &Totals| numbers.gap_lines().next().unwrap();
        numbers.gap_of("missing", "a");
        assert_eq!(line(&numbers), "missing (a)");
        numbers.gap_of("missing", "a");
        assert_eq!(line(&numbers), "missing (2 times: a, ...)");
        for id in ["b", "c", "d"] {
            numbers.gap_of("missing", id);
        }
        assert_eq!(line(&numbers), "missing (5 times: a, b, c, ...)");
    }

    #[test]
    fn what_virustotal_lists_and_does_not_have_is_a_note_and_no_loss() {
        let mut numbers = Totals::default();
        assert_eq!(numbers.note_lines().count(), 0);
        numbers.not_there.add(Some("a"));
        numbers.not_there.add(Some("b"));
        numbers.notes.insert("a note".to_owned());
        let notes: Vec<_> = numbers.note_lines().collect();
        assert_eq!(
            notes,
            [
                "2 objects that VirusTotal lists and does not have (a, b)",
                "a note"
            ]
        );
        assert_eq!(numbers.losses(), None);
    }

    #[test]
    fn gaps_of_a_state_that_was_saved_as_numbers_are_read() {
        let numbers: Totals = serde_json::from_str(r#"{"gaps":{"x":7}}"#).unwrap();
        assert_eq!(numbers.gaps["x"].count, 7);
        let saved = serde_json::to_string(&numbers).unwrap();
        assert_eq!(serde_json::from_str::<Totals>(&saved).unwrap(), numbers);
    }
}
