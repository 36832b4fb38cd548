//! One run of one country, seen from the platform: a work opened, the import,
//! the work closed on every way out.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::heartbeat::Epoch;
use super::kept::Kept;
use super::sink::Platform;
use super::works::{LastWord, Memory, Opened};
use super::{GOODBYE, Heartbeat, LAST_DELIVERY, Service, last_line, minute, work_message};
use crate::base::country::Country;
use crate::commands::{Bar, Exit};
use crate::import::reached::Reached;
use crate::import::schedule::next_start;
use crate::import::state::{Run, State};
use crate::import::{Finished, Import, Stopped};
use crate::opencti::delivery::Roads;
use crate::quota::Cost;
use crate::report::tally::Tally;

/// First wait before a failed run is tried again; doubled up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(5 * 60);
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);

/// A quota that is not renewed is looked at again after this, for so long.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(15);
const RESET_IS_LATE: TimeDelta = TimeDelta::hours(1);

/// A share of the quota under this is not worth a turn of its own.
const LEAST_SHARE: u64 = 10;

/// How a run ended, for the exit code.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is on the platform.
    Done,
    /// Something was lost or held back, and why.
    Undone(Exit),
    /// The process was asked to stop.
    Stopped,
    /// The refresh button was pressed.
    Reset,
    /// The other countries go first, then it goes on.
    Shared,
}

/// An attempt at a run, once nothing of it is under way any more.
struct Attempt {
    country: Country,
    run: Run,
    tally: Tally,
    /// What the run had spent before this attempt.
    spent_before: u64,
    /// The moment that it was put off to, when it was.
    waited_for: Option<DateTime<Utc>>,
    opened: Opened,
    /// What the platform has to count.
    pushed: Option<u64>,
}

/// What an import ended with.
enum Ended {
    Import(Result<Finished, Stopped>),
    Stopped,
    Reset,
}

impl Service {
    /// Runs a country's window, or goes on with the one under way. `among` is
    /// how many countries, this one included, want something of the quota now.
    pub async fn run_country(
        &self,
        heartbeat: &Heartbeat,
        roads: &Roads,
        (country, among): (Country, usize),
        stop: &CancellationToken,
    ) -> Outcome {
        let (mut state, epoch) = heartbeat.state();
        let now = self.clock.now();
        let mut run = self.begin(&mut state, country, now);
        run.begin_attempt();
        let waited_for = run.resume_at.take();
        heartbeat.status(|status| status.last_run = Some(now));
        let memory = Memory {
            heartbeat,
            state: &mut state,
            epoch,
        };
        let opened = match self.open(memory, country, &mut run, roads, stop).await {
            Ok(Some(opened)) => opened,
            Ok(None) => return Outcome::Stopped,
            Err(error) => {
                error!(country = country.code, error = %error, "no work could be opened: the run is put off");
                self.put_off(&mut run);
                run.end_attempt();
                state.country(country.code).run = Some(run);
                self.within_grace(stop, heartbeat.save(&state, epoch)).await;
                return Outcome::Undone(Exit::from(&error));
            }
        };
        state.country(country.code).run = Some(run.clone());
        self.guard.start_run();
        let attempt = Attempt {
            country,
            spent_before: run.numbers.requests,
            tally: self.tally(country, &run).await,
            run,
            waited_for,
            opened,
            pushed: Some(0),
        };
        self.attempt(heartbeat, (state, epoch), (attempt, among), stop)
            .await
    }

