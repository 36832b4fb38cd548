//! What a version of the report carries beside its description, and what is
//! left out first where there is no room for all of it.

use super::part_csv::{CsvFile, PartCsvs};
use crate::convert::subject::Subject;
use crate::stix::sdo::Attachment;

/// The CSVs, the page and the content, as far as they are carried.
pub(super) struct Load {
    /// With what they are, for people.
    csvs: Vec<(Attachment, &'static str)>,
    pub(super) page: bool,
    pub(super) content: bool,
    /// What had outgrown its room before.
    over: Vec<&'static str>,
}

impl Load {
    /// The CSVs of a part; page and content are the caller's to ask for.
    pub(super) fn of(subject: &Subject, part: u32, csvs: Option<&PartCsvs>) -> Self {
        let mut load = Self {
            csvs: Vec::new(),
            page: false,
            content: false,
            over: Vec::new(),
        };
        let csvs = csvs.map(|csvs| csvs.attachments(&subject.file_stem(), part));
        for CsvFile { name, what, bytes } in csvs.into_iter().flatten() {
            match bytes {
                Some(bytes) => {
                    let attached = Attachment::new(name, "text/csv", &bytes);
                    load.csvs.push((attached, what));
                }
                None => load.over.push(what),
            }
        }
        load
    }

    pub(super) fn csvs(&self) -> Vec<Attachment> {
        let csvs = self.csvs.iter();
        csvs.map(|(attached, _)| attached.clone()).collect()
    }

    /// What had outgrown its room before anything was weighed, in sentences.
    pub(super) fn complaints(&self) -> Vec<String> {
        self.over.iter().map(|what| left_out(what)).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.csvs.is_empty() && !self.page && !self.content
    }

    /// Leaves the first thing out that is still there, and says so.
    pub(super) fn lighten(&mut self) -> Option<String> {
        if let Some((_, what)) = self.csvs.pop() {
            return Some(left_out(what));
        }
        if std::mem::take(&mut self.page) {
            return Some(left_out("the attached page"));
        }
        std::mem::take(&mut self.content).then(|| left_out("the content page"))
    }
}

fn left_out(what: &str) -> String {
    format!("{what} was left out: it does not fit into VTREPORTER_MAX_BUNDLE_MB")
}
