//! The CSVs that go with a part of the report: its files, and what they
//! contact.

use super::file_csv::FileCsv;
use super::infrastructure::Target;
use super::network_csv::NetworkCsv;
use crate::convert::file_row::FileRow;

/// The CSVs of the part in hand.
#[derive(Debug)]
pub struct PartCsvs {
    files: FileCsv,
    network: NetworkCsv,
    most: usize,
    /// The number of the report's part, from 1.
    part: u32,
    /// How often it was begun anew after a restart.
    begun: u32,
}

/// A CSV as it is attached.
#[derive(Clone, Debug)]
pub(crate) struct CsvFile {
    pub(crate) name: String,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// `None` where it was too large to keep.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Default for PartCsvs {
    fn default() -> Self {
        Self::new(0)
    }
}

impl PartCsvs {
    /// Keeps up to `most` bytes of each; with 0, nothing.
    pub fn new(most: usize) -> Self {
        Self {
            files: FileCsv::new(most),
            network: NetworkCsv::new(most),
            most,
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
    pub fn of(&self, part: u32) -> Option<&Self> {
        (self.part == part).then_some(self)
    }

    /// Tells it that rows of the same part were lost with earlier processes, so
    /// many times: it must not take the place of what those had sent.
    pub fn begun(&mut self, times: u32) {
        self.begun = times;
    }

    /// How much memory its rows take, about.
    pub fn held(&self) -> usize {
        self.files.held() + self.network.held()
    }

    /// Gives it room, unless it has some.
    pub fn make_room(&mut self, most: usize) {
        self.most = self.most.max(most);
        self.files.make_room(most);
        self.network.make_room(most);
    }

    /// Adds a file, or says of one that is there that the search found it.
    pub(crate) fn add(&mut self, row: &FileRow, found_by_search: bool) {
        self.files.add(row, found_by_search);
    }

    /// Says that a file is related to another, which drops it or is similar.
    pub(crate) fn relate(&mut self, file: &FileRow, parent: &FileRow, drops: bool) {
        self.files.relate(file, parent, drops);
    }

    /// Says that a file contacts an address, domain or URL.
    pub(crate) fn contact(&mut self, target: &Target<'_>, file: &FileRow) {
        self.network.add(target, file);
    }

    /// Makes what there is to attach. The numbers of parts have as many digits as
    /// each other, so that names sort as parts do.
    pub(crate) fn attachments(&self, stem: &str, part: u32) -> Vec<CsvFile> {
        let part = match part {
            1 => String::new(),
            part => format!("-part-{part:03}"),
        };
        let again = match self.begun {
            0 => String::new(),
            times => format!("-{}", times + 1),
        };
        let (files, network) = (&self.files, &self.network);
        let all = [
            (
                "files",
                "the CSV of the files",
                files.bytes(),
                files.is_over(),
            ),
            (
                "network",
                "the CSV of the infrastructure",
                network.bytes(),
                network.is_over(),
            ),
        ];
        let all = all
            .into_iter()
            .filter(|(_, _, bytes, over)| bytes.is_some() || *over);
        all.map(|(kind, what, bytes, _)| CsvFile {
            name: format!("{stem}{part}-{kind}{again}.csv"),
            what,
            bytes,
        })
        .collect()
    }
}
