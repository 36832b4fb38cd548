//! Objects as a connector should send them.

use serde_json::{Value, json};
use uuid::Uuid;

const NAMESPACE: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);

pub(crate) fn id(kind: &str, identity: Value) -> String {
    let canonical = serde_json_canonicalizer::to_vec(&identity).unwrap();
    format!("{kind}--{}", Uuid::new_v5(&NAMESPACE, &canonical))
}

pub(crate) fn bundle(objects: &[Value]) -> Value {
    let id = Uuid::new_v5(&NAMESPACE, json!(objects).to_string().as_bytes());
    json!({ "type": "bundle", "id": format!("bundle--{id}"), "objects": objects })
}

pub(crate) fn author() -> Value {
    json!({
        "type": "identity", "spec_version": "2.1",
        "id": id("identity", json!({"name": "virustotal", "identity_class": "organization"})),
        "created": "2026-11-20T13:00:00.000Z", "modified": "2026-11-20T13:00:00.000Z",
        "name": "VirusTotal", "identity_class": "organization",
    })
}

pub(crate) fn amber() -> Value {
    json!({
        "type": "marking-definition", "spec_version": "2.1",
        "id": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
        "created": "2017-01-20T00:00:00.000Z", "definition_type": "tlp",
        "definition": { "tlp": "amber" },
    })
}

/// A File whose hash says which one it is.
pub(crate) fn file(number: u64) -> Value {
    let sha256 = format!("{number:064x}");
    json!({
        "type": "file", "spec_version": "2.1",
        "id": id("file", json!({ "hashes": { "SHA-256": sha256 } })),
        "hashes": { "SHA-256": sha256 }, "name": format!("sample-{number}.exe"),
        "size": 4096 + number, "x_opencti_description": "A sample.", "x_opencti_score": 80,
        "created_by_ref": author()["id"], "x_opencti_created_by_ref": author()["id"],
        "object_marking_refs": [amber()["id"]], "labels": ["peexe"],
    })
}

pub(crate) fn url(value: &str) -> Value {
    json!({
        "type": "url", "spec_version": "2.1", "value": value,
        "id": id("url", json!({ "value": value })),
        "x_opencti_created_by_ref": author()["id"],
    })
}

pub(crate) fn link(source: &Value, name: &str, target: &Value) -> Value {
    let (source, target) = (&source["id"], &target["id"]);
    json!({
        "type": "relationship", "spec_version": "2.1", "relationship_type": name,
        "id": id("relationship", json!({
            "relationship_type": name, "source_ref": source, "target_ref": target,
        })),
        "created": "2026-11-20T13:00:00.000Z", "modified": "2026-11-20T13:00:00.000Z",
        "source_ref": source, "target_ref": target, "created_by_ref": author()["id"],
    })
}

pub(crate) fn report(refs: &[&Value]) -> Value {
    let (name, published) = ("VirusTotal AU", "2026-11-20T13:00:00.000Z");
    let refs: Vec<&Value> = refs.iter().map(|object| &object["id"]).collect();
    json!({
        "type": "report", "spec_version": "2.1", "name": name, "published": published,
        "id": id("report", json!({ "name": name.to_lowercase(), "published": published })),
        "created": published, "modified": published, "report_types": ["threat-report"],
        "confidence": 75, "created_by_ref": author()["id"], "object_refs": refs,
    })
}

/// The object with some properties changed; `null` takes one away.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}
