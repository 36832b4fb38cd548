//! Speaks to the platform. A bundle is a text here.

use url::Url;

use crate::http::HttpOptions;
use crate::secret::Secret;

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
