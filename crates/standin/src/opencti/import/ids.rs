//! The ids that the platform computes. Written for the judge alone: it must not
//! share a mistake with what it judges.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// OpenCTI's namespace for all its deterministic ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);

/// The hash that identifies a File: the first of these that it has.
const IDENTIFYING_HASHES: [&str; 4] = ["MD5", "SHA-1", "SHA-256", "SHA-512"];

/// TLP markings have had their ids since before there were computed ones.
const TLP: [(&str, &str); 6] = [
    ("TLP:CLEAR", "613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    ("TLP:WHITE", "613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    ("TLP:GREEN", "34098fce-860f-48ae-8e50-ebd3cc5e41da"),
    ("TLP:AMBER", "f88d31f6-486f-44da-b317-01333bde0b82"),
    ("TLP:AMBER+STRICT", "826578e1-40ad-459f-bc73-ede076f81f37"),
    ("TLP:RED", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
];

/// Whether `id` is one that the platform gives this object; if not, the one that
/// it gives. Nothing is said of a type without a rule, or of an object without
/// what identifies it.
pub(crate) fn fits(kind: &str, object: &Map<String, Value>, id: &str) -> Result<(), String> {
    // A note is known by its text, with or without its date.
    let undated = note(object, false).filter(|_| kind == "note");
    if undated.is_some_and(|pairs| computed(kind, pairs) == id) {
        return Ok(());
    }
    match expected(kind, object) {
        Some(expected) if expected != id => Err(expected),
        _ => Ok(()),
    }
}

fn expected(kind: &str, object: &Map<String, Value>) -> Option<String> {
    let name = || folded(object, "name");
    let pairs: Vec<(&str, Value)> = match kind {
        "identity" => vec![
            ("name", name()?),
            ("identity_class", folded(object, "identity_class")?),
        ],
        "location" => vec![
            ("name", name()?),
            (
                "x_opencti_location_type",
                as_is(object, "x_opencti_location_type")?,
            ),
        ],
        "report" => vec![
            ("name", name()?),
            ("published", as_is(object, "published")?),
        ],
        "indicator" => vec![("pattern", as_is(object, "pattern")?)],
        "malware" | "tool" | "intrusion-set" | "campaign" | "vulnerability" => {
            vec![("name", name()?)]
        }
        "attack-pattern" => attack_pattern(object)?,
        "marking-definition" => return marking(object),
        "file" => file(object)?,
        "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" | "email-addr" => {
            vec![("value", as_is(object, "value")?)]
        }
        "autonomous-system" => vec![("number", as_is(object, "number")?)],
        "relationship" => relationship(object)?,
        "note" => note(object, true)?,
        _ => return None,
    };
    Some(computed(kind, pairs))
}

/// The ids that the platform makes of a file's hashes: of EVERY hash one, those
/// included that several files may share.
pub(crate) fn of_hashes(object: &Value) -> Vec<String> {
    let hashes = object.get("hashes").filter(|_| object["type"] == "file");
    let hashes = hashes.and_then(Value::as_object);
    let ids = hashes.into_iter().flatten().map(|(algorithm, hash)| {
        let hash = json!({ algorithm.as_str(): hash });
        computed("file", vec![("hashes", hash)])
    });
    ids.collect()
}

/// UUIDv5 over the canonical JSON: names sorted, nothing between the tokens.
fn computed(kind: &str, pairs: Vec<(&str, Value)>) -> String {
    let sorted: BTreeMap<&str, Value> = pairs.into_iter().collect();
    let mut text = String::from("{");
    for (place, (name, value)) in sorted.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        // serde_json escapes texts just as RFC 8785 asks for.
        text.push_str(&format!("{}:{value}", Value::from(name)));
    }
    text.push('}');
    format!("{kind}--{}", Uuid::new_v5(&NAMESPACE, text.as_bytes()))
}

fn as_is(object: &Map<String, Value>, name: &str) -> Option<Value> {
    object.get(name).filter(|value| !value.is_null()).cloned()
}

/// As the platform compares names: lower case, without blanks around.
fn folded(object: &Map<String, Value>, name: &str) -> Option<Value> {
    let text = object.get(name)?.as_str()?;
    Some(text.trim().to_lowercase().into())
}

fn attack_pattern(object: &Map<String, Value>) -> Option<Vec<(&'static str, Value)>> {
    match folded(object, "x_mitre_id") {
        Some(id) => Some(vec![("x_mitre_id", id)]),
        None => Some(vec![("name", folded(object, "name")?)]),
    }
}

fn file(object: &Map<String, Value>) -> Option<Vec<(&'static str, Value)>> {
    let hashes = object.get("hashes").and_then(Value::as_object);
    let identifying = IDENTIFYING_HASHES
        .iter()
        .find_map(|algorithm| Some((algorithm, hashes?.get(*algorithm)?)));
    match identifying {
        Some((algorithm, hash)) => Some(vec![("hashes", json!({ *algorithm: hash }))]),
        None => Some(vec![("name", as_is(object, "name")?)]),
    }
}

fn relationship(object: &Map<String, Value>) -> Option<Vec<(&'static str, Value)>> {
    let mut pairs = vec![
        ("relationship_type", as_is(object, "relationship_type")?),
        ("source_ref", as_is(object, "source_ref")?),
        ("target_ref", as_is(object, "target_ref")?),
    ];
    for time in ["start_time", "stop_time"] {
        pairs.extend(as_is(object, time).map(|value| (time, value)));
    }
    Some(pairs)
}

fn note(object: &Map<String, Value>, dated: bool) -> Option<Vec<(&'static str, Value)>> {
    let trimmed = |name| Some(object.get(name)?.as_str()?.trim());
    let mut pairs = vec![("content", trimmed("content")?.into())];
    let title = trimmed("abstract").filter(|title| !title.is_empty());
    pairs.extend(title.map(|title| ("attribute_abstract", title.into())));
    let created = as_is(object, "created").filter(|_| dated);
    pairs.extend(created.map(|created| ("created", created)));
    Some(pairs)
}

fn marking(object: &Map<String, Value>) -> Option<String> {
    let plain = object.get("definition_type")?.as_str()?;
    let kind = object
        .get("x_opencti_definition_type")
        .and_then(Value::as_str)
        .unwrap_or(plain);
    let own = object.get("x_opencti_definition").and_then(Value::as_str);
    let definition = match own {
        Some(text) => text.to_owned(),
        None => defined(plain, object.get("definition")?)?,
    };
    let fixed = TLP
        .iter()
        .find(|(name, _)| *name == definition.to_uppercase());
    if let Some((_, id)) = fixed
        && kind.eq_ignore_ascii_case("tlp")
    {
        return Some(format!("marking-definition--{id}"));
    }
    Some(computed(
        "marking-definition",
        vec![
            ("definition", definition.into()),
            ("definition_type", kind.into()),
        ],
    ))
}

/// The text of a marking: `{"statement": TEXT}`, `{"tlp": "amber"}`.
fn defined(kind: &str, definition: &Value) -> Option<String> {
    let text = definition.get(kind)?.as_str()?;
    Some(match kind {
        "tlp" => format!("TLP:{}", text.to_uppercase()),
        _ => text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(object: Value) -> String {
        let kind = object["type"].as_str().unwrap();
        expected(kind, object.as_object().unwrap()).unwrap()
    }

    /// Ids that a platform computed.
    const MD5: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    const SHA256: &str = "5f0c9a3be1d24477a0c6f2d18b9e7340c1a5d6e8f90b2c4d6e8fa0b1c2d3e4f5";
    const FILE: &str = "file--d80da9ec-7101-5b44-a3ae-361fbcba42a9";
    const OTHER: &str = "file--895ef91f-0038-5e7e-9b2a-4a868dbf57f8";

    /// Objects, and the ids that the platform gives them.
    fn assert_ids(known: &[(Value, &str)]) {
        for (object, wanted) in known {
            assert_eq!(id(object.clone()), *wanted, "{object}");
        }
    }

    #[test]
    fn the_judge_computes_the_ids_that_the_platform_computes_of_knowledge() {
        assert_ids(&[
            (
                json!({"type": "identity", "name": "  Spaced  Name ", "identity_class": "organization"}),
                "identity--0a9820a1-a2ff-5e1b-9a0e-9dfc2d548586",
            ),
            (
                json!({"type": "identity", "name": "Éire CERT", "identity_class": "organization"}),
                "identity--15676741-e05d-5b4d-b5dd-9bb1e8a0b13e",
            ),
            (
                json!({"type": "location", "name": "Côte d'Ivoire", "x_opencti_location_type": "Country"}),
                "location--bcee91ac-d673-5d9e-a8da-161adbaf368a",
            ),
            (
                json!({"type": "report", "name": "Report é", "published": "2026-11-20T13:00:01.123Z"}),
                "report--1c1e3ba4-c24a-5b2f-b04a-b6ff2ba3025f",
            ),
            (
                json!({"type": "indicator", "pattern": "[ipv4-addr:value = '203.0.113.7']"}),
                "indicator--4d0cd89a-b3ad-5473-aa56-c07f9c554f90",
            ),
            (
                json!({"type": "indicator", "pattern": format!("[file:hashes.'SHA-256' = '{SHA256}']")}),
                "indicator--8fa3a140-4082-5227-b3a0-ddd3ac50fc64",
            ),
            (
                json!({"type": "report", "name": "VirusTotal AU 2026-11-20", "published": "2026-11-20T00:00:00Z"}),
                "report--6d914072-3c03-5639-9a5b-860f2271894f",
            ),
            (
                json!({"type": "attack-pattern", "name": "Clear Command History", "x_mitre_id": "T1070.003"}),
                "attack-pattern--5be4520d-fd36-5ea5-a6e8-7906be51661f",
            ),
            (
                json!({"type": "malware", "name": "AgentTesla"}),
                "malware--31e68dce-8514-5b1f-91b7-872abd35420e",
            ),
            (
                json!({"type": "attack-pattern", "name": "Process Injection", "x_mitre_id": "T1055"}),
                "attack-pattern--5acd04dd-553c-5d22-a05c-a548b9cc08cc",
            ),
            (
                json!({"type": "note", "content": "Detections"}),
                "note--5a8b8c32-9e23-5e52-8cb6-d67cf5970cda",
            ),
        ]);
    }

    #[test]
    fn the_judge_computes_the_ids_that_the_platform_computes_of_observables_and_links() {
        assert_ids(&[
            (
                json!({"type": "domain-name", "value": "bücher.example"}),
                "domain-name--dbf3aff2-b3cd-57d2-9616-0ddfde9d01ad",
            ),
            (
                json!({"type": "ipv6-addr", "value": "2001:db8::1"}),
                "ipv6-addr--6469e3a9-b053-5e34-a025-9396ae051d26",
            ),
            (
                json!({"type": "file", "name": "x.exe", "hashes": {"SHA-256": SHA256, "MD5": MD5}}),
                FILE,
            ),
            (
                json!({"type": "file", "hashes": {"SHA-256": SHA256}}),
                OTHER,
            ),
            (
                json!({"type": "file", "name": "only-name.exe"}),
                "file--a9b60fe9-e6a4-57ca-b710-93a7174adc29",
            ),
            (
                json!({"type": "url", "value": "http://c2.example.net/a?b=c&d=é"}),
                "url--7742ab81-8feb-5ca4-a7a3-26186f0f38cf",
            ),
            (
                json!({"type": "relationship", "relationship_type": "drops", "source_ref": FILE, "target_ref": OTHER}),
                "relationship--32c28795-f413-5a81-97cf-6596b4ecbe93",
            ),
        ]);
    }

    #[test]
    fn the_judge_computes_the_ids_that_the_platform_computes_of_markings() {
        assert_ids(&[
            (
                json!({"type": "marking-definition", "definition_type": "PAP",
                    "definition": {"PAP": "PAP:AMBER"}}),
                "marking-definition--a6f20d4d-0360-59b6-ba22-3b48707828b1",
            ),
            (
                json!({"type": "marking-definition", "definition_type": "tlp", "definition": {"tlp": "white"}}),
                "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
            ),
            (
                json!({"type": "marking-definition", "definition_type": "statement",
                    "definition": {"statement": "custom"},
                    "x_opencti_definition_type": "TLP", "x_opencti_definition": "TLP:AMBER+STRICT"}),
                "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37",
            ),
            (
                json!({"type": "marking-definition", "definition_type": "statement",
                    "definition": {"statement": "Copyright Example"}}),
                "marking-definition--9f96953d-5b57-5d09-9831-abc3f5b8b6d3",
            ),
        ]);
    }
}
