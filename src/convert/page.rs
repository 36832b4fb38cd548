//! Units: a file with what belongs to it, and the way from units to bundles.

use std::borrow::Cow;

use super::Options;
use super::file;
use super::filter::{Dropped, Rated, Severity, at_least};
use super::labels::tidy;
use super::left_out::{LeftOut, Reasons};
use super::network::{self, Links, Way};
use super::report::{self, ReportFacts, Subject};
use super::row::Row;
use super::sheet::Sheet;
use super::tally::{Role, Rows};
use super::{content, html};
use crate::stix::bundle::{self, Bundle, Chunk, Limits};
use crate::stix::sco::Provenance;
use crate::stix::sdo::{Attachment, Identity, Report, ReportParts};
use crate::stix::time::Timestamp;
use crate::stix::{Id, Object};
use crate::virustotal::objects::File;

/// A related file needs this severity at least. Similar and dropped files come
/// by the dozen; those that VirusTotal rates lower say little about their
/// parent and would drown it.
pub const RELATED_FILE_MIN: Severity = Severity::Medium;

/// What belongs to a file and did not come with it.
#[derive(Clone, Debug, Default)]
pub struct Related {
    /// Answers of `similar_files`, all pages.
    pub similar: Vec<File>,
    /// Answers of `dropped_files`, all pages.
    pub dropped: Vec<File>,
    /// How many of the addresses that came with the file become objects, for
    /// each relationship; 0 for none.
    pub max_network: usize,
}

/// One kept file with its related objects and relationships. It needs nothing
/// but itself, the author and the markings.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The file first; both ends of a relationship before it.
    pub objects: Vec<Object>,
    /// What did not get in.
    pub left_out: Reasons<LeftOut>,
    /// What the report's tables say of its files.
    pub rows: Vec<Row>,
}

/// Units on their way out.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    /// In the order of the units.
    pub chunks: Vec<Chunk>,
    /// Objects left out because they name something that is not there.
    pub dangling: usize,
    /// What the report's tables say of the chunks' files.
    pub rows: Rows,
}

/// Converts the pages of one run over one country's window.
#[derive(Clone, Debug)]
pub struct Converter {
    options: Options,
    subject: Subject,
    at: Timestamp,
    author: Id,
    file_labels: Vec<String>,
    report_labels: Vec<String>,
    report_types: Vec<String>,
    common: Vec<Object>,
}

impl Converter {
    /// `subject.to` is when everything was created and the report published.
    pub fn new(options: &Options, subject: Subject) -> Self {
        let at = Timestamp::new(subject.to);
        let tag = Role::Frame.tag();
        let author = Object::new(&Identity::organization(&options.author_name, &at), tag);
        let mut common = vec![Object::new(&options.file_marking.definition(), tag)];
        if options.report_marking != options.file_marking {
            common.push(Object::new(&options.report_marking.definition(), tag));
        }
        let author_id = author.id();
        common.push(author);
        Self {
            at,
            author: author_id,
            file_labels: tidy(&options.file_labels),
            report_labels: tidy(&options.report_labels),
            report_types: tidy(&options.report_types),
            common,
            options: options.clone(),
            subject,
        }
    }

    /// Country and window.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The markings and the author: they stand in every bundle.
    pub fn common(&self) -> &[Object] {
        &self.common
    }

    /// Converts a file that [`filter::decide`](super::filter::decide) kept.
    pub fn unit(&self, file: &File, rated: Rated, related: &Related) -> Result<Unit, Dropped> {
        let mut left_out = Reasons::default();
        let common = self.file_common();
        let main = file::convert(file, rated, Role::Main(rated).tag(), common, &mut left_out)
            .ok_or(Dropped::NoHash)?;
        let parent = main.id();
        let mut objects = Vec::with_capacity(1);
        objects.push(main);
        let mut unit = Unit {
            objects,
            left_out,
            rows: vec![Row::of(file, rated, parent)],
        };
        self.related(&related.dropped, Way::Drops, parent, &mut unit);
        self.related(&related.similar, Way::Similar, parent, &mut unit);
        if related.max_network > 0 {
            network::descriptors(
                file,
                parent,
                related.max_network,
                &self.links(),
                &mut unit.objects,
                &mut unit.left_out,
            );
        }
        Ok(unit)
    }

    fn related(&self, files: &[File], way: Way, parent: Id, unit: &mut Unit) {
        let Unit {
            objects: into,
            left_out,
            rows,
        } = unit;
        for file in files {
            let rated = Severity::of(file);
            if file.error.is_some() {
                left_out.add(LeftOut::RelatedUnreadable);
            } else if !at_least(rated, RELATED_FILE_MIN) {
                left_out.add(LeftOut::RelatedSeverity);
            } else if file::sha256(file).is_none() {
                left_out.add(LeftOut::RelatedNoHash);
            } else {
                let tag = Role::Related(rated).tag();
                let converted = file::convert(file, rated, tag, self.file_common(), left_out);
                // A file is similar to itself at times.
                if let Some(object) = converted.filter(|object| object.id() != parent) {
                    let link = self.links().link(way, parent, object.id());
                    rows.push(Row::of(file, rated, object.id()));
                    into.push(object);
                    into.push(link);
                }
            }
        }
    }

