//! How a run ends: the last words of its report, whole or not.

use tracing::warn;

use super::Session;
use crate::import::{Finished, Sink, Stopped};
use crate::report::facts::Progress;

impl<S: Sink> Session<'_, S> {
    /// The last delivery: what waits, with a report that says that it is whole.
    pub(in crate::import) async fn complete(&mut self, finished: &Finished) -> Result<(), Stopped> {
        if finished.carried.is_some() {
            let note = self.carried_note();
            self.report.note(note);
        }
        if self.pending.is_empty() {
            if !self.report.is_empty() || self.import.options.empty_report {
                self.close_report(Progress::Complete).await?;
            }
        } else {
            self.send(true).await?;
        }
        // In one write with the numbers of the last page: nobody asks for it again.
        self.committed.finished = Some(finished.clone());
        self.place.cursor = None;
        self.commit().await;
        Ok(())
    }

    fn carried_note(&self) -> String {
        let most = self.import.options.max_files;
        let place = self.place.after.map(|after| {
            let after = after.format("%Y-%m-%d %H:%M:%S UTC");
            format!(" at {after}: the next run begins there")
        });
        format!(
            "cut at VTREPORTER_MAX_FILES ({most}){}",
            place.unwrap_or_default()
        )
    }

    /// Says in the report, if there is one yet, why it is not whole. A platform
    /// that does not take this is told by the work's message all the same.
    pub(in crate::import) async fn interrupted(&mut self, stopped: &Stopped) {
        self.committed.numbers.requests = self.requests();
        self.report.fall_back(&self.committed.numbers);
        if self.report.is_empty() || matches!(stopped, Stopped::Sink(_)) {
            return;
        }
        let progress = match stopped {
            Stopped::Paused(pause) => Progress::Paused {
                reason: pause.to_string(),
                resumes_at: pause.resumes_at,
            },
            other => Progress::Stopped {
                reason: other.to_string(),
            },
        };
        if let Err(error) = self.close_report(progress).await {
            warn!(error = %error, "the report could not be told that the run stopped");
        }
        self.committed.numbers.requests = self.requests();
        // What the road had no room for, in this version too.
        let told = self.report.totals();
        self.committed.numbers.notes.clone_from(&told.notes);
        self.committed.numbers.gaps.clone_from(&told.gaps);
        self.sink.advanced(self.committed).await;
    }
}
