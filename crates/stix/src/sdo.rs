//! Domain objects: who says it, and the report. What it is about is in
//! [`threat`](super::threat).

use serde::Serialize;

use super::time::Timestamp;
use super::{Id, SPEC_VERSION, Stix, id};

/// An `identity`.
#[derive(Clone, Debug, Serialize)]
pub struct Identity<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    name: &'a str,
    identity_class: &'static str,
}

impl<'a> Identity<'a> {
    /// An organization.
    pub fn organization(name: &'a str, at: &'a Timestamp) -> Self {
        Self {
            kind: "identity",
            spec_version: SPEC_VERSION,
            id: id::identity(name, "organization"),
            created: at,
            modified: at,
            name,
            identity_class: "organization",
        }
    }
}

impl Stix for Identity<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, _into: &mut Vec<Id>) {}
}

/// A `report`. `object_refs` must not be empty; the platform adds them to those
/// it has under the same id.
#[derive(Clone, Debug, Serialize)]
pub struct Report<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    name: &'a str,
    description: &'a str,
    report_types: &'a [String],
    published: &'a Timestamp,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    labels: &'a [String],
    confidence: u8,
    object_marking_refs: [Id; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    x_opencti_reliability: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_opencti_content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    x_opencti_files: &'a [Attachment],
    object_refs: &'a [Id],
}

/// A file that the platform keeps with an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    name: String,
    mime_type: &'static str,
    data: String,
    /// Or the platform would read it for objects of its own making.
    no_trigger_import: bool,
}

impl Attachment {
    /// Of these bytes.
    pub fn new(name: String, mime_type: &'static str, bytes: &[u8]) -> Self {
        use base64::Engine;

        Self {
            name,
            mime_type,
            data: base64::engine::general_purpose::STANDARD.encode(bytes),
            no_trigger_import: true,
        }
    }
}

/// What a [`Report`] is made of.
#[derive(Clone, Debug)]
pub struct ReportParts<'a> {
    /// An identity.
    pub author: Id,
    /// A marking definition.
    pub marking: Id,
    /// Identifies the report, together with `published`.
    pub name: &'a str,
    /// Markdown.
    pub description: &'a str,
    /// `threat-report`, ...
    pub report_types: &'a [String],
    /// Also when it was created and modified: a run has no other time.
    pub published: &'a Timestamp,
    /// Unique.
    pub labels: &'a [String],
    /// 0 to 100.
    pub confidence: u8,
    /// `B - Usually Reliable`.
    pub reliability: Option<&'a str>,
    /// HTML: what the platform shows under "Content".
    pub content: Option<&'a str>,
    /// Unique by name.
    pub files: &'a [Attachment],
    /// Not empty.
    pub object_refs: &'a [Id],
}

impl<'a> Report<'a> {
    /// Puts it together.
    pub fn new(parts: ReportParts<'a>) -> Self {
        Self {
            kind: "report",
            spec_version: SPEC_VERSION,
            id: id::report(parts.name, parts.published.as_str()),
            created_by_ref: parts.author,
            created: parts.published,
            modified: parts.published,
            name: parts.name,
            description: parts.description,
            report_types: parts.report_types,
            published: parts.published,
            labels: parts.labels,
            confidence: parts.confidence,
            object_marking_refs: [parts.marking],
            x_opencti_reliability: parts.reliability,
            x_opencti_content: parts.content,
            x_opencti_files: parts.files,
            object_refs: parts.object_refs,
        }
    }
}

impl Stix for Report<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
        into.extend(self.object_marking_refs);
        into.extend_from_slice(self.object_refs);
    }
}
