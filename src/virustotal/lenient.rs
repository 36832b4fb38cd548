//! Reading an object of which something is odd, attribute by attribute.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::objects::{Descriptor, File, Kind, Meta, ObjectError};

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

/// Whether a file with this one member in its `part` can be read.
fn reads(part: &str, member: &str) -> bool {
    serde_json::from_str::<File>(&format!(r#"{{"{part}":{{{member}}}}}"#)).is_ok()
}

/// A relationship with those of its descriptors that can be read, as a text.
fn sound(relationship: &str) -> String {
    #[derive(serde::Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
        #[serde(borrow, default)]
        meta: Option<&'a RawValue>,
    }
    let Ok(list) = serde_json::from_str::<List<'_>>(relationship) else {
        return "null".to_owned();
    };
    let kept: Vec<&str> = list
        .data
        .into_iter()
        .map(RawValue::get)
        .filter(|one| serde_json::from_str::<Descriptor>(one).is_ok())
        .collect();
    // A `meta` that is odd only loses the note that there are more.
    let meta = list
        .meta
        .map(RawValue::get)
        .filter(|meta| serde_json::from_str::<Meta>(meta).is_ok())
        .unwrap_or("null");
    format!(r#"{{"data":[{}],"meta":{meta}}}"#, kept.join(","))
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
        let mut member = format!("{}:{raw}", Value::from(name.as_str()));
        if !reads(part, &member) {
            odd.push(name.clone());
            // Of a relationship only the descriptors that are odd are lost.
            member = format!("{}:{}", Value::from(name.as_str()), sound(raw.get()));
            if part != "relationships" || !reads(part, &member) {
                continue;
            }
        }
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(&member);
    }
    format!(r#"{{"{part}":{{{kept}}}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_descriptor_does_not_lose_the_others_of_its_relationship() {
        let text = r#"{"type":"file","id":"x","relationships":{"contacted_ips":{"data":[
            {"type":"ip_address","id":"203.0.113.1"},
            {"type":"ip_address","id":{"odd":1}},
            7,
            {"type":"ip_address","id":"203.0.113.2"}],"meta":{"cursor":["odd"]}}}}"#;
        let (file, odd) = File::lenient_text(text).unwrap();
        let ids: Vec<_> = file.relationships["contacted_ips"]
            .data
            .iter()
            .flatten()
            .map(|one| one.id.as_str())
            .collect();
        assert_eq!(ids, ["203.0.113.1", "203.0.113.2"]);
        assert_eq!(odd, ["contacted_ips"]);
    }
}
