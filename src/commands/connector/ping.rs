//! Keeps the platform informed: the heart of the connector beats every 40
//! seconds, during runs too, and carries the state.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify};
use tracing::{info, warn};

use super::Settings;
use crate::clock::Clock;
use crate::import::state::State;
use crate::opencti::delivery::Roads;
use crate::opencti::{ConnectorInfo, Error, OpenCti, Registration, Remedy};

/// Time between pings. The platform shows a connector inactive after 5 minutes.
const EVERY: Duration = Duration::from_secs(40);

/// What a ping says beside the state.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Held back because the connector's queue is over its threshold.
    pub buffering: bool,
    /// Size of that queue in MB (10^6 bytes), as last read.
    pub queue_mb: f64,
    /// When the next run starts.
    pub next_run: Option<DateTime<Utc>>,
    /// When the latest run started.
    pub last_run: Option<DateTime<Utc>>,
}

/// What an answer to a ping means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The platform saved the state.
    Saved,
    /// Someone pressed the refresh button: drop the state, run now.
    Reset,
    /// The platform answers from an index that lags behind: ours stays.
    Stale,
}

/// Reads an answer. An empty one to a state that is not empty is the refresh
/// button; another text is never adopted, or a lagging index would take the
/// connector back in time.
pub fn understand(sent: &str, answered: &str) -> Answer {
    match answered.trim() {
        "" | "null" if !sent.is_empty() => Answer::Reset,
        answered if answered == sent => Answer::Saved,
        _ => Answer::Stale,
    }
}

/// The one place that pings, so that an older state never overtakes a newer one.
pub struct Heart {
    opencti: OpenCti,
    registration: Registration,
    queue_threshold_mb: f64,
    run_and_terminate: bool,
    /// Asked whether they hold back.
    roads: Roads,
    clock: Clock,
    beat: Mutex<Beat>,
    reset: Notify,
}

#[derive(Default)]
struct Beat {
    state: State,
    status: Status,
    epoch: Epoch,
    last: Duration,
}

/// Counts the resets, so that a run that began before one cannot write its
/// state over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch(u64);

impl Heart {
    /// A heart that has not beaten yet, with the state that the platform kept.
    pub fn new(
        state: State,
        opencti: OpenCti,
        settings: &Settings,
        roads: Roads,
        clock: Clock,
    ) -> Self {
        Self {
            opencti,
            registration: settings.registration.clone(),
            queue_threshold_mb: settings.queue_threshold_mb,
            run_and_terminate: settings.once(),
            roads,
            clock,
            beat: Mutex::new(Beat {
                state,
                ..Beat::default()
            }),
            reset: Notify::new(),
        }
    }

    /// Pings every [`EVERY`], for ever. A platform that does not answer is
    /// tried again at the next beat.
    pub async fn run(&self) {
        loop {
            self.clock.sleep(EVERY).await;
            if let Err(error) = self.ping().await {
                warn!(error = %error, "the platform did not take the ping; the next one follows in {} s", EVERY.as_secs());
            }
        }
    }

    /// Ends when the refresh button was pressed. The state is fresh by then.
    pub async fn reset(&self) {
        self.reset.notified().await;
    }

    /// The state as it stands, and since which reset.
    pub async fn state(&self) -> (State, Epoch) {
        let beat = self.beat.lock().await;
        (beat.state.clone(), beat.epoch)
    }

    /// Takes over a state and tells the platform at once. A state from before
    /// the latest reset is dropped. A platform that does not answer now is told
    /// at the next beat.
    pub async fn save(&self, state: &State, epoch: Epoch) {
        let mut beat = self.beat.lock().await;
        if beat.epoch != epoch {
            return;
        }
        beat.state = state.clone();
        if let Err(error) = self.send(&mut beat).await {
            warn!(error = %error, "the platform did not take the state; the next ping carries it again");
        }
    }

    /// Time since the last try to ping: what a health check asks.
    pub async fn silence(&self) -> Duration {
        self.clock
            .elapsed()
            .saturating_sub(self.beat.lock().await.last)
    }

    /// Changes what the next ping says beside the state.
    pub async fn status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.beat.lock().await.status);
    }

    /// Pings now.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut beat = self.beat.lock().await;
        self.send(&mut beat).await
    }

    async fn send(&self, beat: &mut Beat) -> Result<(), Error> {
        beat.last = self.clock.elapsed();
        let sent = beat.state.to_text();
        let info = ConnectorInfo {
            run_and_terminate: self.run_and_terminate,
            buffering: beat.status.buffering || self.roads.buffering(),
            queue_threshold: self.queue_threshold_mb,
            queue_messages_size: beat.status.queue_mb,
            next_run: beat.status.next_run,
            last_run: beat.status.last_run,
        };
        let id = &self.registration.id;
        let answered = match self.opencti.ping(id, &sent, &info).await {
            // Somebody removed the connector from the platform: it comes back.
            Err(error) if error.remedy() == Remedy::Register => {
                warn!(error = %error, "registering again");
                self.opencti.register(&self.registration).await?;
                self.opencti.ping(id, &sent, &info).await?
            }
            answered => answered?,
        };
        match understand(&sent, &answered) {
            Answer::Saved => {}
            // A reset pressed while the connector was away shows at its first
            // ping, when there is nothing left to drop.
            Answer::Reset if beat.state.is_fresh() => {}
            Answer::Reset => {
                info!(
                    "the state was reset on the platform: starting over with the first look-back"
                );
                beat.state = State::default();
                beat.epoch.0 += 1;
                self.reset.notify_one();
            }
            Answer::Stale => {
                tracing::debug!(
                    "the platform answered with another state than was sent; ours stays"
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_a_reset_and_a_different_one_is_never_adopted() {
        for (sent, answered, expected) in [
            ("{\"version\":1}", "{\"version\":1}", Answer::Saved),
            ("{\"version\":1}", "", Answer::Reset),
            ("{\"version\":1}", " ", Answer::Reset),
            ("{\"version\":1}", "null", Answer::Reset),
            ("{\"version\":1}", "{\"version\":0}", Answer::Stale),
        ] {
            assert_eq!(understand(sent, answered), expected, "{answered:?}");
        }
    }
}
