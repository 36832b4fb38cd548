//! The roads by which a bundle reaches the platform.

pub mod amqp;
mod api;
mod directory;
mod document;
mod lighter;
mod order;
mod outgoing;
mod parts;
mod pieces;
mod s3;
mod settings;
mod split;

pub use amqp::Broker;
pub use api::Api;
pub use directory::{Directory, DirectorySettings};
pub use document::Sender;
pub use lighter::Left;
pub use outgoing::Outgoing;
pub use s3::{Bucket, BucketSettings, S3Overrides};
pub use settings::{Ground, QueueRoad, RoadSettings, S3Road};

use super::error::Error;

/// One road.
#[derive(Clone)]
pub enum Road {
    /// `stixBundlePush`.
    Api(Api),
    /// The platform's broker.
    Amqp(Broker),
    /// Files in a directory.
    Directory(Directory),
    /// Objects in a bucket.
    S3(Bucket),
}

/// What a road accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Different objects.
    pub objects: usize,
    /// Pieces that they travelled in.
    pub bundles: usize,
    /// How many objects their work will count for them; `None` where that is
    /// not certain.
    pub counted: Option<usize>,
    /// What was too large for it, each once.
    pub left: Vec<Left>,
}

/// Objects that a work was told to expect and that did not certainly go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Never sent: they will not come.
    pub unsent: usize,
    /// Some are on their way without an answer: they may come or not.
    pub in_doubt: bool,
}

/// What a bundle's object takes on a disk, generously: 1.4 kB were measured.
const OBJECT_BYTES: u64 = 2_000;

/// Bytes that a run needs on a road over files: as much as the run before, of so
/// many objects, but never less than its largest bundle twice, for nobody knows
/// what the first run finds.
pub fn room_for_a_run(objects_before: u64, largest_bundle: usize) -> u64 {
    let largest = u64::try_from(largest_bundle).unwrap_or(u64::MAX);
    objects_before
        .saturating_mul(OBJECT_BYTES)
        .max(largest.saturating_mul(2))
}

impl Road {
    /// Sends one bundle; comes back only when the other side has accepted all
    /// of it. After an error part of it may have arrived: sending it again
    /// changes nothing there.
    pub async fn send(
        &self,
        bundle: impl Into<Outgoing<'_>>,
        work: Option<&str>,
    ) -> Result<Sent, Error> {
        let bundle = bundle.into();
        match self {
            Self::Api(api) => api.send(bundle, work).await,
            Self::Amqp(broker) => broker.send(bundle.text, work).await,
            Self::Directory(directory) => directory.send(bundle.text).await,
            Self::S3(bucket) => bucket.send(bundle).await,
        }
    }

    /// Tries it without sending anything: whether it would take a run of so many
    /// bytes, and in a sentence what was tried.
    pub async fn try_out(&self, room: u64) -> Result<String, Error> {
        match self {
            // The platform itself: whoever registered has tried it.
            Self::Api(_) => Ok("bundles go through OpenCTI's own API".to_owned()),
            Self::Amqp(broker) => broker.try_out().await,
            Self::Directory(directory) => directory.try_out(room).await,
            Self::S3(bucket) => bucket.try_out().await,
        }
    }

    /// The same road into a draft, or out of it. Files know no draft: they
    /// tell whether to validate before the import.
    #[must_use]
    pub fn in_draft(mut self, draft: Option<String>) -> Self {
        match &mut self {
            Self::Api(api) => api.draft = draft,
            Self::Amqp(broker) => broker.draft = draft,
            Self::Directory(_) | Self::S3(_) => {}
        }
        self
    }

    /// Whether it leads to the platform itself, where a work shows the run.
    pub fn has_works(&self) -> bool {
        matches!(self, Self::Api(_) | Self::Amqp(_))
    }

    /// Whether the other side takes nothing at the moment.
    pub fn buffering(&self) -> bool {
        match self {
            Self::Amqp(broker) => broker.buffering(),
            Self::Api(_) | Self::Directory(_) | Self::S3(_) => false,
        }
    }

    /// What was announced to a work and not confirmed: what a delivery that
    /// was cut off leaves behind.
    pub fn left_behind(&self, work: &str) -> LeftBehind {
        match self {
            Self::Amqp(broker) => broker.left_behind(work),
            Self::Api(_) | Self::Directory(_) | Self::S3(_) => LeftBehind::default(),
        }
    }

    /// Ends what is kept open between bundles; the next one opens it again.
    pub async fn close(&self) {
        if let Self::Amqp(broker) = self {
            broker.close().await;
        }
    }
}

/// Every road that a bundle takes, one after the other: files first, as the
/// platform's helper does.
#[derive(Clone)]
pub struct Roads(Vec<Road>);

impl Roads {
    /// All these roads, those over files first.
    pub fn new(roads: impl IntoIterator<Item = Road>) -> Self {
        let mut roads: Vec<_> = roads.into_iter().collect();
        roads.sort_by_key(Road::has_works);
        Self(roads)
    }

    /// Sends one bundle over every road. An error of one is an error: what
    /// arrived on another changes nothing when it arrives again.
    ///
    /// Counts the road to the platform, if there is one among them; what any of
    /// them left is told.
    pub async fn send(
        &self,
        bundle: impl Into<Outgoing<'_>>,
        work: Option<&str>,
    ) -> Result<Sent, Error> {
        let bundle = bundle.into();
        let mut sent = Sent::default();
        for road in &self.0 {
            let left = std::mem::take(&mut sent.left);
            sent = road.send(bundle, work).await?;
            sent.left.extend(left);
        }
        sent.left.sort();
        sent.left.dedup();
        Ok(sent)
    }

    /// Tries every road without sending anything; `room`: bytes that a run needs.
    pub async fn try_out(&self, room: u64) -> Result<(), Error> {
        for road in &self.0 {
            road.try_out(room).await?;
        }
        Ok(())
    }

    /// The same roads into a draft, or out of it.
    #[must_use]
    pub fn in_draft(self, draft: Option<String>) -> Self {
        let roads = self.0.into_iter();
        Self(roads.map(|road| road.in_draft(draft.clone())).collect())
    }

    /// Whether a work shows the run; without the queue there is none.
    pub fn has_works(&self) -> bool {
        self.0.iter().any(Road::has_works)
    }

    /// What was announced to a work and not confirmed.
    pub fn left_behind(&self, work: &str) -> LeftBehind {
        let mut all = LeftBehind::default();
        for road in &self.0 {
            let one = road.left_behind(work);
            all.unsent += one.unsent;
            all.in_doubt |= one.in_doubt;
        }
        all
    }

    /// Whether the platform counts by itself what a work waits for, some time
    /// after it took the bundle.
    pub fn is_counted_by_platform(&self) -> bool {
        self.0.iter().any(|road| matches!(road, Road::Api(_)))
    }

    /// Whether the other side takes nothing at the moment.
    pub fn buffering(&self) -> bool {
        self.0.iter().any(Road::buffering)
    }

    /// Ends what is kept open between bundles; the next one opens it again.
    pub async fn close(&self) {
        for road in &self.0 {
            road.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_needs_the_room_of_the_run_before_and_never_less_than_two_bundles() {
        assert_eq!(room_for_a_run(0, 10_000_000), 20_000_000);
        assert_eq!(room_for_a_run(100_000, 10_000_000), 200_000_000);
        assert_eq!(room_for_a_run(u64::MAX, usize::MAX), u64::MAX);
    }
}
