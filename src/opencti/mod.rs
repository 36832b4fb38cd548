//! Speaks to the platform. A bundle is a text here.

mod answer;
mod client;
mod connector;
pub mod delivery;
pub mod documents;
mod error;
mod version;
mod work;

use url::Url;

use crate::base::http::HttpOptions;
use crate::base::secret::Secret;

pub use client::OpenCti;
pub use connector::{Amqp, ConnectorInfo, Me, Pinged, Queue, Registered, Registration, S3};
pub use delivery::{Road, Sent};
pub use error::{Error, Remedy};
pub use version::{Feature, OLDEST, Version};
pub use work::Progress;

/// How the platform is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The platform's address; may end in `/` and carry a path.
    pub url: Url,
    /// Sent as `Authorization: Bearer`.
    pub token: Secret,
    /// Headers of the operator's own, name and value.
    pub headers: Vec<(String, Secret)>,
    /// Time-outs, roots, agent.
    pub http: HttpOptions,
}
