//! Which files are kept, and why the others are not.

use serde::{Deserialize, Serialize};

use crate::virustotal::facts::{Rated, Severity, hashes};
use crate::virustotal::objects::File;

/// What the operator wants kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
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

/// Decides whether a file is kept.
///
/// A severity of NONE does not mean clean: files with a few detections carry it
/// too. They are dropped all the same, unless the least severity is NONE. Where
/// VirusTotal does not say how many sources a LOW file has, it is kept: unknown
/// is not few.
pub fn decide(file: &File, filter: &Filter) -> Result<Rated, Dropped> {
    if file.error.is_some() {
        return Err(Dropped::Unreadable);
    }
    if !hashes::has_one(file) {
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
