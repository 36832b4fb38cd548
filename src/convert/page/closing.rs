//! The report's object, growing and in its last version.

use super::super::report::{self, ReportFacts, Subject};
use super::super::sheet::{Sheet, Sheets};
use super::super::tally::Role;
use super::super::{content, html};
use super::Converter;
use crate::stix::Object;
use crate::stix::bundle::{Bundle, Chunk, Limits};
use crate::stix::sdo::{Attachment, Report, ReportParts};

/// The report's relationship to its country, generously.
const LINK_BYTES: usize = 2048;

impl Converter {
    /// The last version of the part in hand with its CSV, for now unless the
    /// part is `full`. `sheet` is that of the part. It names `chunk`, as [`Converter::closing`] does.
    pub fn part_closing(
        &self,
        facts: &ReportFacts,
        chunk: &Chunk,
        full: bool,
        sheet: Option<&mut Sheets>,
        limits: Limits,
    ) -> Closing {
        let part = facts.parts.current;
        let mut load = Load::new(
            &self.subject,
            part.number,
            sheet.filter(|_| self.options.attachments),
        );
        load.page = false;
        load.content = false;
        let mut left = load.complaint();
        let room = chunk.room(&self.common, limits).saturating_sub(LINK_BYTES);
        loop {
            let description = if part.number > 1 {
                let facts = ReportFacts {
                    notes: left.clone(),
                    ..facts.clone()
                };
                report::part_description(&facts, part, full)
            } else {
                report::description(facts)
            };
            let files = load.sheets();
            let report = self.report(part.number, &description, None, &files, chunk);
            if report.escaped_len() <= room || load.is_empty() {
                let bundle = self.closed(chunk, &report, String::new());
                return Closing { bundle, left };
            }
            left.extend(load.lighten());
        }
    }

    /// The report's last version, all of it: the page under "Content", and what
    /// is attached. It names `chunk`, the last one or one object that has gone
    /// out (see [`Tally::anchor`](crate::convert::tally::Tally::anchor)); where nothing
    /// was found, only the country or else its author: it must name something. `sheet` is that of
    /// the first part.
    ///
    /// What does not fit beside the chunk is left out and named in the notes:
    /// first the CSVs, that of the infrastructure before that of the files, then
    /// the attached page, then the content.
    pub fn closing(
        &self,
        facts: &ReportFacts,
        chunk: &Chunk,
        sheet: Option<&mut Sheets>,
        limits: Limits,
    ) -> Closing {
        let mut load = Load::new(&self.subject, 1, sheet.filter(|_| self.options.attachments));
        load.page = self.options.attachments;
        let mut left = load.complaint();
        let mut facts = facts.clone();
        facts.notes.extend(left.iter().cloned());
        let room = chunk.room(&self.common, limits).saturating_sub(LINK_BYTES);
        loop {
            let report = self.last(&facts, &load, chunk);
            if report.escaped_len() <= room || load.is_empty() {
                let bundle = self.closed(chunk, &report, String::new());
                return Closing { bundle, left };
            }
            let note = load.lighten();
            facts.notes.extend(note.clone());
            left.extend(note);
        }
    }

    fn last(&self, facts: &ReportFacts, load: &Load, chunk: &Chunk) -> Object {
        let marking = self.options.report_marking.name();
        // Writing into memory does not fail; if it did, the rest still counts.
        let content = load.content.then(|| content::content(facts, marking).ok());
        let mut files = Vec::new();
        if load.page
            && let Ok(page) = html::page(facts, marking)
        {
            let name = format!("{}.html", self.subject.file_stem());
            files.push(Attachment::new(name, "text/html", page.as_bytes()));
        }
        files.extend(load.sheets());
        let content = content.flatten();
        let description = report::description(facts);
        self.report(1, &description, content.as_deref(), &files, chunk)
    }

    /// | STIX                    | from                             |
    /// |-------------------------|----------------------------------|
    /// | `name`                  | country, window and, after the first, the part's number |
    /// | `published`, `created`, `modified` | the window's end      |
    /// | `description`           | [`report::description`]          |
    /// | `x_opencti_content`     | [`content::content`], in the last version |
    /// | `x_opencti_files`       | [`html::page`] and [`Sheets`], in the last version |
    /// | `report_types`, `labels`, `confidence`, `x_opencti_reliability`, marking | the operator's choice |
    /// | `object_refs`           | the chunk's objects, relationships too, and the country |
    pub(super) fn report(
        &self,
        number: u32,
        description: &str,
        content: Option<&str>,
        files: &[Attachment],
        chunk: &Chunk,
    ) -> Object {
        let mut refs = chunk.ids();
        refs.extend(self.country);
        if refs.is_empty() {
            refs.push(self.author);
        }
        Object::new(
            &Report::new(ReportParts {
                author: self.author,
                marking: self.options.report_marking.id(),
                name: &self.subject.part_name(number),
                description,
                report_types: &self.report_types,
                published: &self.at,
                labels: &self.report_labels,
                confidence: self.options.confidence,
                reliability: self.options.reliability.as_deref(),
                content,
                files,
                object_refs: &refs,
            }),
            Role::Frame.tag(),
        )
    }
}

/// A report's last version.
#[derive(Clone, Debug)]
pub struct Closing {
    /// With the report.
    pub bundle: Bundle,
    /// What had no room in it, in sentences.
    pub left: Vec<String>,
}

/// What the last version carries beside its description.
struct Load {
    /// With what they are, for people.
    sheets: Vec<(Attachment, &'static str)>,
    page: bool,
    content: bool,
    /// What had outgrown its room before.
    over: Vec<&'static str>,
}

impl Load {
    fn new(subject: &Subject, part: u32, sheets: Option<&mut Sheets>) -> Self {
        let mut load = Self {
            sheets: Vec::new(),
            page: true,
            content: true,
            over: Vec::new(),
        };
        let sheets = sheets.map(|sheets| sheets.attachments(&subject.file_stem(), part));
        for Sheet { name, what, bytes } in sheets.into_iter().flatten() {
            match bytes {
                Some(bytes) => {
                    let attached = Attachment::new(name, "text/csv", &bytes);
                    load.sheets.push((attached, what));
                }
                None => load.over.push(what),
            }
        }
        load
    }

    fn sheets(&self) -> Vec<Attachment> {
        let sheets = self.sheets.iter();
        sheets.map(|(attached, _)| attached.clone()).collect()
    }

    fn complaint(&self) -> Vec<String> {
        self.over.iter().map(|what| left_out(what)).collect()
    }

    fn is_empty(&self) -> bool {
        self.sheets.is_empty() && !self.page && !self.content
    }

    /// Leaves the first thing out that is still there, and says so.
    fn lighten(&mut self) -> Option<String> {
        if let Some((_, what)) = self.sheets.pop() {
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
