//! Counts what has gone out, each object once.

use std::collections::HashSet;

use super::counted::{Counted, Kind};
use super::counts::Counts;
use super::infrastructure::Target;
use super::listed::Listed;
use super::marks::Marks;
use super::part_csv::PartCsvs;
use super::profile::Profile;
use crate::convert::file_row::{FileRow, FileRows};
use crate::convert::role::{Role, is_shared};
use crate::stix::Object;
use crate::stix::bundle::Chunk;
use crate::stix::id::IdMap;

/// Counts objects over a run, each once, although pages, parents and chunks
/// repeat them.
///
/// Of each it keeps 50 bits of its id, and its tag: some seven bytes, all that
/// grows with a run. Where two objects share those bits, the count is one too
/// low: once in ten thousand runs of a hundred thousand files.
pub struct Tally {
    marks: Marks,
    counts: Counts,
    /// Those that may come again: saved with the run.
    counted: Counted,
    earlier: Earlier,
    anchor: Option<Object>,
    /// The report without a part number was left by an earlier process: no file
    /// of it is known.
    past_first: bool,
    /// The files that VirusTotal listed.
    pub listed: Listed,
    /// What the files look like.
    pub profile: Profile,
    /// The files of the part in hand, and what they contact.
    pub csvs: PartCsvs,
}

/// What an earlier process of the run counted.
#[derive(Default)]
struct Earlier {
    counted: Counted,
    /// What came with files among that, and is known by them.
    own: HashSet<u64>,
}

/// How an object comes.
enum Coming {
    First,
    /// It has another role from now on than this one.
    Better(Role),
    Again,
    /// An earlier process counted it in this role.
    Earlier(Role),
}

impl Default for Tally {
    fn default() -> Self {
        Self::new(Counts::default())
    }
}

impl Tally {
    /// Goes on from `counts`. Of what an earlier process counted, only what it
    /// had saved is known one by one ([`Tally::going_on`]): all else that this
    /// one repeats counts again.
    pub fn new(counts: Counts) -> Self {
        Self {
            marks: Marks::default(),
            counts,
            counted: Counted::nothing(),
            earlier: Earlier::default(),
            anchor: None,
            past_first: false,
            listed: Listed::default(),
            profile: Profile::default(),
            csvs: PartCsvs::default(),
        }
    }

    /// Goes on with what an earlier process knew of the files, and had counted;
    /// `past_first`: it had already left the first part.
    #[must_use]
    pub fn going_on(mut self, profile: Profile, counted: &Counted, past_first: bool) -> Self {
        self.profile = profile;
        self.counted = counted.clone();
        self.earlier.counted = counted.clone();
        self.past_first = past_first;
        self
    }

    /// What was counted and may come again.
    pub fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Looks for files of a unit, on its way out, that an earlier process counted
    /// as found by the search. It sent all that is made of such a file with it,
    /// and where the unit is the file's own, the unit.
    pub fn recognise(&mut self, unit: &[Object]) {
        if self.earlier.counted.is_empty() {
            return;
        }
        let found = |object: &Object, earlier: &Earlier| {
            earlier.counted.get(object.id().fingerprint()) == Some(Kind::Found)
        };
        let whole = unit.first().is_some_and(|file| found(file, &self.earlier));
        let mut own = false;
        for object in unit {
            own = match Role::of(object.tag()) {
                Role::Main(_) | Role::Related(_) => found(object, &self.earlier),
                // What is made of a file follows it; a family may stand between.
                role => own && (role == Role::Malware || is_shared(object.tag())),
            };
            if own || (whole && Kind::of(object.tag()).is_none()) {
                self.earlier.own.insert(object.id().fingerprint());
            }
        }
    }

    /// Whether an earlier process counted an object; with that, whether as a
    /// file that the search found.
    pub fn earlier(&self, object: &Object) -> Option<bool> {
        let kind = self.earlier.kind(object.id().fingerprint());
        kind.map(|kind| kind == Kind::Found)
    }

    /// Counts a chunk's objects. `rows` says what they look like.
    pub fn add(&mut self, chunk: &Chunk, rows: &FileRows) {
        let mut network: Option<IdMap<&Object>> = None;
        for object in chunk.objects() {
            let role = Role::of(object.tag());
            if matches!(role, Role::Main(_)) && self.anchor.is_none() && !self.past_first {
                self.anchor = Some(object.clone());
            }
            let coming = self.count(object.id().fingerprint(), object.tag());
            match (role, &coming) {
                (_, Coming::Again) => {}
                (Role::Main(_) | Role::Related(_), _) => {
                    if let Some(row) = rows.get(&object.id()) {
                        self.file(row, role, &coming);
                    }
                }
                (Role::Drops | Role::CommunicatesWith | Role::RelatedTo, Coming::First) => {
                    let network = network.get_or_insert_with(|| network_of(chunk));
                    self.relationship(object, role, network, rows);
                }
                _ => {}
            }
        }
    }

