//! Chunks: under their limits, complete in themselves, nothing lost.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vtreporter::convert::converter::{Related, Unit};
use vtreporter::report::counts::Counts;
use vtreporter::report::facts::{Progress, ReportFacts};
use vtreporter::report::object::ReportObject;
use vtreporter::report::tally::Tally;
use vtreporter::stix::bundle::{Chunk, Limits, pack};
use vtreporter::virustotal::facts::Severity;

use super::support::*;

fn parent(seed: u32, contacts: u32) -> Value {
    let domains: Vec<Value> = (0..contacts)
        .map(|at| json!({ "type": "domain", "id": format!("d{at}.s{seed}.example.net") }))
        .collect();
    json!({
        "id": format!("{seed:064x}"),
        "attributes": {
            "meaningful_name": format!("\"quoted\\{seed}\".exe"),
            "threat_severity": { "threat_severity_level": "SEVERITY_HIGH" },
        },
        "relationships": { "contacted_domains": { "data": domains } },
    })
}

fn unit(seed: u32, contacts: u32) -> Unit {
    let related = Related {
        max_network: usize::MAX,
        ..Related::default()
    };
    converter()
        .unit(
            &file(&parent(seed, contacts)),
            Some(Severity::High),
            &related,
        )
        .expect("it has a hash")
}

fn facts() -> ReportFacts {
    ReportFacts::new(subject("AU", "Australia"), "query".to_owned())
}

/// Bytes of the bundle as a JSON string, as the HTTP body carries it.
fn body(text: &str) -> usize {
    serde_json::to_string(text).expect("a string").len()
}

#[test]
fn every_chunk_is_under_both_limits_and_complete_in_itself() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    for limits in [
        Limits {
            bytes: 90_000,
            objects: 2000,
        },
        Limits {
            bytes: 10_000_000,
            objects: 25,
        },
        Limits {
            bytes: 100_000,
            objects: 40,
        },
    ] {
        let units: Vec<Unit> = (0..60).map(|seed| unit(seed, seed % 12)).collect();
        let whole: BTreeSet<String> = units
            .iter()
            .flat_map(|unit| unit.objects.iter().map(|object| object.id().to_string()))
            .collect();
        let packing = report.pack(units, limits);
        assert!(packing.chunks.len() > 1);
        let mut sent = BTreeSet::new();
        for chunk in &packing.chunks {
            let bundle = report.bundle(chunk, &facts(), String::new());
            assert!(
                bundle.objects <= limits.objects,
                "{} objects",
                bundle.objects
            );
            assert!(
                body(&bundle.text) < limits.bytes,
                "{} bytes",
                body(&bundle.text)
            );
            assert_sound(&bundle);
            sent.extend(chunk.ids().iter().map(ToString::to_string));
        }
        assert_eq!(sent, whole);
    }
}

#[test]
fn the_limit_holds_for_the_body_where_every_quote_counts_twice() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let limits = Limits {
        bytes: 1_500_000,
        objects: 100_000,
    };
    let packing = report.pack((0..20).map(|seed| unit(seed, 80)), limits);
    assert!(packing.chunks.len() > 1);
    for chunk in &packing.chunks {
        let bundle = report.bundle(chunk, &facts(), String::new());
        assert!(
            body(&bundle.text) < limits.bytes,
            "{} bytes",
            body(&bundle.text)
        );
    }
}

#[test]
fn a_unit_over_the_limit_is_cut_and_its_file_is_in_every_part() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let limits = Limits {
        bytes: 10_000_000,
        objects: 30,
    };
    let unit = unit(1, 100);
    let file = unit.objects[0].id();
    let packing = report.pack([unit], limits);
    assert!(packing.chunks.len() >= 8);
    let mut relationships = 0;
    for chunk in &packing.chunks {
        assert!(chunk.ids().contains(&file));
        let bundle = report.bundle(chunk, &facts(), String::new());
        assert!(bundle.objects <= limits.objects);
        assert_sound(&bundle);
        relationships += of_type(&objects(&bundle), "relationship").len();
    }
    assert_eq!(relationships, 100);
}

#[test]
fn an_object_too_large_for_any_chunk_goes_alone_and_is_not_lost() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let packing = report.pack(
        [unit(1, 3)],
        Limits {
            bytes: 10,
            objects: 1,
        },
    );
    let sent: BTreeSet<_> = packing.chunks.iter().flat_map(Chunk::ids).collect();
    assert_eq!(sent.len(), 7);
    for chunk in &packing.chunks {
        assert_sound(&report.bundle(chunk, &facts(), String::new()));
    }
}

