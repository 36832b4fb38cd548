//! Everything the report says, in whatever form.

use chrono::{DateTime, Utc};

use super::counts::Counts;
use super::parts::Parts;
use super::profile::{Previous, Summary};
use crate::base::text::clean;
use crate::convert::filter::Dropped;
use crate::convert::left_out::{LeftOut, Reasons};
use crate::convert::subject::Subject;

/// So many gaps, and notes, are told one by one; the rest is a number.
const MAX_LINES: usize = 20;

/// Characters of the query; a longer one is cut, and has no link.
pub(crate) const MAX_QUERY: usize = 2000;

/// Characters of a gap or a reason.
pub(crate) const MAX_SENTENCE: usize = 300;

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    #[default]
    InProgress,
    /// It waits for VirusTotal's quota.
    Paused {
        reason: String,
        resumes_at: DateTime<Utc>,
    },
    /// It ended early: what is there is right, but not all.
    Stopped {
        reason: String,
    },
    Complete,
}

/// Everything the report says. Numbers come from what was sent, never from a
/// text, so no file name can change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFacts {
    pub subject: Subject,
    /// The search as it was sent.
    pub query: String,
    /// Files VirusTotal has answered with so far.
    pub matched: u64,
    /// What has gone out, each object once.
    pub counts: Counts,
    pub dropped: Reasons<Dropped>,
    pub left_out: Reasons<LeftOut>,
    /// What could not be asked or answered, in sentences.
    pub gaps: Vec<String>,
    /// What a reader should know without anything being missing.
    pub notes: Vec<String>,
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
    /// They may be more.
    pub requests_at_least: bool,
    pub progress: Progress,
    /// What the files look like. Empty while the report grows.
    pub summary: Summary,
    pub previous: Option<Previous>,
    /// Where a report over the cap of references stands.
    pub parts: Parts,
}

impl ReportFacts {
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
            requests_at_least: false,
            progress: Progress::default(),
            summary: Summary::default(),
            previous: None,
            parts: Parts::default(),
        }
    }
}

/// Cuts a list to the lines that are told one by one, and cleans them; whoever
/// shows them escapes them.
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
