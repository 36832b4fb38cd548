//! What VirusTotal says of a file, read out of its object: the same for every
//! command, whatever it makes of it. Foreign text is cleaned where it says so,
//! and escaped by whoever shows it.

pub mod hashes;
pub mod names;
pub mod novelty;
pub mod severity;
pub mod signs;

pub use severity::{Rated, Severity, at_least};

use super::objects::{AnalysisStats, FileAttributes, Votes};
use crate::base::text::{clean, says_nothing};

/// Characters of a word of VirusTotal's.
const MAX_WORD: usize = 500;

/// How many engines call it malicious or suspicious, and how many gave a
/// verdict (these and `undetected` and `harmless`; never 0). `None` where none
/// did: unknown is not harmless.
pub fn detections(stats: Option<&AnalysisStats>) -> Option<(u64, u64)> {
    let stats = stats?;
    // No antivirus service has more engines than this; a larger number is odd.
    let count = |number: Option<i64>| number.unwrap_or(0).clamp(0, 1_000_000).unsigned_abs();
    let found = count(stats.malicious) + count(stats.suspicious);
    let asked = found + count(stats.undetected) + count(stats.harmless);
    (asked > 0).then_some((found, asked))
}

/// The category that most engines agree on.
pub fn category(attributes: &FileAttributes) -> Option<&str> {
    let classification = attributes.popular_threat_classification.as_ref()?;
    most_votes(&classification.popular_threat_category)
}

/// The name with most votes, the first of several, among those that say
/// something.
fn most_votes(all: &[Votes]) -> Option<&str> {
    let mut best: Option<(&str, i64)> = None;
    for votes in all {
        let count = votes.count.unwrap_or_default();
        if let Some(value) = votes.value.as_deref()
            && best.is_none_or(|(_, most)| count > most)
            && !says_nothing(&clean(value, MAX_WORD))
        {
            best = Some((value, count));
        }
    }
    best.map(|(value, _)| value)
}

/// A plausible `type/subtype`, in lower case.
pub fn mime_type(attributes: &FileAttributes) -> Option<String> {
    let mime = attributes.exiftool.as_ref()?.mime_type.as_deref()?.trim();
    let token = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let (kind, subtype) = mime.split_once('/')?;
    (mime.len() <= 127 && token(kind) && token(subtype)).then(|| mime.to_ascii_lowercase())
}