    fn file_common(&self) -> file::Common<'_> {
        file::Common {
            provenance: self.provenance(),
            labels: &self.file_labels,
        }
    }

    fn links(&self) -> Links<'_> {
        Links {
            provenance: self.provenance(),
            at: &self.at,
            confidence: self.options.confidence,
        }
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            author: self.author,
            marking: self.options.file_marking.id(),
        }
    }

    /// Packs units into chunks, with room for the growing report in each, and no
    /// more objects in one than a report may name.
    pub fn pack(&self, units: impl IntoIterator<Item = Unit>, limits: Limits) -> Packed {
        let texts = self.report_labels.iter().chain(&self.report_types);
        let own: usize = texts.map(|text| 2 * text.len() + 8).sum();
        let mut rows = Rows::new();
        let units = units.into_iter().map(|unit| {
            for row in unit.rows {
                rows.entry(row.id).or_insert(row);
            }
            unit.objects
        });
        let limits = Limits {
            objects: limits
                .objects
                .min(self.options.max_refs.saturating_add(self.common.len() + 1)),
            ..limits
        };
        let packing = bundle::pack(units, &self.common, report::RESERVE + own, limits);
        Packed {
            chunks: packing.chunks,
            dangling: packing.dangling,
            rows,
        }
    }

    /// The bundle of a chunk, with the report as far as it has grown: it names
    /// this chunk's objects, and the platform adds them to those it has.
    pub fn bundle(&self, chunk: &Chunk, facts: &ReportFacts) -> Bundle {
        let part = facts.parts.current;
        let description = if part.number > 1 {
            report::part_description(facts, part, false)
        } else {
            report::description(facts)
        };
        let report = self.report(part.number, &description, None, &[], &chunk.ids());
        chunk.bundle(&self.common, Some(&report))
    }

    /// The last version of the part in hand with its CSV, for now unless the
    /// part is `full`. It names `chunk`, as [`Converter::closing`] does.
    pub fn part_closing(
        &self,
        facts: &ReportFacts,
        chunk: &Chunk,
        full: bool,
        sheet: &mut Sheet,
        limits: Limits,
    ) -> Closing {
        let part = facts.parts.current;
        let mut load = Load::new(&self.subject, part.number, Some(sheet));
        load.page = false;
        load.content = false;
        let mut left = load.complaint();
        let room = chunk.room(&self.common, limits);
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
            let files = load.sheet.as_slice();
            let report = self.report(part.number, &description, None, files, &chunk.ids());
            if report.escaped_len() <= room || load.is_empty() {
                let bundle = chunk.bundle(&self.common, Some(&report));
                return Closing { bundle, left };
            }
            left.extend(load.lighten());
        }
    }

    /// The report's last version, all of it: the page under "Content", and what
    /// is attached. It names `chunk`, the last one or one object that has gone
    /// out (see [`Tally::anchor`](super::tally::Tally::anchor)); where nothing
    /// was found, its author, since it must name something. `sheet` is that of
    /// the first part.
    ///
    /// What does not fit beside the chunk is left out and named in the notes:
    /// first the CSV, then the attached page, then the content.
    pub fn closing(
        &self,
        facts: &ReportFacts,
        chunk: &Chunk,
        sheet: Option<&mut Sheet>,
        limits: Limits,
    ) -> Closing {
        let mut load = Load::new(&self.subject, 1, sheet);
        load.page = self.options.attachments;
        let mut left = load.complaint();
        let mut facts = facts.clone();
        facts.notes.extend(left.iter().cloned());
        let room = chunk.room(&self.common, limits);
        loop {
            let report = self.last(&facts, &load, &chunk.ids());
            if report.escaped_len() <= room || load.is_empty() {
                let bundle = chunk.bundle(&self.common, Some(&report));
                return Closing { bundle, left };
            }
            let note = load.lighten();
            facts.notes.extend(note.clone());
            left.extend(note);
        }
    }

    fn last(&self, facts: &ReportFacts, load: &Load, refs: &[Id]) -> Object {
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
        files.extend(load.sheet.clone());
        let content = content.flatten();
        let description = report::description(facts);
        self.report(1, &description, content.as_deref(), &files, refs)
    }

    /// The report's id, the same for every version of it.
    pub fn report_id(&self) -> Id {
        crate::stix::id::report(&self.subject.name(), self.at.as_str())
    }

    /// | STIX                    | from                             |
    /// |-------------------------|----------------------------------|
    /// | `name`                  | country, window and, after the first, the part's number |
    /// | `published`, `created`, `modified` | the window's end      |
    /// | `description`           | [`report::description`]          |
    /// | `x_opencti_content`     | [`content::content`], in the last version |
    /// | `x_opencti_files`       | [`html::page`] and [`Sheet`], in the last version |
    /// | `report_types`, `labels`, `confidence`, `x_opencti_reliability`, marking | the operator's choice |
    /// | `object_refs`           | the chunk's objects, relationships too |
    fn report(
        &self,
        number: u32,
        description: &str,
        content: Option<&str>,
        files: &[Attachment],
        refs: &[Id],
    ) -> Object {
        let refs = if refs.is_empty() {
            Cow::Owned(vec![self.author])
        } else {
            Cow::Borrowed(refs)
        };
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
    sheet: Option<Attachment>,
    page: bool,
    content: bool,
    /// The CSV had outgrown its room before.
    over: bool,
}

impl Load {
    fn new(subject: &Subject, part: u32, sheet: Option<&mut Sheet>) -> Self {
        let over = sheet.as_ref().is_some_and(|sheet| sheet.is_over());
        let sheet = sheet.and_then(|sheet| {
            let name = sheet.name(&subject.file_stem(), part);
            Some(Attachment::new(name, "text/csv", sheet.bytes()?))
        });
        Self {
            sheet,
            page: true,
            content: true,
            over,
        }
    }

    fn complaint(&self) -> Vec<String> {
        let over = self.over.then(|| left_out("the CSV of the files"));
        over.into_iter().collect()
    }

    fn is_empty(&self) -> bool {
        self.sheet.is_none() && !self.page && !self.content
    }

    /// Leaves the first thing out that is still there, and says so.
    fn lighten(&mut self) -> Option<String> {
        if self.sheet.take().is_some() {
            return Some(left_out("the CSV of the files"));
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
