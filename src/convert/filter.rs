//! Which files are kept, and why the others are not.

/// VirusTotal's `threat_severity_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
