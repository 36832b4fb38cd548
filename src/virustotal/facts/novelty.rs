//! New or known: whether anybody had seen a file before the run's window.

use chrono::{DateTime, Utc};

use crate::virustotal::objects::FileAttributes;

/// 2004-06-01, when VirusTotal began: nothing it knows was seen earlier. The
/// value 1 occurs in its answers.
const EARLIEST: i64 = 1_086_048_000;

/// What VirusTotal's dates say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
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
    pub fn of(attributes: &FileAttributes, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
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
}

#[cfg(test)]
mod tests {
    use super::Novelty::{Known, New, Unknown};
    use super::*;

    #[test]
    fn a_file_is_new_where_no_date_that_can_be_lies_before_the_window() {
        let (from, to) = (2_000_000_000, 2_000_086_400);
        let table = [
            (None, None, Unknown),
            (Some(from), None, New),
            (Some(from - 1), None, Known),
            (Some(from), Some(from - 1), Known),
            (None, Some(from + 5), New),
            // 1 occurs; so does what lies in the future.
            (Some(from + 5), Some(1), New),
            (Some(from + 5), Some(to), New),
            (None, Some(0), Unknown),
        ];
        for (first_submission_date, first_seen_itw_date, expected) in table {
            let attributes = FileAttributes {
                first_submission_date,
                first_seen_itw_date,
                ..FileAttributes::default()
            };
            let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
            let novelty = Novelty::of(&attributes, moment(from), moment(to));
            assert_eq!(novelty, expected, "{attributes:?}");
        }
    }
}
