//! This report beside the one before.

use chrono::TimeDelta;

use super::bars::SHOWN;
use super::counts::Counts;
use super::facts::{Progress, ReportFacts};
use super::ranking::Ranked;
use super::times::seconds;
use crate::base::number::{grouped, share};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: &'static str,
    pub(crate) before: String,
    pub(crate) now: String,
    pub(crate) change: String,
}

/// This report beside the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) from: String,
    pub(crate) to: String,
    /// The windows differ in length: the numbers are those of a day.
    pub(crate) per_day: bool,
    pub(crate) changes: Vec<Change>,
    /// Among the commonest families, and not among those of the report before.
    pub(crate) new_families: Vec<String>,
    /// The report before was not whole.
    pub(crate) gaps: bool,
}

impl Comparison {
    /// `None`: there is no report before.
    pub(crate) fn of(facts: &ReportFacts) -> Option<Self> {
        // What is not whole cannot be compared.
        if facts.progress != Progress::Complete {
            return None;
        }
        let previous = facts.previous.as_ref()?;
        let now = facts.subject.to - facts.subject.from;
        let before = previous.to - previous.from;
        let per_day = differ(now, before);
        let (then, counts) = (&previous.counts, &facts.counts);
        let rows: [(&'static str, u64, u64); 6] = [
            ("Files matched", previous.matched, facts.matched),
            ("Files kept", then.main.total(), counts.main.total()),
            ("High severity", then.main.high, counts.main.high),
            ("Medium severity", then.main.medium, counts.main.medium),
            (
                "Related files",
                then.related.total(),
                counts.related.total(),
            ),
            ("Addresses, domains, URLs", network(then), network(counts)),
        ];
        let changes = rows
            .into_iter()
            .map(|(name, old, new)| {
                if per_day {
                    change_per_day(name, rate(old, before), rate(new, now))
                } else {
                    change(name, old, new)
                }
            })
            .collect();
        Some(Self {
            from: seconds(previous.from),
            to: seconds(previous.to),
            per_day,
            changes,
            new_families: new_families(&previous.families, &facts.summary.families),
            gaps: previous.gaps,
        })
    }
}

fn network(counts: &Counts) -> u64 {
    counts.network()
}

/// Whether two windows differ in length by more than a twentieth: an overlap
/// alone makes them no different.
fn differ(one: TimeDelta, other: TimeDelta) -> bool {
    let (one, other) = (one.num_seconds().max(1), other.num_seconds().max(1));
    (one - other).abs() > one.max(other) / 20
}

fn rate(number: u64, time: TimeDelta) -> f64 {
    number as f64 * 86_400.0 / time.num_seconds().max(1) as f64
}

fn change(name: &'static str, before: u64, now: u64) -> Change {
    let difference = grouped(now.abs_diff(before));
    let change = match (before, now) {
        (before, now) if before == now => "unchanged".to_owned(),
        (0, _) => format!("+{difference}"),
        (before, now) if now > before => {
            format!("+{difference} (+{})", share(now - before, before))
        }
        (before, now) => format!("−{difference} (−{})", share(before - now, before)),
    };
    Change {
        name,
        before: grouped(before),
        now: grouped(now),
        change,
    }
}

fn change_per_day(name: &'static str, before: f64, now: f64) -> Change {
    let change = if before < 0.05 {
        "–".to_owned()
    } else {
        let percent = (now - before) * 100.0 / before;
        let sign = if percent < 0.0 { "−" } else { "+" };
        format!("{sign}{:.0} %", percent.abs())
    };
    Change {
        name,
        before: format!("{before:.1}"),
        now: format!("{now:.1}"),
        change,
    }
}

fn new_families(before: &Ranked, now: &Ranked) -> Vec<String> {
    // Nothing can be called new where not all families of before are known.
    let known = before.different == Some(before.rows.len() as u64) && !before.is_empty();
    if !known {
        return Vec::new();
    }
    let rows = now.rows.iter().take(SHOWN);
    rows.filter(|(name, _)| !name.is_empty() && before.get(name).is_none())
        .map(|(name, _)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_tell_their_direction_and_no_share_of_nothing() {
        let told = |before, now| change("x", before, now).change;
        assert_eq!(told(10, 12), "+2 (+20 %)");
        assert_eq!(told(10, 5), "−5 (−50 %)");
        assert_eq!(told(0, 5), "+5");
        assert_eq!(told(7, 7), "unchanged");
        assert_eq!(change_per_day("x", 10.0, 5.0).change, "−50 %");
        assert_eq!(change_per_day("x", 0.0, 5.0).change, "–");
    }
}
