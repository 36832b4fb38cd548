//! The worst files of a run: a short list that does not grow.

use super::file;
use super::filter::{Rated, Severity};
use crate::stix::time;
use crate::virustotal::objects::File;

/// How many are kept.
pub const WORST: usize = 20;

/// One of the worst files, cleaned but not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In lower case.
    pub sha256: String,
    /// Its name, else its SHA-256.
    pub name: String,
    /// Its severity.
    pub rated: Rated,
    /// Engines that detect it, and that gave a verdict.
    pub detections: Option<(u64, u64)>,
    /// "Win32 EXE".
    pub kind: String,
    /// What most engines call its category.
    pub category: String,
    /// First submission, UTC.
    pub first_submitted: String,
}

/// Worst first: by severity, then by detections, then by SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worst(Vec<Entry>);

impl Worst {
    /// Takes a file in if it belongs there.
    pub fn offer(&mut self, file: &File, rated: Rated) {
        let Some(sha256) = file::sha256(file) else {
            return;
        };
        let detections = file::detections(file.attributes.last_analysis_stats.as_ref());
        let rank = rank(rated, detections);
        let place = self.0.partition_point(|known| {
            let other = self::rank(known.rated, known.detections);
            other > rank || (other == rank && known.sha256.as_str() < &*sha256)
        });
        if place >= WORST || self.0.iter().any(|known| known.sha256 == *sha256) {
            return;
        }
        self.0.truncate(WORST - 1);
        let attributes = &file.attributes;
        self.0.insert(
            place,
            Entry {
                name: file::main_name(file).map_or_else(|| sha256.to_string(), |name| name.into()),
                sha256: sha256.into_owned(),
                rated,
                detections,
                kind: short(attributes.type_description.as_deref()),
                category: short(file::category(attributes)),
                first_submitted: submitted(file),
            },
        );
    }

    /// Worst first.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

fn short(text: Option<&str>) -> String {
    super::text::clean(text.unwrap_or_default(), 100).into_owned()
}

fn submitted(file: &File) -> String {
    let mut text = String::new();
    if let Some(time) = file
        .attributes
        .first_submission_date
        .and_then(time::from_unix)
    {
        time::write_seconds(&mut text, time, ' ');
    }
    text
}

/// Unknown severities between MEDIUM and LOW: worth a look, but nothing says
/// that they are bad.
fn rank(rated: Rated, detections: Option<(u64, u64)>) -> (u8, u64) {
    let severity = match rated {
        Some(Severity::High) => 4,
        Some(Severity::Medium) => 3,
        None => 2,
        Some(Severity::Low) => 1,
        Some(Severity::None) => 0,
    };
    (severity, detections.map_or(0, |(found, _)| found))
}
