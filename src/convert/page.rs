//! Units: a file with what belongs to it, and the way from units to bundles.

use std::borrow::Cow;

use super::Options;
use super::file;
use super::filter::{Dropped, Rated, Severity, at_least};
use super::labels::tidy;
use super::left_out::{LeftOut, Reasons};
use super::network::{self, Links, Way};
use super::report::{self, ReportFacts, Subject};
use super::tally::Role;
use crate::stix::bundle::{self, Bundle, Chunk, Limits, Packing};
use crate::stix::sco::Provenance;
use crate::stix::sdo::{Identity, Report, ReportParts};
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
}

/// Converts the pages of one run over one country's window.
#[derive(Clone, Debug)]
pub struct Converter {
    options: Options,
    subject: Subject,
    name: String,
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
            name: subject.name(),
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
        self.related(
            &related.dropped,
            Way::Drops,
            parent,
            &mut objects,
            &mut left_out,
        );
        self.related(
            &related.similar,
            Way::Similar,
            parent,
            &mut objects,
            &mut left_out,
        );
        if related.max_network > 0 {
            network::descriptors(
                file,
                parent,
                related.max_network,
                &self.links(),
                &mut objects,
                &mut left_out,
            );
        }
        Ok(Unit { objects, left_out })
    }

    fn related(
        &self,
        files: &[File],
        way: Way,
        parent: Id,
        into: &mut Vec<Object>,
        left_out: &mut Reasons<LeftOut>,
    ) {
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

    /// Packs units into chunks, with room for the report in each.
    pub fn pack(&self, units: impl IntoIterator<Item = Unit>, limits: Limits) -> Packing {
        let texts = self.report_labels.iter().chain(&self.report_types);
        let own: usize = texts.map(|text| 2 * text.len() + 8).sum();
        let units = units.into_iter().map(|unit| unit.objects);
        bundle::pack(units, &self.common, report::RESERVE + own, limits)
    }

    /// The bundle of a chunk, with the report as far as it has grown: it names
    /// this chunk's objects, and the platform adds them to those it has.
    pub fn bundle(&self, chunk: &Chunk, facts: &ReportFacts) -> Bundle {
        let report = self.report(facts, &chunk.ids());
        chunk.bundle(&self.common, Some(&report))
    }

    /// The report once more with its last words, naming `anchor` (see
    /// [`Tally::anchor`](super::tally::Tally::anchor)) or, where nothing was
    /// found, its author: it must name something.
    pub fn closing(&self, facts: &ReportFacts, anchor: Option<&Object>) -> Bundle {
        let chunk = Chunk::of(anchor.cloned().into_iter().collect());
        self.bundle(&chunk, facts)
    }

    /// The report's id, the same for every version of it.
    pub fn report_id(&self) -> Id {
        crate::stix::id::report(&self.name, self.at.as_str())
    }

    /// | STIX                    | from                             |
    /// |-------------------------|----------------------------------|
    /// | `name`                  | country and window               |
    /// | `published`, `created`, `modified` | the window's end      |
    /// | `description`           | [`report::description`]          |
    /// | `report_types`, `labels`, `confidence`, `x_opencti_reliability`, marking | the operator's choice |
    /// | `object_refs`           | the chunk's objects, relationships too |
    fn report(&self, facts: &ReportFacts, refs: &[Id]) -> Object {
        let refs = if refs.is_empty() {
            Cow::Owned(vec![self.author])
        } else {
            Cow::Borrowed(refs)
        };
        Object::new(
            &Report::new(ReportParts {
                author: self.author,
                marking: self.options.report_marking.id(),
                name: &self.name,
                description: &report::description(facts),
                report_types: &self.report_types,
                published: &self.at,
                labels: &self.report_labels,
                confidence: self.options.confidence,
                reliability: self.options.reliability.as_deref(),
                object_refs: &refs,
            }),
            Role::Frame.tag(),
        )
    }
}
