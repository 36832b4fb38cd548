//! The score of a file and of its indicator: four ways to come to a number.

use crate::virustotal::facts::{Rated, Severity, detections};
use crate::virustotal::objects::{File, FileAttributes};

/// What `x_opencti_score` is made of.
///
/// | choice       | VirusTotal            | formula |
/// |--------------|-----------------------|---------|
/// | `combined`   | `threat_severity` and `last_analysis_stats` | a band by severity, and the place in it by the share of the engines: see below |
/// | `detections` | `last_analysis_stats` | engines that say malicious or suspicious, in percent of those with a verdict, rounded; at least 1 where there is one |
/// | `severity`   | `threat_severity`     | HIGH 90, MEDIUM 60, LOW 30, NONE 0 |
/// | `gti`        | `gti_assessment.threat_score` | as it is (needs a licence of Google Threat Intelligence) |
///
/// `combined` is the default. Severity is VirusTotal's word on how bad a file
/// is, detections say how well known it is: malware of today has few of them,
/// and would read as harmless by these alone. A file of NONE is not rated,
/// which is not the same as clean, so that its band reaches into the next:
///
/// | severity | no engine | 4 of 70 | half of them | all of them |
/// |----------|-----------|---------|--------------|-------------|
/// | HIGH     | 70        | 72      | 85           | 100         |
/// | MEDIUM   | 40        | 42      | 55           | 69          |
/// | LOW      | 20        | 21      | 30           | 39          |
/// | NONE     | 0         | 2       | 20           | 39          |
/// | unknown  | 0         | 6       | 50           | 100         |
///
/// A file of unknown severity may lie anywhere, so that its band is the whole
/// scale; where no engine gave a verdict, severity still vouches for the least
/// of its band. Where VirusTotal does not say what a choice needs, for
/// `combined` neither of the two, there is no score: unknown is not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Score {
    /// How bad, and how well known.
    #[default]
    Combined,
    /// Share of the engines.
    Detections,
    /// VirusTotal's severity.
    Severity,
    /// Google Threat Intelligence's threat score.
    Gti,
}

impl Score {
    /// 0 to 100, or not known.
    pub fn of(self, file: &File, rated: Rated) -> Option<u8> {
        let stats = file.attributes.last_analysis_stats.as_ref();
        match self {
            Self::Combined => match (rated.map(band), detections(stats)) {
                (Some((least, most)), Some(engines)) => Some(place(least, most, engines)),
                // Rated, and nobody looked: NONE vouches for nothing.
                (Some((least, _)), None) => (least > 0).then_some(least),
                (None, engines) => engines.map(share),
            },
            Self::Detections => detections(stats).map(share),
            Self::Severity => rated.map(level),
            Self::Gti => gti(&file.attributes),
        }
    }
}

/// The least and the most that a file of this severity scores.
fn band(severity: Severity) -> (u8, u8) {
    match severity {
        Severity::High => (70, 100),
        Severity::Medium => (40, 69),
        Severity::Low => (20, 39),
        Severity::None => (0, 39),
    }
}

fn share(engines: (u64, u64)) -> u8 {
    place(0, 100, engines)
}

/// Between these two by the share of the engines, rounded; never 0 where one of
/// them detects the file. `asked` is not 0.
fn place(least: u8, most: u8, (found, asked): (u64, u64)) -> u8 {
    let part = (found * u64::from(most - least) + asked / 2) / asked;
    let score = least
        .saturating_add(u8::try_from(part).unwrap_or(most))
        .min(most);
    score.max(u8::from(found > 0))
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

/// What the platform takes for the score of an indicator that has none.
const PLATFORMS_OWN: u8 = 50;

/// The score of an indicator: at least `least`, because the platform's decay
/// revokes an indicator the moment it is made where its score is not above the
/// revoke score. An unknown score stays unknown, unless what the platform takes
/// in its place is too low.
pub(crate) fn of_indicator(score: Option<u8>, least: u8) -> Option<u8> {
    match score {
        Some(score) => Some(score.max(least)),
        None => (least > PLATFORMS_OWN).then_some(least),
    }
}
