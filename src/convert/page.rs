//! Units: a file with what belongs to it, and the way from units to bundles.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use super::Options;
use super::attack_pattern;
use super::country;
use super::file::{self, Seen};
use super::filter::{Dropped, Rated, Severity, at_least};
use super::indicator;
use super::labels::{self, Side, Sides, tidy};
use super::left_out::{LeftOut, Reasons};
use super::links::{Links, Way};
use super::malware;
use super::network;
use super::note;
use super::novelty::Novelty;
use super::report::{self, ReportFacts, Subject};
use super::row::Row;
use super::signs;
use super::tally::{Role, Rows};
use crate::country::Country;
use crate::stix::bundle::{self, Bundle, Chunk, Limits};
use crate::stix::sco::Provenance;
use crate::stix::sdo::Identity;
use crate::stix::time::Timestamp;
use crate::stix::{Id, Object};
use crate::virustotal::behaviour::Technique;
use crate::virustotal::objects::{Descriptor, File};

mod closing;

pub use closing::Closing;

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
    /// Contacted addresses, domains and URLs that had to be asked for by a
    /// call, by relationship; what came with the file stands in the file.
    pub network: BTreeMap<&'static str, Vec<Descriptor>>,
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
    memo: malware::Memo,
    labels: Sides,
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
            memo: malware::Memo::default(),
            labels: Sides::of(
                &options.file_labels,
                &options.objects.labels,
                &subject.country_name,
            ),
            report_labels: labels::named(&options.report_labels, Some(&subject.country_name)),
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
        let seen = Seen::of(
            file,
            rated,
            self.common_of(&self.labels.found),
            &mut unit.left_out,
        )
        .ok_or(Dropped::NoHash)?;
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
            let indicators = indicators.then_some(indicator::ForNetwork {
                labels: &self.labels.related.own,
                min_score: wanted.indicator_min_score,
            });
            network::descriptors(
                network::Contacted {
                    file,
                    asked: &related.network,
                    most: related.max_network,
                },
                parent,
                indicators,
                &self.links(),
                &mut unit.objects,
                &mut unit.left_out,
            );
        }
        Ok(unit)
    }

    /// A file with what is made of it: the same whether the search found it or
    /// another file led to it, but for the country, and for labels that name it.
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
        let is_main = matches!(role, Role::Main(_));
        rows.push(self.row(seen, first, is_main));
        let mut families = Vec::new();
        if wanted.malware.is_some() {
            for name in names {
                let made = self.memo.get(&name, || {
                    let malware = malware::convert(&name, &links);
                    let from = |country| links.link(Way::FamilyFrom, malware.id(), country);
                    let from = self.country.map(from);
                    malware::Made { malware, from }
                });
                let id = made.malware.id();
                families.push(id);
                into.push(made.malware);
                into.push(links.link(Way::Family, seen.id(), id));
                // Where a related file was submitted from is not known.
                into.extend(made.from.filter(|_| is_main));
            }
        }
        indicator::of_file(seen, role, wanted, &families, &links, into, left_out);
        if wanted.notes {
            into.extend(note::convert(seen, &links));
        }
    }

    /// What the report's tables say of a file.
    fn row(&self, seen: &Seen<'_>, family: Option<&str>, is_main: bool) -> Row {
        let attributes = &seen.file.attributes;
        let mut row = Row::of(seen.file, seen.rated, family, seen.id());
        row.novelty = Novelty::of(attributes, self.subject.from, self.subject.to);
        if is_main {
            row.signs = signs::of(attributes);
        }
        row
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
                let seen = Seen::of(file, rated, self.common_of(&self.labels.related), left_out);
                // A file is similar to itself at times.
                if let Some(seen) = seen.filter(|seen| seen.id() != parent) {
                    self.file(&seen, Role::Related(rated), unit);
                    unit.objects.push(self.links().link(way, parent, seen.id()));
                }
            }
        }
    }

    fn common_of<'a>(&self, labels: &'a Side) -> file::Common<'a> {
        file::Common {
            labels,
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
    /// this chunk's objects, and the platform adds them to those it has. `text`
    /// is that of a bundle that has gone out: its memory is used again.
    pub fn bundle(&self, chunk: &Chunk, facts: &ReportFacts, text: String) -> Bundle {
        let part = facts.parts.current;
        let description = if part.number > 1 {
            report::part_description(facts, part, false)
        } else {
            report::description(facts)
        };
        let report = self.report(part.number, &description, None, &[], chunk);
        self.closed(chunk, &report, text)
    }

    /// The bundle of a chunk and a report.
    fn closed(&self, chunk: &Chunk, report: &Object, text: String) -> Bundle {
        // Not among the report's own references: they would name each other.
        let link = self
            .country
            .map(|country| self.links().link(Way::ReportFrom, report.id(), country));
        chunk.bundle(&self.common, [report].into_iter().chain(&link), text)
    }

    /// Relationships of the report's own, once it is in so many parts.
    pub fn own_links(&self, parts: u32) -> u64 {
        self.country.map_or(0, |_| u64::from(parts))
    }

    /// The report's id, the same for every version of it.
    pub fn report_id(&self) -> Id {
        crate::stix::id::report(&self.subject.name(), self.at.as_str())
    }
}
