//! Relationship objects: how two objects belong together.

use serde::Serialize;

use super::sco::Provenance;
use super::time::Timestamp;
use super::{Id, SPEC_VERSION, Stix, id};

/// A `relationship`. No start and stop times: the platform takes relationships
/// of different times for different ones.
#[derive(Clone, Debug, Serialize)]
pub struct Relationship<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    relationship_type: &'static str,
    description: &'a str,
    source_ref: Id,
    target_ref: Id,
    confidence: u8,
    object_marking_refs: [Id; 1],
}

/// What a [`Relationship`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct RelationshipParts<'a> {
    /// Author and marking.
    pub provenance: Provenance,
    /// When it was created and modified.
    pub at: &'a Timestamp,
    /// `drops`, `related-to`, ...
    pub relationship_type: &'static str,
    /// Markdown, from the source to the target.
    pub description: &'a str,
    /// From.
    pub source: Id,
    /// To.
    pub target: Id,
    /// 0 to 100.
    pub confidence: u8,
}

impl<'a> Relationship<'a> {
    /// Puts it together.
    pub fn new(parts: RelationshipParts<'a>) -> Self {
        Self {
            kind: "relationship",
            spec_version: SPEC_VERSION,
            id: id::relationship(parts.relationship_type, parts.source, parts.target),
            created_by_ref: parts.provenance.author,
            created: parts.at,
            modified: parts.at,
            relationship_type: parts.relationship_type,
            description: parts.description,
            source_ref: parts.source,
            target_ref: parts.target,
            confidence: parts.confidence,
            object_marking_refs: [parts.provenance.marking],
        }
    }
}

impl Stix for Relationship<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
        into.extend(self.object_marking_refs);
        into.push(self.source_ref);
        into.push(self.target_ref);
    }
}
