//! The worst files of a run: a short list that does not grow.

use serde::{Deserialize, Serialize};

use crate::base::text::clean;
use crate::convert::file_row::{FileRow, Text};
use crate::stix::time;
use crate::virustotal::facts::{Rated, Severity};

pub const WORST: usize = 20;

/// Characters of a name in the list.
const MAX_NAME: usize = 120;

/// One of the worst files, cleaned but not escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorstFile {
    /// Hexadecimal, in lower case.
    pub sha256: String,
    /// VirusTotal's name of it, else its SHA-256.
    pub name: String,
    pub rated: Rated,
    /// Engines that detect it, and that gave a verdict.
    pub detections: Option<(u64, u64)>,
    /// VirusTotal's word for its type, "Win32 EXE".
    pub kind: String,
    /// What most engines call its category.
    pub category: String,
    /// What most engines call its family.
    pub family: String,
    /// First submission in UTC, to the minute; empty where it is not known.
    pub first_submitted: String,
}

/// Worst first: by severity, then by detections, then by SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorstFiles(Vec<WorstFile>);

impl WorstFiles {
    /// Takes a file in if it belongs there.
    pub fn offer(&mut self, row: &FileRow) {
        let sha256 = row.text(Text::Sha256);
        if sha256.is_empty() {
            return;
        }
        let rank = rank(row.rated, row.detections);
        let place = self.0.partition_point(|known| {
            let other = self::rank(known.rated, known.detections);
            other > rank || (other == rank && known.sha256.as_str() < sha256)
        });
        if place >= WORST || self.0.iter().any(|known| known.sha256 == sha256) {
            return;
        }
        self.0.truncate(WORST - 1);
        self.0.insert(place, WorstFile::of(row));
    }

    pub fn entries(&self) -> &[WorstFile] {
        &self.0
    }
}

impl WorstFile {
    fn of(row: &FileRow) -> Self {
        let mut first_submitted = String::new();
        if let Some(time) = row.first_submitted() {
            time::write_seconds(&mut first_submitted, time, ' ');
            // To the minute: 2026-11-20 04:16.
            first_submitted.truncate(16);
        }
        let text = |which| row.text(which).to_owned();
        Self {
            sha256: text(Text::Sha256),
            name: clean(row.text(Text::Name), MAX_NAME).into_owned(),
            rated: row.rated,
            detections: row.detections,
            kind: text(Text::Kind),
            category: text(Text::Category),
            family: text(Text::Family),
            first_submitted,
        }
    }
}

/// Unknown severities between MEDIUM and LOW: worth a look, but nothing says
/// that they are bad.
pub(crate) fn rank(rated: Rated, detections: Option<(u64, u64)>) -> (u8, u64) {
    let severity = match rated {
        Some(Severity::High) => 4,
        Some(Severity::Medium) => 3,
        None => 2,
        Some(Severity::Low) => 1,
        Some(Severity::None) => 0,
    };
    (severity, detections.map_or(0, |(found, _)| found))
}
