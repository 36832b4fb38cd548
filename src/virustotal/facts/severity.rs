//! How bad VirusTotal says that a file is.

use serde::{Deserialize, Serialize};

use crate::virustotal::objects::File;

/// A level of VirusTotal's `threat_severity_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `SEVERITY_NONE`: not "clean", only not rated.
    None,
    Low,
    Medium,
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

    /// Reads a file's severity, from the attribute alone and never from a name.
    pub fn of(file: &File) -> Rated {
        let severity = file.attributes.threat_severity.as_ref()?;
        Self::parse(severity.threat_severity_level.as_deref()?)
    }

    /// The level alone, `HIGH`.
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

/// [`Severity::word`], and one for a severity that is not known.
pub fn word(rated: Rated) -> &'static str {
    rated.map_or("unknown", Severity::word)
}

/// [`Severity::words`], and one for a severity that is not known.
pub fn words(rated: Rated) -> &'static str {
    rated.map_or("unknown", Severity::words)
}
