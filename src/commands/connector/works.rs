//! What a run has on the platform: its work, its draft, and the end of both.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{GOODBYE, Service, message, platform};
use crate::country::Country;
use crate::import::state::{Run, State};
use crate::opencti::Error;
use crate::opencti::delivery::Roads;

/// Works that could not be closed, kept for another try.
const MOST_ORPHANS: usize = 20;

/// How long to wait until the platform has counted what it imports.
const COUNTED: Duration = Duration::from_secs(20);

/// What a run has on the platform.
pub(super) struct Opened {
    /// `None` where no work shows the run: without the queue.
    pub(super) work: Option<String>,
    /// Into the run's draft, if it has one.
    pub(super) roads: Roads,
}

impl Service {
    /// Opens the work and, where wanted, the draft that the run goes into.
    /// Never two for one run: what was opened is closed again when it cannot be
    /// used. `None`: stopped meanwhile.
    pub(super) async fn open(
        &self,
        country: Country,
        run: &mut Run,
        roads: &Roads,
        stop: &CancellationToken,
    ) -> Result<Option<Opened>, Error> {
        if !roads.has_works() {
            let roads = roads.clone();
            return Ok(Some(Opened { work: None, roads }));
        }
        let mut work = None;
        let opening = self.open_work(&mut work, country, run);
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            ended = opening => Some(ended),
        };
        if let Some(Ok(())) = ended {
            let roads = roads.clone().in_draft(run.draft.clone());
            return Ok(Some(Opened { work, roads }));
        }
        self.close_work(work.as_deref(), "Nothing was done under this work.", true)
            .await;
        match ended {
            Some(Err(error)) => Err(error),
            _ => Ok(None),
        }
    }

    async fn open_work(
        &self,
        opened: &mut Option<String>,
        country: Country,
        run: &mut Run,
    ) -> Result<(), Error> {
        let name = message::work_name(country, run.window);
        let patience = self.settings.patience();
        platform::wait_for(&self.clock, patience, "to open a work", async || {
            let work = match opened.as_deref() {
                Some(work) => work,
                None => {
                    let id = &self.settings.registration.id;
                    opened.insert(self.opencti.work_add(id, &name).await?)
                }
            };
            let mut said = "Asking VirusTotal".to_owned();
            if self.settings.roads.draft {
                let draft = match run.draft.as_deref() {
                    Some(draft) => draft,
                    None => run.draft.insert(self.opencti.add_draft(&name).await?),
                };
                self.opencti.work_draft(work, draft).await?;
                let page = self.opencti.draft_page(draft);
                said = format!("{said}. Draft to approve: {name}, {page}");
            }
            self.opencti.work_received(work, &said).await
        })
        .await
    }

    /// Closes works that an earlier process could not close.
    pub(super) async fn close_orphans(&self, state: &mut State) {
        let text = "Cut off: the connector ended without a word. Another work goes on here.";
        let mut answers = true;
        for work in std::mem::take(&mut state.works) {
            // A platform that does not answer now is not asked for each of them.
            answers = answers && self.close_work(Some(&work), text, true).await;
            if !answers && state.works.len() < MOST_ORPHANS {
                state.works.push(work);
            }
        }
    }

    /// Where the platform counts by itself what it has to import, a work that
    /// is closed before would look complete while everything is still to come.
    pub(super) async fn wait_until_counted(&self, opened: &Opened, stop: &CancellationToken) {
        let Some(work) = opened.work.as_deref() else {
            return;
        };
        if !opened.roads.is_counted_by_platform() {
            return;
        }
        let counted = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(false),
            counted = self.opencti.work_counted(work, COUNTED) => counted,
        };
        if let Err(error) = counted {
            warn!(work.id = work, error = %error, "it is not known whether the platform has counted the work");
        }
    }

    /// Closes a work; whether it is closed now. A platform that is gone keeps
    /// it open for a while; it must not keep us from stopping.
    pub(super) async fn close_work(&self, work: Option<&str>, text: &str, in_error: bool) -> bool {
        let Some(work) = work else {
            return true;
        };
        let closing = self.opencti.work_processed(work, text, in_error);
        match tokio::time::timeout(GOODBYE, closing).await {
            Ok(Ok(())) => true,
            Ok(Err(error @ Error::NotAlive)) => {
                info!(work.id = work, error = %error, "the work was closed by somebody else");
                true
            }
            Ok(Err(error)) => {
                warn!(work.id = work, error = %error, "the work could not be closed");
                false
            }
            Err(_) => {
                warn!(work.id = work, "the work could not be closed in time");
                false
            }
        }
    }
}
