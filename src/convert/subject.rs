//! What a run is about: a country and a window.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::stix::time;

/// What a run is about. Identifies the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// English short name.
    pub country_name: String,
    /// First submission at or after.
    pub from: DateTime<Utc>,
    /// First submission before; also when the report is published.
    pub to: DateTime<Utc>,
}

impl Subject {
    /// `VirusTotal AU 2026-11-19T13:00:00Z to 2026-11-20T13:00:00Z`.
    pub fn name(&self) -> String {
        let mut name = String::with_capacity(64);
        let _ = write!(name, "VirusTotal {} ", self.country_code);
        time::write_seconds(&mut name, self.from, 'T');
        name.push_str("Z to ");
        time::write_seconds(&mut name, self.to, 'T');
        name.push('Z');
        name
    }

    /// Of a part of the report, [`Subject::name`] for the first one.
    pub fn part_name(&self, number: u32) -> String {
        let mut name = self.name();
        if number > 1 {
            // As many digits each, so that names sort as parts do.
            let _ = write!(name, " (part {number:03})");
        }
        name
    }

    /// What files about it are called: different for every country and window.
    pub fn file_stem(&self) -> String {
        format!(
            "virustotal-{}-{}-{}",
            self.country_code,
            self.from.format("%Y%m%dT%H%M%SZ"),
            self.to.format("%Y%m%dT%H%M%SZ")
        )
    }
}
