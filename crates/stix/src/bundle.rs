//! Bundles: gathers units of objects into chunks under a size, each object once
//! and nothing dangling, and writes their text.

use super::id::{IdMap, IdSet};
use super::{Id, Object};

/// How large a chunk may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the HTTP body that carries the bundle. There its JSON is a JSON
    /// string, so that every quote and backslash counts twice.
    pub bytes: usize,
    /// Objects, with the author, the markings and the report.
    pub objects: usize,
}

/// The frame of a bundle and of the request around it, generously.
const FRAME_BYTES: usize = 4096;

/// What an id costs in the report's `object_refs`: itself, two escaped quotes
/// and a comma.
const REFERENCE_EXTRA: usize = 5;

/// Objects that go out together. Author, markings and report are added when the
/// chunk becomes a [`Bundle`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    objects: Vec<Object>,
}

impl Chunk {
    /// A chunk of these, which the caller knows to be complete.
    pub fn of(objects: Vec<Object>) -> Self {
        Self { objects }
    }

    /// Its objects, each once.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Their ids: what the report names.
    pub fn ids(&self) -> Vec<Id> {
        self.objects.iter().map(Object::id).collect()
    }

    /// Bytes that it leaves of `limits` for the report of a bundle.
    pub fn room(&self, common: &[Object], limits: Limits) -> usize {
        let objects = common.iter().chain(&self.objects);
        let taken: usize = objects.map(|object| object.escaped_len() + 1).sum();
        limits.bytes.saturating_sub(FRAME_BYTES + taken)
    }

    /// Writes the bundle: `common` first, then the chunk's objects, then what
    /// `closes` it (the report, and what names that), so that nothing is named
    /// before it has been told. `text` is replaced; its memory is used again.
    pub fn bundle<'a>(
        &'a self,
        common: &'a [Object],
        closes: impl IntoIterator<Item = &'a Object, IntoIter: Clone>,
        text: String,
    ) -> Bundle {
        Bundle::of(common.iter().chain(&self.objects).chain(closes), text)
    }
}

/// A bundle's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Made of the ids of its members: the same objects give the same id.
    pub id: Id,
    /// `{"type":"bundle","id":"bundle--...","objects":[...]}`.
    pub text: String,
    /// How many objects.
    pub objects: usize,
}

impl Bundle {
    fn of<'a>(objects: impl Iterator<Item = &'a Object> + Clone, mut text: String) -> Self {
        text.clear();
        let mut bytes = 128;
        let mut count = 0;
        // The members' ids stand here first, until the bundle's own is made of them.
        for object in objects.clone() {
            object.id().with_str(|id| text.push_str(id));
            bytes += object.json().len() + 1;
            count += 1;
        }
        let id = Id::of("bundle", text.as_bytes());
        text.clear();
        if text.capacity() < bytes {
            // Not twice as large, as growing would make it.
            text = String::with_capacity(bytes + bytes / 8);
        }
        text.push_str("{\"type\":\"bundle\",\"id\":\"");
        id.with_str(|id| text.push_str(id));
        text.push_str("\",\"objects\":[");
        for (at, object) in objects.enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(object.json());
        }
        text.push_str("]}");
        Self {
            id,
            text,
            objects: count,
        }
    }
}

/// What became of the units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// In the order of the units.
    pub chunks: Vec<Chunk>,
    /// Objects left out because they name something that is not there.
    pub dangling: usize,
}

/// Packs units into as few chunks as their order allows.
///
/// A unit is a list of objects that need nothing but each other and `common`
/// (author and markings). It stays whole unless it is over the limits by
/// itself: then it is cut along its relationships, and what several of them
/// name is repeated. An object that several units of a chunk share is written
/// once. `report_bytes` is what the report needs beside its references.
pub fn pack(
    units: impl IntoIterator<Item = Vec<Object>>,
    common: &[Object],
    report_bytes: usize,
    limits: Limits,
) -> Packing {
    let mut packer = Packer {
        room: Room {
            bytes: limits
                .bytes
                .saturating_sub(FRAME_BYTES + report_bytes + weight(common.iter())),
            objects: limits.objects.saturating_sub(common.len() + 1),
        },
        common: common.iter().map(Object::id).collect(),
        own: IdSet::default(),
        open: Open::default(),
        packing: Packing::default(),
    };
    for unit in units {
        packer.add(unit);
    }
    packer.close();
    packer.packing
}

