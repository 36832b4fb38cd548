//! What the importer finds wrong.

use std::fmt;

/// Something wrong with an object that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFault {
    /// The object's id, or what there is of one.
    pub object: String,
    /// Which rule it breaks.
    pub kind: FaultKind,
    /// In words.
    pub detail: String,
    /// The work it came under.
    pub work: Option<String>,
}

impl fmt::Display for ImportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}: {}", self.object, self.kind, self.detail)
    }
}

/// Which rule an object breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// The bundle or the message around it is not one.
    NotABundle,
    /// A type that the stand-in has no rules for.
    UnknownType,
    /// A required property is missing, empty, or not what the standard says.
    Shape,
    /// The platform would compute another id: the object grows an alias.
    ForeignId,
    /// The same id twice in one bundle.
    Duplicate,
    /// A reference to what is neither in the bundle nor on the platform.
    DanglingReference,
    /// A File's `size` does not fit the platform's 32 bits.
    FileTooLarge,
    /// The platform does not take this relationship between these types.
    RelationshipNotAllowed,
    /// A report without `object_refs`.
    EmptyReport,
    /// A name of fewer than two characters.
    ShortName,
    /// A control character, or one that turns the direction of text.
    ControlCharacter,
    /// An observable that does not say who tells of it.
    NoAuthor,
    /// An indicator whose score the platform's decay revokes it for at once.
    BornRevoked,
    /// A bundle for a work that was closed before.
    LateBundle,
    /// A file merged into another because of an equal hash: its id is nowhere.
    Swallowed,
}

impl FaultKind {
    /// Whether the platform refuses the object; otherwise it takes it, to
    /// nobody's joy.
    pub fn refuses(self) -> bool {
        !matches!(
            self,
            Self::ForeignId
                | Self::Duplicate
                | Self::NoAuthor
                | Self::BornRevoked
                | Self::LateBundle
                | Self::Swallowed
        )
    }
}
