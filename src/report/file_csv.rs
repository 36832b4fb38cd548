//! The CSV of a report's files.
//!
//! One row a file, in the order in which they went out; the columns stay in
//! this order:
//!
//! | column | what |
//! |---|---|
//! | `sha256`, `md5`, `sha1` | hexadecimal, in lower case; empty where not known, as everywhere |
//! | `name` | VirusTotal's pick, else its first name, else the hash |
//! | `size` | bytes |
//! | `type` | VirusTotal's description of the file type |
//! | `severity` | HIGH, MEDIUM, LOW, NONE or unknown |
//! | `detections`, `engines` | engines that call it malicious or suspicious, and engines that gave a verdict |
//! | `category`, `family` | what most engines call it |
//! | `first_submission`, `last_submission` | RFC 3339, UTC |
//! | `submissions`, `sources` | how often, and by how many different submitters |
//! | `seen_before` | `yes`: submitted or seen in the wild before the window; `no`: first seen anywhere in it |
//! | `link` | VirusTotal's page of the file |
//! | `ssdeep`, `tlsh` | fuzzy hashes: equal where files are alike |
//! | `found_by` | `search`, also where it came first as related to another file; else `relationship` |
//! | `parent` | hash of the first file that it was told to be related to |
//! | `parent_relationship` | `drops`: that file drops it; `similar`: that file is similar to it |
//! | `parents` | how many such files there are |

use std::collections::hash_map::Entry;

use super::cell::{BOM, rows_into, safe};
use crate::convert::file_row::{FileRow, Text};
use crate::stix::id::FingerprintMap;
use crate::stix::time;
use crate::virustotal::facts::novelty::Novelty;
use crate::virustotal::facts::severity;
use crate::virustotal::gui::GuiPage;

const COLUMNS: [&str; 23] = [
    "sha256",
    "md5",
    "sha1",
    "name",
    "size",
    "type",
    "severity",
    "detections",
    "engines",
    "category",
    "family",
    "first_submission",
    "last_submission",
    "submissions",
    "sources",
    "seen_before",
    "link",
    "ssdeep",
    "tlsh",
    "found_by",
    "parent",
    "parent_relationship",
    "parents",
];

/// Rows as they go out, up to so many bytes: what is over cannot be sent with a
/// report anyway.
#[derive(Debug)]
pub(crate) struct FileCsv {
    most: usize,
    /// The columns that never change, row behind row.
    writer: csv::Writer<Vec<u8>>,
    rows: Vec<Rest>,
    /// Where a file's row is, by its object's fingerprint.
    places: FingerprintMap<usize>,
    /// The most bytes that the other columns may come to.
    rest_bytes: usize,
    /// It has outgrown its room: the rows are gone.
    over: bool,
    text: String,
}

/// What may still change of a row.
#[derive(Debug)]
struct Rest {
    /// Where the other columns of the row end.
    end: usize,
    found_by_search: bool,
    parent: Option<Box<Parent>>,
}

#[derive(Debug)]
struct Parent {
    hash: Box<str>,
    drops: bool,
    parents: u32,
}

/// Bytes of a row's last columns, at most, without a parent and with one.
const REST_BYTES: usize = 20;
const PARENT_BYTES: usize = 90;

