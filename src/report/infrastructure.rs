//! What files contact: addresses, domains, URLs. Which of them most files
//! contact, and, where every file has its own, which the worst files do.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::worst_files::rank;
use crate::convert::file_row::FileRow;
use crate::convert::role::Role;
use crate::stix::Object;
use crate::virustotal::facts::Rated;
use crate::virustotal::gui::GuiPage;

/// So many addresses, domains and URLs each are kept as those that the worst
/// files contact.
const KEPT: usize = 10;

/// Bytes of a URL among those: longer ones would fill the saved state.
const MAX_VALUE: usize = 300;

/// What an observable of the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ipv4,
    Ipv6,
    Domain,
    Url,
}

impl Kind {
    /// `None` where the object is no address, domain or URL.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        Some(match Role::of(object.tag()) {
            Role::Ipv4 => Self::Ipv4,
            Role::Ipv6 => Self::Ipv6,
            Role::Domain => Self::Domain,
            Role::Url => Self::Url,
            _ => return None,
        })
    }

    pub(crate) fn stix(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4-addr",
            Self::Ipv6 => "ipv6-addr",
            Self::Domain => "domain-name",
            Self::Url => "url",
        }
    }

    /// VirusTotal's page of it. That of a URL is found by a search: its id, a hash,
    /// does not stand in the object.
    pub(crate) fn page(self) -> GuiPage {
        match self {
            Self::Ipv4 | Self::Ipv6 => GuiPage::IpAddress,
            Self::Domain => GuiPage::Domain,
            Self::Url => GuiPage::Search,
        }
    }
}

/// What a file contacts, looked at once for all that is told of it.
pub(crate) struct Target<'a> {
    pub(crate) kind: Kind,
    /// Of its object.
    pub(crate) fingerprint: u64,
    /// As the object has it.
    pub(crate) value: Cow<'a, str>,
}

impl<'a> Target<'a> {
    /// `None`: it is no observable of the network.
    pub(crate) fn of(object: &'a Object) -> Option<Self> {
        Some(Self {
            kind: Kind::of(object)?,
            fingerprint: object.id().fingerprint(),
            value: value(object.json())?,
        })
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

/// What the worst files contact: a short list that does not grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByWorst(Vec<Reached>);

/// What one of the worst files contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reached {
    /// The address, domain or URL as the object has it.
    pub value: String,
    /// The severity of the worst file that contacts it.
    pub rated: Rated,
    /// Engines that detect that file, and engines that gave a verdict.
    pub detections: Option<(u64, u64)>,
}

impl ByWorst {
    /// Takes a value in if its file is among the worst so far.
    pub(crate) fn offer(&mut self, value: &str, file: &FileRow) {
        if value.len() > MAX_VALUE {
            return;
        }
        let own = rank(file.rated, file.detections);
        if let Some(known) = self.0.iter().position(|known| known.value == value) {
            if rank(self.0[known].rated, self.0[known].detections) >= own {
                return;
            }
            self.0.remove(known);
        }
        let place = self.0.partition_point(|known| {
            let other = rank(known.rated, known.detections);
            other > own || (other == own && known.value.as_str() < value)
        });
        if place < KEPT {
            self.0.truncate(KEPT - 1);
            let value = value.to_owned();
            self.0.insert(
                place,
                Reached {
                    value,
                    rated: file.rated,
                    detections: file.detections,
                },
            );
        }
    }

    pub(crate) fn entries(&self) -> &[Reached] {
        &self.0
    }
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
