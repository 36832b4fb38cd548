//! Keeps the platform informed: the heart of the connector beats every 40
//! seconds, during runs too, and carries the state.

use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::Settings;
use super::open_works::OpenWorks;
use crate::base::clock::Clock;
use crate::import::open_work::{Hold, LastWords};
use crate::import::state::State;
use crate::opencti::delivery::Roads;
use crate::opencti::{ConnectorInfo, Error, OpenCti, Pinged, Registration, Remedy};

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
/// that lags behind repeats an empty answer. `pressed`: the time of the last
/// reset tells of one whose empty answer was lost. Another text is never
/// adopted, or such an index would take the connector back in time.
pub fn understand(sent: &str, answered: &str, shown: bool, pressed: bool) -> Answer {
    match answered.trim() {
        "" | "null" if shown && !sent.is_empty() => Answer::Reset,
        _ if pressed => Answer::Reset,
        answered if answered == sent => Answer::Saved,
        _ => Answer::Stale,
    }
}

/// The one place that pings, so that an older state never overtakes a newer one.
pub struct Heartbeat {
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
    /// How many works wait for a word of ours.
    owed: watch::Sender<usize>,
    /// A run has ended, and its work waits.
    run_ended: Notify,
}

#[derive(Default)]
struct Beat {
    /// As the runs write it; the works are kept beside it, so that neither a
    /// run's copy nor a reset loses one.
    state: State,
    works: OpenWorks,
    status: Status,
    epoch: Epoch,
    last: Duration,
    /// The platform has shown a state since the last reset.
    shown: bool,
    /// The text that the platform has taken last.
    taken: Option<String>,
    resets: Resets,
}

/// What the platform tells of resets beside the empty state: their time, where
/// the release knows it.
#[derive(Debug, Default)]
struct Resets {
    /// The time that was told last; `None` before the first answer.
    last: Option<Option<DateTime<Utc>>>,
    /// An answer was lost since: perhaps the one that was empty.
    lost: bool,
    /// The time also moves when nothing was lost: it says nothing here.
    strays: bool,
}

impl Resets {
    /// A ping goes out; until it is answered its answer counts as lost.
    fn asking(&mut self) -> bool {
        std::mem::replace(&mut self.lost, true)
    }

    /// Whether the button was pressed although no answer was empty. Only a lost
    /// answer can have been the empty one.
    fn pressed(&mut self, pinged: &Pinged, lost_before: bool) -> bool {
        self.lost = false;
        let moved = self
            .last
            .replace(pinged.state_timestamp)
            .is_some_and(|last| last != pinged.state_timestamp);
        let lost = lost_before || pinged.repeated;
        let heard = matches!(pinged.state.trim(), "" | "null");
        if heard {
            // The time that belongs to it may be told with the next answer.
            self.last = None;
        }
        self.strays |= moved && !lost && !heard;
        moved && lost && !self.strays
    }
}

/// Counts the resets, so that a run that began before one cannot write its
/// state over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch(u64);

