//! What goes without what is too large for a road: a report without what it
//! carries, a bundle without an object and without those that name it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::opencti::error::Error;

use super::parts::{Bundle, Members, Object};

/// What a report carries beside its description.
const FILES: &str = "x_opencti_files";
const CONTENT: &str = "x_opencti_content";

/// What a road had no room for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// A part of a report that is no object: the name of what was attached, or
    /// `the content page`.
    Load(String),
    /// An object, by its id.
    TooLarge(String),
    /// An object that names one of those.
    Names(String),
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(what) => write!(
                f,
                "{what} was left out of the report: too large for the road to OpenCTI"
            ),
            Self::TooLarge(id) => write!(
                f,
                "a {} was left out: too large for the road to OpenCTI",
                kind(id)
            ),
            Self::Names(id) => write!(
                f,
                "a {} was left out: it names what is too large for the road to OpenCTI",
                kind(id)
            ),
        }
    }
}

/// What stays behind of one bundle.
#[derive(Debug, Default)]
pub(super) struct Behind {
    load: BTreeSet<String>,
    /// By id, and whether it is gone only for naming another.
    gone: BTreeMap<String, bool>,
}

impl Behind {
    /// How many objects.
    pub(super) fn objects(&self) -> usize {
        self.gone.len()
    }

    pub(super) fn left(self) -> Vec<Left> {
        let load = self.load.into_iter().map(Left::Load);
        let gone = self.gone.into_iter().map(|(id, names)| match names {
            true => Left::Names(id),
            false => Left::TooLarge(id),
        });
        load.chain(gone).collect()
    }

    /// A bundle without what is gone; `None` when it holds nothing else.
    pub(super) fn without_gone<'a>(
        &mut self,
        bundle: Cow<'a, str>,
    ) -> Result<Option<Cow<'a, str>>, Error> {
        if self.gone.is_empty() {
            return Ok(Some(bundle));
        }
        let read = Bundle::read(&bundle)?;
        self.spread(&read);
        let mut texts = Vec::new();
        let mut members = 0;
        for object in &read.objects {
            if self.gone.contains_key(&object.id) {
                continue;
            }
            members += usize::from(!is_frame(&object.id));
            texts.push(self.named_only(object)?);
        }
        Ok((members > 0).then(|| Cow::Owned(write(&read.id, &texts))))
    }

    /// A bundle with less in it than one that is too large and cannot be cut:
    /// without what its report carries, else without its largest object. `None`
    /// when nothing is left.
    pub(super) fn lighter(&mut self, bundle: &str) -> Result<Option<String>, Error> {
        let read = Bundle::read(bundle)?;
        let mut texts: Vec<_> = read.objects.iter().map(|o| Cow::Borrowed(o.text)).collect();
        for text in &mut texts {
            if let Some((light, left)) = lighter_report(text)? {
                for what in left {
                    tracing::warn!("{}", Left::Load(what.clone()));
                    self.load.insert(what);
                }
                *text = Cow::Owned(light);
                return Ok(Some(write(&read.id, &texts)));
            }
        }
        let members = read.objects.iter().filter(|object| !is_frame(&object.id));
        let Some(heaviest) = members.max_by_key(|object| object.text.len()) else {
            return Ok(None);
        };
        tracing::warn!(
            stix.id = heaviest.id,
            bytes = heaviest.text.len(),
            "{} ({} bytes)",
            Left::TooLarge(heaviest.id.clone()),
            heaviest.text.len()
        );
        self.gone.insert(heaviest.id.clone(), false);
        let rest = self.without_gone(Cow::Borrowed(bundle))?;
        Ok(rest.map(Cow::into_owned))
    }

    /// What names something that is gone is gone too.
    fn spread(&mut self, bundle: &Bundle<'_>) {
        loop {
            let before = self.gone.len();
            for object in &bundle.objects {
                let known = self.gone.contains_key(&object.id);
                let names = object.refs.iter().any(|id| self.gone.contains_key(id));
                let about = object.contains.as_deref().is_some_and(|ids| {
                    kind(&object.id) != "report" && ids.iter().all(|id| self.gone.contains_key(id))
                });
                if !known && (names || about) {
                    self.gone.insert(object.id.clone(), true);
                }
            }
            if self.gone.len() == before {
                return;
            }
        }
    }

    /// An object whose `object_refs` names nothing that is gone. A report has to
    /// name something: else it is its author.
    fn named_only<'a>(&self, object: &Object<'a>) -> Result<Cow<'a, str>, Error> {
        let Some(ids) = &object.contains else {
            return Ok(Cow::Borrowed(object.text));
        };
        let mut kept: Vec<&str> = ids.iter().map(String::as_str).collect();
        kept.retain(|id| !self.gone.contains_key(*id));
        if kept.len() == ids.len() {
            return Ok(Cow::Borrowed(object.text));
        }
        let mut members = Members::read(object.text)?;
        let author = members.text("created_by_ref");
        if kept.is_empty() {
            kept.extend(author.as_deref());
        }
        let kept = raw(&kept)?;
        members.set("object_refs", &kept);
        Ok(Cow::Owned(text(&members)?))
    }
}

