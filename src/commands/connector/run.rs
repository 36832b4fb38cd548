//! One run of one country, seen from the platform: a work opened, the import,
//! the work closed on every way out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::platform::{self, Platform};
use super::{GOODBYE, Heart, Service, message};
use crate::convert::tally::Tally;
use crate::country::Country;
use crate::import::schedule::{Window, next_start, window};
use crate::import::state::{Run, State};
use crate::import::{Finished, Import, Stopped};
use crate::opencti::delivery::Roads;

/// First wait before a failed run is tried again; doubled up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(5 * 60);
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);

/// How long to wait until the platform has counted what it imports.
const COUNTED: Duration = Duration::from_secs(20);

/// What a run has on the platform.
struct Opened {
    work: Option<String>,
    /// Into the run's draft, if it has one.
    roads: Roads,
}

/// What a run that is not over leaves in memory.
pub(super) struct Kept {
    country: &'static str,
    window: Window,
    tally: Tally,
}

/// How a run ended, for the exit code.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is on the platform.
    Done,
    /// Something was lost or held back, and why.
    Undone(String),
    /// The process was asked to stop.
    Stopped,
    /// The refresh button was pressed.
    Reset,
}

impl Service {
    /// Runs a country's window, or goes on with the one under way.
    pub async fn run_country(
        &self,
        heart: &Heart,
        roads: &Roads,
        country: Country,
        stop: &CancellationToken,
    ) -> Outcome {
        let (mut state, epoch) = heart.state().await;
        let now = self.clock.now();
        let mut run = self.begin(&mut state, country, now);
        heart.status(|status| status.last_run = Some(now)).await;
        let opened = tokio::select! {
            biased;
            () = stop.cancelled() => return Outcome::Stopped,
            opened = self.open(country, &mut run, roads) => opened,
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                error!(country = country.code, error = %error, "no work could be opened: the run is put off");
                self.put_off(&mut run);
                state.country(country.code).run = Some(run);
                heart.save(&state, epoch).await;
                return Outcome::Undone(error.to_string());
            }
        };
        self.guard.start_run();
        let mut tally = self.tally(country, &run).await;
        let mut platform = Platform {
            opencti: &self.opencti,
            roads: &opened.roads,
            heart,
            clock: &self.clock,
            connector: &self.settings.registration.id,
            work: opened.work.as_deref(),
            queue_threshold_mb: self.settings.queue_threshold_mb,
            patience: self.settings.patience(),
            state,
            epoch,
            country: country.code,
        };
        let import = Import {
            guard: &self.guard,
            options: &self.settings.import,
            country,
        };
        // Dropping the import abandons the page in hand; the state has only
        // moved past what was delivered.
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = heart.reset() => {
                self.close_work(opened.work.as_deref(), "Cut off: the state was reset on the platform. A new run starts.", true).await;
                return Outcome::Reset;
            }
            ended = import.run(&mut run, &mut tally, &mut platform) => Some(ended),
        };
        let mut state = platform.state;
        self.keep_tally(country, &run, tally, ended.as_ref()).await;
        let Some(ended) = ended else {
            self.close_work(opened.work.as_deref(), &message::stopped(&run), true)
                .await;
            return Outcome::Stopped;
        };
        let outcome = self.settle(&mut state, country, run, ended, &opened).await;
        heart.save(&state, epoch).await;
        outcome
    }

    /// The run under way, or a new one over the next window.
    fn begin(&self, state: &mut State, country: Country, now: DateTime<Utc>) -> Run {
        state.anchor.get_or_insert(now);
        let entry = state.country(country.code);
        if let Some(run) = &entry.run {
            info!(
                country = country.code,
                "going on with the run of {} to {}", run.window.from, run.window.to
            );
            return run.clone();
        }
        let options = &self.settings.import;
        let mut run = Run::new(window(entry.last_end, options.start, options.overlap, now));
        if let Some(carried) = entry.carried.take() {
            // The list was cut there on purpose; what lies before was delivered.
            run.go_on_after(carried);
        }
        entry.last_start = Some(now);
        entry.run = Some(run.clone());
        run
    }

    /// Opens the work and, where wanted, the draft that the run goes into.
    /// Without the queue there is neither.
    async fn open(
        &self,
        country: Country,
        run: &mut Run,
        roads: &Roads,
    ) -> Result<Opened, crate::opencti::Error> {
        if !roads.has_works() {
            return Ok(Opened {
                work: None,
                roads: roads.clone(),
            });
        }
        let (clock, patience) = (&self.clock, self.settings.patience());
        let name = message::work_name(country, run.window);
        let id = &self.settings.registration.id;
        let work = platform::wait_for(clock, patience, "to open a work", async || {
            self.opencti.work_add(id, &name).await
        })
        .await?;
        let mut said = "Asking VirusTotal".to_owned();
        if self.settings.roads.draft {
            if run.draft.is_none() {
                let draft = platform::wait_for(clock, patience, "to open a draft", async || {
                    self.opencti.add_draft(&name).await
                });
                run.draft = Some(draft.await?);
            }
            if let Some(draft) = &run.draft {
                self.opencti.work_draft(&work, draft).await?;
                said = format!(
                    "{said}. Draft to approve: {name}, {}",
                    self.opencti.draft_page(draft)
                );
            }
        }
        platform::wait_for(clock, patience, "to begin the work", async || {
            self.opencti.work_received(&work, &said).await
        })
        .await?;
        Ok(Opened {
            work: Some(work),
            roads: roads.clone().in_draft(run.draft.clone()),
        })
    }

    /// Writes the end of a run into the state and closes its work.
    async fn settle(
        &self,
        state: &mut State,
        country: Country,
        mut run: Run,
        ended: Result<Finished, Stopped>,
        opened: &Opened,
    ) -> Outcome {
        state.charged = self.guard.charged();
        let undone = match &ended {
            Ok(_) => run.numbers.losses(),
            Err(stopped) => Some(stopped.to_string()),
        };
        match &ended {
            Ok(_) => {}
            Err(Stopped::Paused(pause)) => run.resume_at = Some(pause.resumes_at),
            Err(_) => self.put_off(&mut run),
        }
        let next = match &ended {
            Ok(_) => self.next_grid(state, country),
            Err(_) => run.resume_at,
        };
        let closing = message::Closing {
            quota: &self.quota_lines(),
            next: next.filter(|_| !self.settings.once()),
        };
        let text = message::closing(country, &run, &ended, &closing);
        let entry = state.country(country.code);
        match ended {
            Ok(finished) => entry.finish(run, finished.carried),
            Err(_) => entry.run = Some(run),
        }
        match &undone {
            None => info!(country = country.code, "{text}"),
            Some(_) => warn!(country = country.code, "{text}"),
        }
        self.wait_until_counted(opened).await;
        self.close_work(opened.work.as_deref(), &text, undone.is_some())
            .await;
        undone.map_or(Outcome::Done, Outcome::Undone)
    }

    /// What is left of the quotas and what the guard warned of.
    fn quota_lines(&self) -> Vec<String> {
        let tightest = self
            .guard
            .reading()
            .and_then(|reading| reading.tightest().map(ToString::to_string));
        self.guard.warnings().into_iter().chain(tightest).collect()
    }

    /// The tally of the run under way, when this process began it.
    async fn tally(&self, country: Country, run: &Run) -> Tally {
        match self.kept.lock().await.take() {
            Some(kept) if kept.country == country.code && kept.window == run.window => kept.tally,
            _ => Tally::default(),
        }
    }

    /// Keeps the tally of a run that is not over for when it goes on.
    async fn keep_tally(
        &self,
        country: Country,
        run: &Run,
        tally: Tally,
        ended: Option<&Result<Finished, Stopped>>,
    ) {
        if let Some(Err(_)) = ended {
            *self.kept.lock().await = Some(Kept {
                country: country.code,
                window: run.window,
                tally,
            });
        }
    }

    fn put_off(&self, run: &mut Run) {
        let wait = FIRST_RETRY * 2u32.saturating_pow(run.failures.min(8));
        run.failures += 1;
        run.resume_at = Some(self.clock.now() + wait.min(LONGEST_RETRY));
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

    /// Where the platform counts by itself what it has to import, a work that
    /// is closed before would look complete while everything is still to come.
    async fn wait_until_counted(&self, opened: &Opened) {
        let Some(work) = opened
            .work
            .as_deref()
            .filter(|_| opened.roads.is_counted_by_platform())
        else {
            return;
        };
        match self.opencti.work_counted(work, COUNTED).await {
            Ok(_) => {}
            Err(error) => {
                warn!(work.id = work, error = %error, "it is not known whether the platform has counted the work")
            }
        }
    }

    /// Closes a work. A platform that is gone keeps it open for a while; it
    /// must not keep us from stopping.
    async fn close_work(&self, work: Option<&str>, text: &str, in_error: bool) {
        let Some(work) = work else {
            return;
        };
        let closing = self.opencti.work_processed(work, text, in_error);
        match tokio::time::timeout(GOODBYE, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(work.id = work, error = %error, "the work could not be closed"),
            Err(_) => warn!(work.id = work, "the work could not be closed in time"),
        }
    }
}
