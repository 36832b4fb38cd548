//! Reading an object of which something is odd, attribute by attribute.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::objects::{File, Kind, ObjectError};

impl File {
    /// Reads an object whose attributes are of odd types: each attribute by
    /// itself, so that one odd attribute does not lose the object. Also returns
    /// the names of those that could not be read. `None`: not an object at all.
    pub fn lenient(value: &Value) -> Option<(Self, Vec<String>)> {
        Self::lenient_text(&value.to_string())
    }

    /// [`File::lenient`] of a JSON text, which may also hold numbers and
    /// escapes that a [`Value`] cannot.
    pub fn lenient_text(text: &str) -> Option<(Self, Vec<String>)> {
        let mut parts: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        let mut odd = Vec::new();
        let mut file = Self {
            kind: Kind::File,
            ..Self::default()
        };
        for part in ["attributes", "relationships"] {
            let Some(raw) = parts.remove(part) else {
                continue;
            };
            let readable = readable(part, raw.get(), &mut odd);
            if let Ok(read) = serde_json::from_str::<Self>(&readable) {
                match part {
                    "attributes" => file.attributes = read.attributes,
                    _ => file.relationships = read.relationships,
                }
            }
        }
        for (part, raw) in parts {
            let read = || serde_json::from_str::<Self>(&format!(r#"{{"{part}":{raw}}}"#));
            match part.as_str() {
                "id" => file.id = read().map(|read| read.id).unwrap_or_default(),
                "type" => file.kind = read().map_or(Kind::Other, |read| read.kind),
                // A stub stays one, however odd its reason.
                "error" => {
                    file.error = read()
                        .map(|read| read.error)
                        .unwrap_or_else(|_| Some(ObjectError::default()));
                }
                _ => {}
            }
        }
        Some((file, odd))
    }
}

/// A file with nothing but those members of its `part` that can be read, as a text.
fn readable(part: &str, text: &str, odd: &mut Vec<String>) -> String {
    let members: BTreeMap<String, &RawValue> = match serde_json::from_str(text) {
        Ok(members) => members,
        Err(_) => {
            if text != "null" {
                odd.push(part.to_owned());
            }
            BTreeMap::new()
        }
    };
    let mut kept = String::new();
    for (name, raw) in members {
        let member = format!("{}:{raw}", Value::from(name.as_str()));
        let alone = format!(r#"{{"{part}":{{{member}}}}}"#);
        if serde_json::from_str::<File>(&alone).is_err() {
            odd.push(name);
            continue;
        }
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(&member);
    }
    format!(r#"{{"{part}":{{{kept}}}}}"#)
}
