//! The inside of one run: what is read goes to its delivering side, which holds
//! what the other side has accepted and moves on past that.

mod asking;
mod closing;
mod reading;
mod steps;
mod telling;

use tokio::sync::mpsc::UnboundedReceiver;

use self::reading::Reader;
use self::steps::{Step, Steps};
use super::reached::Reached;
use super::state::{Place, Run};
use super::{Finished, Import, Sink, Stopped};
use crate::convert::converter::{Converter, Unit};
use crate::report::growing::{Begun, GrowingReport};
use crate::report::tally::Tally;
use crate::report::totals::Totals;
use crate::virustotal::search::query_text;
use crate::virustotal::{Loss, Page};

pub(super) struct Session<'a, S> {
    import: &'a Import<'a>,
    /// What the other side has accepted.
    committed: &'a mut Run,
    /// Where the run goes on once what was read is accepted, too.
    place: Place,
    /// Ahead of what is accepted by what is not delivered yet.
    report: GrowingReport<'a>,
    sink: &'a mut S,
    converter: &'a Converter,
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
        let begun = Begun {
            totals: committed.numbers.clone(),
            query: query_text(&options.search(import.country, committed.window)),
            previous: committed.previous.clone(),
            limits: options.limits,
        };
        Self {
            import,
            place: committed.place.clone(),
            report: GrowingReport::resume(converter, tally, begun),
            converter,
            requests_before: committed.numbers.requests,
            pending: Vec::new(),
            listed: 0,
            text: String::new(),
            committed,
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
        let listed = self.report.listed().clone();
        let reader = Reader::new(self.import, self.converter, self.committed, listed, begin);
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
                self.report.begin_again();
            }
            self.report.read(step.numbers);
            self.place = step.place;
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

    /// What was sent is accepted: the run moves on past it.
    async fn commit(&mut self) {
        self.count_requests();
        let totals = self.report.accepted(std::mem::take(&mut self.listed));
        self.committed.numbers.clone_from(totals);
        self.committed.place.clone_from(&self.place);
        self.committed.failures = 0;
        self.sink.reached(Reached::of(self.committed));
        self.sink.advanced(self.committed).await;
    }

    /// Shows how far the run is to whoever looks on.
    fn show(&mut self) {
        self.count_requests();
        let (place, totals) = (&self.place, self.report.totals());
        let reached = Reached::at(self.committed.window, place, totals);
        self.sink.reached(reached);
    }

    fn count_requests(&mut self) {
        self.report.spent(self.requests());
    }

    fn requests(&self) -> u64 {
        self.requests_before + self.import.guard.spent().sent
    }
}

/// Objects that could not be read are gaps; attributes that could not, notes.
fn note_odd(page: &Page, numbers: &mut Totals) {
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
