//! What the page and the content show, from [`ReportFacts`].

use super::bars;
use super::charts::{self, Chart, Contacts, Signs, Time};
use super::comparison::Comparison;
use super::counts::Counts;
use super::facts::{MAX_QUERY, Progress, ReportFacts, shown_lines};
use super::headlines::{self, Piece};
use super::times;
use super::worst_files::WorstFile;
use crate::base::number::{at_least, grouped, share};
use crate::base::text::clean;
use crate::virustotal::facts::severity;
use crate::virustotal::gui::GuiPage;

/// What is shown, all of it text, cleaned: the templates escape it.
pub(crate) struct View<'a> {
    pub(crate) facts: &'a ReportFacts,
    pub(crate) title: String,
    pub(crate) marking: &'a str,
    pub(crate) state: Standing,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) span: String,
    pub(crate) headlines: Vec<Vec<Piece>>,
    pub(crate) figures: Vec<Row>,
    pub(crate) levels: Vec<Level>,
    pub(crate) kept: String,
    pub(crate) related: String,
    pub(crate) time: Time,
    pub(crate) families: Chart,
    pub(crate) kinds: Chart,
    pub(crate) signs: Vec<Signs>,
    pub(crate) novelty: Vec<New>,
    pub(crate) worst: Vec<Shown<'a>>,
    pub(crate) contacts: Vec<Contacts>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) objects: Vec<Row>,
    pub(crate) dropped: Vec<Row>,
    pub(crate) left_out: Vec<Row>,
    pub(crate) gaps: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) parts: Vec<Listed>,
    pub(crate) query: String,
    /// Empty where the query was cut.
    pub(crate) link: String,
}

impl<'a> View<'a> {
    /// `bars` is the most that the timeline may have.
    pub(crate) fn of(facts: &'a ReportFacts, marking: &'a str, bars: usize) -> Self {
        let counts = &facts.counts;
        let query = clean(&facts.query, MAX_QUERY).into_owned();
        let link = if query == facts.query {
            GuiPage::Search.of_text(&query)
        } else {
            String::new()
        };
        let subject = &facts.subject;
        Self {
            title: format!(
                "Files submitted to VirusTotal from {}",
                subject.country_name
            ),
            marking,
            state: Standing::of(&facts.progress),
            from: times::seconds(subject.from),
            to: times::seconds(subject.to),
            span: times::span(subject.from, subject.to),
            headlines: headlines::headlines(facts),
            figures: figures(facts),
            levels: levels(counts),
            kept: grouped(counts.main.total()),
            related: grouped(counts.related.total()),
            time: Time::of(&facts.summary.timeline.coarser(bars)),
            families: Chart::of(&facts.summary.families, "no common name"),
            kinds: Chart::of(&facts.summary.kinds, "not told"),
            signs: charts::signs(facts),
            novelty: novelty(facts),
            worst: facts
                .summary
                .worst
                .entries()
                .iter()
                .map(Shown::of)
                .collect(),
            contacts: charts::contacts(facts),
            comparison: Comparison::of(facts),
            objects: rows(counts.rows().into_iter().filter(|(_, count)| *count > 0)),
            dropped: rows(facts.dropped.iter()),
            left_out: rows(facts.left_out.iter()),
            gaps: shown_lines(&facts.gaps),
            notes: shown_lines(&facts.notes),
            parts: listed(facts),
            facts,
            query,
            link,
        }
    }

    pub(crate) fn matched(&self) -> String {
        grouped(self.facts.matched)
    }

    pub(crate) fn not_kept(&self) -> String {
        grouped(self.facts.dropped.total())
    }

    pub(crate) fn requests(&self) -> String {
        let least = at_least(self.facts.requests_at_least);
        format!("{least}{}", grouped(self.facts.requests))
    }
}

pub(crate) struct Standing {
    pub(crate) class: &'static str,
    pub(crate) word: &'static str,
    pub(crate) more: String,
}

