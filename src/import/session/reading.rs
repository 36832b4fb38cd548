//! The reading side of a run: page after page, filtered, with what belongs to
//! the files, converted. One page is asked for ahead, while the one in hand is
//! worked on and what came of those before is delivered.

use std::collections::HashSet;

use tracing::{debug, info};

use super::asking::{ask, ask_ahead};
use super::note_odd;
use super::steps::{Room, Step, Steps};
use crate::convert::converter::{Converter, Unit};
use crate::convert::filter::decide;
use crate::import::relations::{Calls, Halt, Relations};
use crate::import::schedule::Window;
use crate::import::state::{Place, Run};
use crate::import::{Finished, Import, Stopped};
use crate::quota::{CallError, Cost};
use crate::report::listed::Listed;
use crate::report::totals::Totals;
use crate::virustotal::cursor::{CursorGuard, Loop};
use crate::virustotal::facts::{Rated, at_least};
use crate::virustotal::objects::File;
use crate::virustotal::search::Search;
use crate::virustotal::{Error, Page};

/// Files of a batch: what is converted of them is held at once.
const BATCH: usize = 100;

/// Files of a batch whose related objects are asked for: those are held at once.
const RELATED: usize = 32;

/// What came of a part of a page.
struct Read {
    units: Vec<Unit>,
    numbers: Totals,
    listed: usize,
}

impl Read {
    fn of(numbers: Totals) -> Self {
        Self {
            units: Vec::new(),
            numbers,
            listed: 0,
        }
    }
}

/// Why a page is not taken to its end.
enum Break {
    /// `max_files` is reached.
    Cut,
    Stopped(Stopped),
}

/// A file that got through the filter.
struct Kept<'f> {
    /// Its place among those that were looked at.
    at: usize,
    file: &'f File,
    rated: Rated,
    /// Its related objects are asked for.
    with: bool,
}

/// How a page came, and what leads on from it.
struct Way<'p> {
    search: &'p Search,
    /// The cursor that led to it.
    own: Option<String>,
    /// The one that it came with.
    next: &'p Result<Option<String>, Loop>,
    /// All of it is sure to be wanted.
    whole: bool,
}

