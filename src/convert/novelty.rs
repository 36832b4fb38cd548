//! New or known: whether anybody had seen a file before the run's window.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::virustotal::objects::FileAttributes;

/// 2004-06-01, when VirusTotal began: nothing it knows was seen earlier. The
/// value 1 occurs in its answers.
const EARLIEST: i64 = 1_086_048_000;

/// What VirusTotal's dates say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// First seen anywhere within the window.
    New,
    /// Submitted, or seen in the wild, before it.
    Known,
    /// No date says it.
    Unknown,
}

impl Novelty {
    /// By the earlier of the first submission and the first sighting in the
    /// wild, as far as that one is a date that can be.
    pub(crate) fn of(attributes: &FileAttributes, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let in_the_wild = attributes
            .first_seen_itw_date
            .filter(|seen| (EARLIEST..to.timestamp()).contains(seen));
        let dates = [attributes.first_submission_date, in_the_wild];
        match dates.into_iter().flatten().min() {
            None => Self::Unknown,
            Some(seen) if seen < from.timestamp() => Self::Known,
            Some(_) => Self::New,
        }
    }

    /// The word of the CSV's column "seen_before".
    pub(crate) fn seen_before(self) -> &'static str {
        match self {
            Self::New => "no",
            Self::Known => "yes",
            Self::Unknown => "",
        }
    }
}

/// Files by novelty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Novelties {
    /// First seen anywhere within the window.
    pub new: u64,
    /// Seen before it.
    pub known: u64,
    /// Without a date.
    pub unknown: u64,
}

impl Novelties {
    pub(crate) fn add(&mut self, novelty: Novelty) {
        *self.of(novelty) += 1;
    }

    pub(crate) fn take_back(&mut self, novelty: Novelty) {
        let count = self.of(novelty);
        *count = count.saturating_sub(1);
    }

    fn of(&mut self, novelty: Novelty) -> &mut u64 {
        match novelty {
            Novelty::New => &mut self.new,
            Novelty::Known => &mut self.known,
            Novelty::Unknown => &mut self.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_new_where_no_date_that_can_be_lies_before_the_window() {
        let (from, to) = (2_000_000_000, 2_000_086_400);
        let table = [
            (None, None, ""),
            (Some(from), None, "no"),
            (Some(from - 1), None, "yes"),
            (Some(from), Some(from - 1), "yes"),
            (None, Some(from + 5), "no"),
            // 1 occurs; so does what lies in the future.
            (Some(from + 5), Some(1), "no"),
            (Some(from + 5), Some(to), "no"),
            (None, Some(0), ""),
        ];
        for (first_submission_date, first_seen_itw_date, expected) in table {
            let attributes = FileAttributes {
                first_submission_date,
                first_seen_itw_date,
                ..FileAttributes::default()
            };
            let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
            let novelty = Novelty::of(&attributes, moment(from), moment(to));
            assert_eq!(novelty.seen_before(), expected, "{attributes:?}");
        }
    }
}
