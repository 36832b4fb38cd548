use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::*;

/// Author, marking, `files` files with a related file and a relationship each,
/// a note about the first file, and a report that holds all.
fn bundle(files: usize) -> Value {
    let base =
        json!({"created_by_ref": "identity--a", "object_marking_refs": ["marking-definition--m"]});
    let with = |mut object: Value| {
        let members = object.as_object_mut().unwrap();
        members.extend(base.as_object().unwrap().clone());
        object
    };
    let mut objects = vec![
        json!({"id": "identity--a", "type": "identity"}),
        json!({"id": "marking-definition--m", "type": "marking-definition"}),
    ];
    for n in 0..files {
        objects.push(with(
            json!({"id": format!("file--main{n}"), "name": "ü\n\"\\u0041"}),
        ));
    }
    for n in 0..files {
        objects.push(with(json!({"id": format!("file--related{n}")})));
    }
    for n in 0..files {
        objects.push(with(json!({
            "id": format!("relationship--{n}"),
            "source_ref": format!("file--main{n}"),
            "target_ref": format!("file--related{n}"),
        })));
    }
    objects.push(with(
        json!({"id": "note--n", "object_refs": ["file--main0"]}),
    ));
    let refs: Vec<_> = objects.iter().skip(2).map(|o| o["id"].clone()).collect();
    let refs = [refs, vec![json!("campaign--elsewhere")]].concat();
    objects.push(with(
        json!({"id": "report--r", "published": "2026-01-01T00:00:00.000Z", "object_refs": refs}),
    ));
    json!({"type": "bundle", "id": "bundle--1", "objects": objects})
}

fn objects(text: &str) -> HashMap<String, Value> {
    let bundle: Value = serde_json::from_str(text).unwrap();
    let list = bundle["objects"].as_array().unwrap();
    let map: HashMap<_, _> = list
        .iter()
        .map(|o| (o["id"].as_str().unwrap().to_owned(), o.clone()))
        .collect();
    assert_eq!(map.len(), list.len(), "nothing is in there twice");
    map
}

fn named(object: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (key, value) in object.as_object().unwrap() {
        if key.ends_with("_ref") {
            all.push(value.as_str().unwrap().to_owned());
        } else if key.ends_with("_refs") {
            all.extend(
                value
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|v| v.as_str().unwrap().to_owned()),
            );
        }
    }
    all
}

fn cut(text: &str) -> Option<(String, String)> {
    halves(text).unwrap()
}

/// Cuts until nothing can be cut any more.
fn crumbs(text: &str) -> Vec<String> {
    match cut(text) {
        None => vec![text.to_owned()],
        Some((a, b)) => [crumbs(&a), crumbs(&b)].concat(),
    }
}

#[test]
fn each_half_holds_whatever_its_objects_name() {
    let text = bundle(10).to_string();
    let (a, b) = cut(&text).unwrap();
    for half in [objects(&a), objects(&b)] {
        assert!(half.contains_key("identity--a") && half.contains_key("marking-definition--m"));
        assert!(half.contains_key("report--r"));
        for object in half.values() {
            for id in named(object) {
                assert!(
                    half.contains_key(&id) || id == "campaign--elsewhere",
                    "{id}"
                );
            }
        }
    }
}

#[test]
fn the_halves_together_hold_every_object_and_every_name_of_the_report() {
    let whole = bundle(7);
    let before = objects(&whole.to_string());
    for pieces in [
        <[String; 2]>::from(cut(&whole.to_string()).unwrap()).to_vec(),
        crumbs(&whole.to_string()),
    ] {
        let mut seen: HashMap<String, Value> = HashMap::new();
        let mut report = BTreeSet::new();
        for piece in &pieces {
            for (id, object) in objects(piece) {
                if id == "report--r" {
                    report.extend(named(&object));
                }
                seen.insert(id, object);
            }
        }
        for (id, object) in &before {
            if id != "report--r" {
                assert_eq!(seen.get(id), Some(object), "{id} arrives unchanged");
            }
        }
        let demanded: BTreeSet<_> = named(&before["report--r"]).into_iter().collect();
        assert_eq!(report, demanded);
    }
}

#[test]
fn a_relationship_goes_with_its_ends_so_that_little_is_sent_twice() {
    let text = bundle(100).to_string();
    let (a, b) = cut(&text).unwrap();
    let twice = objects(&a).len() + objects(&b).len() - objects(&text).len();
    assert!(twice <= 5, "{twice} objects are in both");
    assert!(a.len().abs_diff(b.len()) < text.len() / 10);
}

#[test]
fn what_cannot_be_made_smaller_is_not_cut() {
    assert_eq!(
        cut(&json!({"type":"bundle","id":"bundle--1","objects":[{"id":"file--1"}]}).to_string()),
        None
    );
    let all_need_all = json!({"type":"bundle","id":"bundle--1","objects":[
        {"id":"file--1","x_ref":"file--2"}, {"id":"file--2","x_ref":"file--1"}]});
    assert_eq!(cut(&all_need_all.to_string()), None);
    assert!(crumbs(&bundle(5).to_string()).len() >= 5);
}

#[test]
fn the_same_bundle_is_always_cut_the_same_way() {
    let text = bundle(9).to_string();
    assert_eq!(cut(&text), cut(&text));
    let (a, b) = cut(&text).unwrap();
    let id = |text: &str| serde_json::from_str::<Value>(text).unwrap()["id"].clone();
    assert_ne!(id(&a), id(&b));
}

#[test]
fn what_is_no_bundle_is_an_error_and_not_a_panic() {
    for text in [
        "",
        "{",
        "[]",
        r#"{"type":"x","id":"y"}"#,
        r#"{"type":"bundle","id":"b","objects":[1]}"#,
        r#"{"type":"bundle","id":"b","objects":[{}]}"#,
    ] {
        assert!(matches!(halves(text), Err(Error::Bundle(_))), "{text}");
    }
}
