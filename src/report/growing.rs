//! A run's report while it grows: the one owner of what its versions are made
//! of. A run hands over what it reads and sends, and takes bundles from here.
//!
//! ```text
//! resume ─ pack ─┬─ full? ── part_version, begin_part
//!                ├─ take ─── grown          each chunk with the report so far
//!                └─ accepted                the numbers to save
//! version(progress)                         the last word, for now or for good
//! ```

use super::facts::{Progress, ReportFacts};
use super::listed::Listed;
use super::object::{Closing, Packed, ReportObject};
use super::parts::Named;
use super::profile::{Previous, Profile};
use super::tally::Tally;
use super::totals::Totals;
use crate::convert::converter::{Converter, Unit};
use crate::convert::file_row::FileRows;
use crate::convert::role::is_main;
use crate::stix::Object;
use crate::stix::bundle::{Bundle, Chunk, Limits};

/// The report of one attempt at a run.
pub struct GrowingReport<'a> {
    converter: &'a Converter,
    object: ReportObject<'a>,
    begun: Begun,
    /// What this process knows of the run, this attempt's and those before it.
    tally: &'a mut Tally,
    /// What the part in hand names, as far as this attempt knows, and a file
    /// among that.
    named: Named,
    anchor: Option<Object>,
}

/// Where an attempt begins.
pub struct Begun {
    /// What the other side has accepted so far; from here on ahead of that, by
    /// what is not delivered yet.
    pub totals: Totals,
    /// The search as it is sent.
    pub query: String,
    pub previous: Option<Previous>,
    /// What a bundle may hold.
    pub limits: Limits,
}

impl<'a> GrowingReport<'a> {
    /// Goes on where the saved numbers are. `tally` is the run's own; an empty
    /// one means that an earlier process began the run.
    pub fn resume(converter: &'a Converter, tally: &'a mut Tally, mut begun: Begun) -> Self {
        let attachments = converter.options().attachments;
        let subject = converter.subject();
        let totals = &mut begun.totals;
        tally.listed.take_back();
        if totals.counts.objects() > 0 && tally.counts().objects() == 0 {
            *tally = Tally::new(totals.counts).going_on(
                Profile::from(&totals.summary),
                &totals.counted,
                totals.parts.is_split(),
            );
            note_restart(totals, attachments);
        }
        tally.profile.begin(subject.from, subject.to);
        if attachments {
            // What is larger in base64 than a bundle is not worth keeping.
            tally.csvs.make_room(begun.limits.bytes / 4 * 3);
        }
        tally.csvs.begin(totals.parts.current.number);
        tally.csvs.begun(totals.sheets);
        Self {
            converter,
            object: ReportObject::of(converter),
            begun,
            tally,
            named: Named::default(),
            anchor: None,
        }
    }

    /// The numbers as far as the run is read, delivered or not.
    pub fn totals(&self) -> &Totals {
        &self.begun.totals
    }

    /// Which files VirusTotal has listed in the run.
    pub fn listed(&self) -> &Listed {
        &self.tally.listed
    }

    /// Whether nothing has gone out yet.
    pub fn is_empty(&self) -> bool {
        self.tally.counts().objects() == 0
    }

    /// Whether it is in more than one part.
    pub fn is_split(&self) -> bool {
        self.totals().parts.is_split()
    }

    /// Its name, that of the first part.
    pub fn name(&self) -> String {
        self.converter.subject().name()
    }

    pub fn read(&mut self, read: Totals) {
        self.begun.totals.add(read);
    }

    /// All that was read comes once more; the objects stay counted, each once.
    pub fn begin_again(&mut self) {
        self.begun.totals.begin_again();
    }

    /// Says how many requests the run has cost so far.
    pub fn spent(&mut self, requests: u64) {
        self.begun.totals.requests = requests;
    }

    /// Adds what a reader should know.
    pub fn note(&mut self, note: String) {
        self.begun.totals.notes.insert(note);
    }

    pub fn gap(&mut self, what: String) {
        self.begun.totals.gap(what);
    }

    /// Falls back to what the other side has accepted: the attempt ends there.
    pub fn fall_back(&mut self, accepted: &Totals) {
        self.begun.totals.clone_from(accepted);
    }

    /// Packs what waits into chunks with room for the report beside each.
    pub fn pack(&mut self, units: Vec<Unit>) -> Packed {
        for unit in &units {
            self.tally.recognise(&unit.objects);
        }
        let packed = self.object.pack(units, self.begun.limits);
        for _ in 0..packed.dangling {
            self.gap("an object that names something that is not there was left out".to_owned());
        }
        packed
    }

    /// Whether the part in hand has no room for a chunk: its last version goes
    /// out, and another part begins.
    pub fn is_full_for(&self, chunk: &Chunk) -> bool {
        let most = self.converter.options().max_refs as u64;
        let part = self.totals().parts.current;
        part.refs > 0 && part.refs + self.named.fresh(chunk, self.earlier()) > most
    }

    /// What an earlier process named in the part in hand, as far as that is
    /// known: as long as there is one part, all that it counted.
    fn earlier(&self) -> impl Fn(&Object) -> Option<bool> {
        let first = !self.is_split();
        move |object| self.tally.earlier(object).filter(|_| first)
    }