impl Standing {
    fn of(progress: &Progress) -> Self {
        let (class, word, more) = match progress {
            Progress::Complete => ("state-complete", "Complete", String::new()),
            Progress::InProgress => ("state-open", "In progress", "More follows.".to_owned()),
            Progress::Paused { reason, resumes_at } => (
                "state-open",
                "Paused",
                format!(
                    "Goes on at {} UTC: {}",
                    times::seconds(*resumes_at),
                    clean(reason, 300)
                ),
            ),
            Progress::Stopped { reason } => {
                ("state-short", "Incomplete", clean(reason, 300).into_owned())
            }
        };
        Self { class, word, more }
    }
}

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) count: String,
}

fn rows<R: ToString>(rows: impl Iterator<Item = (R, u64)>) -> Vec<Row> {
    rows.map(|(name, count)| Row {
        name: name.to_string(),
        count: grouped(count),
    })
    .collect()
}

fn figures(facts: &ReportFacts) -> Vec<Row> {
    let counts = &facts.counts;
    let fifth = match counts.indicators {
        0 => ("relationships", counts.relationships()),
        indicators => ("indicators", indicators),
    };
    let figures = [
        ("files kept", counts.main.total()),
        ("of high severity", counts.main.high),
        ("related files", counts.related.total()),
        ("addresses, domains, URLs", counts.network()),
        fifth,
    ];
    rows(figures.into_iter())
}

/// A line of the severity table.
pub(crate) struct Level {
    /// The word by which the style sheet finds its colour.
    pub(crate) class: &'static str,
    pub(crate) word: &'static str,
    pub(crate) count: String,
    pub(crate) share: String,
    pub(crate) length: u64,
    pub(crate) related: String,
}

fn levels(counts: &Counts) -> Vec<Level> {
    let main = bars::levels(&counts.main);
    let related = bars::levels(&counts.related);
    let largest = main.iter().map(|(.., count)| *count).max().unwrap_or(0);
    let total = counts.main.total();
    main.into_iter()
        .zip(related)
        .map(|((class, word, count), (.., related))| Level {
            class,
            word,
            count: grouped(count),
            share: share(count, total),
            length: bars::length(count, largest),
            related: grouped(related),
        })
        .collect()
}

/// A line of the table of new and known files.
pub(crate) struct New {
    pub(crate) name: &'static str,
    pub(crate) main: String,
    pub(crate) share: String,
    pub(crate) related: String,
}

fn novelty(facts: &ReportFacts) -> Vec<New> {
    let (main, related) = (&facts.summary.novelty, &facts.summary.related_novelty);
    if main.new + main.known + related.new + related.known == 0 {
        return Vec::new();
    }
    let all = main.new + main.known + main.unknown;
    let rows = [
        ("first seen anywhere in this window", main.new, related.new),
        (
            "submitted or seen in the wild before it",
            main.known,
            related.known,
        ),
        ("without a date", main.unknown, related.unknown),
    ];
    let rows = rows
        .into_iter()
        .filter(|(_, main, related)| main + related > 0);
    rows.map(|(name, main, related)| New {
        name,
        main: grouped(main),
        share: share(main, all),
        related: grouped(related),
    })
    .collect()
}

pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) refs: String,
    pub(crate) files: String,
}

fn listed(facts: &ReportFacts) -> Vec<Listed> {
    if !facts.parts.is_split() {
        return Vec::new();
    }
    let parts = facts.parts.listed();
    parts
        .map(|part| Listed {
            name: facts.subject.part_name(part.number),
            refs: grouped(part.refs),
            files: grouped(part.files),
        })
        .collect()
}

/// One of the worst files as it is shown.
pub(crate) struct Shown<'a> {
    pub(crate) name: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) link: String,
    pub(crate) class: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) detections: String,
    /// Family and category, as far as they are told.
    pub(crate) known_as: String,
    pub(crate) kind: &'a str,
    pub(crate) first_submitted: &'a str,
}

impl<'a> Shown<'a> {
    fn of(entry: &'a WorstFile) -> Self {
        let names = [entry.family.as_str(), entry.category.as_str()];
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        Self {
            name: &entry.name,
            sha256: &entry.sha256,
            link: GuiPage::File.of(&entry.sha256),
            class: severity::word(entry.rated),
            severity: severity::words(entry.rated),
            detections: charts::detections(entry.detections),
            known_as: names.join(", "),
            kind: &entry.kind,
            first_submitted: &entry.first_submitted,
        }
    }
}
