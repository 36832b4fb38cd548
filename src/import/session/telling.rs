//! What a session hands over: chunks with the report as far as it has grown,
//! the parts of the report, and its last version.

use tracing::{debug, info, warn};

use super::super::{Sink, Stopped};
use super::Session;
use crate::opencti::delivery::Left;
use crate::report::facts::Progress;
use crate::stix::bundle::{Bundle, Chunk};

impl<S: Sink> Session<'_, S> {
    /// Sends what waits; `last`: the run is whole with it, and the report says
    /// so.
    pub(super) async fn send(&mut self, last: bool) -> Result<(), Stopped> {
        let packed = self.report.pack(std::mem::take(&mut self.pending));
        let count = packed.chunks.len();
        for (at, chunk) in packed.chunks.iter().enumerate() {
            self.begin_part(chunk).await?;
            self.report.take(chunk, &packed.rows);
            if last && at + 1 == count && self.complete_with(chunk).await? {
                return Ok(());
            }
            self.count_requests();
            let text = std::mem::take(&mut self.text);
            let bundle = self.report.grown(chunk, text);
            self.hand_over(&bundle).await?;
            debug!(
                objects = bundle.objects,
                bytes = bundle.text.len(),
                "a bundle was delivered"
            );
            self.text = bundle.text;
        }
        if last {
            self.close_report(Progress::Complete).await?;
        }
        Ok(())
    }

    /// Hands a bundle over. A report that had to go lighter is still a report; an
    /// object that stayed behind is lost.
    async fn hand_over(&mut self, bundle: &Bundle) -> Result<(), Stopped> {
        for left in self.sink.deliver(bundle).await? {
            match left {
                Left::Load(_) => self.report.note(left.to_string()),
                Left::TooLarge(_) | Left::Names(_) => self.report.gap(left.to_string()),
            }
        }
        Ok(())
    }

    /// Closes the report's part in hand where it has no room for a chunk. The
    /// next part begins only once the other side has the last version of it.
    async fn begin_part(&mut self, chunk: &Chunk) -> Result<(), Stopped> {
        if !self.report.is_full_for(chunk) {
            return Ok(());
        }
        self.close_part(true).await?;
        let part = self.report.begin_part();
        info!(part, "the report is full: going on in the next part");
        Ok(())
    }

    async fn close_part(&mut self, full: bool) -> Result<(), Stopped> {
        self.count_requests();
        let bundle = self.report.part_version(full);
        self.hand_over(&bundle).await
    }

    /// The last chunk and the report's last version in one bundle, if that has
    /// room for both.
    async fn complete_with(&mut self, chunk: &Chunk) -> Result<bool, Stopped> {
        self.count_requests();
        let Some(bundle) = self.report.complete_with(chunk) else {
            return Ok(false);
        };
        self.hand_over(&bundle).await?;
        Ok(true)
    }

    /// The report's last version, for now: of the part in hand and, where that
    /// is another one, of the overview, which tells what the part had no room
    /// for.
    pub(super) async fn close_report(&mut self, progress: Progress) -> Result<(), Stopped> {
        if self.report.is_split() {
            self.close_part(progress == Progress::Complete).await?;
        }
        self.count_requests();
        let closing = self.report.version(progress);
        for left in &closing.left {
            warn!(report = self.report.name(), "{left}");
        }
        self.hand_over(&closing.bundle).await
    }
}
