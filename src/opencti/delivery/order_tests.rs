use serde_json::{Value, json};

use super::*;

fn inners(bundle: &Value) -> Vec<Value> {
    let text = bundle.to_string();
    let plan = Plan::new(&text).unwrap();
    plan.pieces
        .iter()
        .map(|piece| serde_json::from_str(&plan.inner(piece).unwrap()).unwrap())
        .collect()
}

fn ids(inners: &[Value]) -> Vec<(&str, u64)> {
    inners
        .iter()
        .map(|inner| {
            let object = &inner["objects"][0];
            assert_eq!(inner["x_opencti_seq"], object["nb_deps"]);
            (
                object["id"].as_str().unwrap(),
                inner["x_opencti_seq"].as_u64().unwrap(),
            )
        })
        .collect()
}

fn bundle(objects: Value) -> Value {
    json!({"type": "bundle", "id": "bundle--1", "objects": objects})
}

#[test]
fn what_others_need_comes_first_and_every_mention_counts() {
    let inners = inners(&bundle(json!([
        {"id": "report--r", "type": "report", "created_by_ref": "identity--a",
         "object_refs": ["file--1", "file--2", "relationship--1"]},
        {"id": "relationship--1", "type": "relationship", "source_ref": "file--1", "target_ref": "file--2"},
        {"id": "file--1", "type": "file", "created_by_ref": "identity--a", "x_opencti_created_by_ref": "identity--a"},
        {"id": "file--2", "type": "file", "created_by_ref": "identity--a"},
        {"id": "identity--a", "type": "identity"},
        {"id": "marking-definition--m", "type": "marking-definition"},
    ])));
    assert_eq!(
        ids(&inners),
        [
            ("identity--a", 1),
            ("marking-definition--m", 1),
            ("file--2", 2),
            ("file--1", 3),
            ("relationship--1", 6),
            ("report--r", 1 + 1 + 3 + 2 + 6),
        ]
    );
    assert_eq!(inners[0]["id"], "bundle--1");
    assert_eq!(inners[0]["spec_version"], "2.1");
}

#[test]
fn a_name_that_is_not_in_the_bundle_stays_and_counts_nothing() {
    let inners = inners(&bundle(json!([
        {"id": "file--1", "type": "file", "created_by_ref": "identity--elsewhere", "object_marking_refs": ["m--1", "m--1"]},
    ])));
    assert_eq!(ids(&inners), [("file--1", 1)]);
    let object = &inners[0]["objects"][0];
    assert_eq!(object["created_by_ref"], "identity--elsewhere");
    assert_eq!(object["object_marking_refs"], json!(["m--1"]), "no doubles");
}

#[test]
fn rings_are_opened_and_a_relationship_without_an_end_is_left_out() {
    let inners = inners(&bundle(json!([
        {"id": "note--1", "type": "note", "object_refs": ["report--1", "note--1"]},
        {"id": "report--1", "type": "report", "object_refs": ["note--1", "file--1"]},
        {"id": "file--1", "type": "file", "x_ref": "file--1", "y_ref": null},
        {"id": "relationship--1", "type": "relationship", "source_ref": "file--1", "target_ref": "relationship--1"},
        {"id": "relationship--2", "type": "relationship", "source_ref": "file--1"},
    ])));
    assert_eq!(
        ids(&inners),
        [("file--1", 1), ("report--1", 2), ("note--1", 3)]
    );
    assert_eq!(inners[0]["objects"][0]["x_ref"], Value::Null);
    assert_eq!(inners[1]["objects"][0]["object_refs"], json!(["file--1"]));
    assert_eq!(inners[2]["objects"][0]["object_refs"], json!(["report--1"]));
}

#[test]
fn of_two_objects_with_one_id_the_later_one_is_sent_once() {
    let inners = inners(&bundle(json!([
        {"id": "file--1", "type": "file", "name": "old"},
        {"id": "file--1", "type": "file", "name": "new"},
    ])));
    assert_eq!(inners.len(), 1);
    assert_eq!(inners[0]["objects"][0]["name"], "new");
}

#[test]
fn references_that_say_the_same_are_sent_once() {
    let inners = inners(&bundle(json!([
        {"id": "file--1", "type": "file", "external_references": [
            {"source_name": "a", "url": "https://example.net/1"},
            {"source_name": "b", "url": "https://example.net/1"},
            {"source_name": "c", "external_id": "1"},
            {"source_name": "nothing to find it by"},
        ], "kill_chain_phases": [
            {"kill_chain_name": "k", "phase_name": "p"}, {"kill_chain_name": "k", "phase_name": "p"},
        ]},
    ])));
    let object = &inners[0]["objects"][0];
    assert_eq!(
        object["external_references"],
        json!([{"source_name": "a", "url": "https://example.net/1"}, {"source_name": "c", "external_id": "1"}])
    );
    assert_eq!(
        object["kill_chain_phases"],
        json!([{"kill_chain_name": "k", "phase_name": "p"}])
    );
}

#[test]
fn a_long_chain_and_a_long_list_are_counted_in_good_time() {
    let mut objects: Vec<Value> = (0..2_000)
        .map(|n| json!({"id": format!("file--{n}"), "type": "file"}))
        .collect();
    let refs: Vec<_> = objects.iter().map(|o| o["id"].clone()).collect();
    objects.push(json!({"id": "report--1", "type": "report", "object_refs": refs}));
    for n in 0..300 {
        objects.push(json!({"id": format!("chain--{n}"), "type": "x", "next_ref": format!("chain--{}", n + 1)}));
    }
    let inners = inners(&bundle(json!(objects)));
    assert_eq!(inners.len(), 2_301);
    assert_eq!(ids(&inners)[2_300], ("report--1", 2_001));
}
