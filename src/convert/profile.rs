//! What the files of a run look like: when they came, what they are, whom they
//! contact. Kept in memory that does not grow with the run.
//!
//! It counts what has gone out, each object once ([`Tally`](super::tally::Tally)
//! says when): files that the search found, and relationships to what they
//! contact.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::row::{Row, Text};
use super::tally::{Counts, Role};
use super::timeline::Timeline;
use super::top::{Ranked, Top};
use super::worst::Worst;
use crate::stix::Object;

/// Rows of a ranking that are shown and saved. The saved state travels with
/// every ping.
const RANKED: usize = 40;

/// What a file without the word is counted as.
pub const NOT_TOLD: &str = "";

/// Grows with a run's deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    timeline: Timeline,
    families: Top,
    kinds: Top,
    addresses: Top,
    domains: Top,
    urls: Top,
    worst: Worst,
}

impl Profile {
    /// Says which window it is about, once.
    pub fn begin(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        if !self.timeline.is_set() {
            self.timeline = Timeline::new(from, to);
        }
    }

    /// A file that the search found.
    pub(crate) fn file(&mut self, row: &Row) {
        self.timeline.add(row.first);
        self.families.add(row.text(Text::Family));
        self.kinds.add(row.text(Text::Kind));
        self.worst.offer(row);
    }

    /// A relationship from a file to what it contacts.
    pub(crate) fn contact(&mut self, target: &Object) {
        let top = match Role::of(target.tag()) {
            Role::Ipv4 | Role::Ipv6 => &mut self.addresses,
            Role::Domain => &mut self.domains,
            Role::Url => &mut self.urls,
            _ => return,
        };
        if let Some(value) = value(target.json()) {
            top.add(&value);
        }
    }

    /// As it stands: to tell and to save.
    pub fn summary(&self) -> Summary {
        Summary {
            timeline: self.timeline.clone(),
            families: self.families.ranked(RANKED),
            kinds: self.kinds.ranked(RANKED),
            addresses: self.addresses.ranked(RANKED),
            domains: self.domains.ranked(RANKED),
            urls: self.urls.ranked(RANKED),
            worst: self.worst.clone(),
        }
    }
}

/// An observable's `value`. Nothing that stands before it in the object's JSON
/// is text from outside.
fn value(json: &str) -> Option<Cow<'_, str>> {
    const KEY: &str = "\"value\":";
    let rest = &json[json.find(KEY)? + KEY.len()..];
    let end = rest[1..].find(['"', '\\'])? + 1;
    if rest.as_bytes()[end] == b'"' {
        return Some(Cow::Borrowed(&rest[1..end]));
    }
    let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    Some(Cow::Owned(texts.next()?.ok()?))
}

/// A profile as the report tells it, and as the state keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Files found by the search, by first submission.
    pub timeline: Timeline,
    /// Files found by the search, by family; [`NOT_TOLD`] where engines agree
    /// on none.
    pub families: Ranked,
    /// Files found by the search, by file type.
    pub kinds: Ranked,
    /// Files that contact an IP address.
    pub addresses: Ranked,
    /// Files that contact a domain.
    pub domains: Ranked,
    /// Files that contact a URL.
    pub urls: Ranked,
    /// The worst files found by the search.
    pub worst: Worst,
}

/// Goes on from a saved summary.
impl From<&Summary> for Profile {
    fn from(saved: &Summary) -> Self {
        Self {
            timeline: saved.timeline.clone(),
            families: Top::from(&saved.families),
            kinds: Top::from(&saved.kinds),
            addresses: Top::from(&saved.addresses),
            domains: Top::from(&saved.domains),
            urls: Top::from(&saved.urls),
            worst: saved.worst.clone(),
        }
    }
}

/// The report before: what a new one is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Previous {
    /// First submission at or after.
    pub from: DateTime<Utc>,
    /// First submission before.
    pub to: DateTime<Utc>,
    /// Files VirusTotal answered with.
    pub matched: u64,
    /// Objects sent.
    pub counts: Counts,
    /// The commonest families.
    pub families: Ranked,
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
    /// It was not whole.
    pub gaps: bool,
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn the_value_is_read_out_of_the_objects_text() {
        let table = [
            (
                r#"{"id":"x","value":"c2.example.net","y":1}"#,
                Some("c2.example.net"),
            ),
            (
                r#"{"value":"http://a.example/?q=\"b\\c","y":"z"}"#,
                Some(r#"http://a.example/?q="b\c"#),
            ),
            (r#"{"value":""}"#, Some("")),
            (r#"{"id":"x"}"#, None),
        ];
        for (json, expected) in table {
            assert_eq!(value(json).as_deref(), expected, "{json}");
        }
    }
}
