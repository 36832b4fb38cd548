//! Settings: `config.yml` and the environment -> [`Config`], or every fault at
//! once.
//!
//! ```text
//! config.yml --(yaml)--> section.key = text --\
//! environment ------------------------------ (gather) -> (envy) -> (parse) -> Config
//! files of secrets -------------------------/
//! ```
//!
//! [`SETTINGS`] is the one table: messages, samples and docs/settings.md come from it.
//! A new setting is a row there and the line in `parse` that reads it.
//!
//! An empty value counts as unset. Only `VTREPORTER_RELATIONSHIPS` set to
//! nothing means none, as `none` does for every list; so does an empty list
//! (`[]`) in `config.yml`.

use std::ffi::OsString;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::base::country::Country;
use crate::base::http::proxy::Via;
use crate::base::period::Period;
use crate::base::secret::Secret;
use crate::convert;
use crate::convert::filter::Filter;
use crate::import::schedule::Start;
use crate::lookup::Keeping;
use crate::opencti;
use crate::opencti::delivery::DirectorySettings;
use crate::quota::Policy;
use crate::virustotal;
use crate::virustotal::facts::Severity;
use crate::virustotal::search::Submitter;

pub mod docs;
mod fault;
mod gather;
mod hint;
mod parse;
mod rows;
mod summary;
mod table;
mod yaml;

pub use fault::{Fault, Faults};
pub use gather::ReadFile;
pub use hint::is_ours;
pub use rows::SETTINGS;
pub use table::{Group, Kind, Preset, Setting};

/// Which sides a command talks to: what it does not need may be missing and is
/// not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// `OPENCTI_URL`, `OPENCTI_TOKEN` and `CONNECTOR_ID`.
    pub opencti: bool,
    /// `VTREPORTER_API_KEY`.
    pub virustotal: bool,
}

impl Needs {
    /// Both sides.
    pub const BOTH: Self = Self {
        opencti: true,
        virustotal: true,
    };
    /// VirusTotal only.
    pub const VIRUSTOTAL: Self = Self {
        opencti: false,
        virustotal: true,
    };
    /// Neither.
    pub const NOTHING: Self = Self {
        opencti: false,
        virustotal: false,
    };
}

/// Valid settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// How the platform is reached; `None` when it is not needed.
    pub opencti: Option<opencti::Settings>,
    /// The connector as the platform knows it, and its roads.
    pub connector: Connector,
    /// Log lines as JSON.
    pub json_logging: bool,
    /// How VirusTotal is reached; `None` when it is not needed.
    pub virustotal: Option<virustotal::Settings>,
    /// When the quota guard warns and stops.
    pub quota: Policy,
    /// What is remembered on this machine.
    pub memory: Memory,
    /// What a run asks for and keeps.
    pub import: Import,
    /// What the objects look like.
    pub convert: convert::Options,
    /// What replaces the platform's word on its broker.
    pub mq: MqOverrides,
    /// What replaces the platform's word on its S3 server.
    pub s3: S3Overrides,
    /// Proxies and authorities, for whoever opens connections of another kind:
    /// the `HttpOptions` of both sides have them already.
    pub network: Network,
    /// What is odd, but no fault: one line each.
    pub warnings: Vec<String>,
}

/// What is remembered on this machine.
#[derive(Clone, Debug)]
pub struct Memory {
    /// `None`: the service keeps nothing on disk.
    pub directory: Option<PathBuf>,
    /// So many days of the quotas.
    pub days: u16,
    /// How long answers about files are good for, and how many are kept.
    pub keeping: Keeping,
}

/// The connector as the platform knows it, and its roads into the platform.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Empty only when OpenCTI is not needed.
    pub id: String,
    /// Shown on the platform.
    pub name: String,
    /// Shown on the platform.
    pub scope: Vec<String>,
    /// How much is logged.
    pub log_level: tracing::Level,
    /// Start to start.
    pub period: Period,
    /// Decimal megabytes.
    pub queue_threshold_mb: f64,
    /// Also set by a zero period.
    pub run_and_terminate: bool,
    /// Sent at registration.
    pub auto: bool,
    /// Sent at registration.
    pub only_contextual: bool,
    /// `None` = not told: the platform's default is AMQP.
    pub queue_protocol: Option<QueueProtocol>,
    /// `false` only with a directory or S3.
    pub send_to_queue: bool,
    /// Bundles also into a directory.
    pub send_to_directory: Option<DirectorySettings>,
    /// Bundles also into a bucket.
    pub send_to_s3: Option<S3>,
    /// One draft a run.
    pub validate_before_import: bool,
}

