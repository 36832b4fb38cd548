//! How many objects of each kind a run has sent.

use serde::{Deserialize, Serialize};

use crate::convert::role::Role;
use crate::virustotal::facts::novelty::Novelty;
use crate::virustotal::facts::{Rated, Severity};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Levels {
    pub high: u64,
    pub medium: u64,
    pub low: u64,
    pub none: u64,
    pub unknown: u64,
}

impl Levels {
    pub fn total(&self) -> u64 {
        self.high + self.medium + self.low + self.none + self.unknown
    }

    pub(super) fn of(&mut self, rated: Rated) -> &mut u64 {
        match rated {
            Some(Severity::High) => &mut self.high,
            Some(Severity::Medium) => &mut self.medium,
            Some(Severity::Low) => &mut self.low,
            Some(Severity::None) => &mut self.none,
            None => &mut self.unknown,
        }
    }
}

/// How many objects of each kind, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Files that the search found.
    pub main: Levels,
    /// Files that came only as related to those.
    pub related: Levels,
    pub ipv4: u64,
    pub ipv6: u64,
    pub domains: u64,
    pub urls: u64,
    /// Indicators, of files and of what they contact.
    pub indicators: u64,
    pub malware: u64,
    pub attack_patterns: u64,
    pub notes: u64,
    pub drops: u64,
    pub communicates_with: u64,
    /// Relationships `related-to`, without the report's own to its country.
    pub related_to: u64,
    /// The report's own relationships to its country, one a part.
    pub own_links: u64,
    pub based_on: u64,
    pub indicates: u64,
    pub uses: u64,
}

impl Counts {
    pub fn files(&self) -> u64 {
        self.main.total() + self.related.total()
    }

    /// Addresses, domain names and URLs.
    pub fn network(&self) -> u64 {
        self.ipv4 + self.ipv6 + self.domains + self.urls
    }

    /// Relationships of every kind.
    pub fn relationships(&self) -> u64 {
        self.drops
            + self.communicates_with
            + self.all_related_to()
            + self.based_on
            + self.indicates
            + self.uses
    }

    /// Relationships `related-to`, the report's own included.
    fn all_related_to(&self) -> u64 {
        self.related_to + self.own_links
    }

    /// Each kind with its name for people, and all of them at the end.
    pub fn rows(&self) -> [(&'static str, u64); 16] {
        [
            ("Files", self.files()),
            ("IPv4 addresses", self.ipv4),
            ("IPv6 addresses", self.ipv6),
            ("Domain names", self.domains),
            ("URLs", self.urls),
            ("Indicators", self.indicators),
            ("Malware families", self.malware),
            ("Attack patterns", self.attack_patterns),
            ("Notes", self.notes),
            ("Relationships: drops", self.drops),
            ("Relationships: communicates-with", self.communicates_with),
            ("Relationships: related-to", self.all_related_to()),
            ("Relationships: based-on", self.based_on),
            ("Relationships: indicates", self.indicates),
            ("Relationships: uses", self.uses),
            ("All objects", self.objects()),
        ]
    }

    /// Everything, without what goes with every bundle: author, markings, report
    /// and its country.
    pub fn objects(&self) -> u64 {
        self.files() + self.network() + self.knowledge() + self.relationships()
    }

    /// Indicators, families, techniques and notes.
    pub fn knowledge(&self) -> u64 {
        self.indicators + self.malware + self.attack_patterns + self.notes
    }

    pub(super) fn of(&mut self, role: Role) -> Option<&mut u64> {
        Some(match role {
            Role::Main(rated) => self.main.of(rated),
            Role::Related(rated) => self.related.of(rated),
            Role::Ipv4 => &mut self.ipv4,
            Role::Ipv6 => &mut self.ipv6,
            Role::Domain => &mut self.domains,
            Role::Url => &mut self.urls,
            Role::Indicator => &mut self.indicators,
            Role::Malware => &mut self.malware,
            Role::AttackPattern => &mut self.attack_patterns,
            Role::Note => &mut self.notes,
            Role::Drops => &mut self.drops,
            Role::CommunicatesWith => &mut self.communicates_with,
            Role::RelatedTo => &mut self.related_to,
            Role::BasedOn => &mut self.based_on,
            Role::Indicates => &mut self.indicates,
            Role::Uses => &mut self.uses,
            Role::Frame => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Novelties {
    /// First seen anywhere within the window.
    pub new: u64,
    /// Submitted, or seen in the wild, before it.
    pub known: u64,
    /// No date says it.
    pub unknown: u64,
}

impl Novelties {
    pub(crate) fn add(&mut self, novelty: Novelty) {
        *self.of(novelty) += 1;
    }

    pub(crate) fn take_back(&mut self, novelty: Novelty) {
        let count = self.of(novelty);
        *count = count.saturating_sub(1);
    }

    fn of(&mut self, novelty: Novelty) -> &mut u64 {
        match novelty {
            Novelty::New => &mut self.new,
            Novelty::Known => &mut self.known,
            Novelty::Unknown => &mut self.unknown,
        }
    }
}
