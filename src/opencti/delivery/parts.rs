//! A bundle's text taken apart, without reading more than is needed and
//! without changing a byte of its objects.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::opencti::error::Error;

/// The members of a JSON object in their order, the values as they stand.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Bundle(error.to_string()))
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.read_as(name)
    }

    /// A member read as a type of the caller's; `None` where it is something else.
    pub(super) fn read_as<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        serde_json::from_str(value.get()).ok()
    }

    /// Takes a member out; whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(key, _)| key != name);
        self.0.len() < before
    }

    /// Puts another value in a member's place, or at the end.
    pub(super) fn set(&mut self, name: &str, value: &'a RawValue) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((Cow::Owned(name.to_owned()), value)),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect).map(Members)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A key: borrowed where the text has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// One object of a bundle.
pub(super) struct Object<'a> {
    pub(super) id: String,
    /// As it stands in the bundle.
    pub(super) text: &'a str,
    /// What it names by `*_ref` and `*_refs`, `object_refs` left out.
    pub(super) refs: Vec<String>,
    /// `source_ref`: where a relationship begins.
    pub(super) source: Option<String>,
    /// `object_refs`, where it has them (reports, notes, groupings, ...).
    pub(super) contains: Option<Vec<String>>,
}

impl<'a> Object<'a> {
    fn read(text: &'a str) -> Result<Self, Error> {
        let members = Members::read(text)?;
        let id = members
            .text("id")
            .ok_or_else(|| Error::Bundle("an object has no id".to_owned()))?;
        let mut refs = Vec::new();
        let mut contains = None;
        for (key, value) in &members.0 {
            if key == "object_refs" {
                contains = serde_json::from_str(value.get()).ok();
            } else if key.ends_with("_refs") {
                // What is not a list of texts names nothing.
                refs.extend(serde_json::from_str::<Vec<String>>(value.get()).unwrap_or_default());
            } else if key.ends_with("_ref") {
                refs.extend(serde_json::from_str::<String>(value.get()).ok());
            }
        }
        Ok(Self {
            id,
            text,
            refs,
            source: members.text("source_ref"),
            contains,
        })
    }
}

/// A bundle.
pub(super) struct Bundle<'a> {
    pub(super) id: String,
    pub(super) objects: Vec<Object<'a>>,
}

/// How many different objects a bundle holds: what a worker splits it into.
pub(super) fn distinct(bundle: &str) -> Result<usize, Error> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        objects: Vec<Named<'a>>,
    }
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    let wire: Wire<'_> =
        serde_json::from_str(bundle).map_err(|error| Error::Bundle(error.to_string()))?;
    let ids: HashSet<&str> = wire.objects.iter().map(|object| &*object.id).collect();
    Ok(ids.len())
}

impl<'a> Bundle<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(rename = "type")]
            kind: String,
            id: String,
            #[serde(borrow, default)]
            objects: Vec<&'a RawValue>,
        }
        let wire: Wire<'a> =
            serde_json::from_str(text).map_err(|error| Error::Bundle(error.to_string()))?;
        if wire.kind != "bundle" {
            return Err(Error::Bundle(format!("its type is `{}`", wire.kind)));
        }
        Ok(Self {
            id: wire.id,
            objects: wire
                .objects
                .into_iter()
                .map(|object| Object::read(object.get()))
                .collect::<Result<_, _>>()?,
        })
    }
}
