//! What the roads over files have in common: the document, its name, and
//! which names are ours.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::opencti::error::Error;

use super::parts::distinct;

/// What a file tells about who wrote it.
#[derive(Clone, Debug)]
pub struct Sender {
    /// `CONNECTOR_ID`.
    pub id: String,
    /// `CONNECTOR_NAME`: also the beginning of every file's name.
    pub name: String,
    /// `CONNECTOR_SCOPE`.
    pub scope: Vec<String>,
    /// `CONNECTOR_AUTO`.
    pub auto: bool,
    /// `CONNECTOR_VALIDATE_BEFORE_IMPORT`.
    pub validate_before_import: bool,
    /// The user that the objects are created by, as registered.
    pub applicant: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    bundle_type: &'static str,
    applicant_id: Option<&'a str>,
    connector: WireSender<'a>,
    entities_types: [&'static str; 0],
    bundle: &'a RawValue,
    update: bool,
}

#[derive(Serialize)]
struct WireSender<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    scope: String,
    auto: bool,
    validate_before_import: bool,
}

/// A bundle as a document, and how many objects it holds.
pub(super) fn document(
    kind: &'static str,
    sender: &Sender,
    bundle: &str,
) -> Result<(Vec<u8>, usize), Error> {
    let fault = |error: serde_json::Error| Error::Bundle(error.to_string());
    let objects = distinct(bundle)?;
    let text = serde_json::to_vec(&Document {
        bundle_type: kind,
        applicant_id: sender.applicant.as_deref(),
        connector: WireSender {
            id: &sender.id,
            name: &sender.name,
            kind: "EXTERNAL_IMPORT",
            scope: sender.scope.join(","),
            auto: sender.auto,
            validate_before_import: sender.validate_before_import,
        },
        entities_types: [],
        bundle: serde_json::from_str(bundle).map_err(fault)?,
        update: false,
    })
    .map_err(fault)?;
    Ok((text, objects))
}

/// How a sender's files are named: `my_connector-20260102-030405-1767323045.678.json`.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    /// Milliseconds of the newest name.
    last: AtomicI64,
}

impl Names {
    pub(super) fn new(sender: &Sender) -> Self {
        let safe = |c: char| {
            // A name must not lead out of its folder.
            if c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '%' | '?' | '#') {
                '_'
            } else {
                c
            }
        };
        let name: String = sender.name.to_lowercase().chars().map(safe).collect();
        Self {
            prefix: format!("{name}-"),
            last: AtomicI64::new(i64::MIN),
        }
    }

    /// What all names of this sender begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A name for now; of two within a millisecond the second is later.
    pub(super) fn name(&self, now: DateTime<Utc>) -> String {
        let after = |last: i64| last.saturating_add(1).max(now.timestamp_millis());
        let last = self
            .last
            .fetch_update(Relaxed, Relaxed, |last| Some(after(last)));
        let now = DateTime::from_timestamp_millis(after(last.unwrap_or_default())).unwrap_or(now);
        format!(
            "{}{}-{}.{:03}.json",
            self.prefix,
            now.format("%Y%m%d-%H%M%S"),
            now.timestamp(),
            now.timestamp_subsec_millis()
        )
    }

    /// Whether a file is one of this sender's: the form is looked at too, for
    /// `virustotal-` also begins the names of a connector `virustotal-livehunt`.
    pub(super) fn is_own(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(&self.prefix) else {
            return false;
        };
        let rest = rest.strip_suffix(".tmp").unwrap_or(rest);
        let Some(rest) = rest.strip_suffix(".json") else {
            return false;
        };
        // 20260102-030405 is 15 long.
        let Some((date, stamp)) = rest.split_at_checked(15) else {
            return false;
        };
        let Some(stamp) = stamp.strip_prefix('-') else {
            return false;
        };
        NaiveDateTime::parse_from_str(date, "%Y%m%d-%H%M%S").is_ok()
            && !stamp.is_empty()
            && stamp.chars().all(|c| c.is_ascii_digit() || c == '.')
    }
}

/// How long files stay: `days`, or for ever.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention(Option<Duration>);

impl Retention {
    /// 0 keeps everything.
    pub(super) fn days(days: u32) -> Self {
        let day = Duration::from_secs(86_400);
        Self((days > 0).then(|| day * days))
    }

    /// What was written before this moment goes; `None` keeps everything.
    pub(super) fn before(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        now.checked_sub_signed(chrono::TimeDelta::from_std(self.0?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sender(name: &str) -> Sender {
        Sender {
            id: "11111111-2222-4333-8444-555555555555".to_owned(),
            name: name.to_owned(),
            scope: vec!["vtreporter".to_owned(), "report".to_owned()],
            auto: true,
            validate_before_import: true,
            applicant: Some("user--1".to_owned()),
        }
    }

    #[test]
    fn a_document_holds_the_bundle_as_it_is_and_tells_who_wrote_it() {
        let bundle = r#"{"type":"bundle","id":"bundle--1","objects":[{"id":"file--1"}]}"#;
        let (text, objects) =
            document("DIRECTORY_BUNDLE", &sender("VirusTotal AU"), bundle).unwrap();
        assert_eq!(objects, 1);
        let read: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            read,
            json!({
                "bundle_type": "DIRECTORY_BUNDLE",
                "applicant_id": "user--1",
                "connector": {
                    "id": "11111111-2222-4333-8444-555555555555", "name": "VirusTotal AU",
                    "type": "EXTERNAL_IMPORT", "scope": "vtreporter,report", "auto": true,
                    "validate_before_import": true,
                },
                "entities_types": [],
                "bundle": {"type": "bundle", "id": "bundle--1", "objects": [{"id": "file--1"}]},
                "update": false,
            })
        );
        assert!(document("S3_BUNDLE", &sender("x"), "no bundle").is_err());
    }

    #[test]
    fn only_own_names_are_own() {
        let names = Names::new(&sender("VirusTotal AU"));
        let now = DateTime::from_timestamp_millis(1_767_323_045_678).unwrap();
        let own = names.name(now);
        assert_eq!(own, "virustotal_au-20260102-030405-1767323045.678.json");
        let next = names.name(now);
        assert_eq!(next, "virustotal_au-20260102-030405-1767323045.679.json");
        assert!(names.is_own(&own) && names.is_own(&format!("{own}.tmp")));
        for other in [
            "virustotal_au-livehunt-20260102-030405-1767323045.678.json",
            "virustotal-20260102-030405-1767323045.678.json",
            "virustotal_au-20260102-030405-1767323045.678.json.bak",
            "virustotal_au-20261302-030405-1767323045.678.json",
            "virustotal_au-notes.json",
            "virustotal_au-20260102-030405-.json",
            "virustotal_au-20260102-03040ü-1.json",
        ] {
            assert!(!names.is_own(other), "{other}");
        }
    }

    #[test]
    fn a_connectors_name_leads_out_of_no_folder() {
        let names = Names::new(&sender("../..\\etc/pass wd"));
        assert_eq!(names.prefix(), ".._.._etc_pass_wd-");
    }

    #[test]
    fn nothing_expires_without_a_retention() {
        let now = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
        assert_eq!(Retention::days(0).before(now), None);
        assert_eq!(
            Retention::days(7).before(now),
            Some(now - chrono::TimeDelta::days(7))
        );
    }
}
