//! Keeps the platform informed: the heart of the connector beats every 40
//! seconds, during runs too, and carries the state.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
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
/// button, if the platform has `shown` a state since the last time: an index
/// that lags behind repeats an empty answer. Another text is never adopted, or
/// such an index would take the connector back in time.
pub fn understand(sent: &str, answered: &str, shown: bool) -> Answer {
    match answered.trim() {
        "" | "null" if shown && !sent.is_empty() => Answer::Reset,
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
    /// Never held while the platform is asked: whoever wants to know the state
    /// must not wait for a platform that does not answer.
    beat: Mutex<Beat>,
    /// One ping at a time.
    sending: tokio::sync::Mutex<()>,
    epoch: watch::Sender<Epoch>,
}

#[derive(Default)]
struct Beat {
    state: State,
    status: Status,
    epoch: Epoch,
    last: Duration,
    /// The platform has shown a state since the last reset.
    shown: bool,
}

/// Counts the resets, so that a run that began before one cannot write its
/// state over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch(u64);

impl Heart {
    /// A heart that has not beaten yet. `state` is what could be read of
    /// `saved`, the text that the platform kept.
    pub fn new(
        state: State,
        saved: &str,
        opencti: OpenCti,
        settings: &Settings,
        roads: Roads,
        clock: Clock,
    ) -> Self {
        let status = Status {
            last_run: state.last_start(),
            ..Status::default()
        };
        Self {
            opencti,
            registration: settings.registration.clone(),
            queue_threshold_mb: settings.queue_threshold_mb,
            run_and_terminate: settings.once(),
            roads,
            clock,
            beat: Mutex::new(Beat {
                state,
                status,
                shown: !saved.trim().is_empty(),
                ..Beat::default()
            }),
            sending: tokio::sync::Mutex::default(),
            epoch: watch::Sender::new(Epoch::default()),
        }
    }

    /// Pings every `EVERY`, for ever. A platform that does not answer is
    /// tried again at the next beat.
    pub async fn run(&self) {
        loop {
            self.clock.sleep(EVERY).await;
            let beat = tokio::select! {
                beat = self.ping() => beat.map_err(|error| error.to_string()),
                () = self.clock.sleep(EVERY) => Err("no answer".to_owned()),
            };
            if let Err(error) = beat {
                warn!(error = %error, "the platform did not take the ping; the next one follows in {} s", EVERY.as_secs());
            }
        }
    }

    /// Ends when the refresh button was pressed since `epoch`. The state is
    /// fresh by then.
    pub async fn reset(&self, epoch: Epoch) {
        let mut now = self.epoch.subscribe();
        // The sender lives in `self`, so this cannot end early.
        let _ = now.wait_for(|now| *now != epoch).await;
    }

    /// The state as it stands, and since which reset.
    pub async fn state(&self) -> (State, Epoch) {
        let beat = self.beat();
        (beat.state.clone(), beat.epoch)
    }

    /// Takes over a state for the next ping. A state from before the latest
    /// reset is dropped.
    pub async fn keep(&self, state: &State, epoch: Epoch) {
        let mut beat = self.beat();
        if beat.epoch == epoch {
            beat.state = state.clone();
        }
    }

    /// Takes over a state and tells the platform at once. A platform that does
    /// not answer now is told at the next beat.
    pub async fn save(&self, state: &State, epoch: Epoch) {
        if let Err(error) = self.try_save(state, epoch).await {
            warn!(error = %error, "the platform did not take the state; the next ping carries it again");
        }
    }

    /// As [`Heart::save`], for those who cannot go on before the platform has it.
    pub async fn try_save(&self, state: &State, epoch: Epoch) -> Result<(), Error> {
        self.keep(state, epoch).await;
        self.ping().await
    }

    /// Time since the last try to ping: what a health check asks.
    pub async fn silence(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.beat().last)
    }

    /// Changes what the next ping says beside the state.
    pub async fn status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.beat().status);
    }

    /// Pings now.
    pub async fn ping(&self) -> Result<(), Error> {
        self.beat().last = self.clock.elapsed();
        let _one = self.sending.lock().await;
        // Taken only now: what was kept while this waited goes along.
        let (sent, info) = {
            let beat = self.beat();
            (beat.state.to_text(), self.info(&beat.status))
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
        self.hear(&sent, &answered);
        Ok(())
    }

    fn info(&self, status: &Status) -> ConnectorInfo {
        ConnectorInfo {
            run_and_terminate: self.run_and_terminate,
            buffering: status.buffering || self.roads.buffering(),
            queue_threshold: self.queue_threshold_mb,
            queue_messages_size: status.queue_mb,
            next_run: status.next_run,
            last_run: status.last_run,
        }
    }

    fn hear(&self, sent: &str, answered: &str) {
        let mut beat = self.beat();
        let answer = understand(sent, answered, beat.shown);
        beat.shown = !matches!(answered.trim(), "" | "null");
        match answer {
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
                self.epoch.send_replace(beat.epoch);
            }
            Answer::Stale => {
                tracing::debug!(
                    "the platform answered with another state than was sent; ours stays"
                );
            }
        }
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        // The sections hold no code that panics; a poisoned value is still whole.
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_a_reset_and_a_different_one_is_never_adopted() {
        let ours = "{\"version\":1}";
        for (answered, shown, expected) in [
            (ours, true, Answer::Saved),
            ("", true, Answer::Reset),
            (" ", true, Answer::Reset),
            ("null", true, Answer::Reset),
            ("", false, Answer::Stale),
            ("null", false, Answer::Stale),
            ("{\"version\":0}", true, Answer::Stale),
        ] {
            let answer = understand(ours, answered, shown);
            assert_eq!(answer, expected, "{answered:?} {shown}");
        }
    }
}
