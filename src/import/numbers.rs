//! What a run has come to so far: saved with its place, told in the report and
//! in the work's message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::convert::filter::Dropped;
use crate::convert::left_out::{LeftOut, Reasons};
use crate::convert::parts::Parts;
use crate::convert::profile::Summary;
use crate::convert::tally::Counts;

/// Different gaps kept by name; what comes on top is one number.
const MOST_GAPS: usize = 20;

/// The numbers of a run, as far as the other side has accepted it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    /// Pages of the search that arrived.
    pub pages: u64,
    /// Files that VirusTotal answered with.
    pub matched: u64,
    /// Objects delivered, each once.
    pub counts: Counts,
    /// Files not kept, by reason.
    pub dropped: Reasons<Dropped>,
    /// Parts of objects left out, by reason.
    pub left_out: Reasons<LeftOut>,
    /// What was lost, and how often: the run is not whole.
    pub gaps: BTreeMap<String, u64>,
    /// What a reader should know, without anything being lost.
    pub notes: BTreeSet<String>,
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
    /// What the files look like.
    pub summary: Summary,
    /// Where a report over the cap of references stands.
    pub parts: Parts,
    /// How often the CSV of the part in hand was begun anew, after restarts.
    pub sheets: u32,
}

impl Numbers {
    /// Counts a loss.
    pub fn gap(&mut self, what: impl Into<String>) {
        let mut what = what.into();
        if self.gaps.len() >= MOST_GAPS && !self.gaps.contains_key(&what) {
            what = "other gaps".to_owned();
        }
        *self.gaps.entry(what).or_default() += 1;
    }

    /// The losses in a sentence; `None` when the run is whole.
    pub fn losses(&self) -> Option<String> {
        if self.gaps.is_empty() {
            return None;
        }
        Some(self.gap_lines().collect::<Vec<_>>().join("; "))
    }

    /// A line for each loss.
    pub fn gap_lines(&self) -> impl Iterator<Item = String> {
        self.gaps.iter().map(|(what, count)| match count {
            1 => what.clone(),
            count => format!("{what} ({count} times)"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_by_name_and_their_list_does_not_grow_without_end() {
        let mut numbers = Numbers::default();
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
        assert_eq!(numbers.gaps.values().sum::<u64>(), 102);
    }
}
