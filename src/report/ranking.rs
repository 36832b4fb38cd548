//! What occurs most often, in memory that does not grow: a run may meet any
//! number of names.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Different texts that are counted one by one. So many names of families or
/// file types a country never sees; contacted hosts may be more.
const ROOM: usize = 2048;

/// Counts texts. As long as no more than `ROOM` different ones come, every
/// count is exact. Then the rarer half is forgotten and the others are lowered
/// by as much as that half may have had (Misra and Gries): what is left is
/// never told too high, and [`Ranked::missed`] says by how much it may be too
/// low.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranking {
    counts: HashMap<Box<str>, u64>,
    total: u64,
    missed: u64,
}

impl Ranking {
    pub fn add(&mut self, text: &str) {
        self.total += 1;
        if let Some(count) = self.counts.get_mut(text) {
            *count += 1;
            return;
        }
        if self.counts.len() >= ROOM {
            self.forget();
        }
        self.counts.insert(text.into(), 1);
    }

    fn forget(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let middle = counts.len() / 2;
        let (_, &mut lost, _) = counts.select_nth_unstable(middle);
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(lost);
            *count > 0
        });
        self.missed += lost;
    }

    /// The `most` commonest; of two alike the first by name.
    pub fn ranked(&self, most: usize) -> Ranked {
        let mut rows: Vec<(&str, u64)> = self
            .counts
            .iter()
            .map(|(text, count)| (&**text, *count))
            .collect();
        let order = |one: &(&str, u64), other: &(&str, u64)| {
            other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0))
        };
        if rows.len() > most {
            rows.select_nth_unstable_by(most, order);
            rows.truncate(most);
        }
        rows.sort_unstable_by(order);
        Ranked {
            rows: rows
                .into_iter()
                .map(|(text, count)| (text.to_owned(), count))
                .collect(),
            total: self.total,
            different: (self.missed == 0).then_some(self.counts.len() as u64),
            missed: self.missed,
        }
    }
}

/// The commonest of a ranking, as they are shown and saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ranked {
    pub rows: Vec<(String, u64)>,
    /// How many were counted, also of those that are not in the rows.
    pub total: u64,
    /// How many different ones there are; `None` where too many came to know.
    pub different: Option<u64>,
    /// What each count may be too low by; 0 = all are exact.
    pub missed: u64,
}

impl Ranked {
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The count of a text, if that is among the rows.
    pub fn get(&self, text: &str) -> Option<u64> {
        let mut rows = self.rows.iter();
        Some(rows.find(|(known, _)| known == text)?.1)
    }
}

/// Goes on from a saved ranking. What had not been saved may turn up again, and
/// is then told too low by at most what the last saved one had.
impl From<&Ranked> for Ranking {
    fn from(saved: &Ranked) -> Self {
        let whole = saved.different == Some(saved.rows.len() as u64);
        let least = saved.rows.last().map_or(0, |(_, count)| *count);
        Self {
            counts: saved
                .rows
                .iter()
                .map(|(text, count)| (text.as_str().into(), *count))
                .collect(),
            total: saved.total,
            missed: if whole { 0 } else { saved.missed.max(least) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_while_there_is_room() {
        let mut top = Ranking::default();
        for (text, times) in [("b", 3), ("a", 3), ("c", 5), ("d", 1)] {
            for _ in 0..times {
                top.add(text);
            }
        }
        let ranked = top.ranked(3);
        let rows: Vec<_> = ranked
            .rows
            .iter()
            .map(|(text, count)| (text.as_str(), *count))
            .collect();
        assert_eq!(rows, [("c", 5), ("a", 3), ("b", 3)]);
        assert_eq!(ranked.total, 12);
        assert_eq!((ranked.different, ranked.missed), (Some(4), 0));
    }

    #[test]
    fn many_different_texts_take_no_more_room_and_common_ones_are_never_told_too_high() {
        let mut top = Ranking::default();
        for number in 0..50_000_u32 {
            top.add(&format!("host{number}.example.net"));
            if number % 10 == 0 {
                top.add("common.example.net");
            }
        }
        assert!(top.counts.len() <= ROOM);
        let ranked = top.ranked(1);
        let (text, count) = &ranked.rows[0];
        assert_eq!(text, "common.example.net");
        assert!(*count <= 5000 && *count + ranked.missed >= 5000, "{count}");
        assert_eq!((ranked.total, ranked.different), (55_000, None));
    }

    #[test]
    fn a_saved_ranking_goes_on() {
        let mut top = Ranking::default();
        for text in ["a", "a", "b"] {
            top.add(text);
        }
        let mut again = Ranking::from(&top.ranked(10));
        top.add("b");
        again.add("b");
        assert_eq!(top, again);
        let cut = Ranking::from(&top.ranked(1));
        assert_eq!((cut.total, cut.missed), (4, 2));
    }
}
