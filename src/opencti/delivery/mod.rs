//! The roads by which a bundle reaches the platform.

pub mod amqp;
mod api;
mod order;
mod parts;
mod split;

pub use api::Api;

use super::error::Error;

/// One road.
#[derive(Clone)]
pub enum Delivery {
    /// `stixBundlePush`.
    Api(Api),
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
        }
    }
}
