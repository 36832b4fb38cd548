use std::collections::BTreeSet;

use vtreporter::stix::id::{self, FileKey, Id};
use vtreporter::stix::marking::Tlp;

use super::bundles::{expected, sent};
use super::python::Python;
use super::*;

async fn compare(python: &Python, objects: Vec<Value>) {
    let theirs = python.ask("ids.py", &json!(objects)).await;
    let mut wrong = Vec::new();
    for (object, theirs) in objects.iter().zip(theirs.as_array().unwrap()) {
        if object["id"] != *theirs {
            wrong.push(format!("{theirs} is theirs for {object}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_official_helper_gives_our_objects_the_same_ids() {
    let Some(python) = Python::ready() else {
        return;
    };
    let mut objects = Vec::new();
    for bundle in expected().iter().chain(sent().await) {
        let bundle = bundle.value();
        objects.extend(bundle["objects"].as_array().unwrap().iter().cloned());
    }
    let kinds: BTreeSet<_> = objects
        .iter()
        .filter_map(|it| it["type"].as_str())
        .collect();
    for kind in [
        "attack-pattern",
        "domain-name",
        "file",
        "identity",
        "indicator",
        "ipv4-addr",
        "ipv6-addr",
        "location",
        "malware",
        "marking-definition",
        "note",
        "relationship",
        "report",
        "url",
    ] {
        assert!(kinds.contains(kind), "no {kind} was judged: {kinds:?}");
    }
    compare(&python, objects).await;
}

/// Names as nobody should choose them.
const NAMES: &[&str] = &[
    "Emotet",
    "  Trick BOT\t",
    "ПРИВЕТ мир",
    "STRAẞE İstanbul ΣΑΣ",
    "quote \" back \\ slash / and \u{7f}",
    "control \u{1} \n \u{b}",
    "emoji 🦀 and \u{2028}",
    "İ\u{301}",
];

#[tokio::test]
async fn the_official_helper_gives_odd_names_the_same_ids() {
    let Some(python) = Python::ready() else {
        return;
    };
    let mut objects = Vec::new();
    let mut add = |id: Id, object: Value| objects.push(with_id(id, object));
    for name in NAMES {
        let (file, other) = (id::file(FileKey::Name(name)), id::malware(name));
        add(file, json!({ "name": name }));
        add(other, json!({ "name": name }));
        add(
            id::identity(name, "Organization"),
            json!({"name": name, "identity_class": "Organization"}),
        );
        add(
            id::location(name, "Country"),
            json!({"name": name, "x_opencti_location_type": "Country"}),
        );
        add(id::indicator(name), json!({ "pattern": name }));
        add(id::attack_pattern(name, None), json!({ "name": name }));
        add(
            id::attack_pattern(name, Some("T1027.002")),
            json!({"name": name, "x_mitre_id": "T1027.002"}),
        );
        add(id::domain(name), json!({ "value": name }));
        add(id::url(name), json!({ "value": name }));
        add(id::note(name, None), json!({ "content": name }));
        let at = "2026-11-20T13:00:00.000Z";
        add(
            id::note(name, Some(at)),
            json!({"content": name, "created": at}),
        );
        add(id::report(name, at), json!({"name": name, "published": at}));
        let related = id::relationship("related-to", file, other);
        let ends = json!({"relationship_type": "related-to",
            "source_ref": file.to_string(), "target_ref": other.to_string()});
        add(related, ends);
    }
    add(id::ipv4("192.0.2.1"), json!({"value": "192.0.2.1"}));
    add(id::ipv6("2001:db8::1"), json!({"value": "2001:db8::1"}));
    for (key, known) in files_by_hash() {
        add(key, json!({ "hashes": known }));
    }
    for level in Tlp::ALL {
        let definition = serde_json::to_value(level.definition()).unwrap();
        add(level.id(), definition);
    }
    compare(&python, objects).await;
}

fn with_id(id: Id, mut object: Value) -> Value {
    object["type"] = json!(id.kind());
    object["id"] = json!(id.to_string());
    object
}

/// Files of which less and less is known, each with the id by its first hash.
fn files_by_hash() -> Vec<(Id, Value)> {
    let hashes = [
        ("MD5", "a".repeat(32)),
        ("SHA-1", "b".repeat(40)),
        ("SHA-256", "c".repeat(64)),
    ];
    let from = |from: usize| {
        let known: serde_json::Map<_, _> = hashes[from..]
            .iter()
            .map(|(name, hash)| ((*name).to_owned(), json!(hash)))
            .collect();
        let hash = hashes[from].1.as_str();
        let key = match from {
            0 => FileKey::Md5(hash),
            1 => FileKey::Sha1(hash),
            _ => FileKey::Sha256(hash),
        };
        (id::file(key), Value::Object(known))
    };
    (0..hashes.len()).map(from).collect()
}
