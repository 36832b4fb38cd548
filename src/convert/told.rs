//! What every form of the report says alike: numbers as people read them,
//! shares, the sentences at its head, the comparison with the report before.

use chrono::{DateTime, TimeDelta, Utc};

use super::report::{Progress, ReportFacts};
use super::tally::{Counts, Levels};
use super::timeline::Timeline;
use super::top::Ranked;
use crate::stix::time;

/// Rows of a ranking that the report shows.
pub(crate) const SHOWN: usize = 12;

/// Where VirusTotal's web page shows a search.
const SEARCH: &str = "https://www.virustotal.com/gui/search/";

/// `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `12 %`; `<1 %` and `>99 %` rather than a 0 or 100 that is none.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    match (part * 100 + whole / 2) / whole {
        0 if part > 0 => "<1 %".to_owned(),
        100 if part < whole => ">99 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

/// Thousandths of the largest, for a bar's length; never 0 for something.
pub(crate) fn length(part: u64, largest: u64) -> u64 {
    let part = u128::from(part) * 1000;
    let length = part.checked_div(u128::from(largest)).unwrap_or(0);
    let least = u64::from(part > 0) * 4;
    u64::try_from(length).unwrap_or(1000).clamp(least, 1000)
}

/// `2026-11-19 13:00:00`, UTC.
pub(crate) fn seconds(at: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(20);
    time::write_seconds(&mut text, at, ' ');
    text
}

/// `24 hours`, `7 days`.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let minutes = (to - from).num_minutes();
    let many = |number: i64, unit: &str| match number {
        1 => format!("1 {unit}"),
        number => format!("{number} {unit}s"),
    };
    match minutes {
        minutes if minutes >= 2880 && minutes % 1440 == 0 => many(minutes / 1440, "day"),
        minutes if minutes >= 60 && minutes % 60 == 0 => many(minutes / 60, "hour"),
        minutes if minutes >= 2880 => {
            let days = many(minutes / 1440, "day");
            format!("{days} {} h", minutes % 1440 / 60)
        }
        minutes if minutes >= 60 => format!("{} h {} min", minutes / 60, minutes % 60),
        minutes => many(minutes, "minute"),
    }
}

/// The address at which VirusTotal's web page shows a search.
pub(crate) fn search_link(query: &str) -> String {
    let mut link = String::with_capacity(SEARCH.len() + query.len() * 2);
    link.push_str(SEARCH);
    percent_into(&mut link, query);
    link
}

/// The address at which VirusTotal's web page shows an address, domain or URL.
pub(crate) fn network_link(page: &str, value: &str) -> String {
    let mut link = format!("https://www.virustotal.com/gui/{page}/");
    percent_into(&mut link, value);
    link
}

/// All but letters, digits and `-._~` as `%XX`.
pub(crate) fn percent_into(out: &mut String, text: &str) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// One bar of a ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// From outside unless it is `ours`.
    pub(crate) name: String,
    /// The name is a word of ours, such as "others".
    pub(crate) ours: bool,
    pub(crate) count: String,
    pub(crate) share: String,
    /// Thousandths of the longest.
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
        count(number)
    } else {
        format!("{bound} {}", count(number))
    }
}

/// The severities with their counts, worst first.
pub(crate) fn levels(levels: &Levels) -> [(&'static str, u64); 5] {
    [
        ("HIGH", levels.high),
        ("MEDIUM", levels.medium),
        ("LOW", levels.low),
        ("NONE", levels.none),
        ("unknown", levels.unknown),
    ]
}

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words of ours.
    Ours(String),
    /// A name from outside.
    Foreign(String),
}

/// What a reader in a hurry wants to know, a sentence each.
pub(crate) fn headlines(facts: &ReportFacts) -> Vec<Vec<Piece>> {
    let main = &facts.counts.main;
    let mut told = vec![vec![Piece::Ours(kept(facts))]];
    if main.total() == 0 {
        return told;
    }
    if let Some(sentence) = compared_high(facts) {
        told.push(vec![Piece::Ours(sentence)]);
    }
    told.extend(commonest("Most frequent family", &facts.summary.families));
    told.extend(commonest("Most contacted domain", &facts.summary.domains));
    told.extend(commonest(
        "Most contacted address",
        &facts.summary.addresses,
    ));
    told.extend(busiest(&facts.summary.timeline).map(|text| vec![Piece::Ours(text)]));
    told
}

