//! The report: what a run found, in numbers that equal the objects sent.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::comparison::Comparison;
use super::filter::Dropped;
use super::headlines::{self, Piece};
use super::left_out::{LeftOut, Reasons};
use super::parts::{Part, Parts};
use super::profile::{Previous, Summary};
use super::tally::{Counts, Levels};
use super::text::{clean, code_into, escape_into};
use super::told;
use crate::stix::time;

/// Gaps, and notes, told one by one; the rest is a number.
const MAX_LINES: usize = 20;

/// Characters of the query; a longer one is cut, and has no link.
pub(crate) const MAX_QUERY: usize = 2000;

/// Characters of a gap or a reason.
const MAX_SENTENCE: usize = 300;

/// Bytes that the report's JSON needs at most while it grows, without its
/// labels, types and references, escaped once more, and its relationship to the country. Its last version is larger,
/// and is weighed when it is there.
pub(crate) const RESERVE: usize = 50 * 1024;

/// What a run is about. Identifies the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// English short name.
    pub country_name: String,
    /// First submission at or after.
    pub from: DateTime<Utc>,
    /// First submission before; also when the report is published.
    pub to: DateTime<Utc>,
}

impl Subject {
    /// `VirusTotal AU 2026-11-19T13:00:00Z to 2026-11-20T13:00:00Z`.
    pub fn name(&self) -> String {
        let mut name = String::with_capacity(64);
        let _ = write!(name, "VirusTotal {} ", self.country_code);
        time::write_seconds(&mut name, self.from, 'T');
        name.push_str("Z to ");
        time::write_seconds(&mut name, self.to, 'T');
        name.push('Z');
        name
    }

    /// Of a part of the report, [`Subject::name`] for the first one.
    pub fn part_name(&self, number: u32) -> String {
        let mut name = self.name();
        if number > 1 {
            // As many digits each, so that names sort as parts do.
            let _ = write!(name, " (part {number:03})");
        }
        name
    }

    /// What files about it are called: different for every country and window.
    pub fn file_stem(&self) -> String {
        format!(
            "virustotal-{}-{}-{}",
            self.country_code,
            self.from.format("%Y%m%dT%H%M%SZ"),
            self.to.format("%Y%m%dT%H%M%SZ")
        )
    }
}

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// More will follow.
    #[default]
    InProgress,
    /// Waits for VirusTotal's quota.
    Paused {
        /// For people.
        reason: String,
        /// When it goes on.
        resumes_at: DateTime<Utc>,
    },
    /// Ended before its end; what is there is right, but not all.
    Stopped {
        /// For people.
        reason: String,
    },
    /// All there was.
    Complete,
}

/// Everything the report says. Numbers come from what was sent, never from a
/// text, so no file name can change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFacts {
    /// Country and window.
    pub subject: Subject,
    /// The search as it was sent.
    pub query: String,
    /// Files VirusTotal has answered with so far.
    pub matched: u64,
    /// What has gone out, each object once.
    pub counts: Counts,
    /// Files that were not kept.
    pub dropped: Reasons<Dropped>,
    /// Parts of objects that were left out.
    pub left_out: Reasons<LeftOut>,
    /// What could not be asked or answered, in sentences.
    pub gaps: Vec<String>,
    /// What a reader should know without anything being missing.
    pub notes: Vec<String>,
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
    /// How far the run has come.
    pub progress: Progress,
    /// What the files look like; told once the report stops growing.
    pub summary: Summary,
    /// The report before.
    pub previous: Option<Previous>,
    /// Where a report over the cap of references stands.
    pub parts: Parts,
}

impl ReportFacts {
    /// Of a run that begins.
    pub fn new(subject: Subject, query: String) -> Self {
        Self {
            subject,
            query,
            matched: 0,
            counts: Counts::default(),
            dropped: Reasons::default(),
            left_out: Reasons::default(),
            gaps: Vec::new(),
            notes: Vec::new(),
            requests: 0,
            progress: Progress::default(),
            summary: Summary::default(),
            previous: None,
            parts: Parts::default(),
        }
    }
}

/// The report's description, in Markdown: short, and all of it. While the
/// report grows, only what changes with it.
pub fn description(facts: &ReportFacts) -> String {
    let growing = facts.progress == Progress::InProgress;
    let mut out = String::with_capacity(4096);
    introduce(&mut out, facts);
    progress(&mut out, &facts.progress);
    if !growing {
        headlines(&mut out, facts);
    }
    tables(&mut out, &facts.counts);
    if !growing {
        compared(&mut out, facts);
        parts(&mut out, facts);
    }
    dropped(&mut out, facts);
    list(&mut out, "Gaps", &facts.gaps);
    if !growing {
        list(&mut out, "Notes", &facts.notes);
        search(&mut out, facts);
    }
    let _ = write!(out, "\nVirusTotal requests spent: {}.\n", facts.requests);
    out
}

/// The description of a part after the first one: what it holds, and where the
/// rest is.
pub fn part_description(facts: &ReportFacts, part: Part, full: bool) -> String {
    let mut out = String::with_capacity(1024);
    introduce(&mut out, facts);
    let _ = write!(out, "**Part {}** of the report ", part.number);
    code_into(&mut out, &facts.subject.name());
    out.push_str(", which has the totals, the gaps and the state of the whole.\n\n");
    let _ = writeln!(
        out,
        "Objects named here: {}, of them files found by the search: {}.{}",
        part.refs,
        part.files,
        if full { "" } else { " More may follow." }
    );
    list(&mut out, "Notes", &facts.notes);
    out
}

