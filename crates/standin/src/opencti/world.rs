//! How the platform that the stand-in plays is set up.

use uuid::Uuid;

use super::Release;
use crate::server::machine_clock;
use clock::Clock;

/// The platform to play. `OpenCtiWorld::new(release, token)` is one that a
/// connector's user may talk to; change what a test is about.
#[derive(Clone, Debug)]
pub struct OpenCtiWorld {
    /// Which interface it has.
    pub release: Release,
    /// The path before `/graphql`, for instance `/cti`; empty by default.
    pub base_path: String,
    /// Who may ask, and for what.
    pub users: Vec<User>,
    /// The largest body in bytes; a larger one is answered with 413. 50 MB, as
    /// the platform's own default.
    pub body_limit: usize,
    /// How closely pushed objects are looked at.
    pub judge: Judge,
    /// When pushed bundles are worked off.
    pub processing: Processing,
    /// The platform itself splits and counts a bundle before it answers the
    /// push, as releases after 7.260817 do; up to then the worker counts it
    /// when it takes it from the queue.
    pub counts_in_push: bool,
    /// Ids of objects that are there before anything is pushed.
    pub known: Vec<String>,
    /// The broker that registration hands out.
    pub broker: Broker,
    /// The object storage that registration hands out where the release does.
    pub storage: Storage,
    /// What time it is.
    pub clock: Clock,
}

impl OpenCtiWorld {
    /// A platform with one user, who has a connector's rights.
    pub fn new(release: Release, token: &str) -> Self {
        Self {
            release,
            base_path: String::new(),
            users: vec![User::connector(token)],
            body_limit: 50 * 1024 * 1024,
            judge: Judge::Full,
            processing: Processing::AtOnce,
            counts_in_push: false,
            known: Vec::new(),
            broker: Broker::default(),
            storage: Storage::default(),
            clock: machine_clock(),
        }
    }
}

/// How closely pushed objects are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// Every rule of the importer; objects and bundles are kept.
    Full,
    /// Objects are only counted by type, and nothing is kept: for load runs.
    CountOnly,
}

/// When pushed bundles are worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processing {
    /// Before the push is answered.
    AtOnce,
    /// When the test says so, as by a worker that is slow, behind or dead:
    /// `StandIn::count_waiting` for taking bundles from the queue and counting
    /// them, `StandIn::import_some` for objects of those, `StandIn::work_off`
    /// for both. A work expects nothing of a bundle that was not counted.
    Held,
}

/// Who may ask.
#[derive(Clone, Debug)]
pub struct User {
    /// The bearer token.
    pub token: String,
    /// The internal id.
    pub id: String,
    /// The name shown.
    pub name: String,
    /// What they may do; [`CONNECTOR_API`] is what a connector needs.
    pub capabilities: Vec<String>,
}

/// The capability without which a connector may do nothing.
pub const CONNECTOR_API: &str = "CONNECTORAPI";
/// The capability behind the connectors' page, where the refresh button is.
pub const MODULES: &str = "MODULES";
/// The capability that stands for all others.
pub const BYPASS: &str = "BYPASS";

impl User {
    /// A user with these capabilities.
    pub fn new(name: &str, token: &str, capabilities: &[&str]) -> Self {
        Self {
            token: token.to_owned(),
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string(),
            name: name.to_owned(),
            capabilities: capabilities.iter().map(ToString::to_string).collect(),
        }
    }

    /// A user with a connector's rights.
    pub fn connector(token: &str) -> Self {
        Self::new(
            "[C] Feeds",
            token,
            &["KNOWLEDGE", "KNOWLEDGE_KNUPDATE", CONNECTOR_API],
        )
    }

    /// A user who may read and write knowledge, but is no connector.
    pub fn analyst(token: &str) -> Self {
        Self::new("Analyst", token, &["KNOWLEDGE", "KNOWLEDGE_KNUPDATE"])
    }

    pub(crate) fn may(&self, capability: &str) -> bool {
        self.capabilities
            .iter()
            .any(|own| own == capability || own == BYPASS)
    }
}

/// The broker that registration hands out.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Virtual host.
    pub vhost: String,
    /// Whether to speak TLS.
    pub use_ssl: bool,
    /// User name.
    pub user: String,
    /// Password.
    pub pass: String,
}

impl Default for Broker {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5672,
            vhost: "/".to_owned(),
            use_ssl: false,
            user: "guest".to_owned(),
            pass: "guest".to_owned(),
        }
    }
}

/// The object storage that registration hands out.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Host name.
    pub endpoint: String,
    /// Port.
    pub port: u16,
    /// Whether to speak TLS.
    pub use_ssl: bool,
    /// Bucket.
    pub bucket_name: String,
    /// The bucket's region.
    pub bucket_region: String,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1".to_owned(),
            port: 9000,
            use_ssl: false,
            bucket_name: "opencti-bucket".to_owned(),
            bucket_region: "us-east-1".to_owned(),
            access_key: "opencti".to_owned(),
            secret_key: "changeme".to_owned(),
        }
    }
}
