//! The platform as a place to deliver to: waits for one that is down, holds
//! back while its queue is full, saves the state behind every delivery.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::heartbeat::{Epoch, Heartbeat};
use crate::base::backoff::Backoff;
use crate::base::clock::Clock;
use crate::commands::Bar;
use crate::import::reached::Reached;
use crate::import::state::{Run, State};
use crate::import::{Sink, SinkError};
use crate::opencti::delivery::{Left, Roads};
use crate::opencti::{Error, OpenCti, Remedy};
use crate::stix::bundle::Bundle;

/// Pauses while the platform is down.
const AGAIN: Backoff = Backoff::from_to(Duration::from_secs(1), Duration::from_secs(60));

/// Time between two looks at a queue that is over its threshold.
const QUEUE_LOOK: Duration = Duration::from_secs(20);

/// How long to wait for a platform that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// The service: until it is back.
    Endless,
    /// Run-and-terminate: a few tries, then exit code 3.
    Short,
}

impl Patience {
    /// Without any progress for so long, a broker counts as down; then the
    /// tries begin.
    pub(super) fn with_a_broker(self) -> Duration {
        match self {
            Self::Endless => Duration::from_secs(60),
            Self::Short => Duration::from_secs(5),
        }
    }

    fn tries(self) -> u32 {
        match self {
            Self::Endless => u32::MAX,
            Self::Short => 4,
        }
    }
}

/// Asks until the platform answers, with growing waits. Ends at once with an
/// error that waiting does not mend.
pub(super) async fn wait_for<T>(
    clock: &Clock,
    patience: Patience,
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut complained = false;
    for tried in 1.. {
        match ask().await {
            Err(error) if error.remedy() == Remedy::Retry && tried < patience.tries() => {
                let wait = AGAIN.pause(tried);
                let seconds = wait.as_secs();
                if wait < AGAIN.longest || complained {
                    warn!(error = %error, "OpenCTI could not be asked {what}; again in {seconds} s");
                } else {
                    // Said once where only failures are read: nothing arrives.
                    complained = true;
                    error!(error = %error, "OpenCTI still cannot be asked {what}: waiting for it, and trying every {seconds} s");
                }
                clock.sleep(wait).await;
            }
            result => return result,
        }
    }
    unreachable!("the loop above ends by returning")
}

/// Delivers one country's run.
pub(super) struct Platform<'a> {
    /// The platform's API, for the queue's size.
    pub opencti: &'a OpenCti,
    /// The roads for bundles.
    pub roads: &'a Roads,
    /// Carries the state.
    pub heartbeat: &'a Heartbeat,
    /// The time.
    pub clock: &'a Clock,
    /// The connector's id.
    pub connector: &'a str,
    /// The work that the bundles belong to.
    pub work: Option<&'a str>,
    /// MB in the connector's queue from which on deliveries wait.
    pub queue_threshold_mb: f64,
    /// How long to wait for a platform that is down.
    pub patience: Patience,
    /// The state that the run's progress is written into.
    pub state: State,
    /// Since which reset that state counts.
    pub epoch: Epoch,
    /// The country's code.
    pub country: &'static str,
    /// Shows how far the run is.
    pub reached: watch::Sender<Reached>,
    /// The same on a terminal.
    pub bar: Bar,
    /// How many objects the platform has to count for what was delivered so
    /// far; `None` while, and after, that is not certain.
    pub pushed: Option<u64>,
    /// Bytes that the run needs on a road over files.
    pub room: u64,
}

impl Sink for Platform<'_> {
    async fn deliver(&mut self, bundle: &Bundle) -> Result<Vec<Left>, SinkError> {
        self.wait_for_the_queue().await?;
        let mut registered_again = false;
        // Dropped in the middle, or sent twice, nobody knows what is counted.
        let before = self.pushed.take();
        let mut tries = 0;
        loop {
            let sending = wait_for(self.clock, self.patience, "to take a bundle", async || {
                tries += 1;
                self.roads.send(bundle, self.work).await
            });
            match sending.await {
                Ok(sent) => {
                    let counted = sent.counted.filter(|_| tries == 1);
                    self.pushed = before
                        .zip(counted)
                        .map(|(before, counted)| before + counted as u64);
                    return Ok(sent.left);
                }
                // Somebody deleted it: the objects matter more.
                Err(Error::NotAlive) if self.work.is_some() => {
                    warn!("the work is gone from the platform: going on without one");
                    self.work = None;
                }
                Err(error) if error.remedy() == Remedy::Register && !registered_again => {
                    warn!(error = %error, "registering again");
                    registered_again = true;
                    self.heartbeat.register().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn advanced(&mut self, run: &Run) {
        self.state.country(self.country).run = Some(run.clone());
        self.heartbeat.save(&self.state, self.epoch).await;
    }

    fn reached(&self, reached: Reached) {
        self.bar.show(&reached);
        self.reached.send_replace(reached);
    }
}

impl Platform<'_> {
    /// Tries the roads before a request is paid for; waits for one that is shut
    /// as a delivery would.
    pub(super) async fn wait_for_the_roads(&self) -> Result<(), SinkError> {
        let trying = wait_for(self.clock, self.patience, "to take a bundle", async || {
            self.roads.try_out(self.room).await
        });
        Ok(trying.await?)
    }

    /// Waits while the connector's queue is over the threshold, and says so.
    pub(super) async fn wait_for_the_queue(&self) -> Result<(), SinkError> {
        // Files are not in the platform's queue.
        if !self.roads.has_works() {
            return Ok(());
        }
        let mut held = false;
        loop {
            let Some(mb) = self.queue_mb().await? else {
                return Ok(());
            };
            let full = mb >= self.queue_threshold_mb;
            self.heartbeat.status(|status| {
                status.buffering = full;
                status.queue_mb = mb;
            });
            if full != held {
                held = full;
                self.tell_of_holding_back(full, mb).await;
            }
            if !full {
                return Ok(());
            }
            self.clock.sleep(QUEUE_LOOK).await;
        }
    }
    /// MB in the connector's queue; `None` where the platform does not tell,
    /// which is no reason to hold back.
    async fn queue_mb(&self) -> Result<Option<f64>, SinkError> {
        let what = "for the size of its queue";
        let asked = wait_for(self.clock, self.patience, what, async || {
            self.opencti.queue(self.connector).await
        });
        match asked.await {
            Ok(queue) => Ok(Some(queue.bytes / 1e6)),
            Err(error) if error.remedy() == Remedy::Retry => Err(error.into()),
            Err(error) => {
                warn!(error = %error, "the size of the connector's queue is not known: not holding back");
                Ok(None)
            }
        }
    }

    /// Says that holding back begins, or that it is over, in the log and to the
    /// platform.
    async fn tell_of_holding_back(&self, full: bool, mb: f64) {
        if full {
            warn!(
                queue_mb = mb,
                "the connector's queue is over CONNECTOR_QUEUE_THRESHOLD ({} MB): holding back",
                self.queue_threshold_mb
            );
        } else {
            info!(
                queue_mb = mb,
                "the connector's queue is below its threshold again: going on"
            );
        }
        // A platform that misses this ping hears it with the next beat.
        let _ = self.heartbeat.ping().await;
    }
}
