//! Domain objects: what is known of a threat, and where it was met.

use std::borrow::Cow;

use serde::Serialize;

use super::sco::Provenance;
use super::time::Timestamp;
use super::{ExternalReference, Id, SPEC_VERSION, Stix, id};

/// An `indicator`. Without `valid_until`: the platform's decay sets it.
#[derive(Clone, Debug, Serialize)]
pub struct Indicator<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    name: &'a str,
    description: &'a str,
    indicator_types: [&'static str; 1],
    pattern: &'a str,
    pattern_type: &'static str,
    pattern_version: &'static str,
    valid_from: &'a Timestamp,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    labels: &'a [Cow<'a, str>],
    confidence: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_references: Option<[ExternalReference<'a>; 1]>,
    object_marking_refs: [Id; 1],
    x_opencti_main_observable_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_opencti_score: Option<u8>,
}

/// What an [`Indicator`] is made of.
#[derive(Clone, Debug)]
pub struct IndicatorParts<'a> {
    /// Author and marking.
    pub provenance: Provenance,
    /// Identifies it; see [`pattern`](super::pattern).
    pub pattern: &'a str,
    /// At least two characters.
    pub name: &'a str,
    /// Markdown.
    pub description: &'a str,
    /// `malicious-activity`, ...
    pub indicator_type: &'static str,
    /// Also when it was created and modified: nobody tells of another time.
    pub valid_from: &'a Timestamp,
    /// Unique.
    pub labels: &'a [Cow<'a, str>],
    /// 0 to 100.
    pub confidence: u8,
    /// Where VirusTotal shows what it is about.
    pub link: Option<&'a str>,
    /// The platform's name for the type of observable, `StixFile`.
    pub main_observable_type: &'static str,
    /// 0 to 100; `None` where it is not known.
    pub score: Option<u8>,
}

impl<'a> Indicator<'a> {
    /// Puts it together.
    pub fn new(parts: IndicatorParts<'a>) -> Self {
        Self {
            kind: "indicator",
            spec_version: SPEC_VERSION,
            id: id::indicator(parts.pattern),
            created_by_ref: parts.provenance.author,
            created: parts.valid_from,
            modified: parts.valid_from,
            name: parts.name,
            description: parts.description,
            indicator_types: [parts.indicator_type],
            pattern: parts.pattern,
            pattern_type: "stix",
            pattern_version: SPEC_VERSION,
            valid_from: parts.valid_from,
            labels: parts.labels,
            confidence: parts.confidence,
            external_references: parts.link.map(|link| [ExternalReference::virustotal(link)]),
            object_marking_refs: [parts.provenance.marking],
            x_opencti_main_observable_type: parts.main_observable_type,
            x_opencti_score: parts.score,
        }
    }
}

impl Stix for Indicator<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
        into.extend(self.object_marking_refs);
    }
}

/// A `malware` that is a family. Without aliases and description: the platform
/// may know the family better than we do, and takes what we say for news.
#[derive(Clone, Debug, Serialize)]
pub struct Malware<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    name: &'a str,
    is_family: bool,
    confidence: u8,
    object_marking_refs: [Id; 1],
}

impl<'a> Malware<'a> {
    /// A family by its name, of at least two characters.
    pub fn family(
        name: &'a str,
        provenance: Provenance,
        at: &'a Timestamp,
        confidence: u8,
    ) -> Self {
        Self {
            kind: "malware",
            spec_version: SPEC_VERSION,
            id: id::malware(name),
            created_by_ref: provenance.author,
            created: at,
            modified: at,
            name,
            is_family: true,
            confidence,
            object_marking_refs: [provenance.marking],
        }
    }
}

impl Stix for Malware<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
        into.extend(self.object_marking_refs);
    }
}

/// A `location` that is a country. Without a marking: the platform adds markings
/// to what it has under the same id, and would hide the country, with all that
/// others know of it, from everybody who may not read ours.
#[derive(Clone, Debug, Serialize)]
pub struct Country<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    name: &'a str,
    country: &'a str,
    confidence: u8,
    x_opencti_location_type: &'static str,
    x_opencti_aliases: [&'a str; 1],
}

