//! VirusTotal in, STIX out: the one room where both vocabularies meet. Pure.

use crate::stix::marking::Tlp;

pub mod filter;

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
}
