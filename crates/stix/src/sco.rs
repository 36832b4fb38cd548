//! Cyber observables: what was seen.
//!
//! OpenCTI reads `x_opencti_description` (a plain `description` is ignored) and
//! `x_opencti_score`, and wants the author on observables too. Properties that
//! are not known are left out, never empty.

use std::borrow::Cow;

use serde::Serialize;

use super::{ExternalReference, Id, SPEC_VERSION, Stix};

/// Who made an object and how it may be shared.
#[derive(Clone, Copy, Debug)]
pub struct Provenance {
    /// An identity.
    pub author: Id,
    /// A marking definition.
    pub marking: Id,
}

impl Provenance {
    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.author);
        into.push(self.marking);
    }
}

/// Hashes in lower-case hexadecimal. There is no room for fuzzy ones: the
/// platform takes two files with one equal hash of any kind for the same file,
/// and variants of a sample have equal fuzzy hashes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "named as STIX names them")]
pub struct Hashes<'a> {
    #[serde(rename = "MD5", skip_serializing_if = "Option::is_none")]
    pub md5: Option<&'a str>,
    #[serde(rename = "SHA-1", skip_serializing_if = "Option::is_none")]
    pub sha1: Option<&'a str>,
    #[serde(rename = "SHA-256", skip_serializing_if = "Option::is_none")]
    pub sha256: Option<&'a str>,
}

/// A `file`.
#[derive(Clone, Debug, Serialize)]
pub struct File<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    object_marking_refs: [Id; 1],
    hashes: Hashes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<i32>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    labels: &'a [Cow<'a, str>],
    external_references: [ExternalReference<'a>; 1],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    x_opencti_additional_names: &'a [Cow<'a, str>],
    x_opencti_created_by_ref: Id,
    x_opencti_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_opencti_score: Option<u8>,
}

/// What a [`File`] is made of.
#[derive(Clone, Debug)]
pub struct FileParts<'a> {
    /// See [`id::file`](super::id::file).
    pub id: Id,
    /// Author and marking.
    pub provenance: Provenance,
    /// At least one.
    pub hashes: Hashes<'a>,
    /// Bytes. The platform's own type for it: a larger one fails the object.
    pub size: Option<i32>,
    /// At least two characters.
    pub name: &'a str,
    /// `application/pdf`.
    pub mime_type: Option<&'a str>,
    /// Unique.
    pub labels: &'a [Cow<'a, str>],
    /// Where VirusTotal shows it.
    pub link: &'a str,
    /// Other names, unique.
    pub additional_names: &'a [Cow<'a, str>],
    /// Markdown.
    pub description: &'a str,
    /// 0 to 100; `None` where it is not known.
    pub score: Option<u8>,
}

impl<'a> File<'a> {
    /// Puts it together.
    pub fn new(parts: FileParts<'a>) -> Self {
        Self {
            kind: "file",
            spec_version: SPEC_VERSION,
            id: parts.id,
            created_by_ref: parts.provenance.author,
            object_marking_refs: [parts.provenance.marking],
            hashes: parts.hashes,
            size: parts.size,
            name: parts.name,
            mime_type: parts.mime_type,
            labels: parts.labels,
            external_references: [ExternalReference::virustotal(parts.link)],
            x_opencti_additional_names: parts.additional_names,
            x_opencti_created_by_ref: parts.provenance.author,
            x_opencti_description: parts.description,
            x_opencti_score: parts.score,
        }
    }
}

impl Stix for File<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
        into.extend(self.object_marking_refs);
    }
}

/// An observable that is one text: `ipv4-addr`, `ipv6-addr`, `domain-name`,
/// `url`.
#[derive(Clone, Debug, Serialize)]
pub struct Value<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    object_marking_refs: [Id; 1],
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_references: Option<[ExternalReference<'a>; 1]>,
    x_opencti_created_by_ref: Id,
}

impl<'a> Value<'a> {
    /// The id tells the type.
    pub fn new(id: Id, provenance: Provenance, value: &'a str, link: Option<&'a str>) -> Self {
        Self {
            kind: id.kind(),
            spec_version: SPEC_VERSION,
            id,
            created_by_ref: provenance.author,
            object_marking_refs: [provenance.marking],
            value,
            external_references: link.map(|link| [ExternalReference::virustotal(link)]),
            x_opencti_created_by_ref: provenance.author,
        }
    }
}

impl Stix for Value<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        let provenance = Provenance {
            author: self.created_by_ref,
            marking: self.object_marking_refs[0],
        };
        provenance.references(into);
    }
}