fn kept(facts: &ReportFacts) -> String {
    let main = &facts.counts.main;
    let files = main.total();
    if files == 0 {
        return format!(
            "No file was kept; VirusTotal answered with {}.",
            count(facts.matched)
        );
    }
    format!(
        "{} of {} files kept; {} of them of HIGH severity ({}).",
        count(files),
        count(facts.matched),
        count(main.high),
        share(main.high, files)
    )
}

fn compared_high(facts: &ReportFacts) -> Option<String> {
    let previous = facts.previous.as_ref()?;
    let comparison = Comparison::of(facts)?;
    let [_, kept, high, ..] = comparison.changes.as_slice() else {
        return None;
    };
    let since = if comparison.per_day {
        "A day, against the report before"
    } else {
        "Against the report before"
    };
    let whole = if previous.gaps {
        " (which was not whole)"
    } else {
        ""
    };
    Some(format!(
        "{since}{whole}: files {}, HIGH {}.",
        kept.change, high.change
    ))
}

fn commonest(what: &str, ranked: &Ranked) -> Option<Vec<Piece>> {
    // One file is no frequency.
    let rows = ranked.rows.iter();
    let rows = rows.filter(|(name, count)| !name.is_empty() && *count > 1);
    let mut pieces = Vec::new();
    for (name, number) in rows.take(3) {
        let before = if pieces.is_empty() {
            format!("{what}: ")
        } else {
            ", then ".to_owned()
        };
        pieces.push(Piece::Ours(before));
        pieces.push(Piece::Foreign(name.clone()));
        pieces.push(Piece::Ours(format!(" ({} files)", count(*number))));
    }
    if pieces.is_empty() {
        return None;
    }
    pieces.push(Piece::Ours(".".to_owned()));
    Some(pieces)
}

fn busiest(timeline: &Timeline) -> Option<String> {
    let peak = timeline.peak()?;
    if timeline.bars().len() < 2 {
        return None;
    }
    let from = if timeline.by_days() {
        peak.from.format("%Y-%m-%d")
    } else {
        peak.from.format("%Y-%m-%d %H:%M")
    };
    Some(format!(
        "Busiest {}: from {from} UTC, {} files.",
        timeline.unit(),
        count(peak.count)
    ))
}

/// One line of the comparison.
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
            ("HIGH", then.main.high, counts.main.high),
            ("MEDIUM", then.main.medium, counts.main.medium),
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

/// By more than a twentieth: overlaps do not count.
fn differ(one: TimeDelta, other: TimeDelta) -> bool {
    let (one, other) = (one.num_seconds().max(1), other.num_seconds().max(1));
    (one - other).abs() > one.max(other) / 20
}

fn rate(number: u64, time: TimeDelta) -> f64 {
    number as f64 * 86_400.0 / time.num_seconds().max(1) as f64
}

fn change(name: &'static str, before: u64, now: u64) -> Change {
    let difference = count(now.abs_diff(before));
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
        before: count(before),
        now: count(now),
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
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [(1, 3), (0, 3), (3, 3), (1, 1000), (999, 1000), (0, 0)].map(|(a, b)| share(a, b)),
            ["33 %", "0 %", "100 %", "<1 %", ">99 %", "–"]
        );
        assert_eq!(
            [(0, 9), (1, 9999), (9, 9)].map(|(a, b)| length(a, b)),
            [0, 4, 1000]
        );
    }

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

    #[test]
    fn a_link_holds_the_query_to_the_letter() {
        assert_eq!(
            search_link("p:1+ (a OR \"b\") é"),
            "https://www.virustotal.com/gui/search/p%3A1%2B%20%28a%20OR%20%22b%22%29%20%C3%A9"
        );
    }

    #[test]
    fn a_window_is_told_in_its_own_unit() {
        let from: DateTime<Utc> = "2026-11-19T13:00:00Z".parse().unwrap();
        let told = |minutes| span(from, from + TimeDelta::minutes(minutes));
        assert_eq!(
            [10, 60, 90, 1440, 2880, 4380, 10_080].map(told),
            [
                "10 minutes",
                "1 hour",
                "1 h 30 min",
                "24 hours",
                "2 days",
                "73 hours",
                "7 days"
            ]
        );
    }
}
