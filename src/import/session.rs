//! The inside of one run: what it holds between its pages, and how a page
//! becomes bundles.

mod closing;
mod telling;

use chrono::{DateTime, Utc};
use tracing::{debug, info};

use super::numbers::Numbers;
use super::reached::Reached;
use super::relations::{Halt, Relations};
use super::state::Run;
use super::{Finished, Import, Sink, Stopped};
use crate::convert::filter::{Rated, at_least, decide};
use crate::convert::page::{Converter, Unit};
use crate::convert::parts::Named;
use crate::convert::profile::Profile;
use crate::convert::report::Subject;
use crate::convert::tally::Tally;
use crate::quota::{Cost, Stop};
use crate::stix::Object;
use crate::virustotal::objects::File;
use crate::virustotal::search::{CursorGuard, Search, query_text};
use crate::virustotal::{Error, Loss, Page};

/// Files whose related files are held at once.
const BATCH: usize = 25;

pub(super) struct Session<'a, S> {
    import: &'a Import<'a>,
    /// What the other side has accepted.
    committed: &'a mut Run,
    /// Ahead of it, by what is not delivered yet.
    run: Run,
    tally: &'a mut Tally,
    sink: &'a mut S,
    converter: Converter,
    query: String,
    relations: Relations<'a>,
    /// What the report's part in hand names, and a file among that.
    named: Named,
    anchor: Option<Object>,
    /// Requests of the run's earlier attempts.
    requests_before: u64,
    /// Kept files of this attempt.
    kept: u32,
    /// Converted, not delivered.
    pending: Vec<Unit>,
    /// From where the search under way asks.
    searched_from: Option<DateTime<Utc>>,
}

/// How a page ended.
enum PageEnd {
    Whole,
    /// `max_files` is reached.
    Cut,
}

impl<'a, S: Sink> Session<'a, S> {
    pub(super) fn new(
        import: &'a Import<'a>,
        committed: &'a mut Run,
        tally: &'a mut Tally,
        sink: &'a mut S,
    ) -> Self {
        let options = import.options;
        let mut run = committed.clone();
        let subject = Subject {
            country_code: import.country.code.to_owned(),
            country_name: import.country.name.to_owned(),
            from: run.window.from,
            to: run.window.to,
        };
        go_on(&mut run, tally, options);
        Self {
            import,
            query: query_text(&options.search(import.country, run.window)),
            converter: Converter::new(&options.convert, subject),
            relations: Relations::new(
                import.guard,
                &options.relationships,
                options.convert.objects.attack_patterns,
                options.max_related_per_file,
            ),
            named: Named::default(),
            anchor: None,
            requests_before: run.numbers.requests,
            // An earlier attempt of this run has used some of `max_files`.
            kept: u32::try_from(run.numbers.counts.main.total()).unwrap_or(u32::MAX),
            pending: Vec::new(),
            searched_from: None,
            committed,
            run,
            tally,
            sink,
        }
    }

    /// Page by page to the end, or to `max_files`.
    pub(super) async fn pages(&mut self) -> Result<Finished, Stopped> {
        let mut search = self
            .import
            .options
            .search(self.import.country, self.run.window);
        let mut cursors = CursorGuard::default();
        let mut cursor = self.run.place.cursor.clone();
        // The place's own cursor counts as seen: a page must not lead to itself.
        let _ = cursors.accept(cursor.clone());
        search.from = match (&cursor, self.run.place.searched_from) {
            (Some(_), from) => from.unwrap_or(self.run.window.from),
            (None, _) => self.run.place.from(self.run.window),
        };
        loop {
            let page = match self.page(&search, cursor.as_deref()).await {
                Err(Stop::Failed(Error::CursorRefused { said })) if cursor.is_some() => {
                    search.from = self.run.place.from(self.run.window);
                    info!(vt.said = said, from = %search.from, "the cursor is no longer good: searching on from the last date seen");
                    if self.run.place.unordered {
                        self.run.begin_again();
                    }
                    (cursor, cursors) = (None, CursorGuard::default());
                    continue;
                }
                page => page?,
            };
            self.searched_from = Some(search.from);
            let next = cursors.accept(page.cursor.clone());
            match self.take(page, cursor.clone()).await? {
                PageEnd::Cut => {
                    self.deliver(None).await?;
                    return Ok(Finished {
                        carried: Some(self.run.place.clone()),
                    });
                }
                PageEnd::Whole => {}
            }
            match next {
                Ok(None) => return Ok(Finished { carried: None }),
                Ok(next) => {
                    self.deliver(next.clone()).await?;
                    cursor = next;
                    self.within_share()?;
                }
                Err(endless) => {
                    // Not by this cursor again: the next try goes on by the date.
                    self.deliver(None).await?;
                    return Err(Stopped::Endless(endless));
                }
            }
        }
    }

