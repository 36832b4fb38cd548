//! Which files are kept, and why the others are not.

use serde::{Deserialize, Serialize};

use crate::convert::file;
use crate::virustotal::objects::File;

/// VirusTotal's `threat_severity_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `SEVERITY_NONE`: not "clean", only not rated.
    None,
    /// `SEVERITY_LOW`.
    Low,
    /// `SEVERITY_MEDIUM`.
    Medium,
    /// `SEVERITY_HIGH`.
    High,
}

/// A file's severity; `None` where VirusTotal does not tell one that we know.
pub type Rated = Option<Severity>;

impl Severity {
    /// Reads VirusTotal's word exactly: `SEVERITY_UNKNOWN` and whatever else it
    /// may say is unknown, never a level that happens to be similar.
    pub fn parse(word: &str) -> Rated {
        Some(match word {
            "SEVERITY_NONE" => Self::None,
            "SEVERITY_LOW" => Self::Low,
            "SEVERITY_MEDIUM" => Self::Medium,
            "SEVERITY_HIGH" => Self::High,
            _ => return None,
        })
    }

    /// Of a file. Comes from the attribute alone, never from a name.
    pub fn of(file: &File) -> Rated {
        let severity = file.attributes.threat_severity.as_ref()?;
        Self::parse(severity.threat_severity_level.as_deref()?)
    }

    /// `HIGH`.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    /// As people read it: `high`. NONE means that VirusTotal has no rating, not
    /// that a file is clean.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "not rated",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// VirusTotal's word, `SEVERITY_HIGH`: also the label.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "SEVERITY_NONE",
            Self::Low => "SEVERITY_LOW",
            Self::Medium => "SEVERITY_MEDIUM",
            Self::High => "SEVERITY_HIGH",
        }
    }
}

/// Whether a severity is known and at least `min`.
pub fn at_least(rated: Rated, min: Severity) -> bool {
    rated.is_some_and(|severity| severity >= min)
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The least severity.
    pub min_severity: Severity,
    /// A file of low severity needs so many different submitters.
    pub low_min_sources: u32,
    /// Keep files whose severity VirusTotal does not tell.
    pub keep_unknown: bool,
}

/// Why a file is not kept. Display is for people.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// `SEVERITY_NONE`.
    #[error("rated NONE by VirusTotal")]
    RatedNone,
    /// Rated, but under the least severity.
    #[error("under the least severity")]
    BelowMinimum,
    /// Low, and from too few submitters.
    #[error("rated LOW and from too few sources")]
    LowFewSources,
    /// Unknown severities are not wanted.
    #[error("without a known severity")]
    UnknownSeverity,
    /// VirusTotal sent an error in the object's place.
    #[error("not readable at VirusTotal")]
    Unreadable,
    /// Nothing to know the file by.
    #[error("without a usable hash")]
    NoHash,
}

/// Decides about a file.
///
/// A severity of NONE does not mean clean: files with a few detections carry it
/// too. They are dropped all the same, unless the least severity is NONE. Where
/// VirusTotal does not say how many sources a LOW file has, it is kept: unknown
/// is not few.
pub fn decide(file: &File, filter: &Filter) -> Result<Rated, Dropped> {
    if file.error.is_some() {
        return Err(Dropped::Unreadable);
    }
    if !file::has_hash(file) {
        return Err(Dropped::NoHash);
    }
    let rated = Severity::of(file);
    match rated {
        None if filter.keep_unknown => Ok(rated),
        None => Err(Dropped::UnknownSeverity),
        Some(Severity::None) if filter.min_severity > Severity::None => Err(Dropped::RatedNone),
        Some(severity) if severity < filter.min_severity => Err(Dropped::BelowMinimum),
        Some(Severity::Low) if too_few(file, filter.low_min_sources) => Err(Dropped::LowFewSources),
        Some(_) => Ok(rated),
    }
}

fn too_few(file: &File, min: u32) -> bool {
    file.attributes
        .unique_sources
        .is_some_and(|sources| sources < i64::from(min))
}
