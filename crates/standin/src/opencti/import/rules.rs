//! What one object must look like.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::DateTime;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::fault::FaultKind;
use super::{ids, links};

/// The largest `size` of a File that fits the platform's field.
const MAX_SIZE: u64 = i32::MAX as u64;

/// The revoke score of the platform's own decay rules: a new indicator that does
/// not score more is revoked at once.
const REVOKE_SCORE: u64 = 20;

/// The observables among the types with rules.
const OBSERVABLES: [&str; 7] = [
    "file",
    "ipv4-addr",
    "ipv6-addr",
    "domain-name",
    "url",
    "email-addr",
    "autonomous-system",
];

/// Whether objects of this type are observables.
pub(crate) fn is_observable(kind: &str) -> bool {
    OBSERVABLES.contains(&kind)
}

/// An object that was looked at by itself.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) value: Value,
    /// What it refers to: the property and the id.
    pub(crate) refs: Vec<(String, String)>,
    pub(crate) faults: Vec<(FaultKind, String)>,
    /// It has a `description` where the platform looks for another property.
    pub(crate) ignored_description: bool,
}

/// Looks at one object by itself.
pub(crate) fn examine(value: Value) -> Examined {
    let empty = Map::new();
    let mut look = Look {
        object: value.as_object().unwrap_or(&empty),
        faults: Vec::new(),
    };
    let kind = look.text("type").unwrap_or_default().to_owned();
    let id = look.text("id").unwrap_or_default().to_owned();
    look.common(&kind, &id);
    look.by_type(&kind);
    characters(&value, "", &mut look.faults);
    let observable = is_observable(&kind);
    let described = value.get("description").is_some();
    Examined {
        refs: references(look.object),
        faults: look.faults,
        ignored_description: observable && described,
        id,
        kind,
        value,
    }
}

fn references(object: &Map<String, Value>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in object {
        let mut add = |value: &Value| {
            let id = value.as_str().unwrap_or_default();
            found.push((name.clone(), id.to_owned()));
        };
        if name.ends_with("_ref") {
            add(value);
        } else if name.ends_with("_refs") {
            value.as_array().into_iter().flatten().for_each(add);
        }
    }
    found
}

