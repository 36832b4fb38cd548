//! What an operator may write into `config.yml` and the environment, and what
//! comes of it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use vtreporter::base::period::Period;
use vtreporter::config::{
    self, Config, Faults, Group, Needs, Preset, QueueProtocol, SETTINGS, docs,
};
use vtreporter::import::schedule::Start;
use vtreporter::quota::OnUnknown;
use vtreporter::stix::marking::Tlp;
use vtreporter::virustotal::facts::Severity;
use vtreporter::virustotal::search::Submitter;

mod faults;
mod hostile;
mod objects;
mod samples;
mod sources;
mod values;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TOKEN: &str = "5e0c5a37-9d7a-4a52-8f0b-6a0f3f3f3b11";
const ID: &str = "6f1b9e0c-7c9d-4a35-9a58-2f5f8f0f6a01";

/// The least that the service needs.
const LEAST: [(&str, &str); 4] = [
    ("OPENCTI_URL", "http://opencti.example.net:8080/"),
    ("OPENCTI_TOKEN", TOKEN),
    ("CONNECTOR_ID", ID),
    ("VTREPORTER_API_KEY", KEY),
];

/// After every date in these tests but those that lie in the future.
fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn no_files(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// [`LEAST`] with `more` over it.
fn with(more: &[(&str, &str)]) -> Result<Config, Faults> {
    with_file(None, more)
}

fn with_file(yaml: Option<&str>, more: &[(&str, &str)]) -> Result<Config, Faults> {
    let mut all: Vec<_> = LEAST
        .into_iter()
        .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
        .collect();
    all.extend(more);
    load(yaml, &all)
}

fn load(yaml: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, Faults> {
    let file = yaml.map(|text| ("config.yml", text));
    config::load(file, pairs(environment), Needs::BOTH, now(), &no_files)
}

/// The lines that a setting with this value causes.
fn told(name: &str, value: &str) -> String {
    with(&[(name, value)])
        .map(|config| config.warnings.join("\n"))
        .unwrap_or_else(|faults| faults.to_string())
}
