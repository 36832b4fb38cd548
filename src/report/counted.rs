//! Which objects a run has counted, as far as they may come again: small enough
//! to be saved with the run, so that a process that takes it up again counts
//! each once.
//!
//! What only ever comes with one file that the search found (its relationships,
//! its own note and indicator) is not among them: who knows the file knows it,
//! too. What remains is a sorted list of 32 bits of each id, written as the
//! steps from one to the next in a variable number of bytes: some three bytes
//! an object. An object that is new and shares its 32 bits with one of 3,500
//! occurs once in a million objects; the count is then one too low.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::convert::role::{Role, is_shared};

/// Objects that are remembered: 15 kB of a state that travels with every ping.
pub const MOST: usize = 3_500;

/// As what an object may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file that the search found. It may come as related to another.
    Found,
    /// A file that came as related. The search may still find it.
    Related,
    /// What several files share.
    Shared,
}

impl Kind {
    /// `None`: what comes with one file that the search found, or with every
    /// bundle.
    pub(crate) fn of(tag: u8) -> Option<Self> {
        match Role::of(tag) {
            Role::Main(_) => Some(Self::Found),
            Role::Related(_) => Some(Self::Related),
            Role::Ipv4
            | Role::Ipv6
            | Role::Domain
            | Role::Url
            | Role::Malware
            | Role::AttackPattern => Some(Self::Shared),
            _ => is_shared(tag).then_some(Self::Shared),
        }
    }

    const ALL: [Self; 3] = [Self::Found, Self::Related, Self::Shared];
}

/// The objects that a run has counted and that may come again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Counted {
    whole: bool,
    /// By [`Kind`], each in order.
    keys: [Vec<u32>; 3],
}

impl Counted {
    /// Of a run that has counted nothing. (The default is that of a run of which
    /// nothing is known.)
    pub(crate) fn nothing() -> Self {
        Self {
            whole: true,
            ..Self::default()
        }
    }

    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.keys.iter().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets them, where there is no room.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// So many objects that are spread as ids are.
    #[cfg(test)]
    pub(crate) fn of(objects: u64) -> Self {
        let mut counted = Self::nothing();
        for number in 1..=objects {
            counted.add(Kind::Shared, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        counted
    }

    pub(crate) fn get(&self, fingerprint: u64) -> Option<Kind> {
        let has = |kind: &Kind| self.keys[*kind as usize].binary_search(&key(fingerprint));
        Kind::ALL.into_iter().find(|kind| has(kind).is_ok())
    }

    /// Adds one. Where there is no room for it, they are not whole any more.
    pub(crate) fn add(&mut self, kind: Kind, fingerprint: u64) {
        if self.len() >= MOST {
            self.whole = false;
            if kind != Kind::Found {
                // A family comes again sooner than a file that the search found.
                self.keys[Kind::Found as usize].clear();
            }
            if self.len() >= MOST {
                return;
            }
        }
        let keys = &mut self.keys[kind as usize];
        if let Err(place) = keys.binary_search(&key(fingerprint)) {
            keys.insert(place, key(fingerprint));
        }
    }

    pub(crate) fn remove(&mut self, kind: Kind, fingerprint: u64) {
        let keys = &mut self.keys[kind as usize];
        if let Ok(place) = keys.binary_search(&key(fingerprint)) {
            keys.remove(place);
        }
    }
}

/// Of the fingerprint's 64 bits, those that are saved.
fn key(fingerprint: u64) -> u32 {
    (fingerprint >> 32) as u32
}

/// As it stands in the state.
#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(default)]
    whole: bool,
    #[serde(default)]
    objects: String,
}

impl From<Counted> for Saved {
    fn from(counted: Counted) -> Self {
        let mut bytes = Vec::with_capacity(counted.len() * 4 + 16);
        for keys in &counted.keys {
            write(&mut bytes, keys.len() as u32);
            let mut last = 0;
            for key in keys {
                write(&mut bytes, key - last);
                last = *key;
            }
        }
        Self {
            whole: counted.whole,
            objects: STANDARD_NO_PAD.encode(bytes),
        }
    }
}

impl From<Saved> for Counted {
    /// What cannot be read is as if it were not there.
    fn from(saved: Saved) -> Self {
        let keys = STANDARD_NO_PAD.decode(saved.objects).ok();
        keys.and_then(|bytes| {
            let mut bytes = bytes.as_slice();
            let mut read = || keys_of(&mut bytes);
            let keys = [read()?, read()?, read()?];
            Some(Self {
                whole: saved.whole,
                keys,
            })
        })
        .unwrap_or_default()
    }
}

fn keys_of(bytes: &mut &[u8]) -> Option<Vec<u32>> {
    let count = read(bytes)? as usize;
    let mut keys = Vec::with_capacity(count.min(MOST));
    let mut last = 0_u32;
    for _ in 0..count {
        last = last.checked_add(read(bytes)?)?;
        keys.push(last);
    }
    Some(keys)
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn write(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for place in (0..u32::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u32::from(byte & 0x7f);
        number |= bits.checked_shl(place)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scattered(number: u64) -> u64 {
        number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn many(kind: Kind, count: u64) -> Counted {
        let mut counted = Counted::nothing();
        (0..count).for_each(|number| counted.add(kind, scattered(number)));
        counted
    }

    #[test]
    fn what_was_counted_survives_being_saved_in_little_room() {
        let mut counted = many(Kind::Found, 3_000);
        (5_000..5_400).for_each(|number| counted.add(Kind::Shared, scattered(number)));
        counted.add(Kind::Related, 0);
        counted.add(Kind::Related, u64::MAX);
        let saved = serde_json::to_string(&counted).unwrap();
        assert!(saved.len() < 15_500, "{}", saved.len());
        let read: Counted = serde_json::from_str(&saved).unwrap();
        assert_eq!(read, counted);
        assert!(read.is_whole());
        for (number, kind) in [
            (0, Some(Kind::Found)),
            (2_999, Some(Kind::Found)),
            (3_000, None),
            (5_399, Some(Kind::Shared)),
        ] {
            assert_eq!(read.get(scattered(number)), kind, "{number}");
        }
    }

    #[test]
    fn what_is_over_the_room_is_told_and_files_give_way_to_what_is_shared() {
        let mut counted = many(Kind::Found, MOST as u64);
        assert!(counted.is_whole());
        counted.add(Kind::Found, scattered(9_000));
        assert!(!counted.is_whole() && counted.len() == MOST);
        counted.add(Kind::Shared, scattered(9_001));
        assert_eq!(
            (counted.len(), counted.get(scattered(9_001))),
            (1, Some(Kind::Shared))
        );
        let full = many(Kind::Shared, MOST as u64 + 50);
        assert!(!full.is_whole() && full.len() == MOST);
    }

    #[test]
    fn a_state_without_it_or_with_another_text_in_its_place_knows_nothing() {
        for text in [
            "{}",
            r#"{"whole":true,"objects":"?"}"#,
            r#"{"whole":true,"objects":"BQ"}"#,
            r#"{"whole":true,"objects":"//////////////////8"}"#,
        ] {
            let read: Counted = serde_json::from_str(text).unwrap();
            assert_eq!(read, Counted::default(), "{text}");
            assert!(!read.is_whole());
        }
    }
}
