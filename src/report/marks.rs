//! A mark for each of many fingerprints, in little more memory than they need:
//! a run of a hundred thousand files meets some four hundred thousand objects.

/// Tables that grow one by one, so that growing never needs all of it twice.
/// Ten bits of a fingerprint say which one it is in.
const TABLES: usize = 1 << TABLE_BITS;
const TABLE_BITS: u32 = 10;

/// Forty more bits of it are kept. Two of four hundred thousand fingerprints
/// share all fifty once in ten thousand runs.
const KEY_BITS: u32 = 40;

/// A key's five bytes, and its mark.
type Entry = [u8; 6];

const EMPTY: Entry = [0, 0, 0, 0, 0, NO_MARK];
const NO_MARK: u8 = u8::MAX;

/// Fingerprints whose bits are spread, each with a mark under 255.
#[derive(Clone, Debug)]
pub(crate) struct Marks(Box<[Table]>);

/// Entries where their keys say, or behind that up to the next empty one.
#[derive(Clone, Debug, Default)]
struct Table {
    entries: Box<[Entry]>,
    taken: usize,
}

impl Default for Marks {
    fn default() -> Self {
        Self(vec![Table::default(); TABLES].into())
    }
}

impl Marks {
    /// The mark of a fingerprint.
    pub(crate) fn get(&self, fingerprint: u64) -> Option<u8> {
        let place = self.0[table(fingerprint)].find(key(fingerprint)).ok()?;
        Some(self.0[table(fingerprint)].entries[place][5])
    }

    /// Marks a fingerprint, or marks it anew; whether it had no mark before.
    pub(crate) fn set(&mut self, fingerprint: u64, mark: u8) -> bool {
        self.0[table(fingerprint)].set(key(fingerprint), mark)
    }

    /// Takes a mark away.
    pub(crate) fn remove(&mut self, fingerprint: u64) {
        self.0[table(fingerprint)].remove(key(fingerprint));
    }

    /// How much memory it holds, about.
    pub(crate) fn held(&self) -> usize {
        let entries: usize = self.0.iter().map(|table| table.entries.len()).sum();
        size_of_val(&*self.0) + entries * size_of::<Entry>()
    }
}

impl Table {
    /// The place of a key, or else the empty one where it belongs; a table
    /// without entries has neither.
    fn find(&self, key: u64) -> Result<usize, Option<usize>> {
        if self.entries.is_empty() {
            return Err(None);
        }
        let mut place = self.home(key);
        loop {
            match self.entries[place] {
                EMPTY => return Err(Some(place)),
                entry if key_of(entry) == key => return Ok(place),
                _ => place = self.behind(place),
            }
        }
    }

    fn set(&mut self, key: u64, mark: u8) -> bool {
        let (place, new) = match self.find(key) {
            Ok(place) => (place, false),
            Err(Some(place)) if (self.taken + 1) * 8 <= self.entries.len() * 7 => (place, true),
            Err(_) => {
                self.grow();
                return self.set(key, mark);
            }
        };
        self.taken += usize::from(new);
        self.entries[place] = entry(key, mark);
        new
    }

    fn remove(&mut self, key: u64) {
        let Ok(mut hole) = self.find(key) else {
            return;
        };
        self.taken -= 1;
        let mut place = hole;
        loop {
            place = self.behind(place);
            let entry = self.entries[place];
            if entry == EMPTY {
                break;
            }
            // What was kept out of the hole moves into it.
            let home = self.home(key_of(entry));
            let stays = match hole < place {
                true => (hole + 1..=place).contains(&home),
                false => home > hole || home <= place,
            };
            if !stays {
                self.entries[hole] = entry;
                hole = place;
            }
        }
        self.entries[hole] = EMPTY;
    }

    /// A quarter larger, as a table is one of many.
    fn grow(&mut self) {
        let room = self.entries.len() + self.entries.len() / 4 + 8;
        let larger = Self {
            entries: vec![EMPTY; room].into(),
            taken: 0,
        };
        let before = std::mem::replace(self, larger);
        for entry in before.entries.into_iter().filter(|entry| *entry != EMPTY) {
            self.set(key_of(entry), entry[5]);
        }
    }

    fn home(&self, key: u64) -> usize {
        ((key * self.entries.len() as u64) >> KEY_BITS) as usize
    }

    fn behind(&self, place: usize) -> usize {
        let next = place + 1;
        if next == self.entries.len() { 0 } else { next }
    }
}

fn table(fingerprint: u64) -> usize {
    (fingerprint >> (u64::BITS - TABLE_BITS)) as usize
}

fn key(fingerprint: u64) -> u64 {
    fingerprint & ((1 << KEY_BITS) - 1)
}

fn entry(key: u64, mark: u8) -> Entry {
    let [a, b, c, d, e, ..] = key.to_le_bytes();
    [a, b, c, d, e, mark]
}

fn key_of([a, b, c, d, e, _]: Entry) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Spreads numbers over all bits, as ids are spread.
    fn scattered(number: u64) -> u64 {
        let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[test]
    fn marks_are_those_of_a_map_whatever_is_set_and_removed() {
        let mut marks = Marks::default();
        let mut map = HashMap::new();
        // All in a few tables, so that they grow and entries get in each other's way.
        let fingerprint = |number| scattered(number) >> 2 & !(0xff << 54);
        for round in 0..60_000_u64 {
            let at = fingerprint(scattered(round) % 9_000);
            if scattered(round + 1).is_multiple_of(3) {
                marks.remove(at);
                map.remove(&at);
            } else {
                let mark = (round % 255) as u8;
                assert_eq!(marks.set(at, mark), map.insert(at, mark).is_none());
            }
        }
        for number in 0..9_000 {
            let at = fingerprint(number);
            assert_eq!(marks.get(at), map.get(&at).copied(), "{number}");
        }
        let taken: usize = marks.0.iter().map(|table| table.taken).sum();
        assert_eq!(taken, map.len());
    }

    #[test]
    fn four_hundred_thousand_marks_take_three_megabytes() {
        let mut marks = Marks::default();
        for number in 0..400_000 {
            assert!(marks.set(scattered(number), 7), "{number}");
        }
        let held = marks.held();
        assert!(held < 3_300_000, "{held}");
    }
}