    /// Imports what the window still has, and ends as the import has ended.
    async fn attempt(
        &self,
        heartbeat: &Heartbeat,
        (state, epoch): (State, Epoch),
        (mut attempt, among): (Attempt, usize),
        stop: &CancellationToken,
    ) -> Outcome {
        let country = attempt.country;
        let (opened, run) = (&attempt.opened, &mut attempt.run);
        let mut platform = self.platform(heartbeat, opened, state, epoch, (country, run));
        let of_run = (run, &mut attempt.tally);
        let ended = self
            .import((country, among), of_run, &mut platform, stop)
            .await;
        let (mut state, pushed) = (platform.state, platform.pushed);
        attempt.pushed = pushed;
        heartbeat.status(|status| status.buffering = false);
        let memory = Memory {
            heartbeat,
            state: &mut state,
            epoch,
        };
        self.end(memory, attempt, ended, stop).await
    }

    /// Ends an attempt in the way that its import asks for.
    async fn end(
        &self,
        memory: Memory<'_>,
        mut attempt: Attempt,
        ended: Ended,
        stop: &CancellationToken,
    ) -> Outcome {
        let ended = match ended {
            Ended::Reset => return self.cut_off_by_reset(memory, attempt).await,
            // All was delivered by then: only the work is left to close.
            Ended::Stopped if let Some(finished) = attempt.run.finished.clone() => Ok(finished),
            Ended::Stopped => return self.cut_off_by_stop(memory, attempt).await,
            Ended::Import(ended) => ended,
        };
        let tally = std::mem::take(&mut attempt.tally);
        self.keep_tally(attempt.country, &attempt.run, tally, &ended)
            .await;
        let settling = async {
            let (heartbeat, epoch) = (memory.heartbeat, memory.epoch);
            let outcome = self.settle(heartbeat, memory.state, attempt, ended).await;
            heartbeat.save(memory.state, epoch).await;
            outcome
        };
        let settled = self.within_grace(stop, settling).await;
        settled.unwrap_or(Outcome::Stopped)
    }

    /// Nothing of the attempt is written down: the button means a fresh state.
    async fn cut_off_by_reset(&self, memory: Memory<'_>, attempt: Attempt) -> Outcome {
        *self.kept.lock().await = Kept::default();
        let word = LastWord {
            text: "Cut off: the state was reset on the platform. A new run starts.",
            in_error: true,
            // The button purges the queue.
            pushed: None,
        };
        self.close_work(memory.heartbeat, &attempt.opened, word)
            .await;
        Outcome::Reset
    }

    /// Leaves the run where it is, for the next start of the program to go on.
    async fn cut_off_by_stop(&self, memory: Memory<'_>, attempt: Attempt) -> Outcome {
        let Attempt {
            country, mut run, ..
        } = attempt;
        run.numbers.requests = attempt.spent_before + self.guard.spent().sent;
        run.end_attempt();
        let text = work_message::stopped(&run, attempt.tally.counts());
        last_line::log_stopped(country, &run, &text);
        memory.state.country(country.code).run = Some(run);
        let word = LastWord {
            text: &text,
            in_error: true,
            pushed: attempt.pushed,
        };
        self.close_work(memory.heartbeat, &attempt.opened, word)
            .await;
        memory.heartbeat.keep(memory.state, memory.epoch);
        Outcome::Stopped
    }

    /// The run under way, or a new one over the next window.
    fn begin(&self, state: &mut State, country: Country, now: DateTime<Utc>) -> Run {
        state.anchor = Some(state.anchor.map_or(now, |anchor| anchor.min(now)));
        let options = &self.settings.import;
        let entry = state.country(country.code);
        let run = entry.upcoming(options.start, options.overlap, now);
        if entry.run.is_some() {
            info!(
                country = country.code,
                "going on with the run of {} to {}", run.window.from, run.window.to
            );
            return run;
        }
        // What the new run takes over of it is in its place.
        entry.carried = None;
        entry.last_start = Some(now);
        entry.run = Some(run.clone());
        run
    }

