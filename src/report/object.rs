//! The report's object, growing and in its last version, and the bundles that
//! carry it.

use std::collections::hash_map::Entry;

use super::facts::ReportFacts;
use super::load::Load;
use super::part_csv::PartCsvs;
use super::{content, html, markdown};
use crate::convert::converter::{Converter, Unit};
use crate::convert::file_row::FileRows;
use crate::convert::labels;
use crate::convert::role::Role;
use crate::stix::bundle::{self, Bundle, Chunk, Limits};
use crate::stix::sdo::{Attachment, Report, ReportParts};
use crate::stix::{Id, Object, id};

/// Bytes that the report's JSON needs at most while it grows, without its
/// labels, types and references, escaped once more, and its relationship to the
/// country. Its last version is larger, and is weighed when it is there.
const RESERVE: usize = 50 * 1024;

/// The report's relationship to its country, generously.
const LINK_BYTES: usize = 2048;

/// Units on their way out.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    /// In the order of the units.
    pub chunks: Vec<Chunk>,
    /// Objects left out because they name something that is not there.
    pub dangling: usize,
    /// What the report's tables say of the chunks' files.
    pub rows: FileRows,
}

/// A report's last version.
#[derive(Clone, Debug)]
pub struct Closing {
    /// With the report.
    pub bundle: Bundle,
    /// What had no room in it, in sentences.
    pub left: Vec<String>,
}

/// Writes the versions of one run's report.
#[derive(Debug)]
pub struct ReportObject<'a> {
    converter: &'a Converter,
    labels: Vec<String>,
    types: Vec<String>,
}

impl<'a> ReportObject<'a> {
    /// Of the run whose files `converter` converts.
    pub fn of(converter: &'a Converter) -> Self {
        let options = converter.options();
        let country = &converter.subject().country_name;
        Self {
            converter,
            labels: labels::named(&options.report_labels, Some(country)),
            types: labels::tidy(&options.report_types),
        }
    }

    /// Packs units into chunks, with room for the growing report in each, and no
    /// more objects in one than a report may name.
    pub fn pack(&self, units: impl IntoIterator<Item = Unit>, limits: Limits) -> Packed {
        let texts = self.labels.iter().chain(&self.types);
        let own: usize = texts.map(|text| 2 * text.len() + 8).sum();
        let mut rows = FileRows::default();
        let units = units.into_iter().map(|unit| {
            for row in unit.rows {
                // What the search found tells more.
                match rows.entry(row.id) {
                    Entry::Vacant(place) => {
                        place.insert(row);
                    }
                    Entry::Occupied(mut known) if known.get().signs.is_empty() => {
                        known.insert(row);
                    }
                    Entry::Occupied(_) => {}
                }
            }
            unit.objects
        });
        let common = self.converter.common();
        // The report's own relationship, to its country.
        let own_link = usize::from(self.converter.country().is_some());
        let frame = common.len() + 1;
        let most = self.converter.options().max_refs.saturating_add(frame);
        let limits = Limits {
            objects: limits.objects.saturating_sub(own_link).min(most),
            ..limits
        };
        let packing = bundle::pack(units, common, RESERVE + own, limits);
        Packed {
            chunks: packing.chunks,
            dangling: packing.dangling,
            rows,
        }
    }

    /// The bundle of a chunk, with the report as far as it has grown: it names
    /// this chunk's objects, and the platform adds them to those it has. `text`
    /// is that of a bundle that has gone out: its memory is used again.
    pub fn bundle(&self, chunk: &Chunk, facts: &ReportFacts, text: String) -> Bundle {
        let part = facts.parts.current;
        let description = if part.number > 1 {
            markdown::part_description(facts, part, false)
        } else {
            markdown::description(facts)
        };
        let report = self.report(part.number, &description, None, &[], chunk);
        self.closed(chunk, &report, text)
    }

    /// The last version of the part in hand with its CSVs, for now unless the
    /// part is `full`. `csvs` are those of the part. It names `chunk`, as
    /// [`ReportObject::closing`] does.
    pub fn part_closing(
        &self,
        facts: &ReportFacts,
        chunk: &Chunk,
        full: bool,
        csvs: Option<&PartCsvs>,
        limits: Limits,
    ) -> Closing {
        let part = facts.parts.current;
        let mut load = self.load(part.number, csvs);
        let mut left = load.complaints();
        let room = self.room(chunk, limits);
        loop {
            let description = if part.number > 1 {
                let facts = ReportFacts {
                    notes: left.clone(),
                    ..facts.clone()
                };
                markdown::part_description(&facts, part, full)
            } else {
                markdown::description(facts)
            };
            let report = self.report(part.number, &description, None, &load.csvs(), chunk);
            if report.escaped_len() <= room || load.is_empty() {
                let bundle = self.closed(chunk, &report, String::new());
                return Closing { bundle, left };
            }
            left.extend(load.lighten());
        }
    }

