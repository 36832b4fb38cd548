//! Counts what has gone out, each object once, in memory that does not grow
//! with the run.

use serde::{Deserialize, Serialize};

use std::collections::HashMap;

use super::filter::{Rated, Severity};
use super::profile::Profile;
use super::row::Row;
use super::sheet::Sheet;
use crate::stix::bundle::Chunk;
use crate::stix::{Id, Object};

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
    /// Of a file that the search found.
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
    /// Of a file that came only as related, or of what a file contacts.
    RelatedIndicator,
    /// Author, marking, country, report: what goes with every bundle.
    Frame,
}

impl Role {
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
            Self::RelatedIndicator => 24,
            Self::Frame => 25,
        }
    }

    pub(crate) fn of(tag: u8) -> Self {
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
            24 => Self::RelatedIndicator,
            _ => Self::Frame,
        }
    }
}

/// Whether an object is a file that the search found.
pub fn is_main(object: &Object) -> bool {
    matches!(Role::of(object.tag()), Role::Main(_))
}

/// Files by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as the severities are")]
pub struct Levels {
    pub high: u64,
    pub medium: u64,
    pub low: u64,
    pub none: u64,
    pub unknown: u64,
}

impl Levels {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.high + self.medium + self.low + self.none + self.unknown
    }

    fn of(&mut self, rated: Rated) -> &mut u64 {
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
    /// IPv4 addresses.
    pub ipv4: u64,
    /// IPv6 addresses.
    pub ipv6: u64,
    /// Domain names.
    pub domains: u64,
    /// URLs.
    pub urls: u64,
    /// Indicators, of files and of what they contact.
    pub indicators: u64,
    /// Malware families.
    pub malware: u64,
    /// Techniques of ATT&CK.
    pub attack_patterns: u64,
    /// Notes.
    pub notes: u64,
    /// Relationships `drops`.
    pub drops: u64,
    /// Relationships `communicates-with`.
    pub communicates_with: u64,
    /// Relationships `related-to`, without the report's own to its country.
    pub related_to: u64,
    /// Relationships `based-on`.
    pub based_on: u64,
    /// Relationships `indicates`.
    pub indicates: u64,
    /// Relationships `uses`.
    pub uses: u64,
}

impl Counts {
    /// Files, main and related.
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
            + self.related_to
            + self.based_on
            + self.indicates
            + self.uses
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
            ("Relationships: related-to", self.related_to),
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

