//! VirusTotal in, STIX out: the one room where both vocabularies meet. Pure: it
//! never asks what time it is, the run's window is all it knows.
//!
//! ```text
//! virustotal::File ── filter::decide ── kept, or dropped with a reason
//!        │
//!        ▼  page::Converter::unit
//! Unit: the file, related files, addresses, relationships
//!        │  page::Converter::pack
//!        ▼
//! chunks ── tally::Tally::add ── report::ReportFacts
//!        │  page::Converter::bundle
//!        ▼
//! bundle with the report as far as it has grown
//! ```

use crate::stix::marking::Tlp;

pub mod content;
pub mod file;
pub mod filter;
pub mod html;
pub mod labels;
pub mod left_out;
pub mod network;
pub mod page;
pub mod parts;
pub mod profile;
pub mod report;
pub mod row;
pub mod sheet;
pub mod tally;
pub mod text;
pub mod timeline;
pub mod told;
pub mod top;
pub mod worst;

/// What the operator chose about the objects.
#[derive(Clone, Debug)]
pub struct Options {
    /// The author of everything: an organization.
    pub author_name: String,
    /// Report types, `threat-report`.
    pub report_types: Vec<String>,
    /// Labels of the report.
    pub report_labels: Vec<String>,
    /// Labels of every file, beside tags, category and severity.
    pub file_labels: Vec<String>,
    /// 0 to 100.
    pub confidence: u8,
    /// `B - Usually Reliable`.
    pub reliability: Option<String>,
    /// Marking of the report.
    pub report_marking: Tlp,
    /// Marking of files, related objects and relationships.
    pub file_marking: Tlp,
    /// Attach a page and a CSV to the report.
    pub attachments: bool,
    /// References of one report; more make numbered parts.
    pub max_refs: usize,
}
