//! Bundles that nobody would send on purpose: rings, doubles, references to
//! nowhere and to oneself. Of types that the platform knows: the helper leaves
//! others out, and we make none.

use serde_json::{Map, Value, json};

const KINDS: &[&str] = &[
    "file",
    "url",
    "identity",
    "report",
    "relationship",
    "sighting",
    "note",
    "malware",
    "marking-definition",
];
const ONE: &[&str] = &[
    "created_by_ref",
    "source_ref",
    "target_ref",
    "sighting_of_ref",
    "x_odd_ref",
];
const MANY: &[&str] = &["object_refs", "object_marking_refs", "where_sighted_refs"];

/// The `seed`th bundle, always the same.
pub(crate) fn bundle(seed: u64) -> String {
    let mut dice = fastrand::Rng::with_seed(seed);
    let ids: Vec<String> = (0..dice.usize(1..10))
        .map(|number| {
            let kind = dice.choice(KINDS).unwrap();
            format!("{kind}--00000000-0000-4000-8000-{number:012}")
        })
        .collect();
    let objects: Vec<Value> = (0..dice.usize(0..14))
        .map(|_| object(&mut dice, &ids))
        .collect();
    json!({
        "type": "bundle",
        "id": format!("bundle--00000000-0000-4000-9000-{seed:012}"),
        "objects": objects,
    })
    .to_string()
}

fn object(dice: &mut fastrand::Rng, ids: &[String]) -> Value {
    let id = dice.choice(ids).unwrap();
    let kind = id.split("--").next().unwrap();
    let mut members = Map::new();
    members.insert("id".to_owned(), json!(id));
    members.insert("type".to_owned(), json!(kind));
    members.insert("name".to_owned(), json!(dice.u8(..)));
    // The platform's helper wants both ends to be there, if only empty.
    if kind == "relationship" {
        members.insert("source_ref".to_owned(), named(dice, ids));
        members.insert("target_ref".to_owned(), named(dice, ids));
    }
    for key in ONE {
        if dice.u8(..) < 60 {
            members.insert((*key).to_owned(), named(dice, ids));
        }
    }
    for key in MANY {
        if dice.u8(..) < 80 {
            let count = dice.usize(0..4);
            let list: Vec<Value> = (0..count).map(|_| existing(dice, ids)).collect();
            members.insert((*key).to_owned(), json!(list));
        }
    }
    if dice.u8(..) < 60 {
        let phase = |dice: &mut fastrand::Rng| json!({"kill_chain_name": "k", "phase_name": dice.u8(0..2).to_string()});
        members.insert(
            "kill_chain_phases".to_owned(),
            json!([phase(dice), phase(dice)]),
        );
    }
    if dice.u8(..) < 60 {
        let link = |dice: &mut fastrand::Rng| {
            let number = dice.u8(0..2);
            match dice.u8(0..3) {
                0 => json!({"source_name": "s", "url": format!("https://example.net/{number}")}),
                1 => json!({"source_name": "s", "external_id": number.to_string()}),
                _ => json!({"source_name": "s"}),
            }
        };
        let links = json!([link(dice), link(dice), link(dice)]);
        members.insert("external_references".to_owned(), links);
    }
    Value::Object(members)
}

fn named(dice: &mut fastrand::Rng, ids: &[String]) -> Value {
    if dice.u8(..) < 20 {
        Value::Null
    } else {
        existing(dice, ids)
    }
}

fn existing(dice: &mut fastrand::Rng, ids: &[String]) -> Value {
    if dice.u8(..) < 30 {
        json!("file--ffffffff-0000-4000-8000-000000000000")
    } else {
        json!(dice.choice(ids).unwrap())
    }
}
