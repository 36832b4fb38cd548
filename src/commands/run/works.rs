//! What a run has on the platform: its work, its draft, and the end of both.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::heartbeat::{Epoch, Heartbeat};
use super::{GOODBYE, Service, sink, work_message};
use crate::base::country::Country;
use crate::import::open_work::{Hold, LastWords};
use crate::import::state::{Run, State};
use crate::opencti::delivery::Roads;
use crate::opencti::{Error, Remedy};

/// How long objects that will not come are reported at the end of a run; what
/// is left of them is told when the queue is empty.
const REPORTING: Duration = Duration::from_secs(1);

/// An answer that is on its way may still name what was opened.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// What is said of objects that were announced to a work and not sent.
const UNSENT: &str = "Never sent: the run was cut off after it had been announced";

/// What a run has on the platform.
pub(super) struct Opened {
    /// `None` where no work shows the run: without the queue.
    pub(super) work: Option<String>,
    /// Into the run's draft, if it has one.
    pub(super) roads: Roads,
}

/// How a run ends, for its work.
pub(super) struct LastWord<'a> {
    pub(super) text: &'a str,
    pub(super) in_error: bool,
    /// How many objects the platform has to count; `None` where that is not
    /// certain.
    pub(super) pushed: Option<u64>,
}

/// Where a run's state is kept.
pub(super) struct Memory<'a> {
    pub(super) heartbeat: &'a Heartbeat,
    pub(super) state: &'a mut State,
    pub(super) epoch: Epoch,
}

impl Service {
    /// Opens the work and, where wanted, the draft that the run goes into.
    /// Never two for one run: what was opened is closed again when it cannot be
    /// used. `None`: stopped meanwhile.
    pub(super) async fn open(
        &self,
        memory: Memory<'_>,
        country: Country,
        run: &mut Run,
        roads: &Roads,
        stop: &CancellationToken,
    ) -> Result<Option<Opened>, Error> {
        let heartbeat = memory.heartbeat;
        let mut opened = Opened {
            work: None,
            roads: roads.clone(),
        };
        if !roads.has_works() {
            return Ok(Some(opened));
        }
        let opening = self.open_work(memory, &mut opened.work, roads, country, run);
        let stopped = async {
            stop.cancelled().await;
            // The clock of the machine, not ours: a stop has a real deadline.
            tokio::time::sleep(LAST_ANSWER).await;
        };
        let ended = tokio::select! {
            biased;
            ended = opening => Some(ended),
            () = stopped => None,
        };
        if let Some(Ok(())) = ended {
            opened.roads = opened.roads.in_draft(run.draft.clone());
            return Ok(Some(opened));
        }
        let nothing = LastWord {
            text: "Nothing was done under this work.",
            in_error: true,
            pushed: Some(0),
        };
        self.close_work(heartbeat, &opened, nothing).await;
        match ended {
            Some(Err(error)) => Err(error),
            _ => Ok(None),
        }
    }

    async fn open_work(
        &self,
        mut memory: Memory<'_>,
        opened: &mut Option<String>,
        roads: &Roads,
        country: Country,
        run: &mut Run,
    ) -> Result<(), Error> {
        let name = work_message::work_name(country, run.window);
        let mut said = "Asking VirusTotal".to_owned();
        let adding = async || {
            let connector = &self.settings.registration.id;
            self.opencti.work_add(connector, &name).await
        };
        let (id, tries) = self.patiently("to open a work", adding).await?;
        if tries > 1 {
            // The platform lists no works to a connector.
            said.push_str(
                ". An earlier try to open this work was not answered: another one of this name \
                 that stays open has nothing under it and can be deleted",
            );
        }
        let work = opened.insert(id).clone();
        let hold = self.hold(roads);
        memory.heartbeat.begin_work(&work, hold);
        self.remember(&mut memory, country, run).await;
        if hold == Hold::Held {
            self.hold_open(&work).await?;
        }
        if self.settings.roads.draft {
            let draft = self.draft(memory, &name, country, run).await?;
            let telling = async || self.opencti.work_draft(&work, &draft).await;
            self.patiently("to note the draft", telling).await?;
            let page = self.opencti.draft_page(&draft);
            said = format!("{said}. Draft to approve: {name}, {page}");
        }
        let receiving = async || self.opencti.work_received(&work, &said).await;
        self.patiently("to begin a work", receiving).await?;
        Ok(())
    }