    /// The report's last version, all of it: the page under "Content", and what
    /// is attached. It names `chunk`, the last one or one object that has gone
    /// out (see [`Tally::anchor`](super::tally::Tally::anchor)); where nothing
    /// was found, only the country or else its author: it must name something.
    /// `csvs` are those of the first part.
    ///
    /// What does not fit beside the chunk is left out and named in the notes:
    /// first the CSVs, that of the infrastructure before that of the files, then
    /// the attached page, then the content.
    pub fn closing(
        &self,
        facts: &ReportFacts,
        chunk: &Chunk,
        csvs: Option<&PartCsvs>,
        limits: Limits,
    ) -> Closing {
        let mut load = self.load(1, csvs);
        load.page = self.converter.options().attachments;
        load.content = true;
        let mut left = load.complaints();
        let mut facts = facts.clone();
        facts.notes.extend(left.iter().cloned());
        let room = self.room(chunk, limits);
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

    /// Relationships of the report's own, once it is in so many parts.
    pub fn own_links(&self, parts: u32) -> u64 {
        self.converter.country().map_or(0, |_| u64::from(parts))
    }

    /// The report's id, the same for every version of it.
    pub fn id(&self) -> Id {
        id::report(
            &self.converter.subject().name(),
            self.converter.at().as_str(),
        )
    }

    fn load(&self, part: u32, csvs: Option<&PartCsvs>) -> Load {
        let wanted = csvs.filter(|_| self.converter.options().attachments);
        Load::of(self.converter.subject(), part, wanted)
    }

    /// Bytes for the report beside a chunk.
    fn room(&self, chunk: &Chunk, limits: Limits) -> usize {
        let room = chunk.room(self.converter.common(), limits);
        room.saturating_sub(LINK_BYTES)
    }

    /// The bundle of a chunk and a report.
    fn closed(&self, chunk: &Chunk, report: &Object, text: String) -> Bundle {
        // Not among the report's own references: they would name each other.
        let link = self.converter.report_from(report.id());
        chunk.bundle(
            self.converter.common(),
            [report].into_iter().chain(&link),
            text,
        )
    }

    fn last(&self, facts: &ReportFacts, load: &Load, chunk: &Chunk) -> Object {
        let marking = self.converter.options().report_marking.name();
        // Writing into memory does not fail; if it did, the rest still counts.
        let content = load.content.then(|| content::content(facts, marking).ok());
        let mut files = Vec::new();
        if load.page
            && let Ok(page) = html::page(facts, marking)
        {
            let name = format!("{}.html", self.converter.subject().file_stem());
            files.push(Attachment::new(name, "text/html", page.as_bytes()));
        }
        files.extend(load.csvs());
        let content = content.flatten();
        let description = markdown::description(facts);
        self.report(1, &description, content.as_deref(), &files, chunk)
    }

    /// | STIX                    | from                             |
    /// |-------------------------|----------------------------------|
    /// | `name`                  | country, window and, after the first, the part's number |
    /// | `published`, `created`, `modified` | the window's end      |
    /// | `description`           | [`markdown::description`]        |
    /// | `x_opencti_content`     | [`content::content`], in the last version |
    /// | `x_opencti_files`       | [`html::page`] and [`PartCsvs`], in the last version |
    /// | `report_types`, `labels`, `confidence`, `x_opencti_reliability`, marking | the operator's choice |
    /// | `object_refs`           | the chunk's objects, relationships too, and the country |
    fn report(
        &self,
        number: u32,
        description: &str,
        content: Option<&str>,
        files: &[Attachment],
        chunk: &Chunk,
    ) -> Object {
        let converter = self.converter;
        let options = converter.options();
        let mut refs = chunk.ids();
        refs.extend(converter.country());
        if refs.is_empty() {
            refs.push(converter.author());
        }
        Object::new(
            &Report::new(ReportParts {
                author: converter.author(),
                marking: options.report_marking.id(),
                name: &converter.subject().part_name(number),
                description,
                report_types: &self.types,
                published: converter.at(),
                labels: &self.labels,
                confidence: options.confidence,
                reliability: options.reliability.as_deref(),
                content,
                files,
                object_refs: &refs,
            }),
            Role::Frame.tag(),
        )
    }
}
