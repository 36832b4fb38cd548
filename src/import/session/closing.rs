//! How a run ends: the last words of its report, whole or not.

use tracing::warn;

use super::Session;
use crate::convert::report::{Progress, ReportFacts};
use crate::import::{Sink, Stopped};
use crate::stix::bundle::Chunk;

impl<S: Sink> Session<'_, S> {
    /// The last delivery: what waits, with a report that says that it is whole.
    pub(in crate::import) async fn complete(&mut self) -> Result<(), Stopped> {
        if let Some(note) = self.carried_note() {
            self.run.numbers.notes.insert(note);
        }
        if self.pending.is_empty() {
            let found = self.tally.counts().objects() > 0;
            if found || self.import.options.empty_report {
                self.close_report(Progress::Complete).await?;
            }
        } else {
            self.send(true).await?;
        }
        self.commit().await;
        Ok(())
    }

    fn carried_note(&self) -> Option<String> {
        let most = self.import.options.max_files;
        let after = self.run.place.after?;
        (most > 0 && self.kept >= most).then(|| {
            format!(
                "cut at VTREPORTER_MAX_FILES ({most}) at {}: the next run begins there",
                after.format("%Y-%m-%d %H:%M:%S UTC")
            )
        })
    }

    /// Says in the report, if there is one yet, why it is not whole. A platform
    /// that does not take this is told by the work's message all the same.
    pub(in crate::import) async fn interrupted(&mut self, stopped: &Stopped) {
        self.committed.numbers.requests = self.requests();
        self.run.clone_from(self.committed);
        if self.tally.counts().objects() == 0 || matches!(stopped, Stopped::Sink(_)) {
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
        self.sink.advanced(self.committed).await;
    }

    /// The report's last version, for now: of the part in hand and, where that
    /// is another one, of the overview.
    pub(super) async fn close_report(&mut self, progress: Progress) -> Result<(), Stopped> {
        let split = self.run.numbers.parts.is_split();
        if split {
            self.close_part(progress == Progress::Complete).await?;
        }
        let facts = self.facts(progress);
        let named = Chunk::of(self.tally.anchor().cloned().into_iter().collect());
        let limits = self.import.options.limits;
        let sheet = (!split).then_some(&mut self.tally.sheet);
        let closing = self.converter.closing(&facts, &named, sheet, limits);
        for left in &closing.left {
            warn!(report = facts.subject.name(), "{left}");
        }
        self.sink.deliver(&closing.bundle.text).await?;
        Ok(())
    }

    pub(super) fn facts(&self, progress: Progress) -> ReportFacts {
        let numbers = &self.run.numbers;
        let mut facts = ReportFacts::new(self.converter.subject().clone(), self.query.clone());
        facts.matched = numbers.matched;
        facts.counts = *self.tally.counts();
        facts.dropped = numbers.dropped.clone();
        facts.left_out = numbers.left_out.clone();
        facts.gaps = numbers.gap_lines().collect();
        facts.requests = self.requests();
        facts.parts.clone_from(&numbers.parts);
        if progress != Progress::InProgress {
            facts.notes = numbers.notes.iter().cloned().collect();
            facts.summary = self.tally.profile.summary();
            facts.previous.clone_from(&self.run.previous);
        }
        facts.progress = progress;
        facts
    }
}
