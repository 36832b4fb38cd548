//! VirusTotal in, STIX out: the one room where both vocabularies meet. Pure: it
//! never asks what time it is, the run's window is all it knows.
//!
//! ```text
//! virustotal::File ── filter::decide ── kept, or dropped with a reason
//!        │
//!        ▼  converter::Converter::unit
//! Unit: the file, related files, addresses, indicators, families, relationships
//! ```

use crate::stix::marking::Tlp;
use crate::virustotal::facts::Severity;

mod attack_pattern;
pub mod converter;
mod country;
pub mod file;
pub mod file_row;
pub mod filter;
mod indicator;
pub mod labels;
pub mod left_out;
pub mod malware;
pub mod network;
mod no_family;
mod note;
mod relationship;
pub mod role;
pub mod score;
pub mod subject;
mod uri;

/// What the operator chose about the objects.
#[derive(Clone, Debug)]
pub struct Options {
    /// The author of everything: an organization.
    pub author_name: String,
    /// In the platform's own words, `threat-report`.
    pub report_types: Vec<String>,
    pub report_labels: Vec<String>,
    /// Labels of every file, beside tags, category and severity.
    pub file_labels: Vec<String>,
    /// From 0 to 100.
    pub confidence: u8,
    /// In the platform's own words, `B - Usually Reliable`.
    pub reliability: Option<String>,
    pub report_marking: Tlp,
    /// Marking of files, related objects and relationships.
    pub file_marking: Tlp,
    /// Attach a page and a CSV to the report.
    pub attachments: bool,
    /// References of one report; more make numbered parts.
    pub max_refs: usize,
    /// Which objects are made beside files and addresses.
    pub objects: Objects,
}

/// Which objects are made beside files and addresses, and what they say. The
/// default is what holds where the operator sets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objects {
    /// Files from this severity on get an indicator; `None` = none do.
    pub indicators: Option<Severity>,
    /// The least score of an indicator: above the revoke score of the
    /// platform's decay rules.
    pub indicator_min_score: u8,
    /// What those files contact gets one, too.
    pub network_indicators: bool,
    /// Which families are made; `None` = none.
    pub malware: Option<malware::Rules>,
    /// The country that files were submitted from.
    pub country: bool,
    /// What the score of files and indicators is made of.
    pub score: score::Score,
    pub labels: labels::Rules,
    /// Techniques that sandboxes saw: a request for each file.
    pub attack_patterns: bool,
    /// A note on each file, with the verdicts one by one.
    pub notes: bool,
}

impl Objects {
    /// Attributes that are only asked for because of what is wanted here: they
    /// are most of an object's bytes.
    pub fn heavy(&self) -> &'static [&'static str] {
        if self.notes {
            &["last_analysis_results"]
        } else {
            &[]
        }
    }
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            indicators: Some(Severity::High),
            indicator_min_score: 30,
            network_indicators: false,
            malware: Some(malware::Rules::default()),
            country: true,
            score: score::Score::default(),
            labels: labels::Rules::default(),
            attack_patterns: false,
            notes: false,
        }
    }
}
