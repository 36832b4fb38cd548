//! A report over the cap of references goes out in numbered parts.
//!
//! The report with the plain name is part 1 and, in its last version, the
//! overview: totals of the whole run, the page, the list of parts. Further
//! parts are reports of their own, `NAME (part 2)`, with the same publication
//! time and so with ids that follow from country, window and number. A chunk
//! goes into one part as a whole; a part that the next chunk would overfill is
//! closed first. So every object is named by one part, and by a further one
//! only where a relationship of that one needs it. The cap is for the objects of
//! chunks: a part names the country, too, where that is wanted, and so may have
//! one reference more.
//!
//! Where a run stands in this travels with its saved numbers: what goes on
//! after a pause or a restart goes on in the right part. What a part has named
//! is known by the attempt that sent it, and after a restart, as long as there is
//! one part only, by what the run had counted; beyond that an object that is sent
//! again after a failure or a restart counts again, so that a part may close
//! early but never late.

use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize};

use crate::convert::role::is_main;
use crate::stix::Object;
use crate::stix::bundle::Chunk;
use crate::stix::id::FingerprintMap;

/// Parts listed one by one; what comes on top is a number.
const LISTED: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Counted from 1.
    pub number: u32,
    /// How many objects it names.
    pub refs: u64,
    /// How many of them are files that the search found.
    pub files: u64,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            number: 1,
            refs: 0,
            files: 0,
        }
    }
}

/// The parts of a run's report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parts {
    /// Those that are full, the first of them.
    pub closed: Vec<Part>,
    /// How many more are full.
    pub unlisted: u32,
    /// The one that is growing.
    pub current: Part,
}

impl Parts {
    pub fn is_split(&self) -> bool {
        self.current.number > 1
    }

    /// All parts that are listed, the growing one last.
    pub fn listed(&self) -> impl Iterator<Item = Part> {
        self.closed.iter().copied().chain([self.current])
    }

    /// Lists the part in hand as full, and begins the next one.
    pub fn close(&mut self) {
        if self.closed.len() < LISTED {
            self.closed.push(self.current);
        } else {
            self.unlisted += 1;
        }
        self.current = Part {
            number: self.current.number + 1,
            refs: 0,
            files: 0,
        };
    }
}

/// The objects that the part in hand names, as far as this process knows, and
/// whether they are files found by the search.
#[derive(Debug, Default)]
pub struct Named(FingerprintMap<bool>);

impl Named {
    /// Objects of a chunk that it would name newly. `earlier` knows those that it
    /// named in an earlier process, and which of them are files that the search
    /// found.
    pub fn fresh(&self, chunk: &Chunk, earlier: impl Fn(&Object) -> Option<bool>) -> u64 {
        let objects = chunk.objects().iter();
        let fresh = objects.filter(|object| !self.0.contains_key(&object.id().fingerprint()));
        fresh.filter(|object| earlier(object).is_none()).count() as u64
    }

    /// Names a chunk's objects.
    pub fn add(
        &mut self,
        chunk: &Chunk,
        part: &mut Part,
        earlier: impl Fn(&Object) -> Option<bool>,
    ) {
        for object in chunk.objects() {
            let known = match self.0.entry(object.id().fingerprint()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let before = earlier(object);
                    part.refs += u64::from(before.is_none());
                    place.insert(before.unwrap_or_default())
                }
            };
            // A related file may turn up as one of the search's own.
            if is_main(object) && !*known {
                *known = true;
                part.files += 1;
            }
        }
    }

    /// Forgets all: another part begins.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
