//! What a reader in a hurry wants to know, in sentences.

use super::comparison::Comparison;
use super::defang::{self, defang};
use super::facts::ReportFacts;
use super::ranking::Ranked;
use super::timeline::Timeline;
use crate::base::number::{counted, grouped, share};
use crate::virustotal::facts::signs::Sign;

/// A piece of a sentence. Each form of the report marks foreign text in its own
/// way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Ours(String),
    Foreign(String),
}

/// What a reader in a hurry wants to know, a sentence each.
pub(crate) fn headlines(facts: &ReportFacts) -> Vec<Vec<Piece>> {
    let main = &facts.counts.main;
    let mut told = vec![vec![Piece::Ours(kept(facts))]];
    if main.total() == 0 {
        return told;
    }
    let summary = &facts.summary;
    let ours = |text: Option<String>| text.map(|text| vec![Piece::Ours(text)]);
    told.extend(ours(compared_high(facts)));
    told.extend(ours(new_or_known(facts)));
    let files = |what, ranked| commonest(what, ranked, 2, str::to_owned);
    told.extend(files("Most frequent family", &summary.families));
    told.extend(sign(
        facts,
        Sign::Config,
        "Extracted configurations lead to",
    ));
    told.extend(sign(facts, Sign::Cve, "Vulnerabilities that tags name"));
    for (what, ranked) in [
        ("Most contacted domain", &summary.domains),
        ("Most contacted address", &summary.addresses),
    ] {
        told.extend(commonest(what, ranked, 2, defang));
    }
    told.extend(ours(busiest(&summary.timeline)));
    told
}

fn new_or_known(facts: &ReportFacts) -> Option<String> {
    let novelty = &facts.summary.novelty;
    let known = match novelty.known {
        0 => "none was seen before".to_owned(),
        1 => "1 was seen before".to_owned(),
        known => format!("{} were seen before", grouped(known)),
    };
    let unknown = match novelty.unknown {
        0 => String::new(),
        unknown => format!("; of {} nothing says it", grouped(unknown)),
    };
    (novelty.new + novelty.known > 0).then(|| {
        format!(
            "New, first seen anywhere within this window: {} ({}); {known}{unknown}.",
            grouped(novelty.new),
            share(novelty.new, novelty.new + novelty.known + novelty.unknown),
        )
    })
}

/// The commonest of a kind of signs. Signs are rare, so that one file is news.
fn sign(facts: &ReportFacts, sign: Sign, what: &str) -> Option<Vec<Piece>> {
    let ranked = facts.summary.signs.get(&sign)?;
    commonest(what, ranked, 1, |name| defang::sign(sign, name))
}

fn kept(facts: &ReportFacts) -> String {
    let main = &facts.counts.main;
    let files = main.total();
    if files == 0 {
        return format!(
            "No file was kept; VirusTotal answered with {}.",
            grouped(facts.matched)
        );
    }
    format!(
        "{} of {} files kept; {} of them of high severity ({}).",
        grouped(files),
        grouped(facts.matched),
        grouped(main.high),
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
        "{since}{whole}: files {}, of high severity {}.",
        kept.change, high.change
    ))
}

/// The commonest names, of those that `least` files have at least.
fn commonest(
    what: &str,
    ranked: &Ranked,
    least: u64,
    shown: impl Fn(&str) -> String,
) -> Option<Vec<Piece>> {
    let rows = ranked.rows.iter();
    let rows = rows.filter(|(name, count)| !name.is_empty() && *count >= least);
    let mut pieces = Vec::new();
    for (name, number) in rows.take(3) {
        let before = if pieces.is_empty() {
            format!("{what}: ")
        } else {
            ", then ".to_owned()
        };
        pieces.push(Piece::Ours(before));
        pieces.push(Piece::Foreign(shown(name)));
        pieces.push(Piece::Ours(format!(
            " ({})",
            counted(*number, "file", "files")
        )));
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
        "Busiest {}: from {from} UTC, {}.",
        timeline.unit(),
        counted(peak.count, "file", "files")
    ))
}
