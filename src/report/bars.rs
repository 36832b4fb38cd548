//! Rankings as bars.

use super::counts::Levels;
use super::ranking::Ranked;
use crate::base::number::{grouped, share};
use crate::virustotal::facts::{Rated, Severity, severity};

/// Rows of a ranking that the report shows.
pub(crate) const SHOWN: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Foreign text, unless it is `ours`.
    pub(crate) name: String,
    /// The name is a word of ours, such as "others".
    pub(crate) ours: bool,
    pub(crate) count: String,
    pub(crate) share: String,
    /// In thousandths of the longest.
    pub(crate) length: u64,
}

/// The commonest of a ranking; behind them, without a bar, the others together
/// and the files that have no such name, which `untold` describes.
pub(crate) fn bars(ranked: &Ranked, most: usize, untold: &str) -> Vec<Bar> {
    let exact = ranked.missed == 0;
    let nameless = ranked.get("").unwrap_or(0);
    let named = ranked.rows.iter().filter(|(name, _)| !name.is_empty());
    let shown: Vec<&(String, u64)> = named.take(most).collect();
    let largest = shown.first().map_or(0, |(_, count)| *count);
    let told: u64 = shown.iter().map(|(_, count)| count).sum();
    let others = ranked.total.saturating_sub(told + nameless);
    let mut bars: Vec<Bar> = shown
        .into_iter()
        .map(|(name, number)| Bar {
            name: name.clone(),
            ours: false,
            count: bounded("≥", *number, exact),
            share: share(*number, ranked.total),
            length: length(*number, largest),
        })
        .collect();
    let ours = [("all others", others, "≤"), (untold, nameless, "≥")];
    bars.extend(ours.into_iter().filter(|(_, number, _)| *number > 0).map(
        |(name, number, bound)| Bar {
            name: name.to_owned(),
            ours: true,
            count: bounded(bound, number, exact),
            share: share(number, ranked.total),
            length: 0,
        },
    ));
    bars
}

fn bounded(bound: &str, number: u64, exact: bool) -> String {
    if exact {
        grouped(number)
    } else {
        format!("{bound} {}", grouped(number))
    }
}

/// The files of each severity, behind its word in styles and its words for
/// people.
pub(crate) fn levels(levels: &Levels) -> [(&'static str, &'static str, u64); 5] {
    let of = |rated: Rated, count| (severity::word(rated), severity::words(rated), count);
    [
        of(Some(Severity::High), levels.high),
        of(Some(Severity::Medium), levels.medium),
        of(Some(Severity::Low), levels.low),
        of(Some(Severity::None), levels.none),
        of(None, levels.unknown),
    ]
}

/// A bar's length in thousandths of the longest. What is not nothing can be seen.
pub(crate) fn length(part: u64, largest: u64) -> u64 {
    let part = u128::from(part) * 1000;
    let length = part.checked_div(u128::from(largest)).unwrap_or(0);
    let least = u64::from(part > 0) * 4;
    u64::try_from(length).unwrap_or(1000).clamp(least, 1000)
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn a_bar_of_something_can_be_seen() {
        assert_eq!(
            [(0, 9), (1, 9999), (9, 9)].map(|(a, b)| length(a, b)),
            [0, 4, 1000]
        );
    }
}