impl FileCsv {
    /// Keeps up to `most` bytes; with 0, nothing.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            writer: rows_into(Vec::new()),
            rows: Vec::new(),
            places: FingerprintMap::default(),
            rest_bytes: 0,
            over: false,
            text: String::new(),
        }
    }

    /// Gives it room, unless it has some.
    pub(crate) fn make_room(&mut self, most: usize) {
        self.most = self.most.max(most);
    }

    /// Adds a file; one that is there is only found by the search from now on.
    pub(crate) fn add(&mut self, row: &FileRow, found_by_search: bool) {
        if self.most == 0 || self.over {
            return;
        }
        match self.places.entry(row.id.fingerprint()) {
            Entry::Occupied(place) => {
                self.rows[*place.get()].found_by_search |= found_by_search;
                return;
            }
            Entry::Vacant(place) => {
                place.insert(self.rows.len());
            }
        }
        // Writing into memory does not fail.
        let written = self.write(row).and_then(|()| Ok(self.writer.flush()?));
        self.rows.push(Rest {
            end: self.writer.get_ref().len(),
            found_by_search,
            parent: None,
        });
        self.weigh(written.is_ok(), REST_BYTES);
    }

    /// Says that a file is related to `parent`, which drops it or is similar.
    pub(crate) fn relate(&mut self, file: &FileRow, parent: &FileRow, drops: bool) {
        let place = self.places.get(&file.id.fingerprint());
        let Some(rest) = place.and_then(|place| self.rows.get_mut(*place)) else {
            return;
        };
        match &mut rest.parent {
            Some(known) => known.parents += 1,
            None => {
                rest.parent = Some(Box::new(Parent {
                    hash: parent.best_hash().into(),
                    drops,
                    parents: 1,
                }));
                self.weigh(true, PARENT_BYTES);
            }
        }
    }

    fn weigh(&mut self, written: bool, more: usize) {
        self.rest_bytes += more;
        if !written || self.writer.get_ref().len() + self.rest_bytes > self.most {
            *self = Self {
                over: true,
                ..Self::new(self.most)
            };
        }
    }

    fn write(&mut self, row: &FileRow) -> csv::Result<()> {
        for hash in [Text::Sha256, Text::Md5, Text::Sha1] {
            self.writer.write_field(row.text(hash))?;
        }
        self.foreign(row.text(Text::Name))?;
        self.number(row.size)?;
        self.foreign(row.text(Text::Kind))?;
        self.writer.write_field(severity::word(row.rated))?;
        let (found, asked) = row.detections.unzip();
        self.number(found)?;
        self.number(asked)?;
        self.foreign(row.text(Text::Category))?;
        self.foreign(row.text(Text::Family))?;
        self.moment(row.first)?;
        self.moment(row.last)?;
        self.number(row.submissions)?;
        self.number(row.sources)?;
        self.writer.write_field(seen_before(row.novelty))?;
        self.writer.write_field(GuiPage::File.of(row.best_hash()))?;
        for hash in [Text::Ssdeep, Text::Tlsh] {
            self.foreign(row.text(hash))?;
        }
        self.writer.write_record(None::<&[u8]>)
    }

    fn foreign(&mut self, text: &str) -> csv::Result<()> {
        self.writer.write_field(&*safe(text))
    }

    fn number(&mut self, number: Option<impl std::fmt::Display>) -> csv::Result<()> {
        use std::fmt::Write;

        self.text.clear();
        if let Some(number) = number {
            let _ = write!(self.text, "{number}");
        }
        self.writer.write_field(&self.text)
    }

    fn moment(&mut self, seconds: Option<i64>) -> csv::Result<()> {
        self.text.clear();
        if let Some(moment) = seconds.and_then(time::from_unix) {
            time::write_seconds(&mut self.text, moment, 'T');
            self.text.push('Z');
        }
        self.writer.write_field(&self.text)
    }

    /// How much memory its rows take, about.
    pub(crate) fn held(&self) -> usize {
        self.writer.get_ref().capacity() + self.rest_bytes
    }

    /// Whether there was no room for all of them: then there is no text.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Writes it; `None` without rows, or where they were too many.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        if self.rows.is_empty() {
            return None;
        }
        let written = self.writer.get_ref();
        let mut out = Vec::with_capacity(written.len() + self.rest_bytes + 300);
        out.extend_from_slice(BOM.as_bytes());
        out.extend_from_slice(COLUMNS.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
        let mut begin = 0;
        for rest in &self.rows {
            // Without the line's end.
            out.extend_from_slice(&written[begin..rest.end - 2]);
            begin = rest.end;
            rest.write(&mut out);
        }
        Some(out)
    }
}

impl Rest {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.found_by_search {
            b",search,"
        } else {
            b",relationship,"
        });
        match &self.parent {
            Some(parent) => {
                let word = if parent.drops { "drops" } else { "similar" };
                // A hash and words of ours: nothing to quote.
                let cells = format!("{},{word},{}\r\n", parent.hash, parent.parents);
                out.extend_from_slice(cells.as_bytes());
            }
            None => out.extend_from_slice(b",,\r\n"),
        }
    }
}

/// The word of the column `seen_before`.
fn seen_before(novelty: Novelty) -> &'static str {
    match novelty {
        Novelty::New => "no",
        Novelty::Known => "yes",
        Novelty::Unknown => "",
    }
}
