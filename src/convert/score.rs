//! The score of a file, of its indicator: three ways to come to a number.

use super::file;
use super::filter::{Rated, Severity};
use crate::virustotal::objects::{File, FileAttributes};

/// What `x_opencti_score` is made of.
///
/// | choice       | VirusTotal            | formula |
/// |--------------|-----------------------|---------|
/// | `detections` | `last_analysis_stats` | engines that say malicious or suspicious, in percent of those with a verdict, rounded; at least 1 where there is one |
/// | `severity`   | `threat_severity`     | HIGH 90, MEDIUM 60, LOW 30, NONE 0 |
/// | `gti`        | `gti_assessment.threat_score` | as it is (needs a licence of Google Threat Intelligence) |
///
/// Where VirusTotal does not say what a choice needs there is no score: unknown
/// is not 0, and no other formula steps in, since its numbers mean something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Score {
    /// Share of the engines.
    #[default]
    Detections,
    /// VirusTotal's severity.
    Severity,
    /// Google Threat Intelligence's threat score.
    Gti,
}

impl Score {
    /// 0 to 100, or not known.
    pub fn of(self, file: &File, rated: Rated) -> Option<u8> {
        match self {
            Self::Detections => file::score(file.attributes.last_analysis_stats.as_ref()),
            Self::Severity => rated.map(level),
            Self::Gti => gti(&file.attributes),
        }
    }
}

fn level(severity: Severity) -> u8 {
    match severity {
        Severity::High => 90,
        Severity::Medium => 60,
        Severity::Low => 30,
        Severity::None => 0,
    }
}

/// A number that is none from 0 to 100 means nothing.
fn gti(attributes: &FileAttributes) -> Option<u8> {
    let score = attributes
        .gti_assessment
        .as_ref()?
        .threat_score
        .as_ref()?
        .value?;
    u8::try_from(score).ok().filter(|score| *score <= 100)
}
