//! Brings works to their end after their run: closes those that an earlier
//! process left, and reports our own expectation once the platform has counted
//! all that was pushed. Runs beside everything else and holds nothing up.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::heartbeat::Heartbeat;
use super::open_works::{Due, Entry};
use crate::base::backoff::Backoff;
use crate::base::clock::Clock;
use crate::import::open_work::Hold;
use crate::opencti::{Error, OpenCti};

/// Pauses between looks at what the platform has counted, which grow after the
/// third. A broker renews its numbers every 5 seconds.
const LOOKS: Backoff = Backoff::from_to(Duration::from_secs(6), Duration::from_secs(60));

/// What an orphan is told.
const CUT_OFF: &str = "Cut off: the connector ended without a word. Another work goes on here.";

/// What is said of objects that were counted and never came.
const LOST: &str = "Never imported: announced, and no longer in the connector's queue";

/// Looks after the works whose runs are over.
pub(super) struct Settler {
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) opencti: OpenCti,
    pub(super) clock: Clock,
    /// The connector's id.
    pub(super) connector: String,
}

impl Settler {
    /// Looks when a run has ended, and again and again while works wait.
    pub(super) async fn run(&self) {
        let mut looks = 0_u32;
        loop {
            if let Err(error) = self.look().await {
                debug!(error = %error, "works that wait for the platform are looked at again later");
            }
            looks = looks.saturating_add(1);
            let wait = LOOKS.pause(looks.saturating_sub(1));
            let waiting = !self.heartbeat.works(|works| works.waiting()).is_empty();
            tokio::select! {
                () = self.heartbeat.run_ended() => looks = 0,
                () = self.clock.sleep(wait), if waiting => {}
            }
        }
    }

    async fn look(&self) -> Result<(), Error> {
        for entry in self.heartbeat.works(|works| works.waiting()) {
            if !entry.work.closed {
                self.close(entry).await?;
            }
        }
        let waiting = self.heartbeat.works(|works| works.waiting());
        if waiting.is_empty() {
            return Ok(());
        }
        // Before the works: what has left the queue by now is counted by then.
        match self.opencti.queue(&self.connector).await {
            Ok(queue) => self
                .heartbeat
                .works(|works| works.looked(queue.messages == 0.0)),
            Err(error) => debug!(error = %error, "the connector's queue cannot be looked at"),
        }
        for entry in waiting {
            self.settle(&entry.work.id).await?;
        }
        Ok(())
    }

    /// Says the last word that could not be said before.
    async fn close(&self, entry: Entry) -> Result<(), Error> {
        let id = &entry.work.id;
        let said = entry.work.last_words.as_ref();
        let (text, in_error) = said.map_or((CUT_OFF, true), |said| (&said.text, said.in_error));
        match self.opencti.work_processed(id, text, in_error).await {
            Ok(()) => {
                info!(work.id = id, "an open work was closed");
                self.heartbeat
                    .works(|works| works.end(id, entry.work.pushed, None));
            }
            Err(Error::NotAlive) => self.heartbeat.works(|works| works.forget(id)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Says what is due to one work, until nothing is.
    async fn settle(&self, id: &str) -> Result<(), Error> {
        while let Some(entry) = self.heartbeat.works(|works| works.get(id)) {
            let progress = match self.opencti.work_progress(id).await {
                Err(Error::NotAlive) => {
                    self.heartbeat.works(|works| works.forget(id));
                    return Ok(());
                }
                progress => progress?,
            };
            match entry.due(&progress) {
                Due::Nothing => return Ok(()),
                Due::Complete => {
                    debug!(
                        work.id = id,
                        objects = progress.processed,
                        "the work is complete"
                    );
                    self.heartbeat.works(|works| works.forget(id));
                }
                Due::Own => self.report_own(id).await?,
                Due::Missing { lost, own } => {
                    if lost > 0 {
                        warn!(
                            work.id = id,
                            lost,
                            "{lost} objects were counted and never imported: told to the work"
                        );
                        alive(self.opencti.report_lost(id, lost, LOST).await)?;
                    }
                    match own {
                        true => self.report_own(id).await?,
                        false => self.heartbeat.works(|works| works.forget(id)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Reports our own expectation, once: the state says so before it is done,
    /// and whether an answer came decides whether it may have to be said again.
    async fn report_own(&self, id: &str) -> Result<(), Error> {
        let hold = |hold: Hold| {
            self.heartbeat
                .works(|works| works.change(id, |entry| entry.work.hold = hold));
        };
        let before = self.heartbeat.works(|works| works.get(id));
        hold(Hold::InDoubt);
        if let Err(error) = self.heartbeat.ping().await {
            hold(before.map_or(Hold::InDoubt, |entry| entry.work.hold));
            return Err(error);
        }
        alive(self.opencti.report_own(id).await)?;
        // Whoever waits for this word ends with a state that knows what came of it.
        match self.opencti.work_progress(id).await {
            Ok(progress) if !progress.is_complete() => hold(Hold::None),
            Ok(_) | Err(Error::NotAlive) => self.heartbeat.works(|works| works.forget(id)),
            Err(error) => {
                hold(Hold::None);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// A work that is over by now needs no more words.
fn alive(said: Result<(), Error>) -> Result<(), Error> {
    match said {
        Err(Error::NotAlive) => Ok(()),
        said => said,
    }
}
