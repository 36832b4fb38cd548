//! The CSV of the infrastructure that a report's files contact.
//!
//! One row an address, domain or URL, in the order in which they went out; the
//! columns stay in this order:
//!
//! | column | what |
//! |---|---|
//! | `type` | `ipv4-addr`, `ipv6-addr`, `domain-name` or `url` |
//! | `defanged` | for people: nothing makes a link of it |
//! | `value` | for tools: as the object in the platform has it |
//! | `files` | how many files of this report contact it |
//! | `severity` | of the worst of them: HIGH, MEDIUM, LOW, NONE or unknown |
//! | `detections`, `engines` | of that file |
//! | `link` | VirusTotal's page |
//! | `file_hashes` | SHA-256 of those files, at most 20, with a space between |

use std::collections::hash_map::Entry;

use super::cell::{BOM, rows_into, safe};
use super::defang::defang;
use super::infrastructure::{Kind, Target};
use super::worst_files::rank;
use crate::convert::file_row::FileRow;
use crate::stix::id::FingerprintMap;
use crate::virustotal::facts::{Rated, severity};

pub const COLUMNS: [&str; 9] = [
    "type",
    "defanged",
    "value",
    "files",
    "severity",
    "detections",
    "engines",
    "link",
    "file_hashes",
];

/// So many files are named for each address, domain or URL.
pub const NAMED: usize = 20;

/// Bytes of a row beside its value, which stands in it three times, and of a
/// file's hash in it.
const ROW_BYTES: usize = 130;
const HASH_BYTES: usize = 65;

/// Rows as they go out, up to so many bytes.
#[derive(Debug)]
pub(crate) struct NetworkCsv {
    most: usize,
    rows: Vec<Contacted>,
    places: FingerprintMap<usize>,
    /// The most that the text may come to.
    bytes: usize,
    over: bool,
}

#[derive(Debug)]
struct Contacted {
    kind: Kind,
    value: Box<str>,
    files: u64,
    rated: Rated,
    detections: Option<(u64, u64)>,
    /// Of the first files, with spaces between.
    hashes: String,
}

impl NetworkCsv {
    /// Keeps up to `most` bytes; with 0, nothing.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            rows: Vec::new(),
            places: FingerprintMap::default(),
            bytes: 0,
            over: false,
        }
    }

    pub(crate) fn make_room(&mut self, most: usize) {
        self.most = self.most.max(most);
    }

    /// Says that a file contacts something for the first time.
    pub(crate) fn add(&mut self, target: &Target<'_>, file: &FileRow) {
        if self.most == 0 || self.over {
            return;
        }
        let place = match self.places.entry(target.fingerprint) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                place.insert(self.rows.len());
                self.rows.push(Contacted {
                    kind: target.kind,
                    value: (&*target.value).into(),
                    files: 0,
                    rated: file.rated,
                    detections: file.detections,
                    hashes: String::new(),
                });
                self.bytes += ROW_BYTES + 6 * target.value.len();
                self.rows.len() - 1
            }
        };
        let row = &mut self.rows[place];
        row.files += 1;
        if rank(file.rated, file.detections) > rank(row.rated, row.detections) {
            (row.rated, row.detections) = (file.rated, file.detections);
        }
        if row.files <= NAMED as u64 {
            if !row.hashes.is_empty() {
                row.hashes.push(' ');
            }
            row.hashes.push_str(file.best_hash());
            self.bytes += HASH_BYTES;
        }
        if self.bytes > self.most {
            *self = Self {
                over: true,
                ..Self::new(self.most)
            };
        }
    }

    /// How much memory its rows take, about.
    pub(crate) fn held(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Writes it; `None` without rows, or where they were too many.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        if self.rows.is_empty() {
            return None;
        }
        // Writing into memory does not fail.
        let mut writer = rows_into(Vec::new());
        writer.write_record(COLUMNS).ok()?;
        for row in &self.rows {
            row.write(&mut writer).ok()?;
        }
        let rows = writer.into_inner().ok()?;
        Some([BOM.as_bytes(), &rows].concat())
    }
}

impl Contacted {
    fn write(&self, writer: &mut csv::Writer<Vec<u8>>) -> csv::Result<()> {
        let (found, asked) = self.detections.unzip();
        let number = |number: Option<u64>| number.map(|it| it.to_string()).unwrap_or_default();
        writer.write_record([
            self.kind.stix(),
            &safe(&defang(&self.value)),
            &safe(&self.value),
            &self.files.to_string(),
            severity::word(self.rated),
            &number(found),
            &number(asked),
            &self.kind.page().of_text(&self.value),
            &self.hashes,
        ])
    }
}
