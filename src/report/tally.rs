//! Counts what has gone out, each object once, in memory that does not grow
//! with the run.

use std::collections::HashMap;

use super::counts::Counts;
use super::listed::Listed;
use super::part_csv::PartCsvs;
use super::profile::Profile;
use crate::convert::file_row::{FileRow, FileRows};
use crate::convert::role::Role;
use crate::stix::bundle::Chunk;
use crate::stix::{Id, Object};

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
    /// The files that VirusTotal listed.
    pub listed: Listed,
    /// What the files look like.
    pub profile: Profile,
    /// The files of the part in hand, and what they contact.
    pub csvs: PartCsvs,
}

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
            listed: Listed::default(),
            profile: Profile::default(),
            csvs: PartCsvs::default(),
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
    pub fn add(&mut self, chunk: &Chunk, rows: &FileRows) {
        let mut network: Option<HashMap<Id, &Object>> = None;
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
                Role::Drops | Role::CommunicatesWith | Role::RelatedTo if before.is_none() => {
                    let network = network.get_or_insert_with(|| network_of(chunk));
                    self.relationship(object, role, network, rows);
                }
                _ => {}
            }
        }
    }

    fn file(&mut self, row: &FileRow, role: Role, before: Option<Role>) {
        match (role, before) {
            (Role::Main(_), None) => {
                self.profile.file(row);
                self.csvs.add(row, true);
            }
            (Role::Main(_), Some(Role::Related(_))) => {
                self.profile.found_by_search(row);
                self.csvs.add(row, true);
            }
            (Role::Related(_), None) => {
                self.profile.related(row);
                self.csvs.add(row, false);
            }
            // Its severity is another one now, and that is counted elsewhere.
            _ => {}
        }
    }

    /// A relationship that is told for the first time.
    fn relationship(
        &mut self,
        object: &Object,
        role: Role,
        network: &HashMap<Id, &Object>,
        rows: &FileRows,
    ) {
        // Author and marking stand before the two ends.
        let [.., source, target] = object.references() else {
            return;
        };
        let Some(from) = rows.get(source) else {
            return;
        };
        if let Some(target) = network.get(target) {
            self.profile.contact(target, from);
            self.csvs.contact(target, from);
        } else if let Some(to) = rows.get(target) {
            self.csvs.relate(to, from, role == Role::Drops);
        }
    }

    /// How much memory it holds, about.
    pub fn bytes(&self) -> usize {
        self.slots.len() * size_of::<u64>() + self.listed.held() + self.csvs.held()
    }

    /// The counts so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Says how many relationships of the report's own there are: one for each
    /// part that names its country. They go with every version of the report.
    pub fn own_links(&mut self, links: u64) {
        self.counts.own_links = links;
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

/// The addresses, domains and URLs of a chunk.
fn network_of(chunk: &Chunk) -> HashMap<Id, &Object> {
    let objects = chunk.objects().iter();
    let network = objects.filter(|object| Role::of(object.tag()).is_network());
    network.map(|object| (object.id(), object)).collect()
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
}
