//! The report as one page for people: nothing to load, every text escaped.
//!
//! One template a section (`templates/report/`), filled from [`ReportFacts`].

use askama::Template;
use chrono::{DateTime, Utc};

use super::filter::Severity;
use super::report::{Progress, ReportFacts, shown_gaps};
use super::tally::{Counts, Levels};
use super::worst::Entry;
use crate::stix::time;

/// Writes the page. It fails only where writing into memory does.
pub fn page(facts: &ReportFacts) -> Result<String, askama::Error> {
    let counts = &facts.counts;
    Page {
        title: facts.subject.name(),
        state: State::of(&facts.progress),
        from: seconds(facts.subject.from),
        to: seconds(facts.subject.to),
        figures: vec![
            row("files sent", counts.files()),
            row("of HIGH severity", counts.main.high + counts.related.high),
            row("addresses, domains, URLs", counts.network()),
            row("relationships", counts.relationships()),
            row("VirusTotal requests spent", facts.requests),
        ],
        main: levels(&counts.main)?,
        related: levels(&counts.related)?,
        worst: facts.worst.entries().iter().map(Shown::of).collect(),
        objects: counted(objects(counts))?,
        dropped: counted(rows(facts.dropped.iter()))?,
        left_out: counted(rows(facts.left_out.iter()))?,
        gaps: shown_gaps(&facts.gaps),
        facts,
    }
    .render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    facts: &'a ReportFacts,
    title: String,
    state: State,
    from: String,
    to: String,
    figures: Vec<Row>,
    /// These are pages' parts: escaped where they were made.
    main: String,
    related: String,
    objects: String,
    dropped: String,
    left_out: String,
    worst: Vec<Shown<'a>>,
    gaps: Vec<String>,
}

struct State {
    class: &'static str,
    word: &'static str,
    more: String,
}

impl State {
    fn of(progress: &Progress) -> Self {
        let (class, word, more) = match progress {
            Progress::Complete => ("state-complete", "Complete", String::new()),
            Progress::InProgress => ("state-open", "In progress", "More follows.".to_owned()),
            Progress::Paused { reason, resumes_at } => (
                "state-open",
                "Paused",
                format!("Goes on at {} UTC: {reason}", seconds(*resumes_at)),
            ),
            Progress::Stopped { reason } => ("state-short", "Incomplete", reason.clone()),
        };
        Self { class, word, more }
    }
}

struct Row {
    name: String,
    count: u64,
}

fn row(name: &str, count: u64) -> Row {
    Row {
        name: name.to_owned(),
        count,
    }
}

fn rows<R: ToString>(reasons: impl Iterator<Item = (R, u64)>) -> Vec<Row> {
    reasons
        .map(|(reason, count)| row(&reason.to_string(), count))
        .collect()
}

fn objects(counts: &Counts) -> Vec<Row> {
    counts.rows().map(|(name, count)| row(name, count)).into()
}

#[derive(Template)]
#[template(path = "report/counted.html")]
struct Counted {
    rows: Vec<Row>,
}

fn counted(rows: Vec<Row>) -> Result<String, askama::Error> {
    Counted { rows }.render()
}

#[derive(Template)]
#[template(path = "report/levels.html")]
struct LevelsPart {
    levels: [Level; 5],
    total: u64,
}

struct Level {
    word: &'static str,
    count: u64,
}

fn levels(levels: &Levels) -> Result<String, askama::Error> {
    let level = |word, count| Level { word, count };
    LevelsPart {
        levels: [
            level("HIGH", levels.high),
            level("MEDIUM", levels.medium),
            level("LOW", levels.low),
            level("NONE", levels.none),
            level("unknown", levels.unknown),
        ],
        total: levels.total(),
    }
    .render()
}

/// One of the worst files as it is shown.
struct Shown<'a> {
    name: &'a str,
    sha256: &'a str,
    severity: &'static str,
    detections: String,
    category: &'a str,
    kind: &'a str,
    first_submitted: &'a str,
}

impl<'a> Shown<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            name: &entry.name,
            sha256: &entry.sha256,
            severity: entry.rated.map_or("unknown", Severity::word),
            detections: entry
                .detections
                .map_or("unknown".to_owned(), |(found, asked)| {
                    format!("{found}/{asked}")
                }),
            category: &entry.category,
            kind: &entry.kind,
            first_submitted: &entry.first_submitted,
        }
    }
}

fn seconds(at: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(20);
    time::write_seconds(&mut text, at, ' ');
    text
}