/// Characters that no text may have, wherever it is.
fn characters(value: &Value, name: &str, faults: &mut Vec<(FaultKind, String)>) {
    match value {
        Value::String(text) => {
            let one_line = matches!(name, "name" | "value" | "labels");
            if let Some(odd) = text.chars().find(|&character| bad(character, one_line)) {
                let what = format!("`{name}` holds U+{:04X}", u32::from(odd));
                faults.push((FaultKind::ControlCharacter, what));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| characters(item, name, faults)),
        Value::Object(map) => map
            .iter()
            .for_each(|(name, value)| characters(value, name, faults)),
        _ => {}
    }
}

fn bad(character: char, one_line: bool) -> bool {
    match character {
        '\n' | '\t' | '\r' => one_line,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

/// An object being looked at.
struct Look<'a> {
    object: &'a Map<String, Value>,
    faults: Vec<(FaultKind, String)>,
}

impl<'a> Look<'a> {
    fn fault(&mut self, kind: FaultKind, detail: impl Into<String>) {
        self.faults.push((kind, detail.into()));
    }

    fn shape(&mut self, detail: impl Into<String>) {
        self.fault(FaultKind::Shape, detail);
    }

    fn optional(&self, name: &str) -> Option<&'a str> {
        self.object.get(name).and_then(Value::as_str)
    }

    /// A required text, not empty.
    fn text(&mut self, name: &str) -> Option<&'a str> {
        let text = self.optional(name).filter(|text| !text.trim().is_empty());
        if text.is_none() {
            self.shape(format!("`{name}` must be a text that is not empty"));
        }
        text
    }

    /// A required list of texts, not empty, none of them empty.
    fn texts(&mut self, name: &str) {
        if !texts(self.object.get(name)) {
            self.shape(format!(
                "`{name}` must be a list of texts that is not empty"
            ));
        }
    }

    /// A required moment, UTC.
    fn moment(&mut self, name: &str) {
        let text = self.optional(name).unwrap_or_default();
        if !text.ends_with('Z') || DateTime::parse_from_rfc3339(text).is_err() {
            self.shape(format!("`{name}` must be a moment in UTC, not {text:?}"));
        }
    }

    /// A whole number from 0 to 100, where there is one.
    fn percent(&mut self, name: &str) {
        let Some(value) = self.object.get(name) else {
            return;
        };
        if value.as_u64().is_none_or(|number| number > 100) {
            self.shape(format!(
                "`{name}` must be a whole number from 0 to 100, not {value}"
            ));
        }
    }

    /// What holds for every type.
    fn common(&mut self, kind: &str, id: &str) {
        let uuid = id
            .strip_prefix(kind)
            .and_then(|rest| rest.strip_prefix("--"));
        let canonical = uuid.and_then(|uuid| Some((uuid, Uuid::try_parse(uuid).ok()?)));
        if canonical.is_none_or(|(text, uuid)| uuid.to_string() != text) {
            self.shape(format!("`id` must be {kind}--UUID, not {id:?}"));
        }
        if self.optional("spec_version") != Some("2.1") {
            self.shape("`spec_version` must be \"2.1\"");
        }
        if let Some(name) = self.object.get("name") {
            let length = name.as_str().map_or(0, |name| name.trim().chars().count());
            if length < 2 {
                self.fault(FaultKind::ShortName, format!("`name` is {name}"));
            }
        }
        for list in [
            "labels",
            "x_opencti_additional_names",
            "object_marking_refs",
        ] {
            if self.object.contains_key(list) {
                self.texts(list);
            }
        }
        self.percent("confidence");
        self.percent("x_opencti_score");
        self.references();
        self.links();
        self.files();
        if let Err(expected) = ids::fits(kind, self.object, id) {
            self.fault(
                FaultKind::ForeignId,
                format!("the platform's id is {expected}"),
            );
        }
        if is_observable(kind) {
            let author = ["created_by_ref", "x_opencti_created_by_ref"];
            if !author.iter().any(|name| self.object.contains_key(*name)) {
                self.fault(FaultKind::NoAuthor, "no `x_opencti_created_by_ref`");
            }
        } else if kind != "marking-definition" {
            self.moment("created");
            self.moment("modified");
        }
    }

    /// Who tells of it is an identity, and how far it may go a marking.
    fn references(&mut self) {
        let kinds = [
            ("created_by_ref", "identity--"),
            ("x_opencti_created_by_ref", "identity--"),
            ("object_marking_refs", "marking-definition--"),
        ];
        for (name, kind) in kinds {
            let named = match self.object.get(name) {
                None => continue,
                Some(Value::Array(ids)) => ids.iter().collect(),
                Some(id) => vec![id],
            };
            let fits = |id: &&Value| id.as_str().is_some_and(|id| id.starts_with(kind));
            if !named.iter().all(fits) {
                self.shape(format!("`{name}` may only name {kind}..."));
            }
        }
    }

    /// The files that come with it, in base64.
    fn files(&mut self) {
        let Some(files) = self.object.get("x_opencti_files") else {
            return;
        };
        let fine = |file: &Value| {
            let named = |name: &str| file[name].as_str().is_some_and(|text| !text.is_empty());
            let data = file["data"].as_str().unwrap_or_default();
            named("name") && named("mime_type") && BASE64_STANDARD.decode(data).is_ok()
        };
        if !files.as_array().is_some_and(|files| files.iter().all(fine)) {
            self.shape("`x_opencti_files` must have a name, a MIME type and base64 data each");
        }
    }

    /// The external references: each has a name, and a link that is one.
    fn links(&mut self) {
        let Some(references) = self.object.get("external_references") else {
            return;
        };
        let fine = |reference: &Value| {
            let name = reference["source_name"].as_str().unwrap_or_default();
            let url = reference
                .get("url")
                .map(|url| url.as_str().unwrap_or_default());
            !name.is_empty() && url.is_none_or(|url| url::Url::parse(url).is_ok())
        };
        let list = references.as_array().filter(|list| !list.is_empty());
        if !list.is_some_and(|list| list.iter().all(fine)) {
            self.shape("`external_references` must have a source name and a real link each");
        }
    }

    fn by_type(&mut self, kind: &str) {
        match kind {
            "identity" => {
                self.text("name");
                self.text("identity_class");
            }
            "location" => self.location(),
            "report" => self.report(),
            "indicator" => self.indicator(),
            "malware" => {
                self.text("name");
                if !self.object.get("is_family").is_some_and(Value::is_boolean) {
                    self.shape("`is_family` must be true or false");
                }
            }
            "attack-pattern" => {
                self.text("name");
                if self.object.contains_key("x_mitre_id") {
                    self.text("x_mitre_id");
                }
            }
            "tool" | "intrusion-set" | "campaign" | "vulnerability" => {
                self.text("name");
            }
            "marking-definition" => {
                self.text("definition_type");
                if !self.object.get("definition").is_some_and(Value::is_object) {
                    self.shape("`definition` must be an object");
                }
            }
            "file" => self.file(),
            "ipv4-addr" => self.address(|text| text.parse::<Ipv4Addr>().is_ok()),
            "ipv6-addr" => self.address(|text| text.parse::<Ipv6Addr>().is_ok()),
            "domain-name" => self.address(|text| !text.contains(['/', ':', ' ', '@'])),
            "url" => self.address(|text| text.contains("://")),
            "email-addr" => self.address(|text| text.contains('@')),
            "autonomous-system" => {
                if !self.object.get("number").is_some_and(Value::is_u64) {
                    self.shape("`number` must be a whole number");
                }
            }
            "relationship" => self.relationship(),
            "note" => {
                self.text("content");
                self.texts("object_refs");
            }
            other => self.fault(FaultKind::UnknownType, format!("no rules for `{other}`")),
        }
    }

    fn address(&mut self, fine: impl Fn(&str) -> bool) {
        if let Some(value) = self.text("value")
            && !fine(value)
        {
            self.shape(format!("`value` {value:?} is no value for this type"));
        }
    }

    fn location(&mut self) {
        let name = self.text("name").unwrap_or_default();
        if self.text("x_opencti_location_type") != Some("Country") {
            return;
        }
        let code = self.optional("country").unwrap_or_default();
        if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.shape(format!(
                "`country` must be two capital letters, not {code:?}"
            ));
        }
        if name.len() <= 3 && name.chars().all(char::is_uppercase) {
            self.shape(format!(
                "`name` must be the country's name, not its code {name:?}"
            ));
        }
    }

    fn report(&mut self) {
        self.text("name");
        self.texts("report_types");
        self.moment("published");
        if !texts(self.object.get("object_refs")) {
            self.fault(FaultKind::EmptyReport, "`object_refs` names nothing");
        }
    }

    fn indicator(&mut self) {
        self.text("name");
        if let Some(pattern) = self.text("pattern")
            && !comparison(pattern)
        {
            self.shape(format!("`pattern` is no comparison: {pattern:?}"));
        }
        self.moment("valid_from");
        self.texts("indicator_types");
        if self.optional("pattern_type") != Some("stix") {
            self.shape("`pattern_type` must be \"stix\"");
        }
        let observed = self
            .optional("x_opencti_main_observable_type")
            .unwrap_or_default();
        if !["StixFile", "Domain-Name", "IPv4-Addr", "IPv6-Addr", "Url"].contains(&observed) {
            self.shape(format!("`x_opencti_main_observable_type` is {observed:?}"));
        }
        if self.object.contains_key("valid_until") {
            self.shape("`valid_until` is for the platform's decay to set");
        }
        // Where there is none the platform takes 50.
        let score = self.object.get("x_opencti_score").and_then(Value::as_u64);
        if let Some(score) = score.filter(|score| *score <= REVOKE_SCORE) {
            self.fault(
                FaultKind::BornRevoked,
                format!("`x_opencti_score` is {score}"),
            );
        }
    }

    fn file(&mut self) {
        if let Some(size) = self.object.get("size") {
            match size.as_u64() {
                Some(size) if size <= MAX_SIZE => {}
                Some(size) => self.fault(FaultKind::FileTooLarge, format!("`size` is {size}")),
                None => self.shape(format!("`size` must be a whole number, not {size}")),
            }
        }
        let Some(hashes) = self.object.get("hashes") else {
            self.text("name");
            return;
        };
        let Some(hashes) = hashes.as_object().filter(|hashes| !hashes.is_empty()) else {
            return self.shape("`hashes` must hold some");
        };
        for (algorithm, hash) in hashes {
            let text = hash.as_str().unwrap_or_default();
            if !hash_fits(algorithm, text) {
                self.shape(format!("`hashes` holds {algorithm} {text:?}"));
            }
        }
    }

    fn relationship(&mut self) {
        let link = self.text("relationship_type").unwrap_or_default();
        let source = kind_of(self.text("source_ref").unwrap_or_default());
        let target = kind_of(self.text("target_ref").unwrap_or_default());
        if !links::allowed(source, link, target) {
            let what = format!("{source} {link} {target}");
            self.fault(FaultKind::RelationshipNotAllowed, what);
        }
    }
}

fn texts(value: Option<&Value>) -> bool {
    let list = value
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty());
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    list.is_some_and(|list| list.iter().all(text))
}

/// `[type:path = 'text']`, quotes and backslashes in the text escaped.
fn comparison(pattern: &str) -> bool {
    let Some((path, text)) = pattern
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix("']"))
        .and_then(|rest| rest.split_once(" = '"))
    else {
        return false;
    };
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let fine = match character {
            '\\' => matches!(characters.next(), Some('\\' | '\'')),
            other => other != '\'',
        };
        if !fine {
            return false;
        }
    }
    path.contains(':') && !text.is_empty()
}

fn kind_of(id: &str) -> &str {
    id.split("--").next().unwrap_or_default()
}

fn hash_fits(algorithm: &str, hash: &str) -> bool {
    let digits = |count| {
        hash.len() == count
            && hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match algorithm {
        "MD5" => digits(32),
        "SHA-1" => digits(40),
        "SHA-256" => digits(64),
        "SHA-512" => digits(128),
        "SSDEEP" | "TLSH" | "SDHASH" | "LZJD" => !hash.trim().is_empty(),
        _ => false,
    }
}