    fn platform<'a>(
        &'a self,
        heartbeat: &'a Heartbeat,
        opened: &'a Opened,
        state: State,
        epoch: Epoch,
        (country, run): (Country, &Run),
    ) -> Platform<'a> {
        Platform {
            opencti: &self.opencti,
            roads: &opened.roads,
            heartbeat,
            clock: &self.clock,
            connector: &self.settings.registration.id,
            work: opened.work.as_deref(),
            queue_threshold_mb: self.settings.queue_threshold_mb,
            patience: self.settings.patience(),
            room: self.room(&state, country.code),
            state,
            epoch,
            country: country.code,
            reached: watch::Sender::new(Reached::of(run)),
            bar: Bar::new(&self.terminal, &self.clock, country),
            pushed: Some(0),
        }
    }

    /// The import itself. Dropping it abandons the page in hand; the state has
    /// only moved past what was delivered. Asked to stop, it is given time for
    /// what is on its way: the platform carries that out, answered or not, and
    /// its work is closed only after it.
    async fn import(
        &self,
        (country, among): (Country, usize),
        (run, tally): (&mut Run, &mut Tally),
        platform: &mut Platform<'_>,
        stop: &CancellationToken,
    ) -> Ended {
        let (heartbeat, epoch) = (platform.heartbeat, platform.epoch);
        let reached = platform.reached.subscribe();
        let importing = async {
            // Before the first delivery, where no work was opened.
            let state = &mut platform.state;
            let mut memory = Memory {
                heartbeat,
                state,
                epoch,
            };
            self.remember(&mut memory, country, run).await;
            // No request is spent on what could not be delivered.
            let ready = async {
                platform.wait_for_the_roads().await?;
                platform.wait_for_the_queue().await
            };
            let ready = stop.run_until_cancelled(ready).await;
            ready.ok_or(Stopped::Asked)??;
            let import = Import {
                guard: &self.guard,
                options: &self.settings.import,
                country,
                share: self.share(among).await,
                stop,
            };
            import.run(run, tally, platform).await
        };
        let overdue = async {
            stop.cancelled().await;
            // The clock of the machine, not ours: a stop has a real deadline.
            tokio::time::sleep(LAST_DELIVERY).await;
        };
        tokio::select! {
            biased;
            () = overdue => Ended::Stopped,
            () = heartbeat.reset(epoch) => Ended::Reset,
            ended = importing => match ended {
                Err(Stopped::Asked) => Ended::Stopped,
                ended => Ended::Import(ended),
            },
            never = minute::tell(&self.clock, &self.guard, country, reached) => match never {},
        }
    }

    /// What one of several countries may spend of the quota before the others
    /// had their turn; `None` where it does not have to be shared.
    async fn share(&self, among: usize) -> Option<u64> {
        if among < 2 {
            return None;
        }
        // Free; an error shows again at the first page.
        let _ = self.guard.refresh().await;
        let left = self.guard.calls_left(Cost::Search)?;
        let share = left / among as u64;
        (share >= LEAST_SHARE).then_some(share)
    }

    /// Writes the end of a run into the state and closes its work.
    async fn settle(
        &self,
        heartbeat: &Heartbeat,
        state: &mut State,
        attempt: Attempt,
        ended: Result<Finished, Stopped>,
    ) -> Outcome {
        let Attempt {
            country, mut run, ..
        } = attempt;
        state.charged = self.guard.charged();
        run.end_attempt();
        let undone = left_undone(&run, &ended);
        let shared = matches!(ended, Err(Stopped::Share(_)));
        let next = match &ended {
            Ok(_) => self.next_grid(state, country),
            Err(stopped) => {
                self.set_next_attempt(&mut run, stopped, attempt.waited_for);
                run.resume_at
            }
        };
        let closing = work_message::Closing {
            quota: &self.quota_lines(),
            next: next.filter(|_| !self.settings.once()),
        };
        let text = work_message::closing(country, &run, &ended, &closing);
        last_line::log(country, &run, &ended, closing.next, &text);
        let entry = state.country(country.code);
        match ended {
            Ok(finished) => entry.finish(run, finished.carried),
            Err(_) => entry.run = Some(run),
        }
        let word = LastWord {
            text: &text,
            in_error: undone.is_some(),
            pushed: attempt.pushed,
        };
        self.close_work(heartbeat, &attempt.opened, word).await;
        attempt.opened.roads.close().await;
        if shared {
            return Outcome::Shared;
        }
        undone.map_or(Outcome::Done, Outcome::Undone)
    }

    /// Sets when a run that is not over goes on, by what stopped it.
    fn set_next_attempt(
        &self,
        run: &mut Run,
        stopped: &Stopped,
        waited_for: Option<DateTime<Utc>>,
    ) {
        match stopped {
            Stopped::Share(_) => run.resume_at = Some(self.clock.now()),
            Stopped::Paused(pause) => {
                run.resume_at = Some(self.resumes(pause.resumes_at, waited_for));
            }
            _ => self.put_off(run),
        }
    }

    /// When a paused run goes on. Where the quota still stands as before right
    /// after its reset, VirusTotal's clock is a little behind ours: waiting for
    /// the next reset would lose a day, and the one after it too.
    fn resumes(&self, reset: DateTime<Utc>, waited_for: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let now = self.clock.now();
        let just_reset = waited_for.is_some_and(|moment| {
            moment <= now && now - moment < RESET_IS_LATE && self.guard.spent().sent == 0
        });
        if just_reset {
            reset.min(now + LOOK_AGAIN)
        } else {
            reset
        }
    }

    /// What is left of the quotas and what the guard warned of.
    fn quota_lines(&self) -> Vec<String> {
        let tightest = self
            .guard
            .reading()
            .and_then(|reading| reading.tightest().map(ToString::to_string));
        work_message::quota_lines(self.guard.warnings(), tightest)
    }

    /// The tally of the run under way, when this process began it.
    async fn tally(&self, country: Country, run: &Run) -> Tally {
        let kept = self.kept.lock().await.take(country.code, run.window);
        kept.unwrap_or_default()
    }

    /// Keeps the tally of a run that is not over for when it goes on.
    async fn keep_tally(
        &self,
        country: Country,
        run: &Run,
        tally: Tally,
        ended: &Result<Finished, Stopped>,
    ) {
        if ended.is_err() {
            let mut kept = self.kept.lock().await;
            kept.put(country.code, run.window, tally);
        }
    }

    /// Growing waits after failures, but no longer than a period.
    fn put_off(&self, run: &mut Run) {
        let wait = FIRST_RETRY * 2u32.saturating_pow(run.failures.min(8));
        run.failures += 1;
        let now = self.clock.now();
        let retry = now + wait.min(LONGEST_RETRY);
        let period = self.settings.period;
        run.resume_at = Some(if period.is_zero() {
            retry
        } else {
            retry.min(period.after(now))
        });
    }

    fn next_grid(&self, state: &State, country: Country) -> Option<DateTime<Utc>> {
        if self.settings.once() {
            return None;
        }
        let entry = state.countries.get(country.code)?;
        Some(next_start(
            state.anchor?,
            entry.last_start?,
            self.settings.period,
        ))
    }

    /// Lets something end that must not keep us from stopping for long.
    async fn within_grace<T>(
        &self,
        stop: &CancellationToken,
        what: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            done = what => Some(done),
            () = async {
                stop.cancelled().await;
                // The clock of the machine, not ours: a stop has a real deadline.
                tokio::time::sleep(GOODBYE).await;
            } => None,
        }
    }
}

/// What keeps a run from being shown as done: what it has lost, or what
/// stopped it.
fn left_undone(run: &Run, ended: &Result<Finished, Stopped>) -> Option<Exit> {
    match ended {
        Ok(_) => run.numbers.losses().map(Exit::NotEverything),
        Err(stopped) if stopped.needs_other_settings() => Some(Exit::Settings(stopped.to_string())),
        Err(stopped) => Some(Exit::NotEverything(stopped.to_string())),
    }
}