impl Heartbeat {
    /// A heart that has not beaten yet. `state` is what could be read of
    /// `saved`, the text that the platform kept.
    pub fn new(
        mut state: State,
        saved: &str,
        opencti: OpenCti,
        settings: &Settings,
        roads: Roads,
        clock: Clock,
    ) -> Self {
        let works = OpenWorks::left(std::mem::take(&mut state.open_works));
        let owed = works.owed();
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
                works,
                status,
                shown: !saved.trim().is_empty(),
                ..Beat::default()
            }),
            sending: tokio::sync::Mutex::default(),
            epoch: watch::Sender::new(Epoch::default()),
            owed: watch::Sender::new(owed),
            run_ended: Notify::new(),
        }
    }

    /// Looks at the open works, or changes them.
    pub(super) fn works<T>(&self, what: impl FnOnce(&mut OpenWorks) -> T) -> T {
        let mut beat = self.beat();
        let outcome = what(&mut beat.works);
        self.owed.send_replace(beat.works.owed());
        outcome
    }

    /// A run begins under a work.
    pub(super) fn begin_work(&self, id: &str, hold: Hold) {
        for dropped in self.works(|works| works.begin(id, hold)) {
            warn!(
                work.id = dropped.id,
                "too many works wait for the platform: this one is not looked after any more and \
                 may stay open; is a worker running?"
            );
        }
    }

    /// A run has ended; see [`OpenWorks::end`].
    pub(super) fn end_work(&self, id: &str, pushed: Option<u64>, said: Option<LastWords>) {
        self.works(|works| works.end(id, pushed, said));
        self.run_ended.notify_one();
    }

    /// Waits for the end of the next run, or of one that ended meanwhile.
    pub(super) async fn run_ended(&self) {
        self.run_ended.notified().await;
    }

    /// Waits until no work needs a word of ours any more.
    pub(super) async fn nothing_owed(&self) {
        let mut owed = self.owed.subscribe();
        // The sender lives in `self`, so this cannot end early.
        let _ = owed.wait_for(|owed| *owed == 0).await;
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
    pub fn state(&self) -> (State, Epoch) {
        let beat = self.beat();
        (beat.state.clone(), beat.epoch)
    }

    /// Takes over a state for the next ping. A state from before the latest
    /// reset is dropped.
    pub fn keep(&self, state: &State, epoch: Epoch) {
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

    /// As [`Heartbeat::save`], for those who cannot go on before the platform has
    /// it. Nothing is said that the platform has taken already.
    pub async fn try_save(&self, state: &State, epoch: Epoch) -> Result<(), Error> {
        self.keep(state, epoch);
        let has_it = {
            let beat = self.beat();
            beat.taken.as_deref() == Some(beat.text().as_str())
        };
        if has_it { Ok(()) } else { self.ping().await }
    }

    /// Time since the last try to ping: what a health check asks.
    pub fn silence(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.beat().last)
    }

    /// Changes what the next ping says beside the state.
    pub fn status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.beat().status);
    }

    /// Pings now.
    pub async fn ping(&self) -> Result<(), Error> {
        self.beat().last = self.clock.elapsed();
        let _one = self.sending.lock().await;
        // Taken only now: what was kept while this waited goes along.
        let (sent, info, lost) = {
            let mut beat = self.beat();
            let lost = beat.resets.asking();
            (beat.text(), self.info(&beat.status), lost)
        };
        let id = &self.registration.id;
        let answered = match self.opencti.ping_stamped(id, &sent, &info).await {
            // Somebody removed the connector from the platform: it comes back.
            Err(error) if error.remedy() == Remedy::Register => {
                warn!(error = %error, "registering again");
                self.opencti.register(&self.registration).await?;
                self.opencti.ping_stamped(id, &sent, &info).await?
            }
            answered => answered?,
        };
        self.hear(sent, &answered, lost);
        Ok(())
    }

    /// Registers again: the platform makes the connector's queue anew.
    pub async fn register(&self) -> Result<(), Error> {
        self.opencti.register(&self.registration).await?;
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

    fn hear(&self, sent: String, pinged: &Pinged, lost: bool) {
        let mut beat = self.beat();
        let answered = pinged.state.as_str();
        let pressed = beat.resets.pressed(pinged, lost);
        let answer = understand(&sent, answered, beat.shown, pressed);
        beat.taken = Some(sent).filter(|_| answer != Answer::Reset);
        if answer == Answer::Reset {
            beat.works.purged();
        }
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
        self.beat.lock()
    }
}

impl Beat {
    /// The state as it is saved.
    fn text(&self) -> String {
        let mut state = self.state.clone();
        state.open_works = self.works.stored();
        state.to_text()
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
            let answer = understand(ours, answered, shown, false);
            assert_eq!(answer, expected, "{answered:?} {shown}");
        }
        assert_eq!(understand(ours, ours, true, true), Answer::Reset);
    }

    #[test]
    fn the_time_of_a_reset_counts_only_after_a_lost_answer() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let answer = |state: &str, stamp, repeated| Pinged {
            state: state.to_owned(),
            state_timestamp: stamp,
            repeated,
        };
        let mut resets = Resets::default();
        let mut pressed =
            |state, stamp, repeated, lost| resets.pressed(&answer(state, stamp, repeated), lost);
        assert!(!pressed("{}", None, false, true), "nothing to compare with");
        assert!(!pressed("{}", None, true, false), "not moved");
        assert!(pressed("{}", at(1), true, false), "tried again");
        assert!(!pressed("{}", at(1), true, true), "not moved since");
        assert!(
            pressed("{}", at(2), false, true),
            "an earlier ping was lost"
        );
        assert!(
            !pressed("", at(3), false, false),
            "that is told by the empty state"
        );
        assert!(
            !pressed("{}", at(4), true, true),
            "the time may lag behind it"
        );
        assert!(
            !pressed("{}", at(5), false, false),
            "moved by something else"
        );
        assert!(
            !pressed("{}", at(6), true, false),
            "so it says nothing here"
        );
    }
}