    fn file(&mut self, row: &FileRow, role: Role, coming: &Coming) {
        match (role, coming) {
            (Role::Main(_), Coming::First) => {
                self.profile.file(row);
                self.csvs.add(row, true);
            }
            (Role::Main(_), Coming::Better(Role::Related(_))) => {
                self.profile.found_by_search(row);
                self.csvs.add(row, true);
            }
            (Role::Related(_), Coming::First) => {
                self.profile.related(row);
                self.csvs.add(row, false);
            }
            // The CSV of files was begun anew.
            (_, Coming::Earlier(before)) => {
                self.csvs.add(row, matches!(before, Role::Main(_)));
            }
            // Its severity is another one now, and that is counted elsewhere.
            _ => {}
        }
    }

    /// A relationship that is told for the first time.
    fn relationship(
        &mut self,
        object: &Object,
        role: Role,
        network: &IdMap<&Object>,
        rows: &FileRows,
    ) {
        // Author and marking stand before the two ends.
        let [.., source, target] = object.references() else {
            return;
        };
        let Some(from) = rows.get(source) else {
            return;
        };
        if let Some(target) = network.get(target) {
            if let Some(target) = Target::of(target) {
                self.profile.contact(&target, from);
                self.csvs.contact(&target, from);
            }
        } else if let Some(to) = rows.get(target) {
            self.csvs.relate(to, from, role == Role::Drops);
        }
    }

    /// How much memory it holds, about.
    pub fn bytes(&self) -> usize {
        let own = self.counted.len() * size_of::<u32>();
        self.marks.held() + self.listed.held() + self.csvs.held() + own
    }

    /// The counts so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Says how many relationships of the report's own there are: one for each
    /// part that names its country. They go with every version of the report.
    pub fn own_links(&mut self, links: u64) {
        self.counts.own_links = links;
    }

    /// A main file that has gone out: something for the last version of the
    /// report to name, since a report must name something.
    pub fn anchor(&self) -> Option<&Object> {
        self.anchor.as_ref()
    }

    /// Counts an object, unless it was counted already.
    fn count(&mut self, fingerprint: u64, tag: u8) -> Coming {
        let here = self.marks.get(fingerprint);
        let known = here.or_else(|| self.earlier.tag(fingerprint, tag));
        let better = known.is_none_or(|known| tag < known);
        if better {
            self.change(fingerprint, known, tag);
        }
        if better || here.is_none() {
            let kept = known.map_or(tag, |known| known.min(tag));
            self.marks.set(fingerprint, kept);
        }
        match (here, known) {
            (_, Some(known)) if better => Coming::Better(Role::of(known)),
            (Some(_), _) => Coming::Again,
            (None, Some(known)) => Coming::Earlier(Role::of(known)),
            (None, None) => Coming::First,
        }
    }

    /// Counts an object by its tag, and no longer by the one that it had.
    fn change(&mut self, fingerprint: u64, known: Option<u8>, tag: u8) {
        if let Some(known) = known {
            if let Some(count) = self.counts.of(Role::of(known)) {
                *count = count.saturating_sub(1);
            }
            if let Some(kind) = Kind::of(known) {
                self.counted.remove(kind, fingerprint);
            }
        }
        if let Some(count) = self.counts.of(Role::of(tag)) {
            *count += 1;
        }
        if let Some(kind) = Kind::of(tag) {
            self.counted.add(kind, fingerprint);
        }
    }
}

impl Earlier {
    fn kind(&self, fingerprint: u64) -> Option<Kind> {
        let kind = self.counted.get(fingerprint);
        kind.or_else(|| self.own.contains(&fingerprint).then_some(Kind::Shared))
    }

    /// The tag by which an object that now comes with this one was counted. A
    /// file keeps its severity, whichever way it comes.
    fn tag(&self, fingerprint: u64, now: u8) -> Option<u8> {
        let before = match (self.kind(fingerprint)?, Role::of(now)) {
            (Kind::Found, Role::Related(rated)) => Role::Main(rated).tag(),
            (Kind::Related, Role::Main(rated)) => Role::Related(rated).tag(),
            _ => now,
        };
        Some(before)
    }
}

/// The addresses, domains and URLs of a chunk.
fn network_of(chunk: &Chunk) -> IdMap<&Object> {
    let objects = chunk.objects().iter();
    let network = objects.filter(|object| Role::of(object.tag()).is_network());
    network.map(|object| (object.id(), object)).collect()
}