fn weight<'a>(objects: impl Iterator<Item = &'a Object>) -> usize {
    objects.map(Object::weight).sum()
}

impl Object {
    /// What it costs in a bundle and in the report's references.
    fn weight(&self) -> usize {
        self.escaped_len() + 1 + self.id().len() + REFERENCE_EXTRA
    }
}

#[derive(Clone, Copy)]
struct Room {
    bytes: usize,
    objects: usize,
}

/// The chunk that is being filled.
#[derive(Default)]
struct Open {
    objects: Vec<Object>,
    places: IdMap<usize>,
    bytes: usize,
}

impl Open {
    fn put(&mut self, object: Object) {
        match self.places.get(&object.id()) {
            None => {
                self.bytes += object.weight();
                self.places.insert(object.id(), self.objects.len());
                self.objects.push(object);
            }
            Some(&place) if object.tag() < self.objects[place].tag() => {
                self.bytes += object.weight();
                self.bytes -= self.objects[place].weight();
                self.objects[place] = object;
            }
            Some(_) => {}
        }
    }
}

struct Packer {
    room: Room,
    common: Vec<Id>,
    /// The ids of the unit in hand; kept for its memory.
    own: IdSet,
    open: Open,
    packing: Packing,
}

impl Packer {
    fn add(&mut self, mut unit: Vec<Object>) {
        self.drop_dangling(&mut unit);
        if unit.is_empty() {
            return;
        }
        if !self.fits(&unit) {
            self.close();
            if !self.fits(&unit) {
                for part in parts(&unit) {
                    self.add_part(part);
                }
                return;
            }
        }
        self.put(unit);
    }

    fn add_part(&mut self, part: Vec<Object>) {
        // A part that is too large by itself cannot be cut: it goes alone.
        if !self.fits(&part) {
            self.close();
        }
        self.put(part);
    }

    fn put(&mut self, objects: Vec<Object>) {
        for object in objects {
            self.open.put(object);
        }
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        if !open.objects.is_empty() {
            self.packing.chunks.push(Chunk {
                objects: open.objects,
            });
        }
    }

    /// Counts an object that replaces another one in full: rarely a few bytes
    /// too careful, never too bold.
    fn fits(&self, unit: &[Object]) -> bool {
        let mut bytes = self.open.bytes;
        let mut objects = self.open.objects.len();
        for object in unit {
            match self.open.places.get(&object.id()) {
                None => objects += 1,
                Some(&place) if object.tag() >= self.open.objects[place].tag() => continue,
                Some(_) => {}
            }
            bytes += object.weight();
        }
        bytes <= self.room.bytes && objects <= self.room.objects
    }

    /// Leaves out what names something that is neither in the unit nor common,
    /// and then what named that.
    fn drop_dangling(&mut self, unit: &mut Vec<Object>) {
        loop {
            let before = unit.len();
            let Self { common, own, .. } = self;
            own.clear();
            own.extend(unit.iter().map(Object::id));
            unit.retain(|object| {
                let mut references = object.references().iter();
                references.all(|id| common.contains(id) || own.contains(id))
            });
            if unit.len() == before {
                return;
            }
            self.packing.dangling += before - unit.len();
        }
    }
}

/// Cuts a unit: one part for each object that no other one names, with
/// everything that it names, directly or not.
fn parts(unit: &[Object]) -> Vec<Vec<Object>> {
    let places: IdMap<&Object> = unit.iter().map(|object| (object.id(), object)).collect();
    let named: IdSet = unit
        .iter()
        .flat_map(|object| object.references().iter().copied())
        .collect();
    let mut seen = IdSet::default();
    unit.iter()
        .filter(|object| !named.contains(&object.id()) && seen.insert(object.id()))
        .map(|root| {
            let mut part = vec![root.clone()];
            let mut inside = IdSet::from_iter([root.id()]);
            let mut next = 0;
            while next < part.len() {
                for id in part[next].references().to_vec() {
                    if let Some(&object) = places.get(&id)
                        && inside.insert(id)
                    {
                        part.push(object.clone());
                    }
                }
                next += 1;
            }
            // What is named stands before what names it.
            part.reverse();
            part
        })
        .collect()
}
