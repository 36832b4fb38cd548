//! A place in VirusTotal's list: where a run goes on, and what it has seen
//! there. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::schedule::Window;

/// VirusTotal's times are whole seconds.
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// A place in VirusTotal's list, which is ascending in first submission unless
/// the operator's own conditions make VirusTotal ignore the order.
///
/// Whether `fs:T+` includes `T` itself is documented nowhere. So a search by
/// date goes on a second earlier, and the files of both seconds are remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// VirusTotal's cursor for the next page. It may expire; `after` does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// From where the search of that cursor asked, when not from the window's
    /// start: a cursor is good for its own search only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched_from: Option<DateTime<Utc>>,
    /// First submission of the last file seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DateTime<Utc>>,
    /// SHA-256 of the files seen at that second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// SHA-256 of the files seen at the second before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// The list turned out not to be ascending: only the cursor leads on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
    /// Where only the cursor leads on, and this place is within a page: the files
    /// of that page that were seen, by the first 64 bits of their SHA-256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of_page: Vec<u64>,
}

impl Place {
    /// Notes a file as seen. A date outside the window is no place: VirusTotal
    /// has searched by another one, and what lies between would be skipped.
    pub fn pass(&mut self, window: Window, first_submission: Option<i64>, sha256: &str) {
        let moment = first_submission.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let within = |moment: &DateTime<Utc>| (window.from - SECOND..window.to).contains(moment);
        let Some(moment) = moment.filter(within) else {
            return;
        };
        let list = match self.after {
            Some(after) if moment == after => &mut self.seen,
            // Found late, by a search that went on a second earlier.
            Some(after) if moment + SECOND == after => &mut self.before,
            Some(after) if moment < after => {
                self.unordered = true;
                return;
            }
            after => {
                self.before = match after {
                    Some(after) if after + SECOND == moment => std::mem::take(&mut self.seen),
                    _ => Vec::new(),
                };
                self.after = Some(moment);
                self.seen.clear();
                &mut self.seen
            }
        };
        if !list.iter().any(|seen| seen == sha256) {
            list.push(sha256.to_owned());
        }
    }

    /// Whether a file was already seen in the last two seconds, or on the page
    /// that comes once more.
    pub fn is_seen(&self, sha256: &str) -> bool {
        let mut all = self.seen.iter().chain(&self.before);
        all.any(|seen| seen == sha256)
            || short(sha256).is_some_and(|short| self.of_page.contains(&short))
    }

    /// This place, from which that page comes once more, within which it is.
    #[must_use]
    pub fn within(mut self, page: &[String]) -> Self {
        if self.unordered {
            let seen = page.iter().filter_map(|sha256| short(sha256));
            self.of_page.extend(seen);
        }
        self
    }

    /// From where a search without a cursor goes on: a second before the last
    /// date seen, or the window's start where dates say nothing.
    pub fn from(&self, window: Window) -> DateTime<Utc> {
        match self.after {
            Some(after) if !self.unordered => after.max(window.from) - SECOND,
            _ => window.from,
        }
    }
}

fn short(sha256: &str) -> Option<u64> {
    u64::from_str_radix(sha256.get(..16)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window {
            from: DateTime::from_timestamp(50, 0).unwrap(),
            to: DateTime::from_timestamp(200, 0).unwrap(),
        }
    }

    fn passed(files: &[(i64, &str)]) -> Place {
        let mut place = Place::default();
        for (first, name) in files {
            place.pass(window(), Some(*first), name);
        }
        place
    }

    #[test]
    fn the_place_remembers_the_files_of_the_last_two_seconds_only() {
        let mut place = passed(&[(99, "z"), (100, "a"), (100, "b"), (101, "c")]);
        place.pass(window(), None, "undated");
        assert_eq!(place.after.unwrap().timestamp(), 101);
        assert_eq!(
            (&place.seen[..], &place.before[..]),
            (&["c".to_owned()][..], &["a".to_owned(), "b".to_owned()][..])
        );
        assert!(place.is_seen("c") && place.is_seen("a") && !place.is_seen("z"));
        assert_eq!(place.from(window()).timestamp(), 100);
        place.pass(window(), Some(105), "d");
        assert!(place.before.is_empty(), "not the second before");
    }

    #[test]
    fn a_file_a_second_older_is_late_and_one_two_seconds_older_is_out_of_order() {
        let place = passed(&[(100, "a"), (99, "late")]);
        assert!(!place.unordered && place.is_seen("late") && place.is_seen("a"));
        assert_eq!(place.from(window()).timestamp(), 99);
        let place = passed(&[(100, "a"), (98, "older")]);
        assert!(place.unordered);
        assert_eq!(place.from(window()), window().from);
    }

    #[test]
    fn a_date_outside_the_window_is_no_place() {
        let place = passed(&[
            (100, "a"),
            (200, "behind"),
            (9_000_000_000, "far"),
            (3, "old"),
        ]);
        assert_eq!(place.after.unwrap().timestamp(), 100);
        assert!(!place.unordered);
    }
}
