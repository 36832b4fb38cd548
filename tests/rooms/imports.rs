//! What the tests of an import start from.

use chrono::{DateTime, Utc};
use vtreporter::base::period::Period;
use vtreporter::convert::filter::Filter;
use vtreporter::convert::{Objects, Options as ConvertOptions};
use vtreporter::import::Options;
use vtreporter::import::schedule::Start;
use vtreporter::stix::bundle::Limits;
use vtreporter::stix::marking::Tlp;
use vtreporter::virustotal::facts::Severity;
use vtreporter::virustotal::search::Submitter;

/// An import that keeps every file it finds and asks for nothing beside them.
pub(crate) fn options(start: DateTime<Utc>) -> Options {
    Options {
        start: Start::At(start),
        overlap: Period::default(),
        min_detections: 0,
        extra_query: None,
        submitter: Submitter::Any,
        filter: Filter {
            min_severity: Severity::Low,
            low_min_sources: 0,
            keep_unknown: true,
        },
        relationships: Vec::new(),
        related_min_severity: Severity::High,
        max_related_per_file: 40,
        max_files: 0,
        empty_report: false,
        limits: Limits {
            bytes: 10_000_000,
            objects: 2000,
        },
        convert: ConvertOptions {
            author_name: "VirusTotal".to_owned(),
            report_types: vec!["threat-report".to_owned()],
            report_labels: Vec::new(),
            file_labels: Vec::new(),
            confidence: 75,
            reliability: None,
            report_marking: Tlp::Amber,
            file_marking: Tlp::Amber,
            attachments: true,
            max_refs: 5000,
            objects: Objects::default(),
        },
    }
}
