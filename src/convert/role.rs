//! What an object is in a run.

use crate::stix::Object;
use crate::virustotal::facts::{Rated, Severity};

/// What an object is in a run. Travels as the object's tag; a smaller one wins
/// where an object has two roles, so that a related file that turns up as a
/// main file counts as a main file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Main(Rated),
    Related(Rated),
    Ipv4,
    Ipv6,
    Domain,
    Url,
    /// Of a file, or of what a file contacts.
    Indicator,
    Malware,
    AttackPattern,
    Note,
    Drops,
    CommunicatesWith,
    RelatedTo,
    BasedOn,
    Indicates,
    Uses,
    /// Author, marking, country, report: what goes with every bundle.
    Frame,
}

impl Role {
    /// An address, a domain name or a URL.
    pub(crate) fn is_network(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv6 | Self::Domain | Self::Url)
    }

    const RATED: [Rated; 5] = [
        Some(Severity::High),
        Some(Severity::Medium),
        Some(Severity::Low),
        Some(Severity::None),
        None,
    ];

    pub(crate) fn tag(self) -> u8 {
        let place = |rated: Rated| match rated {
            Some(Severity::High) => 0,
            Some(Severity::Medium) => 1,
            Some(Severity::Low) => 2,
            Some(Severity::None) => 3,
            None => 4,
        };
        match self {
            Self::Main(rated) => place(rated),
            Self::Related(rated) => 5 + place(rated),
            Self::Ipv4 => 10,
            Self::Ipv6 => 11,
            Self::Domain => 12,
            Self::Url => 13,
            Self::Indicator => 14,
            Self::Malware => 15,
            Self::AttackPattern => 16,
            Self::Note => 17,
            Self::Drops => 18,
            Self::CommunicatesWith => 19,
            Self::RelatedTo => 20,
            Self::BasedOn => 21,
            Self::Indicates => 22,
            Self::Uses => 23,
            Self::Frame => 24,
        }
    }

    /// The tag of what may come once more with another file.
    pub(crate) fn shared_tag(self) -> u8 {
        self.tag() | SHARED
    }

    pub(crate) fn of(tag: u8) -> Self {
        let tag = tag & !SHARED;
        match tag {
            0..=4 => Self::Main(Self::RATED[usize::from(tag)]),
            5..=9 => Self::Related(Self::RATED[usize::from(tag - 5)]),
            10 => Self::Ipv4,
            11 => Self::Ipv6,
            12 => Self::Domain,
            13 => Self::Url,
            14 => Self::Indicator,
            15 => Self::Malware,
            16 => Self::AttackPattern,
            17 => Self::Note,
            18 => Self::Drops,
            19 => Self::CommunicatesWith,
            20 => Self::RelatedTo,
            21 => Self::BasedOn,
            22 => Self::Indicates,
            23 => Self::Uses,
            _ => Self::Frame,
        }
    }
}

/// Marks what is made of a file that came as related, or of what a file
/// contacts: another file may bring the same. What is made of a file that the
/// search found wins over it.
const SHARED: u8 = 0x80;

/// Whether a tag marks what may come once more with another file.
pub(crate) fn is_shared(tag: u8) -> bool {
    tag & SHARED != 0
}

/// Whether an object is a file that the search found.
pub fn is_main(object: &Object) -> bool {
    matches!(Role::of(object.tag()), Role::Main(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_comes_back_from_its_tag_and_main_files_win() {
        for tag in 0..=24 {
            let role = Role::of(tag);
            assert_eq!(role.tag(), tag);
            assert_eq!(Role::of(role.shared_tag()), role);
            assert!(is_shared(role.shared_tag()) && !is_shared(tag));
        }
        assert!(Role::Main(None).tag() < Role::Related(Some(Severity::High)).tag());
    }
}