    /// Begins the next part, once the last version of the one in hand is taken.
    /// Returns its number.
    pub fn begin_part(&mut self) -> u32 {
        self.named.clear();
        self.anchor = None;
        let totals = &mut self.begun.totals;
        totals.sheets = 0;
        totals.parts.close();
        let number = totals.parts.current.number;
        self.tally.csvs.begin(number);
        number
    }

    /// Counts a chunk's objects, and names them in the part in hand.
    pub fn take(&mut self, chunk: &Chunk, rows: &FileRows) {
        self.tally.add(chunk, rows);
        self.count_own_links();
        let mut named = std::mem::take(&mut self.named);
        let mut part = self.totals().parts.current;
        named.add(chunk, &mut part, self.earlier());
        self.begun.totals.parts.current = part;
        self.named = named;
        if self.anchor.is_none() {
            self.anchor = main_file(chunk);
        }
    }

    /// A chunk that was taken, with the report as far as it has grown. `text` is
    /// that of a bundle that has gone out: its memory is used again.
    pub fn grown(&self, chunk: &Chunk, text: String) -> Bundle {
        let facts = self.facts(Progress::InProgress);
        self.object.bundle(chunk, &facts, text)
    }

    /// The last chunk and the report's last version in one bundle, if that has
    /// room for both.
    pub fn complete_with(&self, chunk: &Chunk) -> Option<Bundle> {
        if self.is_split() {
            return None;
        }
        let facts = self.facts(Progress::Complete);
        let csvs = self.tally.csvs.of(1);
        let closing = self.object.closing(&facts, chunk, csvs, self.begun.limits);
        closing.left.is_empty().then_some(closing.bundle)
    }

    /// The last version of the part in hand, for now unless the part is `full`.
    pub fn part_version(&mut self, full: bool) -> Bundle {
        self.count_own_links();
        let facts = self.facts(Progress::InProgress);
        let number = facts.parts.current.number;
        let named = Chunk::of(self.anchor.iter().cloned().collect());
        let csvs = self.tally.csvs.of(number);
        let Closing { bundle, left } =
            self.object
                .part_closing(&facts, &named, full, csvs, self.begun.limits);
        let notes = left.iter().map(|left| format!("part {number}: {left}"));
        self.begun.totals.notes.extend(notes);
        bundle
    }

    /// The report's last version, for now: where it is in parts, the overview,
    /// which goes behind the last version of the part in hand.
    pub fn version(&mut self, progress: Progress) -> Closing {
        self.count_own_links();
        let facts = self.facts(progress);
        let named = Chunk::of(self.tally.anchor().cloned().into_iter().collect());
        let csvs = self.tally.csvs.of(1).filter(|_| !self.is_split());
        self.object.closing(&facts, &named, csvs, self.begun.limits)
    }

    /// The other side has accepted all that was taken, and `listed` more files
    /// are listed for good. Returns the numbers to save.
    pub fn accepted(&mut self, listed: usize) -> &Totals {
        self.tally.listed.settle(listed);
        let totals = &mut self.begun.totals;
        totals.count(*self.tally.counts());
        totals.counted.clone_from(self.tally.counted());
        totals.summary = self.tally.profile.summary();
        totals
    }

    /// Counts the report's own relationships, which go with each of its versions.
    fn count_own_links(&mut self) {
        let parts = self.totals().parts.current.number;
        self.tally.own_links(self.object.own_links(parts));
    }

    fn facts(&self, progress: Progress) -> ReportFacts {
        let totals = self.totals();
        let mut facts =
            ReportFacts::new(self.converter.subject().clone(), self.begun.query.clone());
        facts.counts = *self.tally.counts();
        facts.matched = facts.counts.main.total() + totals.dropped.total();
        facts.dropped = totals.dropped.clone();
        facts.left_out = totals.left_out.clone();
        facts.gaps = totals.gap_lines().collect();
        facts.requests = totals.requests;
        facts.requests_at_least = totals.requests_at_least;
        facts.parts.clone_from(&totals.parts);
        if progress != Progress::InProgress {
            facts.notes = totals.note_lines().collect();
            facts.summary = self.tally.profile.summary();
            facts.previous.clone_from(&self.begun.previous);
        }
        facts.progress = progress;
        facts
    }
}

/// Says in the report what a process that takes the run up does not know.
fn note_restart(totals: &mut Totals, attachments: bool) {
    if !totals.counted.is_whole() {
        totals.notes.insert(
            "the run was taken up again after a restart, and had counted more than its saved \
             state holds: a related object that both parts found may count twice in the numbers"
                .to_owned(),
        );
    }
    if attachments {
        totals.sheets += 1;
        totals.notes.insert(
            "the CSV was begun anew after a restart: files sent before are in the CSV of an \
             earlier pause, if there was one, and among the report's objects in any case"
                .to_owned(),
        );
    }
}

/// A file of a chunk that the search found.
fn main_file(chunk: &Chunk) -> Option<Object> {
    let mut objects = chunk.objects().iter();
    objects.find(|object| is_main(object)).cloned()
}
