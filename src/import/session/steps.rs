//! The way from what is read to its delivery, and how much may be on it.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::convert::converter::Unit;
use crate::import::state::Place;
use crate::report::totals::Totals;

/// Pages that are read and not delivered: one on its way out, one in hand.
const PAGES: usize = 2;

/// Objects that wait to be delivered, so that the calls for the next files need
/// not wait for each delivery; a batch with more of them waits alone.
const OBJECTS: u32 = 2_000;

/// What was read, on its way to be delivered.
#[derive(Default)]
pub(super) struct Step {
    pub(super) units: Vec<Unit>,
    /// What it adds to the run's numbers.
    pub(super) numbers: Totals,
    /// How many files were listed for it.
    pub(super) listed: usize,
    /// Where the run goes on once this is accepted.
    pub(super) place: Place,
    /// All that waits is to be sent, however little it is.
    pub(super) flush: bool,
    /// All that was read comes once more: its numbers begin anew.
    pub(super) again: bool,
    /// Given back when its objects are taken up.
    pub(super) room: Option<Room>,
    /// Given back when all of its page is accepted.
    pub(super) page: Option<Room>,
}

/// Room on the way, given back when this is dropped.
pub(super) type Room = OwnedSemaphorePermit;

/// The reading end.
pub(super) struct Steps {
    sender: UnboundedSender<Step>,
    pages: Arc<Semaphore>,
    objects: Arc<Semaphore>,
}

impl Steps {
    /// Both ends.
    pub(super) fn new() -> (Self, UnboundedReceiver<Step>) {
        let (sender, steps) = mpsc::unbounded_channel();
        let begin = Self {
            sender,
            pages: Arc::new(Semaphore::new(PAGES)),
            objects: Arc::new(Semaphore::new(OBJECTS as usize)),
        };
        (begin, steps)
    }

    /// Waits for room for one more page.
    pub(super) async fn room_for_a_page(&self) -> Option<Room> {
        self.pages.clone().acquire_owned().await.ok()
    }

    /// Waits for room for the objects of a step.
    pub(super) async fn room_for(&self, units: &[Unit]) -> Option<Room> {
        let objects: usize = units.iter().map(|unit| unit.objects.len()).sum();
        let objects = u32::try_from(objects).unwrap_or(OBJECTS).min(OBJECTS);
        self.objects.clone().acquire_many_owned(objects).await.ok()
    }

    /// Hands a step over.
    pub(super) async fn send(&self, step: Step) {
        if self.sender.send(step).is_err() {
            // The other side has failed, and its error ends both.
            pending::<()>().await;
        }
    }
}