/// Reads a run's pages.
pub(super) struct Reader<'a> {
    import: &'a Import<'a>,
    converter: &'a Converter,
    relations: Relations<'a>,
    window: Window,
    /// Behind the last file read; its cursor is set where a step is sent.
    place: Place,
    /// Files that were read, each once.
    listed: Listed,
    /// The files of the page in hand that were read, by their SHA-256.
    page: Vec<String>,
    /// Kept files, those of earlier attempts included.
    kept: u32,
    /// The next step begins anew.
    again: bool,
    steps: Steps,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        import: &'a Import<'a>,
        converter: &'a Converter,
        run: &Run,
        listed: Listed,
        steps: Steps,
    ) -> Self {
        let options = import.options;
        Self {
            import,
            converter,
            relations: Relations::new(
                import.guard,
                &options.relationships,
                options.convert.objects.attack_patterns,
                options.max_related_per_file,
            ),
            window: run.window,
            place: run.place.clone(),
            listed,
            page: Vec::new(),
            // An earlier attempt of this run has used some of `max_files`.
            kept: u32::try_from(run.numbers.counts.main.total()).unwrap_or(u32::MAX),
            again: false,
            steps,
        }
    }

    /// Page by page to the end, or to `max_files`.
    pub(super) async fn pages(mut self) -> Result<Finished, Stopped> {
        let import = self.import;
        let (mut search, mut cursor, mut cursors) = self.way_in();
        let mut ahead = None;
        loop {
            let page = match ahead.take() {
                Some(page) => page,
                None => {
                    self.within_share()?;
                    ask(import, &search, cursor.as_deref()).await
                }
            };
            let page = match page {
                Err(CallError::Failed(Error::CursorRefused { said })) if cursor.is_some() => {
                    self.go_by_date(&mut search, &said);
                    (cursor, cursors) = (None, CursorGuard::default());
                    continue;
                }
                page => page?,
            };
            let next = cursors.accept(page.cursor.clone());
            // A third page is asked for once the first one is delivered.
            let room = self.steps.room_for_a_page().await;
            let whole = self.wants_all(&page);
            let early = next.as_ref().ok().and_then(Option::as_deref);
            let early = early.filter(|_| whole);
            let asking = async { Ok(ask_ahead(import, &search, early).await) };
            let way = Way {
                search: &search,
                own: cursor,
                next: &next,
                whole,
            };
            // A page that is not taken to its end needs no other one.
            match tokio::try_join!(self.take(page, way, room), asking) {
                Ok((_, page)) => ahead = page,
                Err(Break::Stopped(stopped)) => return Err(stopped),
                Err(Break::Cut) => {
                    let carried = Some(self.place);
                    return Ok(Finished { carried });
                }
            }
            cursor = match next {
                Ok(None) => return Ok(Finished { carried: None }),
                Ok(next) => next,
                Err(endless) => return Err(Stopped::Endless(endless)),
            };
        }
    }

    /// The search that leads to the run's place, the cursor to go on by, and the
    /// cursors seen. A cursor is good only inside the search that it came from.
    fn way_in(&mut self) -> (Search, Option<String>, CursorGuard) {
        let mut search = self.import.options.search(self.import.country, self.window);
        let cursor = self.place.cursor.take();
        search.from = match (&cursor, self.place.searched_from.take()) {
            (Some(_), from) => from.unwrap_or(self.window.from),
            (None, _) => self.place.from(self.window),
        };
        let mut cursors = CursorGuard::default();
        // The place's own cursor counts as seen: a page must not lead to itself.
        let _ = cursors.accept(cursor.clone());
        (search, cursor, cursors)
    }

    /// The cursor is refused: on from the last date seen, or from the beginning
    /// where dates say nothing.
    fn go_by_date(&mut self, search: &mut Search, said: &str) {
        search.from = self.place.from(self.window);
        info!(vt.said = said, from = %search.from, "the cursor is no longer good: searching on from the last date seen");
        if self.place.unordered {
            self.place = Place::default();
            self.listed.clear();
            self.again = true;
        }
    }

    /// Whether all of a page, and the next one, is sure to be wanted: the quota,
    /// `max_files` and the share have room for it. Then the next page is asked
    /// for at once, and the calls of its batches follow each other without a
    /// halt between them.
    fn wants_all(&self, page: &Page) -> bool {
        let room = self.room() as usize > page.files.len();
        let calls = self.relations.needed(self.rated(page.files.iter()));
        let quota = self.import.guard.calls_left(Cost::Search);
        let quota = quota.is_none_or(|left| left > calls);
        let spent = self.import.guard.spent().sent + calls;
        let share = self.import.share.is_none_or(|share| spent < share);
        room && quota && share
    }

    /// Filters and converts a page, a batch after the other.
    async fn take(&mut self, page: Page, way: Way<'_>, room: Option<Room>) -> Result<(), Break> {
        let mut opening = Totals {
            pages: 1,
            ..Totals::default()
        };
        note_odd(&page, &mut opening);
        let fresh = self.fresh(&page.files);
        let mut calls = match way.whole {
            true => self.plan(&fresh, &mut opening),
            false => self.plan(&[], &mut opening),
        };
        self.send(Read::of(opening), &way, false, &mut calls).await;
        debug!(
            files = page.files.len(),
            fresh = fresh.len(),
            "a page arrived"
        );
        let mut rest = &fresh[..];
        while !rest.is_empty() {
            let (batch, cut) = up_to(self.batch(rest), self.room(), |file| {
                decide(file, &self.import.options.filter).is_ok()
            });
            let mut numbers = Totals::default();
            if !way.whole {
                calls = self.plan(batch, &mut numbers);
            }
            let (units, whole, halt) = self.convert(batch, &mut calls, &mut numbers).await;
            let listed = self.pass(&batch[..whole]);
            rest = &rest[whole..];
            let cut = cut && halt.is_none() && self.may_cut();
            let spent = self.within_share().err().filter(|_| !rest.is_empty());
            let stopped = halt.or(spent.filter(|_| !cut));
            if stopped.is_some() {
                calls.abandon();
            }
            let read = Read {
                units,
                numbers,
                listed,
            };
            self.send(read, &way, stopped.is_some(), &mut calls).await;
            match stopped {
                Some(stopped) => return Err(Break::Stopped(stopped)),
                None if cut => return Err(Break::Cut),
                None => {}
            }
        }
        self.end(&way, room).await;
        Ok(())
    }

    /// The calls that files need.
    fn plan<'f>(&self, files: &[&'f File], numbers: &mut Totals) -> Calls<'f>
    where
        'a: 'f,
    {
        let kept = self.kept(files).map(|one| (one.file, one.with));
        self.relations.plan(kept, numbers)
    }

    /// Notes files as read; returns how many of them are listed now.
    fn pass(&mut self, files: &[&File]) -> usize {
        let mut listed = 0;
        for file in files {
            listed += usize::from(self.listed.add(file));
            let first = file.attributes.first_submission_date;
            self.place.pass(self.window, first, file.sha256());
            self.page.push(file.sha256().to_owned());
        }
        listed
    }

    /// The files of a page that this run has not dealt with yet, each once.
    fn fresh<'f>(&self, files: &'f [File]) -> Vec<&'f File> {
        let mut here = HashSet::new();
        let files = files.iter();
        files
            .filter(|file| !self.place.is_seen(file.sha256()) && !self.listed.has(file))
            .filter(|file| file.sha256().is_empty() || here.insert(file.sha256()))
            .collect()
    }

    /// Hands over a part of a page. Dates lead on from there, or this page once
    /// more.
    async fn send(&mut self, read: Read, way: &Way<'_>, flush: bool, calls: &mut Calls<'_>) {
        let room = tokio::select! {
            room = self.steps.room_for(&read.units) => room,
            // What is under way must not time out for a slow delivery.
            never = calls.go_on() => match never {},
        };
        let own = way.own.clone().filter(|_| self.place.unordered);
        let place = self.place_with(own, way).within(&self.page);
        let again = std::mem::take(&mut self.again);
        self.steps
            .send(Step {
                units: read.units,
                numbers: read.numbers,
                listed: read.listed,
                place,
                flush,
                again,
                room,
                page: None,
            })
            .await;
    }

    /// Says that a page is done, and that the next one leads on. After the last
    /// one the report's end follows, with what waits.
    async fn end(&mut self, way: &Way<'_>, page: Option<Room>) {
        self.page.clear();
        self.place.of_page.clear();
        let next = match way.next {
            Ok(None) => return,
            Ok(Some(next)) => Some(next.clone()),
            // Not by this cursor again: the next try goes on by the date.
            Err(_) => None,
        };
        let place = self.place_with(next, way);
        self.steps
            .send(Step {
                place,
                flush: true,
                page,
                ..Step::default()
            })
            .await;
    }

    fn place_with(&self, cursor: Option<String>, way: &Way<'_>) -> Place {
        Place {
            searched_from: cursor.as_ref().map(|_| way.search.from),
            cursor,
            ..self.place.clone()
        }
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
        self.place.after.is_some() && !self.place.unordered
    }

    /// Kept files that `max_files` still lets through.
    fn room(&self) -> u32 {
        match self.import.options.max_files {
            0 => u32::MAX,
            _ if !self.may_cut() && self.kept > 0 => u32::MAX,
            most => most.saturating_sub(self.kept),
        }
    }

    /// The files that are worked on together.
    fn batch<'f>(&self, files: &'f [&'f File]) -> &'f [&'f File] {
        let mut related = 0;
        let rated = self.rated(files.iter().copied());
        let held = rated.take(BATCH).take_while(|(_, with)| {
            related += usize::from(*with);
            related <= RELATED
        });
        &files[..held.count()]
    }

    /// Whether each file's related objects are asked for.
    fn rated<'f>(
        &self,
        files: impl Iterator<Item = &'f File>,
    ) -> impl Iterator<Item = (&'f File, bool)> {
        let options = self.import.options;
        files.map(|file| {
            let rated = decide(file, &options.filter);
            let with = rated.is_ok_and(|rated| at_least(rated, options.related_min_severity));
            (file, with)
        })
    }

    /// The files that get through the filter.
    fn kept<'f>(&self, files: &[&'f File]) -> impl Iterator<Item = Kept<'f>> {
        let options = self.import.options;
        files.iter().enumerate().filter_map(|(at, &file)| {
            let rated = decide(file, &options.filter).ok()?;
            let with = at_least(rated, options.related_min_severity);
            Some(Kept {
                at,
                file,
                rated,
                with,
            })
        })
    }

    /// Converts a batch; returns what came of it, how many of its files are done
    /// with, and why it stopped before the others.
    async fn convert(
        &mut self,
        batch: &[&File],
        calls: &mut Calls<'_>,
        numbers: &mut Totals,
    ) -> (Vec<Unit>, usize, Option<Stopped>) {
        let kept: Vec<Kept<'_>> = self.kept(batch).collect();
        let asked: Vec<_> = kept.iter().map(|one| (one.file, one.with)).collect();
        let (related, halt) = self.relations.of(&asked, calls, numbers).await;
        let (whole_kept, stopped) = match halt {
            None => (kept.len(), None),
            Some(Halt::Paused(pause, at)) => (at, Some(Stopped::Paused(pause))),
            Some(Halt::Failed(error, at)) => (at, Some(Stopped::VirusTotal(error))),
        };
        let whole = kept.get(whole_kept).map_or(batch.len(), |one| one.at);
        numbers.matched += whole as u64;
        for file in &batch[..whole] {
            if let Err(reason) = decide(file, &self.import.options.filter) {
                numbers.dropped.add(reason);
            }
        }
        let mut units = Vec::with_capacity(whole_kept);
        for (one, related) in kept.iter().zip(&related).take(whole_kept) {
            match self.converter.unit(one.file, one.rated, related) {
                Ok(unit) => {
                    numbers.left_out.merge(&unit.left_out);
                    units.push(unit);
                    self.kept += 1;
                }
                Err(reason) => numbers.dropped.add(reason),
            }
        }
        (units, whole, stopped)
    }
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
