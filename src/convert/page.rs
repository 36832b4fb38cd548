//! Units: a file with what belongs to it, and the way from units to bundles.

use super::Options;
use super::file::{self, Seen};
use super::filter::{Dropped, Rated, Severity, at_least};
use super::labels::tidy;
use super::left_out::{LeftOut, Reasons};
use super::links::{Links, Way};
use super::report::{self, ReportFacts, Subject};
use super::row::Row;
use super::sheet::Sheet;
use super::tally::{Role, Rows};
use super::{attack_pattern, content, country, html, indicator, malware, network, note};
use crate::country::Country;
use crate::stix::bundle::{self, Bundle, Chunk, Limits};
use crate::stix::sco::Provenance;
use crate::stix::sdo::{Attachment, Identity, Report, ReportParts};
use crate::stix::time::Timestamp;
use crate::stix::{Id, Object};
use crate::virustotal::behaviour::Technique;
use crate::virustotal::objects::File;

/// A related file needs this severity at least. Similar and dropped files come
/// by the dozen; those that VirusTotal rates lower say little about their
/// parent and would drown it.
pub const RELATED_FILE_MIN: Severity = Severity::Medium;

/// The report's relationship to its country, generously.
const LINK_BYTES: usize = 2048;

/// What belongs to a file and did not come with it.
#[derive(Clone, Debug, Default)]
pub struct Related {
    /// Answers of `similar_files`, all pages.
    pub similar: Vec<File>,
    /// Answers of `dropped_files`, all pages.
    pub dropped: Vec<File>,
    /// Techniques that sandboxes saw.
    pub techniques: Vec<Technique>,
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
    from: Timestamp,
    timeless: Timestamp,
    author: Id,
    /// The location's, where it is wanted.
    country: Option<Id>,
    file_labels: Vec<String>,
    report_labels: Vec<String>,
    report_types: Vec<String>,
    common: Vec<Object>,
    /// What counts as a family in the report, whether or not it becomes an object.
    families: malware::Rules,
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
        let timeless = Timestamp::timeless();
        let country = Country::parse(&subject.country_code)
            .filter(|_| options.objects.country)
            .map(|known| country::convert(known, author_id, &timeless, options.confidence));
        Self {
            at,
            from: Timestamp::new(subject.from),
            timeless,
            author: author_id,
            country: country.as_ref().map(Object::id),
            file_labels: tidy(&options.file_labels),
            report_labels: tidy(&options.report_labels),
            report_types: tidy(&options.report_types),
            common: common.into_iter().chain(country).collect(),
            families: options.objects.malware.clone().unwrap_or_default(),
            options: options.clone(),
            subject,
        }
    }

    /// Country and window.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The markings, the author and the country: they stand in every bundle.
    pub fn common(&self) -> &[Object] {
        &self.common
    }

    /// Converts a file that [`filter::decide`](super::filter::decide) kept.
    pub fn unit(&self, file: &File, rated: Rated, related: &Related) -> Result<Unit, Dropped> {
        let mut unit = Unit {
            objects: Vec::with_capacity(4),
            left_out: Reasons::default(),
            rows: Vec::with_capacity(1),
        };
        let seen =
            Seen::of(file, rated, self.file_common(), &mut unit.left_out).ok_or(Dropped::NoHash)?;
        let parent = seen.id();
        self.file(&seen, Role::Main(rated), &mut unit);
        self.related(&related.dropped, Way::Drops, parent, &mut unit);
        self.related(&related.similar, Way::Similar, parent, &mut unit);
        if !related.techniques.is_empty() {
            attack_pattern::add(
                &related.techniques,
                parent,
                &self.links(),
                &mut unit.objects,
                &mut unit.left_out,
            );
        }
        if related.max_network > 0 {
            let wanted = &self.options.objects;
            let indicators = wanted.network_indicators
                && wanted.indicators.is_some_and(|min| at_least(rated, min));
            network::descriptors(
                file,
                parent,
                related.max_network,
                indicators.then_some(&self.file_labels),
                &self.links(),
                &mut unit.objects,
                &mut unit.left_out,
            );
        }
        Ok(unit)
    }

    /// A file with what is made of it: the same whether the search found it or
    /// another file led to it, but for the country.
    fn file(&self, seen: &Seen<'_>, role: Role, unit: &mut Unit) {
        let Unit {
            objects: into,
            left_out,
            rows,
        } = unit;
        let links = self.links();
        let wanted = &self.options.objects;
        into.push(file::convert(seen, role.tag(), links.provenance, left_out));
        let names = malware::families(&seen.file.attributes, &self.families);
        let first = names.first().map(AsRef::as_ref);
        rows.push(Row::of(seen.file, seen.rated, first, seen.id()));
        let mut families = Vec::new();
        if wanted.malware.is_some() {
            for name in names {
                let family = malware::convert(&name, &links);
                let id = family.id();
                families.push(id);
                into.push(family);
                into.push(links.link(Way::Family, seen.id(), id));
                // Where a related file was submitted from is not known.
                if let (Role::Main(_), Some(country)) = (role, self.country) {
                    into.push(links.link(Way::FamilyFrom, id, country));
                }
            }
        }
        if let Some(min) = wanted.indicators {
            indicator::of_file(seen, min, &families, &links, into, left_out);
        }
        if wanted.notes {
            into.extend(note::convert(seen, &links));
        }
    }

    fn related(&self, files: &[File], way: Way, parent: Id, unit: &mut Unit) {
        for file in files {
            let rated = Severity::of(file);
            let left_out = &mut unit.left_out;
            if file.error.is_some() {
                left_out.add(LeftOut::RelatedUnreadable);
            } else if !at_least(rated, RELATED_FILE_MIN) {
                left_out.add(LeftOut::RelatedSeverity);
            } else if file::sha256(file).is_none() {
                left_out.add(LeftOut::RelatedNoHash);
            } else {
                let seen = Seen::of(file, rated, self.file_common(), left_out);
                // A file is similar to itself at times.
                if let Some(seen) = seen.filter(|seen| seen.id() != parent) {
                    self.file(&seen, Role::Related(rated), unit);
                    unit.objects.push(self.links().link(way, parent, seen.id()));
                }
            }
        }
    }

    fn file_common(&self) -> file::Common<'_> {
        file::Common {
            labels: &self.file_labels,
            rules: &self.options.objects.labels,
            score: self.options.objects.score,
        }
    }

    fn links(&self) -> Links<'_> {
        Links {
            provenance: self.provenance(),
            at: &self.at,
            from: &self.from,
            timeless: &self.timeless,
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
        // The report's own relationship, to its country.
        let own_link = usize::from(self.country.is_some());
        let frame = self.common.len() + 1;
        let limits = Limits {
            objects: limits
                .objects
                .saturating_sub(own_link)
                .min(self.options.max_refs.saturating_add(frame)),
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
        let report = self.report(part.number, &description, None, &[], chunk);
        self.closed(chunk, &report)
    }

    /// The bundle of a chunk and a report.
    fn closed(&self, chunk: &Chunk, report: &Object) -> Bundle {
        // Not among the report's own references: they would name each other.
        let link = self
            .country
            .map(|country| self.links().link(Way::ReportFrom, report.id(), country));
        chunk.bundle(&self.common, [report].into_iter().chain(&link))
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
        let mut load = Load::new(
            &self.subject,
            part.number,
            Some(sheet).filter(|_| self.options.attachments),
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
            let files = load.sheet.as_slice();
            let report = self.report(part.number, &description, None, files, chunk);
            if report.escaped_len() <= room || load.is_empty() {
                let bundle = self.closed(chunk, &report);
                return Closing { bundle, left };
            }
            left.extend(load.lighten());
        }
    }

    /// The report's last version, all of it: the page under "Content", and what
    /// is attached. It names `chunk`, the last one or one object that has gone
    /// out (see [`Tally::anchor`](super::tally::Tally::anchor)); where nothing
    /// was found, only the country or else its author: it must name something. `sheet` is that of
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
        let mut load = Load::new(&self.subject, 1, sheet.filter(|_| self.options.attachments));
        load.page = self.options.attachments;
        let mut left = load.complaint();
        let mut facts = facts.clone();
        facts.notes.extend(left.iter().cloned());
        let room = chunk.room(&self.common, limits).saturating_sub(LINK_BYTES);
        loop {
            let report = self.last(&facts, &load, chunk);
            if report.escaped_len() <= room || load.is_empty() {
                let bundle = self.closed(chunk, &report);
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
        files.extend(load.sheet.clone());
        let content = content.flatten();
        let description = report::description(facts);
        self.report(1, &description, content.as_deref(), &files, chunk)
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
    /// | `object_refs`           | the chunk's objects, relationships too, and the country |
    fn report(
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
