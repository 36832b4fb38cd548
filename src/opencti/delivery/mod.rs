//! The roads by which a bundle reaches the platform.

pub mod amqp;
mod api;
mod order;
mod parts;
mod split;

pub use amqp::Broker;
pub use api::Api;

use super::error::Error;

/// One road.
#[derive(Clone)]
pub enum Delivery {
    /// `stixBundlePush`.
    Api(Api),
    /// The platform's broker.
    Amqp(Broker),
}

/// What a road accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Different objects.
    pub objects: usize,
    /// Pieces that they travelled in.
    pub bundles: usize,
}

impl Delivery {
    /// Sends one bundle; comes back only when the other side has accepted all
    /// of it. After an error part of it may have arrived: sending it again
    /// changes nothing there.
    pub async fn send(&self, bundle: &str, work: Option<&str>) -> Result<Sent, Error> {
        match self {
            Self::Api(api) => api.send(bundle, work).await,
            Self::Amqp(broker) => broker.send(bundle, work).await,
        }
    }

    /// The same road into a draft, or out of it.
    #[must_use]
    pub fn in_draft(mut self, draft: Option<String>) -> Self {
        match &mut self {
            Self::Api(api) => api.draft = draft,
            Self::Amqp(broker) => broker.draft = draft,
        }
        self
    }

    /// Whether the other side takes nothing at the moment.
    pub fn buffering(&self) -> bool {
        match self {
            Self::Api(_) => false,
            Self::Amqp(broker) => broker.buffering(),
        }
    }

    /// Ends what is kept open between bundles; the next one opens it again.
    pub async fn close(&self) {
        match self {
            Self::Api(_) => {}
            Self::Amqp(broker) => broker.close().await,
        }
    }
}