    /// Announces one object that only we take back: without it a work ends
    /// before what we push is counted.
    async fn hold_open(&self, work: &str) -> Result<(), Error> {
        let mut heard = false;
        let announcing = async || {
            let heard = std::mem::replace(&mut heard, true);
            self.opencti.announce(work, (0, 1), heard).await
        };
        self.patiently("to hold the work open", announcing).await?;
        Ok(())
    }

    /// The draft that an earlier attempt of the run has opened, or a new one.
    async fn draft(
        &self,
        mut memory: Memory<'_>,
        name: &str,
        country: Country,
        run: &mut Run,
    ) -> Result<String, Error> {
        if let Some(draft) = run.draft.clone() {
            return Ok(draft);
        }
        let adding = async || self.opencti.add_draft(name).await;
        let (draft, _) = self.patiently("to open a draft", adding).await?;
        run.draft = Some(draft.clone());
        self.remember(&mut memory, country, run).await;
        Ok(draft)
    }

    /// Asks until the platform answers; also tells how often it took.
    async fn patiently<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<(T, u32), Error> {
        let mut tries = 0;
        let patience = self.settings.patience();
        let answer = sink::wait_for(&self.clock, patience, what, async || {
            tries += 1;
            ask().await
        });
        let answer = answer.await?;
        Ok((answer, tries))
    }

    /// Whether the work has to be held open: where the platform counts later
    /// than it takes, and where a work ends whenever nothing is expected of it.
    fn hold(&self, roads: &Roads) -> Hold {
        if roads.is_counted_by_platform() || !self.opencti.works_have_parts() {
            Hold::Held
        } else {
            Hold::None
        }
    }

    /// Saves the run at once: a process that is killed after this must find its
    /// window, its work and its draft again, or there would be two of them.
    pub(super) async fn remember(&self, memory: &mut Memory<'_>, country: Country, run: &Run) {
        memory.state.country(country.code).run = Some(run.clone());
        let (heartbeat, state, epoch) = (memory.heartbeat, &*memory.state, memory.epoch);
        let saving = sink::wait_for(
            &self.clock,
            self.settings.patience(),
            "to keep the state",
            async || heartbeat.try_save(state, epoch).await,
        );
        if let Err(error) = saving.await {
            warn!(error = %error, "the platform does not keep the state: a restart would begin this run anew");
        }
    }

    /// Says the last word to a work. A platform that is gone is told later; it
    /// must not keep us from stopping.
    pub(super) async fn close_work(
        &self,
        heartbeat: &Heartbeat,
        opened: &Opened,
        word: LastWord<'_>,
    ) {
        let Some(work) = opened.work.as_deref() else {
            return;
        };
        let pushed = self.account(work, &opened.roads, word.pushed).await;
        let closing = self.opencti.work_processed(work, word.text, word.in_error);
        let later = || {
            Some(LastWords {
                text: word.text.to_owned(),
                in_error: word.in_error,
            })
        };
        match tokio::time::timeout(GOODBYE, closing).await {
            Ok(Ok(())) => heartbeat.end_work(work, pushed, None),
            Ok(Err(error @ Error::NotAlive)) => {
                info!(work.id = work, error = %error, "the work was closed by somebody else");
                heartbeat.works(|works| works.forget(work));
            }
            Ok(Err(error)) => {
                warn!(work.id = work, error = %error, "the work could not be closed; it is tried again");
                heartbeat.end_work(work, pushed, later());
            }
            Err(_) => {
                warn!(
                    work.id = work,
                    "the work could not be closed in time; it is tried again"
                );
                heartbeat.end_work(work, pushed, later());
            }
        }
    }

    /// What the platform has to count in the end. Where we announce ourselves,
    /// what was announced and never sent is reported, or the work would wait
    /// for it for ever.
    async fn account(&self, work: &str, roads: &Roads, pushed: Option<u64>) -> Option<u64> {
        if roads.is_counted_by_platform() {
            return pushed;
        }
        let left = roads.left_behind(work);
        let unsent = left.unsent as u64;
        if unsent > 0 {
            let reporting = self.opencti.report_lost(work, unsent, UNSENT);
            match tokio::time::timeout(REPORTING, reporting).await {
                Ok(Ok(())) => {
                    info!(
                        work.id = work,
                        unsent, "{unsent} objects were announced and not sent: told to the work"
                    );
                }
                Ok(Err(error)) if error.remedy() != Remedy::GoOn => {
                    warn!(work.id = work, error = %error, "the work is told later of {unsent} objects that were not sent");
                    return None;
                }
                Ok(Err(_)) => {}
                Err(_) => return None,
            }
        }
        // All of the rest is announced already.
        (!left.in_doubt).then_some(0)
    }
}