fn headlines(out: &mut String, facts: &ReportFacts) {
    for sentence in headlines::headlines(facts) {
        out.push_str("* ");
        for piece in sentence {
            match piece {
                Piece::Ours(text) => out.push_str(&text),
                Piece::Foreign(text) => code_into(out, &text),
            }
        }
        out.push('\n');
    }
    out.push('\n');
}

fn compared(out: &mut String, facts: &ReportFacts) {
    let Some(comparison) = Comparison::of(facts) else {
        return;
    };
    let per_day = if comparison.per_day {
        "; the windows differ in length, so the numbers are those of a day"
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "\nThe report before covers {} to {} UTC{per_day}.\n",
        comparison.from, comparison.to
    );
    out.push_str("| | before | now | change |\n|---|---:|---:|---:|\n");
    for row in &comparison.changes {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            row.name, row.before, row.now, row.change
        );
    }
}

fn parts(out: &mut String, facts: &ReportFacts) {
    if !facts.parts.is_split() {
        return;
    }
    out.push_str(
        "\nThis is the overview of a report in parts, and its first part; the numbers are those \
         of all parts. What relationships of several parts need stands in each of \
         them.\n\n| Part | objects | files found by the search |\n|---|---:|---:|\n",
    );
    for part in facts.parts.listed() {
        out.push_str("| ");
        code_into(out, &facts.subject.part_name(part.number));
        let _ = writeln!(out, " | {} | {} |", part.refs, part.files);
    }
    if facts.parts.unlisted > 0 {
        let _ = writeln!(
            out,
            "\nand {} parts between the last two.",
            facts.parts.unlisted
        );
    }
}

fn search(out: &mut String, facts: &ReportFacts) {
    let query = clean(&facts.query, MAX_QUERY);
    out.push_str("\nThe search: ");
    code_into(out, &query);
    if query == facts.query.as_str() {
        out.push_str(" ([open it in VirusTotal](");
        out.push_str(&told::search_link(&query));
        out.push_str("))");
    }
    out.push('\n');
}

fn introduce(out: &mut String, facts: &ReportFacts) {
    let subject = &facts.subject;
    out.push_str("Files submitted to VirusTotal from ");
    escape_into(out, &clean(&subject.country_name, 100));
    out.push_str(" (");
    escape_into(out, &clean(&subject.country_code, 10));
    out.push_str(") and first submitted between ");
    time::write_seconds(out, subject.from, ' ');
    out.push_str(" and ");
    time::write_seconds(out, subject.to, ' ');
    out.push_str(
        " UTC. Submitted from a country means that somebody there sent the file to VirusTotal; \
         it says nothing about whom the file attacks or where it comes from.\n\n",
    );
}

fn progress(out: &mut String, progress: &Progress) {
    match progress {
        Progress::InProgress => out.push_str("**In progress**: more objects follow.\n\n"),
        Progress::Complete => out.push_str("**Complete.**\n\n"),
        Progress::Paused { reason, resumes_at } => {
            out.push_str("**Paused**, goes on at ");
            time::write_seconds(out, *resumes_at, ' ');
            out.push_str(" UTC: ");
            escape_into(out, &clean(reason, MAX_SENTENCE));
            out.push_str("\n\n");
        }
        Progress::Stopped { reason } => {
            out.push_str("**Incomplete**: ");
            escape_into(out, &clean(reason, MAX_SENTENCE));
            out.push_str("\n\n");
        }
    }
}

fn tables(out: &mut String, counts: &Counts) {
    out.push_str("| Severity | high | medium | low | not rated | unknown | all |\n");
    out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    levels(out, "found by the search", &counts.main);
    levels(out, "related to those", &counts.related);
    out.push_str("\n| Objects | |\n|---|---:|\n");
    let rows = counts.rows().into_iter();
    for (name, count) in rows.filter(|(_, count)| *count > 0) {
        let _ = writeln!(out, "| {name} | {count} |");
    }
}

fn levels(out: &mut String, name: &str, levels: &Levels) {
    let _ = writeln!(
        out,
        "| {name} | {} | {} | {} | {} | {} | {} |",
        levels.high,
        levels.medium,
        levels.low,
        levels.none,
        levels.unknown,
        levels.total()
    );
}

fn dropped(out: &mut String, facts: &ReportFacts) {
    let _ = write!(
        out,
        "\nFiles that VirusTotal answered with: {}. Not kept: {}",
        facts.matched,
        facts.dropped.total()
    );
    reasons(out, facts.dropped.iter());
    if !facts.left_out.is_empty() {
        let _ = write!(out, "\nLeft out of objects: {}", facts.left_out.total());
        reasons(out, facts.left_out.iter());
    }
}

fn reasons<R: std::fmt::Display>(out: &mut String, reasons: impl Iterator<Item = (R, u64)>) {
    let mut before = " (";
    let mut after = "";
    for (reason, count) in reasons {
        let _ = write!(out, "{before}{count} {reason}");
        before = "; ";
        after = ")";
    }
    out.push_str(after);
    out.push_str(".\n");
}

fn list(out: &mut String, head: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(out, "\n{head}:\n\n");
    for line in shown_lines(lines) {
        out.push_str("* ");
        escape_into(out, &line);
        out.push('\n');
    }
}

/// Lines as far as they are told one by one, cleaned but not escaped.
pub(crate) fn shown_lines(lines: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = lines
        .iter()
        .take(MAX_LINES)
        .map(|line| clean(line, MAX_SENTENCE).into_owned())
        .collect();
    if lines.len() > MAX_LINES {
        shown.push(format!("and {} more", lines.len() - MAX_LINES));
    }
    shown
}
