//! Parts of objects that are left out, counted: nothing is lost in silence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why a part of an object, or a related object, was left out.
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
pub enum LeftOut {
    /// A hash that is none.
    #[error("hashes that are malformed")]
    BadHash,
    /// Negative, or above what the platform can hold.
    #[error("sizes above 2 GiB or below zero")]
    Size,
    /// Names over the cap.
    #[error("names over the limit per file")]
    Names,
    /// Labels over the cap.
    #[error("labels over the limit per file")]
    Labels,
    /// A file that an indicator cannot look for.
    #[error("indicators of files without a SHA-256")]
    IndicatorHash,
    /// A related file below the least severity for them.
    #[error("related files below MEDIUM severity")]
    RelatedSeverity,
    /// A related file without a SHA-256.
    #[error("related files without a SHA-256")]
    RelatedNoHash,
    /// VirusTotal sent an error in a related object's place.
    #[error("related objects that VirusTotal could not read")]
    RelatedUnreadable,
    /// VirusTotal names a related object that it does not have.
    #[error("related objects that VirusTotal lists and does not have")]
    RelatedNotThere,
    /// Related objects over the cap per file.
    #[error("contacted addresses over the limit per file")]
    RelatedOverCap,
    /// VirusTotal knows more than it sends along.
    #[error("lists of contacted addresses that VirusTotal cut short")]
    MoreAtSource,
    #[error("IP addresses that are malformed")]
    BadAddress,
    /// An address that names no host on the Internet.
    #[error("IP addresses that are not public (private, loopback, multicast, ...)")]
    NotPublic,
    #[error("domain names that are malformed")]
    BadDomain,
    /// A URL whose text VirusTotal does not tell.
    #[error("URLs without a readable text")]
    UrlText,
    /// Not a URL, or too long for one.
    #[error("URLs that are malformed or too long")]
    BadUrl,
    /// Not an id of ATT&CK.
    #[error("techniques without an id of ATT&CK")]
    BadTechnique,
}

/// How often each reason occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reasons<R: Ord>(BTreeMap<R, u64>);

impl<R: Ord> Default for Reasons<R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<R: Ord + Copy> Reasons<R> {
    pub fn add(&mut self, reason: R) {
        self.add_many(reason, 1);
    }

    /// Counts several at once.
    pub fn add_many(&mut self, reason: R, count: usize) {
        if count > 0 {
            *self.0.entry(reason).or_default() += count as u64;
        }
    }

    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        for (reason, count) in &other.0 {
            *self.0.entry(*reason).or_default() += count;
        }
    }

    pub fn get(&self, reason: R) -> u64 {
        self.0.get(&reason).copied().unwrap_or_default()
    }

    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those that occurred, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (R, u64)> {
        self.0.iter().map(|(reason, count)| (*reason, *count))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