    async fn page(&self, search: &Search, cursor: Option<&str>) -> Result<Page, Stop> {
        self.import
            .guard
            .call(Cost::Search, async |client| {
                client.search(search, cursor).await
            })
            .await
    }

    /// Filters and converts a page; related files come in batches, so that
    /// memory holds those of a batch only. `own` is the cursor that led to it.
    async fn take(&mut self, page: Page, own: Option<String>) -> Result<PageEnd, Stopped> {
        note_odd(&page, &mut self.run.numbers);
        self.run.numbers.pages += 1;
        self.show();
        let fresh: Vec<&File> = page
            .files
            .iter()
            .filter(|file| !self.run.place.is_seen(file.sha256()))
            .collect();
        debug!(
            files = page.files.len(),
            fresh = fresh.len(),
            "a page arrived"
        );
        let mut rest = &fresh[..];
        while !rest.is_empty() {
            let (batch, cut) = up_to(&rest[..rest.len().min(BATCH)], self.room(), |file| {
                decide(file, &self.import.options.filter).is_ok()
            });
            let (whole, halt) = self.convert(batch).await;
            for file in &batch[..whole] {
                let first = file.attributes.first_submission_date;
                self.run.place.pass(self.run.window, first, file.sha256());
            }
            self.show();
            rest = &rest[whole..];
            if let Some(halt) = halt {
                // Dates lead on from here, or this page once more.
                self.deliver(own.filter(|_| self.run.place.unordered))
                    .await?;
                return Err(halt);
            }
            if cut && self.may_cut() {
                return Ok(PageEnd::Cut);
            }
            if let (false, Err(spent)) = (rest.is_empty(), self.within_share()) {
                self.deliver(own.filter(|_| self.run.place.unordered))
                    .await?;
                return Err(spent);
            }
            if self.is_full() {
                let place = own.clone().filter(|_| self.run.place.unordered);
                self.deliver(place).await?;
            }
        }
        Ok(PageEnd::Whole)
    }

    /// Other countries wait for the rest of the quota.
    fn within_share(&self) -> Result<(), Stopped> {
        match self.import.share {
            Some(share) if self.import.guard.spent().sent >= share => Err(Stopped::Share(share)),
            _ => Ok(()),
        }
    }

    /// Whether a later run would find the place where this one ends.
    fn may_cut(&self) -> bool {
        self.run.place.after.is_some() && !self.run.place.unordered
    }

    /// Kept files that `max_files` still lets through.
    fn room(&self) -> u32 {
        match self.import.options.max_files {
            0 => u32::MAX,
            _ if !self.may_cut() && self.kept > 0 => u32::MAX,
            most => most.saturating_sub(self.kept),
        }
    }

    /// Whether what waits fills a bundle.
    fn is_full(&self) -> bool {
        let objects: usize = self.pending.iter().map(|unit| unit.objects.len()).sum();
        objects >= self.import.options.limits.objects
    }

    /// Converts a batch; returns how many of its files are done with, and why
    /// it stopped before the others.
    async fn convert(&mut self, batch: &[&File]) -> (usize, Option<Stopped>) {
        let options = self.import.options;
        let decided: Vec<_> = batch
            .iter()
            .map(|file| decide(file, &options.filter))
            .collect();
        let kept: Vec<(usize, &File, Rated)> = decided
            .iter()
            .zip(batch)
            .enumerate()
            .filter_map(|(at, (decision, file))| Some((at, *file, *decision.as_ref().ok()?)))
            .collect();
        let asked: Vec<(&File, bool)> = kept
            .iter()
            .map(|&(_, file, rated)| (file, at_least(rated, options.related_min_severity)))
            .collect();
        let (related, halt) = self.relations.of(&asked, &mut self.run.numbers).await;
        let (whole_kept, stopped) = match halt {
            None => (kept.len(), None),
            Some(Halt::Paused(pause, at)) => (at, Some(Stopped::Paused(pause))),
            Some(Halt::Failed(error, at)) => (at, Some(Stopped::VirusTotal(error))),
        };
        let whole = kept.get(whole_kept).map_or(batch.len(), |&(at, ..)| at);
        self.run.numbers.matched += whole as u64;
        for reason in decided[..whole]
            .iter()
            .filter_map(|decision| decision.as_ref().err())
        {
            self.run.numbers.dropped.add(*reason);
        }
        for (&(_, file, rated), related) in kept.iter().zip(&related).take(whole_kept) {
            match self.converter.unit(file, rated, related) {
                Ok(unit) => {
                    self.run.numbers.left_out.merge(&unit.left_out);
                    self.pending.push(unit);
                    self.kept += 1;
                }
                Err(reason) => self.run.numbers.dropped.add(reason),
            }
        }
        (whole, stopped)
    }