impl<'a> Country<'a> {
    /// By its English short name and its ISO 3166-1 codes, of two and of three
    /// letters.
    pub fn new(
        name: &'a str,
        [alpha2, alpha3]: [&'a str; 2],
        author: Id,
        at: &'a Timestamp,
        confidence: u8,
    ) -> Self {
        const TYPE: &str = "Country";
        Self {
            kind: "location",
            spec_version: SPEC_VERSION,
            id: id::location(name, TYPE),
            created_by_ref: author,
            created: at,
            modified: at,
            name,
            country: alpha2,
            confidence,
            x_opencti_location_type: TYPE,
            x_opencti_aliases: [alpha3],
        }
    }
}

impl Stix for Country<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
    }
}

/// An `attack-pattern` of MITRE ATT&CK. Without a marking, as a [`Country`] is;
/// without a kill chain: a sandbox names the tactic that it saw, one of several,
/// and files would disagree.
#[derive(Clone, Debug, Serialize)]
pub struct AttackPattern<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    name: &'a str,
    confidence: u8,
    external_references: [ExternalReference<'a>; 1],
    x_mitre_id: &'a str,
}

impl<'a> AttackPattern<'a> {
    /// A technique by its name (of at least two characters), its id (`T1055`,
    /// `T1070.004`) and its page.
    pub fn technique(
        name: &'a str,
        [mitre_id, url]: [&'a str; 2],
        author: Id,
        at: &'a Timestamp,
        confidence: u8,
    ) -> Self {
        Self {
            kind: "attack-pattern",
            spec_version: SPEC_VERSION,
            id: id::attack_pattern(name, Some(mitre_id)),
            created_by_ref: author,
            created: at,
            modified: at,
            name,
            confidence,
            external_references: [ExternalReference {
                source_name: "mitre-attack",
                external_id: Some(mitre_id),
                url,
            }],
            x_mitre_id: mitre_id,
        }
    }
}

impl Stix for AttackPattern<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
    }
}

/// A `note`. Its content identifies it, together with when it was created.
#[derive(Clone, Debug, Serialize)]
pub struct Note<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created_by_ref: Id,
    created: &'a Timestamp,
    modified: &'a Timestamp,
    content: &'a str,
    note_types: [&'static str; 1],
    confidence: u8,
    external_references: [ExternalReference<'a>; 1],
    object_marking_refs: [Id; 1],
    object_refs: [Id; 1],
}

/// What a [`Note`] is made of.
#[derive(Clone, Debug)]
pub struct NoteParts<'a> {
    /// Author and marking.
    pub provenance: Provenance,
    /// Not when it was written, but a date of what it is about.
    pub created: &'a Timestamp,
    /// Markdown, nothing around it.
    pub content: &'a str,
    /// 0 to 100.
    pub confidence: u8,
    /// Where VirusTotal shows what it is about.
    pub link: &'a str,
    /// What it is about.
    pub about: Id,
}

impl<'a> Note<'a> {
    /// Puts it together.
    pub fn new(parts: NoteParts<'a>) -> Self {
        Self {
            kind: "note",
            spec_version: SPEC_VERSION,
            id: id::note(parts.content, Some(parts.created.as_str())),
            created_by_ref: parts.provenance.author,
            created: parts.created,
            modified: parts.created,
            content: parts.content,
            note_types: ["external"],
            confidence: parts.confidence,
            external_references: [ExternalReference::virustotal(parts.link)],
            object_marking_refs: [parts.provenance.marking],
            object_refs: [parts.about],
        }
    }
}

impl Stix for Note<'_> {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, into: &mut Vec<Id>) {
        into.push(self.created_by_ref);
        into.extend(self.object_marking_refs);
        into.extend(self.object_refs);
    }
}
