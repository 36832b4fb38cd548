//! What the stand-in writes down of each request.

use chrono::{DateTime, Utc};

use super::account::Cost;
use super::route::Route;
use super::world::dice::fingerprint;

/// One request. The key does not stand in it, wherever the client put it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// When it came.
    pub at: DateTime<Utc>,
    /// `GET`.
    pub method: String,
    /// `/api/v3/...`, the key in it as `{key}`.
    pub path: String,
    /// Which call it is.
    pub route: Route,
    /// The parameters, decoded, as they came.
    pub query: Vec<(String, String)>,
    /// [`key_id`] of the `x-apikey` header.
    pub key: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `x-tool`.
    pub tool: Option<String>,
    /// The answer's status; 0 while there is none.
    pub status: u16,
    /// What it cost.
    pub charged: Cost,
}

impl Logged {
    /// A parameter's value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it is a search.
    pub fn is_search(&self) -> bool {
        self.route == Route::Search
    }
}

/// A short name for a key, by which requests with the same key are known.
pub fn key_id(key: &str) -> String {
    format!("{:08x}", fingerprint(key) as u32)
}
