//! STIX 2.1 in the words of the standard, with the `x_opencti_*` properties
//! that the platform's importer reads. Pure; imports none of our rooms.
//!
//! ```text
//! sco / sdo / threat / sro / marking   structs in the order in which STIX writes them
//!        │  Object::new: serialised ONCE, with its id and what it names
//!        ▼
//! bundle::pack                units -> chunks under a size: once each, nothing dangling
//!        │  Chunk::bundle
//!        ▼
//! bundle::Bundle              the text that is pushed
//! ```

#![warn(missing_docs)]

use std::cell::RefCell;

use serde::Serialize;

pub mod bundle;
pub mod id;
pub mod json;
pub mod marking;
pub mod pattern;
pub mod sco;
pub mod sdo;
pub mod sro;
pub mod threat;
pub mod time;

pub use id::Id;

/// The version every object says it is of.
pub const SPEC_VERSION: &str = "2.1";

/// A struct of this room that can stand in a bundle.
pub trait Stix: Serialize {
    /// The object's own id.
    fn id(&self) -> Id;

    /// Adds the id of everything that the object names (`*_ref`, `*_refs`).
    fn references(&self, into: &mut Vec<Id>);
}

/// An object, serialised once: packing, deduplication and size accounting need
/// no second look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    id: Id,
    tag: u8,
    escapes: u32,
    json: Box<str>,
    references: Box<[Id]>,
}

impl Object {
    /// Serialises. `tag` is its maker's own mark, carried along; of two objects
    /// with one id the one with the smaller tag stands for both.
    pub fn new(object: &impl Stix, tag: u8) -> Self {
        let mut references = Vec::with_capacity(4);
        object.references(&mut references);
        let json = text(object);
        Self {
            id: object.id(),
            tag,
            escapes: escapes(json.as_bytes()),
            json,
            references: references.into(),
        }
    }

    /// Its id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Its maker's mark.
    pub fn tag(&self) -> u8 {
        self.tag
    }

    /// Its JSON.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Bytes of its JSON once that is written into a JSON string itself.
    pub fn escaped_len(&self) -> usize {
        self.json.len() + self.escapes as usize
    }

    /// The ids it names.
    pub fn references(&self) -> &[Id] {
        &self.references
    }
}

/// More memory than this is not kept for the next object.
const LARGEST_KEPT: usize = 64 * 1024;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Serialises into memory that is used again, and takes from there no more than
/// the text needs.
fn text(object: &impl Stix) -> Box<str> {
    WRITTEN.with_borrow_mut(|bytes| {
        bytes.clear();
        json::write(bytes, object)
            .expect("structs with text keys, written into memory, always serialise");
        if bytes.capacity() > LARGEST_KEPT {
            let text = String::from_utf8(std::mem::take(bytes));
            return text.expect("serde_json writes UTF-8").into_boxed_str();
        }
        str::from_utf8(bytes)
            .expect("serde_json writes UTF-8")
            .into()
    })
}

/// How many quotes and backslashes there are, eight bytes at a time: every byte
/// that is sent passes here.
fn escapes(bytes: &[u8]) -> u32 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let pattern = |byte: u8| u64::from_ne_bytes([byte; 8]);
    // The high bit of each byte that is not zero.
    let filled = |word: u64| (((word & LOW) + LOW) | word) & !LOW;
    let mut words = bytes.chunks_exact(8);
    let mut others = 0;
    for word in &mut words {
        let word = u64::from_ne_bytes(word.try_into().unwrap_or_default());
        others += (filled(word ^ pattern(b'"')) & filled(word ^ pattern(b'\\'))).count_ones();
    }
    let rest = words.remainder().iter();
    let rest = rest.filter(|byte| matches!(byte, b'"' | b'\\')).count();
    (bytes.len() / 8 * 8) as u32 - others + rest as u32
}

/// A link to where more is said about an object.
#[derive(Clone, Debug, Serialize)]
pub struct ExternalReference<'a> {
    /// Who says it.
    pub source_name: &'a str,
    /// What it is called there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// Where.
    pub url: &'a str,
}

impl<'a> ExternalReference<'a> {
    /// A page of VirusTotal's.
    pub fn virustotal(url: &'a str) -> Self {
        Self {
            source_name: "VirusTotal",
            external_id: None,
            url,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_counted_as_a_json_writer_writes_them() {
        for text in [
            "",
            "\"",
            "a\\b\"c",
            "\"\"\"\"\"\"\"\"\\",
            "no escapes at all: é ÿ 🐍",
            "\u{22a2}\u{5c22}",
        ] {
            for repeat in 1..20 {
                let text = text.repeat(repeat);
                let written = serde_json::to_string(&text).expect("a string");
                assert_eq!(
                    escapes(text.as_bytes()) as usize,
                    written.len() - 2 - text.len(),
                    "{text}"
                );
            }
        }
    }
}
