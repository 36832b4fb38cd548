//! What a session hands over: chunks with the report as far as it has grown,
//! the parts of the report, and its last version.

use tracing::{debug, info, warn};

use super::super::{Sink, Stopped};
use super::Session;
use crate::convert::file_row::FileRows;
use crate::convert::role::is_main;
use crate::opencti::delivery::Left;
use crate::report::facts::{Progress, ReportFacts};
use crate::stix::Object;
use crate::stix::bundle::Chunk;

impl<S: Sink> Session<'_, S> {
    /// Sends what waits; `last`: the run is whole with it, and the report says
    /// so.
    pub(super) async fn send(&mut self, last: bool) -> Result<(), Stopped> {
        let units = std::mem::take(&mut self.pending);
        let limits = self.import.options.limits;
        let packed = self.report.pack(units, limits);
        for _ in 0..packed.dangling {
            self.run
                .numbers
                .gap("an object that names something that is not there was left out");
        }
        let count = packed.chunks.len();
        for (at, chunk) in packed.chunks.iter().enumerate() {
            self.begin_part(chunk).await?;
            self.tell(chunk, &packed.rows);
            if last && at + 1 == count && self.complete_with(chunk).await? {
                return Ok(());
            }
            let facts = self.facts(Progress::InProgress);
            let text = std::mem::take(&mut self.text);
            let bundle = self.report.bundle(chunk, &facts, text);
            self.hand_over(&bundle.text).await?;
            debug!(
                objects = bundle.objects,
                bytes = bundle.text.len(),
                "a bundle was delivered"
            );
            self.text = bundle.text;
        }
        if last {
            self.close_report(Progress::Complete).await?;
        }
        Ok(())
    }

    /// Hands a bundle over. A report that had to go lighter is still a report; an
    /// object that stayed behind is lost.
    async fn hand_over(&mut self, bundle: &str) -> Result<(), Stopped> {
        for left in self.sink.deliver(bundle).await? {
            match left {
                Left::Load(_) => {
                    self.run.numbers.notes.insert(left.to_string());
                }
                Left::TooLarge(_) | Left::Names(_) => self.run.numbers.gap(left.to_string()),
            }
        }
        Ok(())
    }

    /// Closes the report's part in hand where it has no room for a chunk.
    async fn begin_part(&mut self, chunk: &Chunk) -> Result<(), Stopped> {
        let most = self.import.options.convert.max_refs as u64;
        let part = self.run.numbers.parts.current;
        if part.refs == 0 || part.refs + self.named.fresh(chunk) <= most {
            return Ok(());
        }
        self.close_part(true).await?;
        self.named.clear();
        self.anchor = None;
        self.run.numbers.sheets = 0;
        self.run.numbers.parts.close();
        let next = self.run.numbers.parts.current.number;
        self.tally.csvs.begin(next);
        info!(
            part = self.run.numbers.parts.current.number,
            "the report is full: going on in the next part"
        );
        Ok(())
    }

    async fn close_part(&mut self, full: bool) -> Result<(), Stopped> {
        let facts = self.facts(Progress::InProgress);
        let named = Chunk::of(self.anchor.iter().cloned().collect());
        let limits = self.import.options.limits;
        let csvs = self.tally.csvs.of(facts.parts.current.number);
        let closing = self.report.part_closing(&facts, &named, full, csvs, limits);
        let number = facts.parts.current.number;
        let left = closing.left.iter();
        let notes = left.map(|left| format!("part {number}: {left}"));
        self.run.numbers.notes.extend(notes);
        self.hand_over(&closing.bundle.text).await?;
        Ok(())
    }

    /// Counts a chunk's objects, and names them in the part in hand.
    fn tell(&mut self, chunk: &Chunk, rows: &FileRows) {
        self.tally.add(chunk, rows);
        self.tell_own_links();
        self.named.add(chunk, &mut self.run.numbers.parts.current);
        if self.anchor.is_none() {
            self.anchor = main_file(chunk);
        }
    }

    /// Counts the report's own relationships, which go with each of its versions.
    fn tell_own_links(&mut self) {
        let parts = self.run.numbers.parts.current.number;
        self.tally.own_links(self.report.own_links(parts));
    }

    /// The last chunk and the report's last version in one bundle, if that has
    /// room for both.
    async fn complete_with(&mut self, chunk: &Chunk) -> Result<bool, Stopped> {
        if self.run.numbers.parts.is_split() {
            return Ok(false);
        }
        let facts = self.facts(Progress::Complete);
        let limits = self.import.options.limits;
        let csvs = self.tally.csvs.of(1);
        let closing = self.report.closing(&facts, chunk, csvs, limits);
        if !closing.left.is_empty() {
            return Ok(false);
        }
        self.hand_over(&closing.bundle.text).await?;
        Ok(true)
    }

    /// The report's last version, for now: of the part in hand and, where that
    /// is another one, of the overview.
    pub(super) async fn close_report(&mut self, progress: Progress) -> Result<(), Stopped> {
        self.tell_own_links();
        let split = self.run.numbers.parts.is_split();
        if split {
            self.close_part(progress == Progress::Complete).await?;
        }
        let facts = self.facts(progress);
        let named = Chunk::of(self.tally.anchor().cloned().into_iter().collect());
        let limits = self.import.options.limits;
        let csvs = self.tally.csvs.of(1).filter(|_| !split);
        let closing = self.report.closing(&facts, &named, csvs, limits);
        for left in &closing.left {
            warn!(report = facts.subject.name(), "{left}");
        }
        self.hand_over(&closing.bundle.text).await?;
        Ok(())
    }

    pub(super) fn facts(&self, progress: Progress) -> ReportFacts {
        let numbers = &self.run.numbers;
        let mut facts = ReportFacts::new(self.converter.subject().clone(), self.query.clone());
        facts.counts = *self.tally.counts();
        facts.matched = facts.counts.main.total() + numbers.dropped.total();
        facts.dropped = numbers.dropped.clone();
        facts.left_out = numbers.left_out.clone();
        facts.gaps = numbers.gap_lines().collect();
        facts.requests = self.requests();
        facts.parts.clone_from(&numbers.parts);
        if progress != Progress::InProgress {
            facts.notes = numbers.note_lines().collect();
            facts.summary = self.tally.profile.summary();
            facts.previous.clone_from(&self.run.previous);
        }
        facts.progress = progress;
        facts
    }
}

/// A file of a chunk that the search found.
fn main_file(chunk: &Chunk) -> Option<Object> {
    let mut objects = chunk.objects().iter();
    objects.find(|object| is_main(object)).cloned()
}
