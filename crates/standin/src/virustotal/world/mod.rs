//! What the stand-in knows: files, and what they are related to.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::query::{Field, Subject, parse};

use block::{Block, Code, Shelf};
pub use made::{Made, object};

pub(crate) mod block;
pub(crate) mod dice;
pub(crate) mod entry;
pub(crate) mod json;
mod made;
mod related;
mod signs;
mod view;
mod words;
pub(crate) mod write;

pub(crate) use entry::{Entry, Related};
pub(crate) use made::number;
pub(crate) use view::View;

/// The files that the stand-in knows.
#[derive(Clone, Debug, Default)]
pub struct World {
    blocks: Vec<Block>,
    made: Vec<Made>,
    bulk: usize,
}

/// Where a made-by-hand file's places start; below are the blocks' files.
const MADE: u64 = 1 << 62;

impl World {
    /// A world without files.
    pub fn empty() -> Self {
        Self::default()
    }

    /// `count` plausible files, first submitted within `window`, each from one
    /// of `countries` (and some from others besides). The same arguments give
    /// the same files. They take no memory: each follows from its number.
    ///
    /// Among them are hostile names, files above 2 GiB, missing, `null` and
    /// unknown severities, three first submissions in one second, and files
    /// that are related to one another.
    pub fn generate(
        seed: u64,
        count: u32,
        countries: &[&str],
        window: Range<DateTime<Utc>>,
    ) -> Self {
        Self {
            blocks: vec![Block::new(seed, count, countries, window)],
            ..Self::default()
        }
    }

    /// Adds a file as it is, submitted from Australia. [`World::with`] says
    /// more about it.
    #[must_use]
    pub fn with_file(self, object: Value) -> Self {
        self.with(Made::new(object))
    }

    /// Adds a file made by hand.
    #[must_use]
    pub fn with(mut self, file: Made) -> Self {
        self.add(file);
        self
    }

    /// Adds all files of another world.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.blocks.extend(other.blocks);
        self.made.extend(other.made);
        self.bulk = self.bulk.max(other.bulk);
        self
    }

    /// Pads each generated file to about so many bytes, with attributes that
    /// the asker did not exclude: what a client has to read through.
    #[must_use]
    pub fn bulk_bytes(mut self, bytes: usize) -> Self {
        self.bulk = bytes;
        self
    }

    /// The files that a query describes, whole, without relationships or
    /// links, by first submission: what a test compares an import with. The
    /// error is VirusTotal's message.
    pub fn describe(&self, query: &str, now: DateTime<Utc>) -> Result<Vec<Value>, String> {
        let query = parse(query, now.timestamp()).map_err(|refusal| refusal.message)?;
        let mut found: Vec<(Option<i64>, Value)> = self
            .entries()
            .map(|(_, entry)| (Subject::new(entry), entry))
            .filter(|(subject, _)| subject.is(&query))
            .map(|(subject, entry)| {
                let mut text = String::new();
                entry.write(&mut text, &View::default());
                let mut object: Value = serde_json::from_str(&text).unwrap_or_default();
                if let (Entry::Block(..), Some(members)) = (entry, object.as_object_mut()) {
                    members.remove("links");
                }
                (subject.value(Field::FirstSubmission), object)
            })
            .collect();
        // A stable order: files of one second stay as the world has them.
        found.sort_by_key(|(first, _)| *first);
        Ok(found.into_iter().map(|(_, object)| object).collect())
    }

    pub(crate) fn add(&mut self, file: Made) {
        self.made.push(file);
    }

    /// How many files a search can find.
    pub fn len(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.count as usize).sum();
        blocks + self.made.len()
    }

    /// Whether it has no files.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn bulk(&self) -> usize {
        self.bulk
    }

    /// All files a search can find, with their places.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, Entry<'_>)> {
        let blocks = (0_u64..).zip(&self.blocks).flat_map(|(nth, block)| {
            (0..block.count).map(move |number| {
                let code = Code {
                    shelf: Shelf::Main,
                    number,
                };
                ((nth << 32) | u64::from(number), Entry::Block(block, code))
            })
        });
        let made = (MADE..).zip(&self.made);
        blocks.chain(made.map(|(place, made)| (place, Entry::Made(made))))
    }

    /// The file at a place.
    pub(crate) fn at(&self, place: u64) -> Option<Entry<'_>> {
        if place >= MADE {
            return self.made.get((place - MADE) as usize).map(Entry::Made);
        }
        let block = self.blocks.get((place >> 32) as usize)?;
        let code = Code {
            shelf: Shelf::Main,
            number: place as u32,
        };
        (code.number < block.count).then_some(Entry::Block(block, code))
    }

    /// The file that has this SHA-256, SHA-1 or MD5, however it is written.
    pub(crate) fn find(&self, hash: &str) -> Option<Entry<'_>> {
        let hash = hash.to_ascii_lowercase();
        if let Some(made) = self.made.iter().find(|made| made.has_hash(&hash)) {
            return Some(Entry::Made(made));
        }
        let in_blocks = self
            .blocks
            .iter()
            .find_map(|block| block.find(&hash).map(|code| Entry::Block(block, code)));
        in_blocks.or_else(|| {
            let all = self.made.iter().flat_map(|made| made.related.values());
            all.flatten()
                .find(|object| object.get("attributes").is_some() && made::has_hash(object, &hash))
                .map(Entry::Loose)
        })
    }
}

#[cfg(test)]
mod tests;