    fn of(&mut self, role: Role) -> Option<&mut u64> {
        Some(match role {
            Role::Main(rated) => self.main.of(rated),
            Role::Related(rated) => self.related.of(rated),
            Role::Ipv4 => &mut self.ipv4,
            Role::Ipv6 => &mut self.ipv6,
            Role::Domain => &mut self.domains,
            Role::Url => &mut self.urls,
            Role::Indicator | Role::RelatedIndicator => &mut self.indicators,
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

/// Room for so many objects before the table grows, by doubling: 64 KiB. Runs of
/// many countries may wait at once.
const SLOTS: usize = 1 << 13;

/// Counts objects over a run, each once, although pages, parents and chunks
/// repeat them.
///
/// It keeps 56 bits of each id and the object's role in one number. Two of half a million objects share 56 bits once in half
/// a million runs; the count is then one too low.
pub struct Tally {
    slots: Vec<u64>,
    taken: usize,
    counts: Counts,
    anchor: Option<Object>,
    /// The report without a part number was left by an earlier process: no file
    /// of it is known.
    past_first: bool,
    /// What the files look like.
    pub profile: Profile,
    /// The files of the part in hand.
    pub sheet: Sheet,
}

/// What the tables say of files on their way out, by object.
pub type Rows = HashMap<Id, Row>;

impl Default for Tally {
    fn default() -> Self {
        Self::new(Counts::default())
    }
}

impl Tally {
    /// Goes on from `counts`. What an earlier process counted is not known one
    /// by one any more: what it sent and this one repeats counts again.
    pub fn new(counts: Counts) -> Self {
        Self {
            slots: vec![0; SLOTS],
            taken: 0,
            counts,
            anchor: None,
            past_first: false,
            profile: Profile::default(),
            sheet: Sheet::default(),
        }
    }

    /// Goes on with what an earlier process knew of the files; `past_first`:
    /// it had already left the first part.
    #[must_use]
    pub fn going_on(mut self, profile: Profile, past_first: bool) -> Self {
        self.profile = profile;
        self.past_first = past_first;
        self
    }

    /// Counts a chunk's objects. `rows` says what they look like.
    pub fn add(&mut self, chunk: &Chunk, rows: &Rows) {
        let mut places: HashMap<Id, &Object> = HashMap::new();
        for object in chunk.objects() {
            let role = Role::of(object.tag());
            if matches!(role, Role::Main(_)) && self.anchor.is_none() && !self.past_first {
                self.anchor = Some(object.clone());
            }
            let Some(before) = self.count(object.id().fingerprint(), role) else {
                continue;
            };
            match role {
                Role::Main(_) | Role::Related(_) => {
                    if let Some(row) = rows.get(&object.id()) {
                        self.file(row, role, before);
                    }
                }
                Role::CommunicatesWith | Role::RelatedTo if before.is_none() => {
                    if places.is_empty() {
                        let network = chunk.objects().iter().filter(|object| {
                            matches!(
                                Role::of(object.tag()),
                                Role::Ipv4 | Role::Ipv6 | Role::Domain | Role::Url
                            )
                        });
                        places.extend(network.map(|object| (object.id(), object)));
                    }
                    let ends = object.references().iter();
                    for target in ends.filter_map(|end| places.get(end)) {
                        self.profile.contact(target);
                    }
                }
                _ => {}
            }
        }
    }

    fn file(&mut self, row: &Row, role: Role, before: Option<Role>) {
        let main = matches!(role, Role::Main(_));
        if main && !matches!(before, Some(Role::Main(_))) {
            self.profile.file(row);
        }
        if before.is_none() {
            self.sheet.add(row, main);
        }
    }

    /// How much memory it holds, about.
    pub fn bytes(&self) -> usize {
        self.slots.len() * size_of::<u64>() + self.sheet.held()
    }

    /// The counts so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A main file that has gone out: something for the last version of the
    /// report to name, since a report must name something.
    pub fn anchor(&self) -> Option<&Object> {
        self.anchor.as_ref()
    }

    /// `None`: it was counted already. Else what it was counted as before.
    fn count(&mut self, fingerprint: u64, role: Role) -> Option<Option<Role>> {
        let tag = role.tag();
        // The lowest byte is the tag's; a key of 0 would look like an empty slot.
        let key = (fingerprint | 0x100) & !0xff;
        let place = find(&self.slots, key);
        let slot = self.slots[place];
        if slot == 0 {
            self.slots[place] = key | u64::from(tag);
            self.taken += 1;
            if let Some(count) = self.counts.of(role) {
                *count += 1;
            }
            if self.taken > self.slots.len() / 8 * 7 {
                self.grow();
            }
            return Some(None);
        }
        let known = (slot & 0xff) as u8;
        if tag >= known {
            return None;
        }
        self.slots[place] = key | u64::from(tag);
        if let Some(count) = self.counts.of(Role::of(known)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.counts.of(role) {
            *count += 1;
        }
        Some(Some(Role::of(known)))
    }

    fn grow(&mut self) {
        let mut larger = vec![0; self.slots.len() * 2];
        for slot in self.slots.iter().filter(|slot| **slot != 0) {
            let place = find(&larger, slot & !0xff);
            larger[place] = *slot;
        }
        self.slots = larger;
    }
}

/// The slot of a key, or the empty one where it belongs. The table is never
/// full, and its size is a power of two.
fn find(slots: &[u64], key: u64) -> usize {
    let mask = slots.len() - 1;
    let mut place = (key >> 8) as usize & mask;
    while slots[place] != 0 && slots[place] & !0xff != key {
        place = (place + 1) & mask;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads numbers over all bits, as ids are spread.
    fn scattered(number: u64) -> u64 {
        let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    }

    #[test]
    fn a_tally_counts_more_objects_than_it_has_room_for_at_first() {
        let mut tally = Tally::default();
        let many = SLOTS as u64 * 2;
        for repeat in 0..2 {
            for number in 0..many {
                tally.count(scattered(number), Role::Domain);
            }
            assert_eq!(tally.counts().domains, many, "round {repeat}");
        }
    }

    #[test]
    fn every_role_comes_back_from_its_tag_and_main_files_win() {
        for tag in 0..=25 {
            assert_eq!(Role::of(tag).tag(), tag);
        }
        assert!(Role::Main(None).tag() < Role::Related(Some(Severity::High)).tag());
    }
}
