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
//! | `found_by` | `search`, or `relationship`: it came first as related to another file |
//! | `link` | VirusTotal's page of the file |
//! | `ssdeep`, `tlsh` | fuzzy hashes: equal where files are alike |

use super::filter::Severity;
use super::row::{Row, Text};
use crate::stix::time;

/// The first line.
pub const COLUMNS: [&str; 19] = [
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
    "found_by",
    "link",
    "ssdeep",
    "tlsh",
];

/// Rows as they go out, up to so many bytes: what is over cannot be sent with a
/// report anyway.
#[derive(Debug)]
pub struct Sheet {
    writer: csv::Writer<Vec<u8>>,
    most: usize,
    rows: u64,
    /// It has outgrown its room: the rows are gone.
    over: bool,
    text: String,
    /// Of the report, from 1: the rows are its files.
    part: u32,
    /// Begun for the so manieth time: 0, and one more after each restart.
    begun: u32,
}

impl Default for Sheet {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Sheet {
    /// Of `most` bytes; 0 keeps nothing.
    pub fn new(most: usize) -> Self {
        Self {
            writer: writer(),
            most,
            rows: 0,
            over: false,
            text: String::new(),
            part: 1,
            begun: 0,
        }
    }

    /// Goes on with another part of the report, which has no rows yet. A run
    /// that failed after it had begun that part comes past here once more, and
    /// finds it begun.
    pub fn begin(&mut self, part: u32) {
        if part > self.part {
            *self = Self::new(self.most);
            self.part = part;
        }
    }

    /// Itself, if it holds the rows of that part. A run that failed and repeats
    /// the part before has sent that part's rows already.
    pub fn of(&mut self, part: u32) -> Option<&mut Self> {
        (self.part == part).then_some(self)
    }

    /// Tells it that rows of the same part were lost with earlier processes, so
    /// many times: it must not take the place of what those had sent.
    pub fn begun(&mut self, times: u32) {
        self.begun = times;
    }

    /// The name of its file.
    pub fn name(&self, stem: &str, part: u32) -> String {
        let part = match part {
            1 => String::new(),
            part => format!("-part-{part}"),
        };
        match self.begun {
            0 => format!("{stem}{part}-files.csv"),
            times => format!("{stem}{part}-files-{}.csv", times + 1),
        }
    }

    /// How much memory its rows take, about.
    pub fn held(&self) -> usize {
        self.writer.get_ref().capacity()
    }

    /// Gives it room, unless it has some.
    pub fn make_room(&mut self, most: usize) {
        self.most = self.most.max(most);
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, row: &Row, found_by_search: bool) {
        if self.most == 0 {
            return;
        }
        self.rows += 1;
        if self.over {
            return;
        }
        // Writing into memory does not fail.
        let written = self.write(row, found_by_search);
        if written.is_err() || self.writer.get_ref().len() > self.most {
            self.over = true;
            self.writer = writer();
        }
    }

    fn write(&mut self, row: &Row, found_by_search: bool) -> csv::Result<()> {
        if self.rows == 1 {
            self.writer.write_record(COLUMNS)?;
        }
        let link = [
            row.text(Text::Sha256),
            row.text(Text::Sha1),
            row.text(Text::Md5),
        ]
        .into_iter()
        .find(|hash| !hash.is_empty())
        .unwrap_or_default();
        for hash in [Text::Sha256, Text::Md5, Text::Sha1] {
            self.writer.write_field(row.text(hash))?;
        }
        self.foreign(row.text(Text::Name))?;
        self.number(row.size)?;
        self.foreign(row.text(Text::Kind))?;
        self.writer
            .write_field(row.rated.map_or("unknown", Severity::word))?;
        let (found, asked) = row.detections.unzip();
        self.number(found)?;
        self.number(asked)?;
        self.foreign(row.text(Text::Category))?;
        self.foreign(row.text(Text::Family))?;
        self.moment(row.first)?;
        self.moment(row.last)?;
        self.number(row.submissions)?;
        self.number(row.sources)?;
        self.writer.write_field(if found_by_search {
            "search"
        } else {
            "relationship"
        })?;
        self.text.clear();
        self.text.push_str("https://www.virustotal.com/gui/file/");
        self.text.push_str(link);
        self.writer.write_field(&self.text)?;
        for hash in [Text::Ssdeep, Text::Tlsh] {
            self.writer.write_field(row.text(hash))?;
        }
        self.writer.write_record(None::<&[u8]>)
    }

    fn foreign(&mut self, text: &str) -> csv::Result<()> {
        if harmless(text) {
            return self.writer.write_field(text);
        }
        self.text.clear();
        neutralise(&mut self.text, text);
        self.writer.write_field(&self.text)
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

    /// How many files it was given.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether there was no room for all of them: then there is no text.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The text; `None` without rows, or where they are too many.
    pub fn bytes(&mut self) -> Option<&[u8]> {
        if self.rows == 0 || self.over || self.writer.flush().is_err() {
            return None;
        }
        Some(self.writer.get_ref())
    }
}

fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new())
}

/// Characters with which a cell becomes a formula; the wide ones do so in East
/// Asian settings.
fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

fn harmless(text: &str) -> bool {
    !text.starts_with(begins_formula) && !text.contains(';')
}

/// Adds a text so that no spreadsheet takes it for a formula: an apostrophe
/// stands before what would begin one, also behind a semicolon, at which half
/// of Europe's spreadsheets cut.
pub fn neutralise(out: &mut String, text: &str) {
    let mut fresh = true;
    for c in text.chars() {
        if fresh && begins_formula(c) {
            out.push('\'');
        }
        fresh = c == ';' || (fresh && matches!(c, ' ' | '"'));
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::neutralise;

    #[test]
    fn no_text_begins_a_formula() {
        let table = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("＝1", "'＝1"),
            (" =1", " '=1"),
            ("a;=1", "a;'=1"),
            ("a; \"=1", "a; \"'=1"),
            ("a=1-1+b@c", "a=1-1+b@c"),
            ("invoice.exe", "invoice.exe"),
        ];
        for (text, expected) in table {
            let mut out = String::new();
            neutralise(&mut out, text);
            assert_eq!(out, expected, "{text:?}");
        }
    }
}
