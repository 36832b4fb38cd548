//! Intelligence search: the query's text (pure) and its pages.

use chrono::{DateTime, Utc};

/// Whose submissions count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitter {
    /// `submitter:CC`: someone in the country submitted it, at any time.
    Any,
    /// `first_submitter:CC`: its first submission came from the country.
    First,
}

/// A search for a country's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Whose submissions count.
    pub submitter: Submitter,
    /// First submission at or after, to the second.
    pub from: DateTime<Utc>,
    /// First submission before, to the second.
    pub to: DateTime<Utc>,
    /// At least so many detections; 0 leaves the condition out.
    pub min_detections: u32,
    /// Conditions of the operator's own, put behind ours as they are.
    pub extra: Option<String>,
    /// Relationships whose descriptors come with each file.
    pub relationships: Vec<String>,
    /// Attributes to leave out of the answer.
    pub exclude_attributes: Vec<String>,
}