/// The road into OpenCTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueProtocol {
    /// Bundles by its API.
    Api,
    /// Messages to its broker.
    Amqp,
}

/// A bucket for bundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3 {
    /// `None` = the one that the platform names.
    pub bucket: Option<String>,
    /// Folder in it.
    pub folder: String,
    /// 0 keeps all.
    pub retention_days: u32,
}

/// What a run asks for and keeps.
#[derive(Clone, Debug)]
pub struct Import {
    /// At least one, each once.
    pub countries: Vec<Country>,
    /// `None` = one period.
    pub start: Option<Start>,
    /// How far a run reaches back over the last one's end.
    pub overlap: Period,
    /// 0 = all files.
    pub min_detections: u32,
    /// Put behind the query.
    pub extra_query: Option<String>,
    /// Whose submissions count.
    pub submitter: Submitter,
    /// In lower case, each once; empty = none.
    pub relationships: Vec<String>,
    /// Files whose relationships are asked for.
    pub related_min_severity: Severity,
    /// For each relationship.
    pub max_related_per_file: u32,
    /// For each run and country; 0 = no cap.
    pub max_files: u32,
    /// Which files are kept.
    pub filter: Filter,
    /// A report for a window without files, too.
    pub empty_report: bool,
    /// Decimal megabytes.
    pub max_bundle_mb: f64,
    /// Author and markings count as well.
    pub max_bundle_objects: usize,
}

/// What replaces the registration's word on the broker; `None` = as it says.
#[derive(Clone, Debug)]
pub struct MqOverrides {
    /// Host.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Virtual host.
    pub vhost: Option<String>,
    /// TLS.
    pub use_ssl: Option<bool>,
    /// User.
    pub user: Option<String>,
    /// Password.
    pub pass: Option<Secret>,
    /// PEM of the authority.
    pub ca: Option<Vec<u8>>,
    /// PEM of the client certificate.
    pub cert: Option<Vec<u8>>,
    /// PEM of its key.
    pub key: Option<Secret>,
    /// Of the key, if that is encrypted.
    pub passphrase: Option<Secret>,
    /// Verify the broker's certificate.
    pub reject_unauthorized: bool,
}

/// What replaces the registration's word on S3; `None` = as it says.
#[derive(Clone, Debug)]
pub struct S3Overrides {
    /// Host name or address.
    pub endpoint: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Access key.
    pub access_key: Option<Secret>,
    /// Secret key.
    pub secret_key: Option<Secret>,
    /// TLS.
    pub use_ssl: Option<bool>,
    /// Region.
    pub bucket_region: Option<String>,
}

/// Proxies and authorities.
#[derive(Clone, Debug)]
pub struct Network {
    /// A whole address, credentials included, for http addresses.
    pub http_proxy: Option<Via>,
    /// Likewise, for https addresses.
    pub https_proxy: Option<Via>,
    /// Comma list of what is reached without these two.
    pub no_proxy: Option<String>,
    /// For VirusTotal only, whatever the three above say.
    pub virustotal_proxy: Option<Via>,
    /// PEM texts, each of one or more certificates.
    pub ca_certificates: Vec<Vec<u8>>,
    /// `false` accepts any certificate of the platform.
    pub opencti_ssl_verify: bool,
}

/// Reads the settings.
///
/// `file` is `config.yml`: its path as messages show it, and its text. `read`
/// fetches the few other files that settings name: secrets and certificates.
/// `now` tells which dates lie in the future.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(
    file: Option<(&str, &str)>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    needs: Needs,
    now: DateTime<Utc>,
    read: ReadFile<'_>,
) -> Result<Config, Faults> {
    let gathered = gather::gather(file, environment, read);
    let mut faults = gathered.faults;
    let mut origins = std::collections::BTreeMap::new();
    let mut pairs = Vec::new();
    for (name, (text, origin)) in gathered.texts {
        origins.insert(name, origin);
        pairs.push((name.to_owned(), text));
    }
    // Its fields are texts that may be missing: nothing in it can fail, and
    // envy's own message would show a value.
    let raw = envy::from_iter::<_, rows::Raw>(pairs).unwrap_or_else(|_| {
        faults.push(Fault::variable("config", "could not be read"));
        rows::Raw::default()
    });
    let parser = parse::Parser {
        origins,
        read,
        now,
        unread: gathered.unread,
        faults,
        warnings: gathered.warnings,
    };
    parse::config(parser, &rows::Values::of(&raw), needs)
}
