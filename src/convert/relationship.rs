//! How two objects belong together: one table for every relationship we send.

use super::role::Role;
use crate::stix::Object;
use crate::stix::id::Id;
use crate::stix::sco::Provenance;
use crate::stix::sro::{Relationship, RelationshipParts};
use crate::stix::time::Timestamp;

/// What every object of a run has in common, and how two of them are linked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links<'a> {
    pub(crate) provenance: Provenance,
    /// The window's end.
    pub(crate) at: &'a Timestamp,
    /// The window's start.
    pub(crate) from: &'a Timestamp,
    /// The date of what is nobody's news.
    pub(crate) timeless: &'a Timestamp,
    pub(crate) confidence: u8,
    /// Of a file that came as related, or of what a file contacts: another file
    /// may bring the same.
    pub(crate) shared: bool,
}

impl Links<'_> {
    /// The same, for what several files may bring.
    pub(crate) fn shared(self) -> Self {
        Self {
            shared: true,
            ..self
        }
    }

    /// The tag of what is made in this role.
    pub(crate) fn tag(&self, role: Role) -> u8 {
        match self.shared {
            true => role.shared_tag(),
            false => role.tag(),
        }
    }

    pub(crate) fn link(&self, way: Way, source: Id, target: Id) -> Object {
        self.link_saying(way, way.sentence(), source, target)
    }

    /// With a description of the caller's, in Markdown.
    pub(crate) fn link_saying(
        &self,
        way: Way,
        description: &str,
        source: Id,
        target: Id,
    ) -> Object {
        Object::new(
            &Relationship::new(RelationshipParts {
                provenance: self.provenance,
                at: self.at,
                relationship_type: way.relationship_type(),
                description,
                source,
                target,
                confidence: self.confidence,
            }),
            self.tag(way.role()),
        )
    }
}

/// How two objects belong together, and what the platform allows between them:
///
/// | way               | from      | relationship        | to               |
/// |-------------------|-----------|---------------------|------------------|
/// | `Drops`           | file      | `drops`             | file             |
/// | `Similar`         | file      | `related-to`        | file             |
/// | `ContactsAddress` | file      | `communicates-with` | address          |
/// | `ContactsDomain`  | file      | `communicates-with` | domain name      |
/// | `ContactsUrl`     | file      | `related-to`        | URL              |
/// | `Family`          | file      | `related-to`        | malware          |
/// | `Uses`            | file      | `uses`              | attack pattern   |
/// | `BasedOn`         | indicator | `based-on`          | observable       |
/// | `Indicates`       | indicator | `indicates`         | malware          |
/// | `FamilyFrom`      | malware   | `related-to`        | country          |
/// | `ReportFrom`      | report    | `related-to`        | country          |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Drops,
    Similar,
    ContactsAddress,
    ContactsDomain,
    ContactsUrl,
    Family,
    Uses,
    BasedOn,
    Indicates,
    FamilyFrom,
    ReportFrom,
}

impl Way {
    fn relationship_type(self) -> &'static str {
        match self {
            Self::Drops => "drops",
            Self::Similar
            | Self::ContactsUrl
            | Self::Family
            | Self::FamilyFrom
            | Self::ReportFrom => "related-to",
            Self::ContactsAddress | Self::ContactsDomain => "communicates-with",
            Self::Uses => "uses",
            Self::BasedOn => "based-on",
            Self::Indicates => "indicates",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Drops => {
                "According to VirusTotal the source file drops the target file when it runs."
            }
            Self::Similar => "According to VirusTotal the two files are similar.",
            Self::ContactsAddress => {
                "According to VirusTotal the file contacts this address when it runs."
            }
            Self::ContactsDomain => {
                "According to VirusTotal the file contacts this domain when it runs."
            }
            Self::ContactsUrl => "According to VirusTotal the file contacts this URL when it runs.",
            Self::Family => {
                "According to VirusTotal the file belongs to this family: engines name it so, or \
                 its configuration was found in the file."
            }
            Self::Uses => "A sandbox at VirusTotal saw signs of this technique in the file.",
            Self::BasedOn => "The indicator looks for this observable.",
            Self::Indicates => {
                "According to VirusTotal the file that the indicator looks for belongs to this \
                 family."
            }
            Self::FamilyFrom => {
                "Files of this family were submitted to VirusTotal from this country: somebody \
                 there sent them in. That makes the country neither the family's target nor its \
                 origin."
            }
            Self::ReportFrom => {
                "The report is about files that were submitted to VirusTotal from this country: \
                 somebody there sent them in. That makes the country neither their target nor \
                 their origin."
            }
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Drops => Role::Drops,
            Self::Similar | Self::ContactsUrl | Self::Family | Self::FamilyFrom => Role::RelatedTo,
            Self::ContactsAddress | Self::ContactsDomain => Role::CommunicatesWith,
            Self::Uses => Role::Uses,
            Self::BasedOn => Role::BasedOn,
            Self::Indicates => Role::Indicates,
            // Goes with every version of the report, as the author does.
            Self::ReportFrom => Role::Frame,
        }
    }
}
