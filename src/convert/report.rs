//! The report: what a run found, in numbers that equal the objects sent.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::filter::Dropped;
use super::left_out::{LeftOut, Reasons};
use super::tally::{Counts, Levels};
use super::text::{clean, escape_into};
use super::worst::Worst;
use crate::stix::time;

/// Gaps told one by one; the rest is a number.
const MAX_GAPS: usize = 20;

/// Characters of a gap or a reason.
const MAX_SENTENCE: usize = 300;

/// Bytes that the report's JSON needs at most without its labels, types and
/// references, escaped once more, and that of its relationship to the country.
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

/// Everything the report says. Numbers only: no text of a file gets in, so no
/// file name can change them.
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
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
    /// How far the run has come.
    pub progress: Progress,
    /// For the page; the description does not use it.
    pub worst: Worst,
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
            requests: 0,
            progress: Progress::default(),
            worst: Worst::default(),
        }
    }
}

/// The report's description, in Markdown.
pub fn description(facts: &ReportFacts) -> String {
    let mut out = String::with_capacity(4096);
    introduce(&mut out, facts);
    progress(&mut out, &facts.progress);
    tables(&mut out, &facts.counts);
    dropped(&mut out, facts);
    gaps(&mut out, &facts.gaps);
    let _ = write!(out, "\nVirusTotal requests spent: {}.\n", facts.requests);
    out
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
    out.push_str("| Severity | HIGH | MEDIUM | LOW | NONE | unknown | all |\n");
    out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    levels(out, "found by the search", &counts.main);
    levels(out, "related to those", &counts.related);
    out.push_str("\n| Objects | |\n|---|---:|\n");
    for (name, count) in counts.rows() {
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

fn gaps(out: &mut String, gaps: &[String]) {
    if gaps.is_empty() {
        return;
    }
    out.push_str("\nGaps:\n\n");
    for gap in shown_gaps(gaps) {
        out.push_str("* ");
        escape_into(out, &gap);
        out.push('\n');
    }
}

/// The gaps as far as they are told one by one, cleaned but not escaped.
pub(crate) fn shown_gaps(gaps: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = gaps
        .iter()
        .take(MAX_GAPS)
        .map(|gap| clean(gap, MAX_SENTENCE).into_owned())
        .collect();
    if gaps.len() > MAX_GAPS {
        shown.push(format!("and {} more", gaps.len() - MAX_GAPS));
    }
    shown
}