#[test]
fn what_names_something_that_is_not_there_is_left_out_and_counted() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let mut unit = unit(1, 2).objects;
    let removed = unit.remove(1);
    assert_eq!(removed.id().kind(), "domain-name");
    let packing = pack([unit], converter.common(), 1000, ROOMY);
    assert_eq!(packing.dangling, 1);
    assert_eq!(packing.chunks[0].objects().len(), 3);
    assert_sound(&report.bundle(&packing.chunks[0], &facts(), String::new()));
}

#[test]
fn the_bundle_id_comes_from_its_members() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let bundle = |seed| {
        let packing = report.pack([unit(seed, 1)], ROOMY);
        report.bundle(&packing.chunks[0], &facts(), String::new())
    };
    assert_eq!(bundle(1), bundle(1));
    assert_ne!(bundle(1).id, bundle(2).id);
    let parsed: Value = serde_json::from_str(&bundle(1).text).expect("JSON");
    assert_eq!(parsed["id"], bundle(1).id.to_string());
    assert_eq!(parsed["type"], "bundle");
}

#[test]
fn nothing_is_named_before_it_is_told() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let packing = report.pack((0..5).map(|seed| unit(seed, 4)), ROOMY);
    let mut told = BTreeSet::new();
    for object in objects(&report.bundle(&packing.chunks[0], &facts(), String::new())) {
        for (key, value) in object.as_object().expect("an object") {
            let one = value.as_str().filter(|_| key.ends_with("_ref"));
            let many = value.as_array().filter(|_| key.ends_with("_refs"));
            let named = one
                .into_iter()
                .chain(many.into_iter().flatten().filter_map(Value::as_str));
            for id in named {
                assert!(told.contains(id), "{id} in {key} of {object}");
            }
        }
        told.insert(object["id"].as_str().expect("an id").to_owned());
    }
}

#[test]
fn the_report_fits_into_what_is_reserved_for_it_even_at_its_worst() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let mut facts = facts();
    let nasty = "\"\\<&>\u{10ffff}".repeat(200);
    facts.matched = u64::MAX;
    facts.requests = u64::MAX;
    facts.gaps = vec![nasty.clone(); 10_000];
    facts.progress = Progress::Stopped { reason: nasty };
    facts.counts.urls = u64::MAX / 2;
    let packing = report.pack([unit(1, 1)], ROOMY);
    let short = body(
        &report
            .bundle(&packing.chunks[0], &self::facts(), String::new())
            .text,
    );
    let long = body(
        &report
            .bundle(&packing.chunks[0], &facts, String::new())
            .text,
    );
    assert!(long - short < 46 * 1024, "{} bytes more", long - short);
}

#[test]
fn an_object_counts_once_however_often_it_is_sent() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let mut tally = Tally::default();
    let packing = report.pack(
        [unit(1, 100), unit(2, 3)],
        Limits {
            bytes: 10_000_000,
            objects: 30,
        },
    );
    for _ in 0..3 {
        for chunk in &packing.chunks {
            tally.add(chunk, &packing.rows);
        }
    }
    let counts = tally.counts();
    assert_eq!(
        (counts.main.high, counts.domains, counts.communicates_with),
        (2, 103, 103)
    );
    assert_eq!(counts.objects(), 208);
}

#[test]
fn a_related_file_that_turns_up_as_a_main_file_moves_there() {
    let converter = converter();
    let report = ReportObject::of(&converter);
    let child = file(&parent(2, 0));
    let related = Related {
        dropped: vec![child.clone()],
        ..Related::default()
    };
    let first = converter
        .unit(&file(&parent(1, 0)), Some(Severity::High), &related)
        .expect("a unit");
    let second = converter
        .unit(&child, Some(Severity::High), &Related::default())
        .expect("a unit");
    let count = |pages: Vec<Vec<Unit>>| -> Counts {
        let mut tally = Tally::default();
        for page in pages {
            let packed = report.pack(page, ROOMY);
            for chunk in &packed.chunks {
                tally.add(chunk, &packed.rows);
            }
        }
        *tally.counts()
    };
    let expected = count(vec![vec![first.clone(), second.clone()]]);
    assert_eq!((expected.main.high, expected.related.high), (2, 0));
    assert_eq!(
        count(vec![vec![first.clone()], vec![second.clone()]]),
        expected
    );
    assert_eq!(count(vec![vec![second], vec![first]]), expected);
}

#[test]
fn counts_go_on_from_where_an_earlier_process_left_them() {
    let earlier = Counts {
        urls: 7,
        ..Counts::default()
    };
    let text = serde_json::to_string(&earlier).expect("JSON");
    let mut tally = Tally::new(serde_json::from_str(&text).expect("counts"));
    let packed = ReportObject::of(&converter()).pack([unit(1, 2)], ROOMY);
    for chunk in &packed.chunks {
        tally.add(chunk, &packed.rows);
    }
    assert_eq!((tally.counts().urls, tally.counts().domains), (7, 2));
    assert!(
        tally
            .anchor()
            .is_some_and(|object| object.id().kind() == "file")
    );
}
