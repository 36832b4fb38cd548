//! The inside of one run: what is read goes to its delivering side, which holds
//! what the other side has accepted and moves on past that.

mod closing;
mod reading;
mod steps;
mod telling;

use tokio::sync::mpsc::UnboundedReceiver;

use self::reading::Reader;
use self::steps::{Step, Steps};
use super::reached::Reached;
use super::state::Run;
use super::{Finished, Import, Sink, Stopped};
use crate::convert::converter::{Converter, Unit};
use crate::report::object::ReportObject;
use crate::report::parts::Named;
use crate::report::profile::Profile;
use crate::report::tally::Tally;
use crate::report::totals::Numbers;
use crate::stix::Object;
use crate::virustotal::search::query_text;
use crate::virustotal::{Loss, Page};

pub(super) struct Session<'a, S> {
    import: &'a Import<'a>,
    /// What the other side has accepted.
    committed: &'a mut Run,
    /// Ahead of it, by what is not delivered yet.
    run: Run,
    tally: &'a mut Tally,
    sink: &'a mut S,
    converter: &'a Converter,
    report: ReportObject<'a>,
    query: String,
    /// What the report's part in hand names, and a file among that.
    named: Named,
    anchor: Option<Object>,
    /// Requests of the run's earlier attempts.
    requests_before: u64,
    /// Converted, not delivered.
    pending: Vec<Unit>,
    /// Files read that are listed once what waits is accepted.
    listed: usize,
    /// The last bundle's, for its memory.
    text: String,
}

impl<'a, S: Sink> Session<'a, S> {
    pub(super) fn new(
        import: &'a Import<'a>,
        converter: &'a Converter,
        committed: &'a mut Run,
        tally: &'a mut Tally,
        sink: &'a mut S,
    ) -> Self {
        let options = import.options;
        let mut run = committed.clone();
        go_on(&mut run, tally, options);
        Self {
            import,
            query: query_text(&options.search(import.country, run.window)),
            converter,
            report: ReportObject::of(converter),
            named: Named::default(),
            anchor: None,
            requests_before: run.numbers.requests,
            pending: Vec::new(),
            listed: 0,
            text: String::new(),
            committed,
            run,
            tally,
            sink,
        }
    }

    /// Reads the pages, and delivers what comes of them meanwhile.
    ///
    /// Three stages in a row, and the slowest decides how long a run takes: a
    /// page is asked for, the one before it is worked on, what came of those
    /// before that is delivered. All of them live in this one future.
    pub(super) async fn pages(&mut self) -> Result<Finished, Stopped> {
        let (begin, steps) = Steps::new();
        let listed = self.tally.listed.clone();
        let reader = Reader::new(self.import, self.converter, &self.run, listed, begin);
        let stop = self.import.stop;
        // What was read before the reader stopped is delivered all the same.
        let reading = async {
            let ended = stop.run_until_cancelled(reader.pages()).await;
            Ok(ended.unwrap_or(Err(Stopped::Asked)))
        };
        let (ended, ()) = tokio::try_join!(reading, self.deliver(steps))?;
        ended
    }

    /// Delivers what was read, and moves on past what was accepted. Asked to
    /// stop, it ends between two steps: what is on its way is seen through.
    async fn deliver(&mut self, mut steps: UnboundedReceiver<Step>) -> Result<(), Stopped> {
        let stop = self.import.stop;
        loop {
            let step = stop.run_until_cancelled(steps.recv()).await;
            let Some(step) = step.ok_or(Stopped::Asked)? else {
                return Ok(());
            };
            if step.again {
                self.run.begin_again();
            }
            self.run.numbers.add(step.numbers);
            self.run.place = step.place;
            self.pending.extend(step.units);
            drop(step.room);
            self.listed += step.listed;
            self.show();
            if step.flush || self.is_full() {
                self.send(false).await?;
                self.commit().await;
            }
            drop(step.page);
        }
    }

    /// Whether what waits fills a bundle.
    fn is_full(&self) -> bool {
        let objects: usize = self.pending.iter().map(|unit| unit.objects.len()).sum();
        objects >= self.import.options.limits.objects
    }

    async fn commit(&mut self) {
        self.tally.listed.settle(std::mem::take(&mut self.listed));
        self.run.numbers.count(*self.tally.counts());
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
    tally.listed.take_back();
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
        tally.csvs.make_room(options.limits.bytes / 4 * 3);
    }
    tally.csvs.begin(run.numbers.parts.current.number);
    tally.csvs.begun(run.numbers.sheets);
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
