use std::collections::HashSet;

use chrono::TimeDelta;
use serde_json::json;

use super::*;

fn day() -> Range<DateTime<Utc>> {
    let start = DateTime::from_timestamp(1_793_577_600, 0).unwrap();
    start..start + TimeDelta::days(1)
}

fn all(world: &World, view: &View) -> Vec<Value> {
    let read = |(_, entry): (u64, Entry)| {
        let mut out = String::new();
        entry.write(&mut out, view);
        serde_json::from_str(&out).unwrap()
    };
    world.entries().map(read).collect()
}

fn full() -> View {
    let names = [
        "contacted_ips",
        "contacted_urls",
        "dropped_files",
        "similar_files",
    ];
    View {
        base: "http://127.0.0.1:1/api/v3".to_owned(),
        relationships: names.map(str::to_owned).to_vec(),
        ..View::default()
    }
}

#[test]
fn a_world_is_the_same_for_the_same_seed_and_other_for_another() {
    let one = |seed| all(&World::generate(seed, 50, &["AU"], day()), &full());
    assert_eq!(one(1), one(1));
    assert_ne!(one(1), one(2));
}

#[test]
fn hashes_are_distinct_and_each_of_the_three_finds_its_file() {
    let world = World::generate(7, 3000, &["AU"], day());
    let mut seen = HashSet::new();
    for (_, entry) in world.entries() {
        let Entry::Block(block, code) = entry else {
            panic!("a generated world has generated files");
        };
        for hash in [block.sha256(code), block.sha1(code), block.md5(code)] {
            let found = world.find(&hash.to_ascii_uppercase()).unwrap();
            assert_eq!(found.id(), entry.id());
            assert!(seen.insert(hash));
        }
    }
    assert!(world.find(&"0".repeat(64)).is_none());
}

#[test]
fn first_submissions_grow_stay_in_the_window_and_now_and_then_coincide() {
    let Range { start, end } = day();
    let world = World::generate(3, 2000, &["AU"], start..end);
    let firsts: Vec<i64> = world
        .entries()
        .map(|(_, entry)| entry.facts().unwrap().first)
        .collect();
    assert!(firsts.is_sorted());
    assert!(firsts[0] >= start.timestamp() && firsts[1999] < end.timestamp());
    assert!(firsts.windows(3).any(|three| three[0] == three[2]));
}

#[test]
fn every_severity_and_every_odd_shape_occurs() {
    let objects = all(&World::generate(1, 2000, &["AU"], day()), &full());
    let levels: HashSet<String> = objects
        .iter()
        .map(|object| match object["attributes"].get("threat_severity") {
            None => "missing".to_owned(),
            Some(Value::Null) => "null".to_owned(),
            Some(severity) => severity["threat_severity_level"].to_string(),
        })
        .collect();
    assert_eq!(levels.len(), 7, "{levels:?}");
    let names = |wanted: fn(Option<&Value>) -> bool| {
        objects
            .iter()
            .any(|object| wanted(object["attributes"].get("names")))
    };
    assert!(names(|names| names.is_none()));
    assert!(names(|names| names.is_some_and(Value::is_null)));
    assert!(names(
        |names| names.is_some_and(|names| names.to_string().contains("\\u0000"))
    ));
    assert!(
        objects
            .iter()
            .any(|object| object["attributes"]["size"].as_i64() > Some(1 << 31))
    );
}

#[test]
fn more_than_twenty_relations_come_with_a_cursor_and_twenty_descriptors() {
    let objects = all(&World::generate(1, 2000, &["AU"], day()), &full());
    let relation = |name: &str| {
        objects
            .iter()
            .map(|object| object["relationships"][name].clone())
            .collect::<Vec<_>>()
    };
    for name in ["contacted_ips", "contacted_urls", "similar_files"] {
        let all = relation(name);
        let more: Vec<_> = all
            .iter()
            .filter(|one| one["meta"]["cursor"].is_string())
            .collect();
        assert!(!more.is_empty(), "{name}");
        for one in more {
            assert_eq!(one["data"].as_array().unwrap().len(), 20);
        }
    }
    let urls = relation("contacted_urls");
    let url = urls.iter().find_map(|one| one["data"].get(0)).unwrap();
    assert_eq!(url["id"].as_str().unwrap().len(), 64);
    assert!(
        url["context_attributes"]["url"]
            .as_str()
            .unwrap()
            .starts_with("http")
    );
}

#[test]
fn padding_makes_a_file_as_large_as_asked_whatever_is_excluded() {
    let world = World::generate(1, 100, &["AU"], day());
    let mut view = View {
        bulk: 12_000,
        exclude: vec!["last_analysis_results".to_owned(), "androguard".to_owned()],
        ..full()
    };
    view.relationships.clear();
    for (_, entry) in world.entries() {
        let mut out = String::new();
        entry.write(&mut out, &view);
        assert!((11_000..13_500).contains(&out.len()), "{}", out.len());
        assert!(!out.contains("androguard"));
    }
}

#[test]
fn a_file_made_by_hand_is_served_as_it_is() {
    let odd = json!({ "type": "file", "id": "ab", "attributes": { "size": "7", "names": null, "x": [1] } });
    let world = World::empty().with_file(odd.clone());
    assert_eq!(all(&world, &View::default()), [odd]);
}