    /// Delivers what waits and moves on: `cursor` leads to the next page, or
    /// the last date seen does.
    async fn deliver(&mut self, cursor: Option<String>) -> Result<(), Stopped> {
        self.send(false).await?;
        self.run.place.searched_from = self.searched_from.filter(|_| cursor.is_some());
        self.run.place.cursor = cursor;
        self.commit().await;
        Ok(())
    }

    async fn commit(&mut self) {
        self.run.numbers.counts = *self.tally.counts();
        self.run.numbers.summary = self.tally.profile.summary();
        self.run.numbers.requests = self.requests();
        self.run.failures = 0;
        self.committed.clone_from(&self.run);
        self.sink.reached(Reached::of(self.committed));
        self.sink.advanced(self.committed).await;
    }

    /// Shows how far the run is to whoever looks on.
    fn show(&mut self) {
        self.run.numbers.requests = self.requests();
        self.sink.reached(Reached::of(&self.run));
    }

    fn requests(&self) -> u64 {
        self.requests_before + self.import.guard.spent().sent
    }
}

/// Readies the tally for a run that begins, or goes on.
fn go_on(run: &mut Run, tally: &mut Tally, options: &super::Options) {
    let numbers = &mut run.numbers;
    if numbers.counts.objects() > 0 && tally.counts().objects() == 0 {
        // The run was begun by an earlier process.
        *tally = Tally::new(numbers.counts)
            .going_on(Profile::from(&numbers.summary), numbers.parts.is_split());
        numbers.notes.insert(
            "the run was taken up again after a restart: a related object that both parts found \
             counts twice in the numbers"
                .to_owned(),
        );
        if options.convert.attachments {
            numbers.sheets += 1;
            numbers.notes.insert(
                "the CSV was begun anew after a restart: files sent before are in the CSV of an \
                 earlier pause, if there was one, and among the report's objects in any case"
                    .to_owned(),
            );
        }
    }
    tally.profile.begin(run.window.from, run.window.to);
    if options.convert.attachments {
        // What is larger in base64 than a bundle is not worth keeping.
        tally.sheet.make_room(options.limits.bytes / 4 * 3);
    }
    tally.sheet.begin(run.numbers.parts.current.number);
    tally.sheet.begun(run.numbers.sheets);
}

/// The part of a batch up to the file that fills the room, and whether that
/// cuts the list.
fn up_to<'b>(
    batch: &'b [&'b File],
    room: u32,
    kept: impl Fn(&File) -> bool,
) -> (&'b [&'b File], bool) {
    let mut left = room;
    for (at, file) in batch.iter().enumerate() {
        if !kept(file) {
            continue;
        }
        if left == 0 {
            return (&batch[..at], true);
        }
        left -= 1;
    }
    (batch, false)
}

/// Objects that could not be read are gaps; attributes that could not, notes.
fn note_odd(page: &Page, numbers: &mut Numbers) {
    for odd in &page.odd {
        match (odd.loss, odd.id.as_deref()) {
            (Loss::NotThere, id) => numbers.not_there.add(id),
            (Loss::Object, Some(id)) => {
                numbers.gap_of(format!("files that could not be read: {}", odd.what), id);
            }
            (Loss::Object, None) => {
                numbers.gap(format!("files that could not be read: {}", odd.what));
            }
            (Loss::Attributes, _) => {
                let note = format!("odd attributes left out: {}", odd.what);
                numbers.notes.insert(note);
            }
        }
    }
}
