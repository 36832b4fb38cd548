//! Asks VirusTotal, API v3. Knows neither STIX nor OpenCTI.

use std::num::NonZeroU32;

use url::Url;

use crate::base::http::HttpOptions;
use crate::base::secret::Secret;

mod answer;
pub mod behaviour;
mod calls;
pub mod client;
pub mod cursor;
mod descriptors;
pub mod error;
pub mod facts;
pub mod gui;
mod lenient;
pub mod lookup;
mod loose;
pub mod objects;
pub mod page;
pub mod quota;
pub mod relations;
pub mod search;

pub use client::VirusTotal;
pub use error::{Error, Remedy};
pub use page::{Loss, Odd, Page};
pub use quota::{Quotas, User};
pub use search::Search;

/// How VirusTotal is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API's base, `https://www.virustotal.com/api/v3`, without a slash at the end.
    pub api_url: Url,
    /// Sent as `x-apikey`, to the host of `api_url` only.
    pub api_key: Secret,
    /// Calls a minute; `None` = taken from the quota (`api_requests_hourly` / 60).
    pub requests_per_minute: Option<NonZeroU32>,
    /// Time-outs, roots, agent.
    pub http: HttpOptions,
}