/// A report without the first thing that it can do without, and its name: the
/// CSVs, then what else is attached, then the content. Its description says so.
/// `None` for what carries nothing.
fn lighter_report(report: &str) -> Result<Option<(String, Vec<String>)>, Error> {
    #[derive(Deserialize)]
    struct Attached {
        #[serde(default)]
        name: String,
        #[serde(default)]
        mime_type: String,
    }
    let mut members = Members::read(report)?;
    let files: Vec<&RawValue> = members.read_as(FILES).unwrap_or_default();
    let attached: Vec<Attached> = members.read_as(FILES).unwrap_or_default();
    let is_csv = |file: &Attached| file.mime_type == "text/csv";
    let csv = attached.iter().any(is_csv);
    let mut left = Vec::new();
    let mut kept = Vec::new();
    for (file, about) in files.iter().zip(&attached) {
        if csv && !is_csv(about) {
            kept.push(*file);
        } else {
            left.push(about.name.clone());
        }
    }
    if left.is_empty() && members.remove(CONTENT) {
        left.push("the content page".to_owned());
    }
    if left.is_empty() {
        return Ok(None);
    }
    let kept = raw(&kept)?;
    if !files.is_empty() {
        members.set(FILES, &kept);
    }
    let mut said = members.text("description").unwrap_or_default();
    for what in &left {
        said = format!("{said}\n{}.\n", Left::Load(what.clone()));
    }
    let said = raw(&said)?;
    members.set("description", &said);
    Ok(Some((text(&members)?, left)))
}

fn write(id: &str, objects: &[Cow<'_, str>]) -> String {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{id}/lighter").as_bytes());
    format!(
        r#"{{"type":"bundle","id":"bundle--{id}","objects":[{}]}}"#,
        objects.join(",")
    )
}

fn raw<T: serde::Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|error| Error::Bundle(error.to_string()))
}

fn text(members: &Members<'_>) -> Result<String, Error> {
    serde_json::to_string(members).map_err(|error| Error::Bundle(error.to_string()))
}

/// The type that an id begins with.
fn kind(id: &str) -> &str {
    id.split("--").next().unwrap_or(id)
}

/// Small, and needed by everything: author and markings.
fn is_frame(id: &str) -> bool {
    matches!(kind(id), "identity" | "marking-definition")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn report() -> Value {
        json!({"type": "report", "id": "report--1", "description": "Found.",
            "created_by_ref": "identity--1", "object_refs": ["file--1"],
            "x_opencti_content": "<p>page</p>", "x_opencti_files": [
                {"name": "a.html", "mime_type": "text/html", "data": "aaaa"},
                {"name": "a.csv", "mime_type": "text/csv", "data": "bbbb"},
                {"name": "b.csv", "mime_type": "text/csv", "data": "cccc"}]})
    }

    #[test]
    fn a_report_goes_without_its_csvs_then_its_page_then_its_content_and_says_so() {
        let mut text = report().to_string();
        let mut left = Vec::new();
        while let Some((light, what)) = lighter_report(&text).unwrap() {
            left.push(what);
            text = light;
        }
        assert_eq!(
            left,
            [
                vec!["a.csv", "b.csv"],
                vec!["a.html"],
                vec!["the content page"]
            ]
        );
        let light: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(light["x_opencti_files"], json!([]));
        assert_eq!(light.get("x_opencti_content"), None);
        assert_eq!(light["object_refs"], report()["object_refs"]);
        let said = light["description"].as_str().unwrap();
        assert!(
            said.starts_with("Found.\n") && said.contains("\na.html was left out of the report"),
            "{said}"
        );
    }

    #[test]
    fn what_is_too_large_goes_with_all_that_names_it_and_nothing_else() {
        let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": [
            {"type": "identity", "id": "identity--1", "name": "x".repeat(900)},
            {"type": "file", "id": "file--1", "name": "x".repeat(500)},
            {"type": "file", "id": "file--2"},
            {"type": "relationship", "id": "relationship--1", "source_ref": "file--1", "target_ref": "file--2"},
            {"type": "note", "id": "note--1", "object_refs": ["file--1"]},
            {"type": "note", "id": "note--2", "object_refs": ["file--1", "file--2"]},
            {"type": "report", "id": "report--1", "created_by_ref": "identity--1",
                "object_refs": ["file--1", "relationship--1"]}]});
        let mut behind = Behind::default();
        let light = behind.lighter(&bundle.to_string()).unwrap().unwrap();
        let light: Value = serde_json::from_str(&light).unwrap();
        let ids: Vec<&str> = light["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["identity--1", "file--2", "note--2", "report--1"]);
        assert_eq!(light["objects"][2]["object_refs"], json!(["file--2"]));
        assert_eq!(light["objects"][3]["object_refs"], json!(["identity--1"]));
        assert_eq!(behind.objects(), 3);
        assert_eq!(
            behind.left(),
            [
                Left::TooLarge("file--1".to_owned()),
                Left::Names("note--1".to_owned()),
                Left::Names("relationship--1".to_owned()),
            ]
        );
    }
}
