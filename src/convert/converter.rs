//! Makes of each file that is kept a unit: its objects, and those of what
//! belongs to it.

use std::collections::BTreeMap;

use super::Options;
use super::attack_pattern;
use super::country;
use super::file::{self, Seen};
use super::file_row::FileRow;
use super::filter::Dropped;
use super::indicator;
use super::labels::{Side, Sides};
use super::left_out::{LeftOut, Reasons};
use super::malware;
use super::network;
use super::note;
use super::relationship::{Links, Way};
use super::role::Role;
use super::subject::Subject;
use crate::base::country::Country;
use crate::stix::sco::Provenance;
use crate::stix::sdo::Identity;
use crate::stix::time::Timestamp;
use crate::stix::{Id, Object};
use crate::virustotal::behaviour::Technique;
use crate::virustotal::facts::novelty::Novelty;
use crate::virustotal::facts::signs;
use crate::virustotal::facts::{Rated, Severity, at_least, hashes};
use crate::virustotal::objects::{Descriptor, File};

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
    /// What of the file, and of what is related to it, did not get in.
    pub left_out: Reasons<LeftOut>,
    /// What the report's tables say of its files.
    pub rows: Vec<FileRow>,
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
    /// The id of its location, where the operator wants one.
    country: Option<Id>,
    memo: malware::Memo,
    labels: Sides,
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
            common: common.into_iter().chain(country).collect(),
            families: options.objects.malware.clone().unwrap_or_default(),
            options: options.clone(),
            subject,
        }
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The id of the organization that made everything.
    pub fn author(&self) -> Id {
        self.author
    }

    /// The id of the country's location, where the operator wants one.
    pub fn country(&self) -> Option<Id> {
        self.country
    }

    /// The window's end: when all of it was created.
    pub fn at(&self) -> &Timestamp {
        &self.at
    }

    /// The relationship of a report to its country, where that is wanted.
    pub fn report_from(&self, report: Id) -> Option<Object> {
        self.country
            .map(|country| self.links().link(Way::ReportFrom, report, country))
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
        let is_main = matches!(role, Role::Main(_));
        let links = match is_main {
            true => self.links(),
            false => self.links().shared(),
        };
        let wanted = &self.options.objects;
        into.push(file::convert(seen, role.tag(), links.provenance, left_out));
        let names = malware::families(&seen.file.attributes, &self.families);
        let first = names.first().map(AsRef::as_ref);
        rows.push(self.row(seen, first, is_main));
        let mut families = Vec::new();
        if wanted.malware.is_some() {
            for name in names {
                let made = self.memo.get(&name, || {
                    let malware = malware::convert(&name, &links);
                    let links = links.shared();
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
        indicator::of_file(seen, wanted, &families, &links, into, left_out);
        if wanted.notes {
            into.extend(note::convert(seen, &links));
        }
    }

    /// What the report's tables say of a file.
    fn row(&self, seen: &Seen<'_>, family: Option<&str>, is_main: bool) -> FileRow {
        let attributes = &seen.file.attributes;
        let mut row = FileRow::of(seen.file, seen.rated, family, seen.id());
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
            } else if hashes::sha256(file).is_none() {
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
            shared: false,
        }
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            author: self.author,
            marking: self.options.file_marking.id(),
        }
    }
}
