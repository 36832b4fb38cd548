//! Files made by hand, served exactly as they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::block::{Block, Code, Shelf};
use super::view::View;
use super::write;

/// A file object made by hand. It is served as it is, odd shapes included;
/// what a search needs to find it is read from it as far as it can be, or said
/// beside it.
#[derive(Clone, Debug)]
pub struct Made {
    pub(crate) object: Value,
    pub(crate) countries: Vec<String>,
    pub(crate) first: Option<i64>,
    pub(crate) related: BTreeMap<String, Vec<Value>>,
    pub(crate) mitre: Option<Value>,
}

impl Made {
    /// A file, submitted from Australia.
    pub fn new(object: Value) -> Self {
        Self {
            object,
            countries: vec!["AU".to_owned()],
            first: None,
            related: BTreeMap::new(),
            mitre: None,
        }
    }

    /// The countries of its submissions, the first one's first.
    #[must_use]
    pub fn submitted_from(mut self, countries: &[&str]) -> Self {
        self.countries = countries.iter().map(|cc| cc.to_ascii_uppercase()).collect();
        self
    }

    /// When a search takes it to be submitted first, whatever its attributes
    /// say or fail to say.
    #[must_use]
    pub fn first_submitted(mut self, at: DateTime<Utc>) -> Self {
        self.first = Some(at.timestamp());
        self
    }

    /// Its related objects under a relationship, whole: descriptors are made
    /// from them. An object with `error` and no attributes is a missing target.
    #[must_use]
    pub fn related(mut self, relationship: &str, objects: Vec<Value>) -> Self {
        self.related.insert(relationship.to_owned(), objects);
        self
    }

    /// `data` of its `behaviour_mitre_trees`; without, there is no such page.
    #[must_use]
    pub fn mitre(mut self, trees: Value) -> Self {
        self.mitre = Some(trees);
        self
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&Value> {
        self.object.get("attributes")?.get(name)
    }

    /// A number, also where the object has it as a text of digits.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        number(self.attribute(name)?)
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.object.get("id")?.as_str()
    }

    pub(crate) fn has_hash(&self, hash: &str) -> bool {
        has_hash(&self.object, hash)
    }
}

/// Whether an object is the file of this hash, given in lower case.
pub(crate) fn has_hash(object: &Value, hash: &str) -> bool {
    let same = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .is_some_and(|own| own.eq_ignore_ascii_case(hash))
    };
    let attributes = object.get("attributes");
    let attribute = |name| same(attributes.and_then(|all| all.get(name)));
    same(object.get("id")) || ["sha256", "sha1", "md5"].into_iter().any(attribute)
}

pub(crate) fn number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

/// A whole file object with plausible attributes, the same for the same
/// number: a start for objects that differ from it in a place or two.
///
/// It has no `links`; `id` and the three hashes belong together.
pub fn object(number: u32) -> Value {
    let start = DateTime::from_timestamp(1_793_577_600, 0).unwrap_or_default();
    let block = Block::new(
        0x0b1ec7,
        u32::MAX,
        &["AU"],
        start..start + chrono::TimeDelta::days(1),
    );
    let code = Code {
        shelf: Shelf::Main,
        number,
    };
    let mut text = String::new();
    write::attributes(&mut text, &block, code, &View::default());
    // What the writer wrote is JSON: a test of the writer says so.
    let attributes: Value = serde_json::from_str(&text).unwrap_or_default();
    serde_json::json!({ "type": "file", "id": block.sha256(code), "attributes": attributes })
}
