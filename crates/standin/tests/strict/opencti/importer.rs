//! What the importer says about objects.

use serde_json::json;
use standin::opencti::{FaultKind, Judge, OpenCtiWorld, Release};

use super::stix::*;
use super::*;

/// Pushes objects after the author and the marking; returns the faults.
async fn faults(objects: &[Value]) -> Vec<(FaultKind, String)> {
    let talk = Talk::registered(Release::V7).await;
    let mut all = vec![author(), amber()];
    all.extend_from_slice(objects);
    talk.push(&bundle(&all), None).await;
    let faults = talk.opencti.faults();
    faults
        .into_iter()
        .map(|fault| (fault.kind, fault.detail))
        .collect()
}

async fn kinds(objects: &[Value]) -> Vec<FaultKind> {
    faults(objects)
        .await
        .into_iter()
        .map(|(kind, _)| kind)
        .collect()
}

#[tokio::test]
async fn what_a_good_connector_sends_has_no_fault() {
    let (main, dropped, url) = (file(1), file(2), url("http://c2.example.net/a"));
    let (drops, related) = (
        link(&main, "drops", &dropped),
        link(&main, "related-to", &url),
    );
    let report = report(&[&main, &dropped, &url, &drops, &related]);
    // The order inside a bundle does not matter.
    let objects = [report, drops, related, url, main, dropped];
    assert_eq!(faults(&objects).await, []);
}

#[tokio::test]
async fn an_object_with_a_foreign_id_is_a_fault() {
    let mut odd = file(1);
    odd["id"] = json!("file--00000000-0000-4000-8000-000000000001");
    let found = faults(&[odd]).await;
    assert_eq!(found[0].0, FaultKind::ForeignId);
    let expected = file(1)["id"].as_str().unwrap().to_owned();
    assert!(found[0].1.contains(&expected), "{found:?}");
}

#[tokio::test]
async fn each_rule_of_the_importer_refuses_a_file_that_breaks_it() {
    use FaultKind::*;
    assert_refused(&[
        (
            with(file(1), json!({ "size": 2_147_483_648_u64 })),
            FileTooLarge,
        ),
        (with(file(1), json!({ "size": "4096" })), Shape),
        (with(file(1), json!({ "spec_version": null })), Shape),
        (with(file(1), json!({ "id": "file--1" })), Shape),
        (
            with(file(1), json!({ "hashes": { "SHA256": "00" } })),
            Shape,
        ),
        (with(file(1), json!({ "labels": ["", "a"] })), Shape),
        (with(file(1), json!({ "x_opencti_score": 101 })), Shape),
        (
            with(file(1), json!({ "object_marking_refs": [author()["id"]] })),
            Shape,
        ),
        (
            with(
                file(1),
                json!({ "external_references": [{ "source_name": "VirusTotal", "url": "gui" }] }),
            ),
            Shape,
        ),
        (with(file(1), json!({ "name": "x" })), ShortName),
        (
            with(file(1), json!({ "name": "a\u{0}b" })),
            ControlCharacter,
        ),
        (with(file(1), json!({ "name": "a\nb" })), ControlCharacter),
        (
            with(file(1), json!({ "labels": ["a\u{202e}b"] })),
            ControlCharacter,
        ),
        (with(file(1), json!({ "type": "x-own-thing" })), UnknownType),
    ])
    .await;
}

#[tokio::test]
async fn each_rule_of_the_importer_refuses_a_report_or_a_link_that_breaks_it() {
    use FaultKind::*;
    let (main, url) = (file(1), url("http://c2.example.net/a"));
    assert_refused(&[
        (
            with(
                report(&[&main]),
                json!({ "x_opencti_files": [{ "name": "a", "data": "%" }] }),
            ),
            Shape,
        ),
        (with(report(&[]), json!({})), EmptyReport),
        (with(report(&[&main]), json!({ "report_types": [] })), Shape),
        (
            with(report(&[&main]), json!({ "created": "yesterday" })),
            Shape,
        ),
        (
            link(&main, "communicates-with", &url),
            RelationshipNotAllowed,
        ),
    ])
    .await;
}

/// Objects, beside a sound file and address that they may name, and their fault.
async fn assert_refused(cases: &[(Value, FaultKind)]) {
    let (main, url) = (file(1), url("http://c2.example.net/a"));
    for (object, wanted) in cases {
        let mut objects = vec![url.clone(), object.clone()];
        if object["type"] != "file" {
            objects.push(main.clone());
        }
        let found = kinds(&objects).await;
        assert!(found.contains(wanted), "{object}: {found:?}");
    }
}

#[tokio::test]
async fn an_indicator_that_the_decay_revokes_as_it_is_made_is_a_fault_and_taken() {
    let found = async |score: Value| {
        let indicator = with(
            report(&[]),
            json!({
                "type": "indicator",
                "id": "indicator--f0f1bb38-a8f0-4a1e-8f9a-1b2f2d3c4d5e",
                "pattern": format!("[file:hashes.MD5 = '{:032x}']", 1),
                "pattern_type": "stix",
                "valid_from": "2026-11-19T13:00:00.000Z",
                "indicator_types": ["malicious-activity"],
                "x_opencti_main_observable_type": "StixFile",
                "x_opencti_score": score,
            }),
        );
        kinds(&[indicator]).await
    };
    for score in [json!(0), json!(6), json!(20)] {
        let found = found(score).await;
        assert_eq!(found, [FaultKind::ForeignId, FaultKind::BornRevoked]);
        assert!(found.iter().all(|kind| !kind.refuses()));
    }
    // Where there is no score the platform takes 50.
    for score in [json!(21), json!(100), json!(null)] {
        assert_eq!(found(score).await, [FaultKind::ForeignId]);
    }
}

#[tokio::test]
async fn a_refused_object_takes_those_with_it_that_refer_to_it() {
    let talk = Talk::registered(Release::V7).await;
    let work = talk.work().await;
    let (main, other) = (file(1), with(file(2), json!({ "size": 5_000_000_000_u64 })));
    let drops = link(&main, "drops", &other);
    let report = report(&[&main, &other, &drops]);
    talk.push(
        &bundle(&[author(), amber(), main, other, drops, report]),
        Some(&work),
    )
    .await;
    let counts = talk.opencti.counts();
    assert_eq!((counts.taken, counts.refused), (3, 3));
    let seen = &talk.opencti.works()[0];
    assert_eq!((seen.processed, seen.errors.len()), (6, 3));
    assert!(
        talk.opencti
            .faults()
            .iter()
            .any(|fault| fault.kind == FaultKind::DanglingReference)
    );
}

/// A file with an MD5 as well, and perhaps a fuzzy hash.
fn hashed(number: u64, more: Value) -> Value {
    let mut file = file(number);
    file["hashes"]["MD5"] = format!("{number:032x}").into();
    for (algorithm, hash) in more.as_object().unwrap() {
        file["hashes"][algorithm] = hash.clone();
    }
    file["id"] = id(
        "file",
        json!({ "hashes": { "MD5": file["hashes"]["MD5"] } }),
    )
    .into();
    file
}

/// Measured on a real 7.260817.0: 48 of 64 files went into another.
#[tokio::test]
async fn files_that_share_any_hash_become_one_and_what_names_the_other_is_refused() {
    for (algorithm, hash) in [
        ("SSDEEP", "3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C"),
        ("TLSH", "T1"),
        ("SDHASH", "x"),
        ("SHA-1", "0000000000000000000000000000000000000007"),
    ] {
        let talk = Talk::registered(Release::V7).await;
        let work = talk.work_by(WORK_ADD_PARTS).await;
        let same = json!({ algorithm: hash });
        let (first, second) = (hashed(1, same.clone()), hashed(2, same));
        let drops = link(&first, "drops", &second);
        let objects = [author(), amber(), first.clone(), second, drops];
        talk.push(&bundle(&objects), Some(&work)).await;
        let files = talk.opencti.objects_of("file");
        assert_eq!(files.len(), 1, "{algorithm}");
        assert_eq!(files[0]["id"], first["id"], "{algorithm}");
        assert_eq!(files[0]["hashes"], first["hashes"], "{algorithm}");
        assert_eq!(talk.opencti.objects_of("relationship").len(), 0);
        let kinds: Vec<FaultKind> = talk.opencti.faults().iter().map(|it| it.kind).collect();
        let wanted = [FaultKind::Swallowed, FaultKind::DanglingReference];
        assert_eq!(kinds, wanted, "{algorithm}");
        let errors = &talk.opencti.works()[0].errors;
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains("MISSING_REFERENCE_ERROR"));
    }
}

/// One file, known at first by a part of its hashes only.
#[tokio::test]
async fn hashes_that_go_together_make_one_file_with_all_their_ids() {
    let talk = Talk::registered(Release::V7).await;
    let (part, whole) = (file(1), hashed(1, json!({})));
    let other = file(2);
    let links = [link(&part, "drops", &other), link(&whole, "drops", &other)];
    let [one, two] = links;
    let objects = [author(), amber(), part, whole, other, one, two];
    talk.push(&bundle(&objects), None).await;
    assert_eq!(talk.opencti.objects_of("file").len(), 2);
    assert_eq!(talk.opencti.objects_of("relationship").len(), 2);
    assert_eq!(talk.opencti.faults(), []);
}

#[tokio::test]
async fn the_author_and_the_marking_must_have_been_shipped() {
    let talk = Talk::registered(Release::V7).await;
    talk.push(&bundle(&[file(1)]), None).await;
    assert_eq!(talk.opencti.objects().len(), 0);
    assert!(
        talk.opencti
            .faults()
            .iter()
            .all(|fault| fault.kind == FaultKind::DanglingReference)
    );
    talk.push(&bundle(&[author(), amber()]), None).await;
    talk.push(&bundle(&[file(1)]), None).await;
    assert_eq!(talk.opencti.objects().len(), 3);
}

#[tokio::test]
async fn what_is_only_unwise_is_a_fault_and_taken() {
    let nobody = json!({ "created_by_ref": null, "x_opencti_created_by_ref": null });
    let found = kinds(&[with(file(1), nobody), file(2), file(2)]).await;
    assert_eq!(found, [FaultKind::NoAuthor, FaultKind::Duplicate]);
}

#[tokio::test]
async fn a_description_on_an_observable_is_counted_as_ignored() {
    let talk = Talk::registered(Release::V7).await;
    let described = with(file(1), json!({ "description": "Nobody reads this." }));
    talk.push(&bundle(&[author(), amber(), described]), None)
        .await;
    assert_eq!(talk.opencti.counts().ignored_descriptions, 1);
    assert_eq!(talk.opencti.faults(), []);
}

#[tokio::test]
async fn the_references_of_a_report_add_up_and_the_rest_is_replaced() {
    let talk = Talk::registered(Release::V7).await;
    let (first, second) = (file(1), file(2));
    let start = with(report(&[&first]), json!({ "description": "1 so far" }));
    talk.push(&bundle(&[author(), amber(), first, start]), None)
        .await;
    let end = with(report(&[&second]), json!({ "description": "2, complete" }));
    talk.push(&bundle(&[author(), amber(), second, end]), None)
        .await;
    let reports = talk.opencti.objects_of("report");
    assert_eq!(reports.len(), 1);
    assert_eq!(
        reports[0]["object_refs"],
        json!([file(1)["id"], file(2)["id"]])
    );
    assert_eq!(reports[0]["description"], "2, complete");
    assert_eq!(talk.opencti.counts().came["identity"], 2);
    assert_eq!(talk.opencti.objects_of("identity").len(), 1);
}

#[tokio::test]
async fn what_is_no_bundle_is_refused() {
    let talk = Talk::registered(Release::V7).await;
    for text in [
        "no json",
        "[]",
        r#"{"type":"report","objects":[{}]}"#,
        r#"{"type":"bundle","id":"bundle--1","objects":[{}]}"#,
        r#"{"type":"bundle","id":"bundle--173c879a-bfb3-4dee-9f1f-3fffd76a8756","objects":[]}"#,
    ] {
        let variables = json!({ "connectorId": CONNECTOR, "bundle": text, "work": null });
        assert_eq!(talk.refused(PUSH, variables).await, "UNSUPPORTED_ERROR");
    }
    let stranger = json!({ "connectorId": "x", "bundle": bundle(&[author()]).to_string() });
    assert_eq!(talk.refused(PUSH, stranger).await, "UNSUPPORTED_ERROR");
    assert_eq!(talk.opencti.faults().len(), 6);
}

#[tokio::test]
async fn a_load_run_only_counts() {
    let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
    world.judge = Judge::CountOnly;
    let talk = Talk::registered_at(world).await;
    let work = talk.work_by(WORK_ADD_PARTS).await;
    let files: Vec<Value> = (0..50).map(file).collect();
    talk.push(&bundle(&files), Some(&work)).await;
    talk.processed(&work).await;
    assert_eq!(talk.opencti.counts().came["file"], 50);
    assert_eq!(talk.opencti.works()[0].processed, 50);
    assert_eq!(talk.opencti.objects().len(), 0);
    let kept = talk.opencti.bundles();
    assert_eq!((kept[0].objects, kept[0].text.as_str()), (50, ""));
}

#[tokio::test]
async fn a_bundle_is_logged_by_its_length_only() {
    let talk = Talk::registered(Release::V7).await;
    let files: Vec<Value> = (0..50).map(file).collect();
    let text = bundle(&files).to_string();
    talk.push(&bundle(&files), None).await;
    let pushes = talk.opencti.requests_for("stixBundlePush");
    assert_eq!(
        pushes[0].variables["bundle"],
        format!("({} bytes)", text.len())
    );
    assert_eq!(talk.opencti.bundles()[0].text, text);
}

#[tokio::test]
async fn what_no_report_names_is_told() {
    let talk = Talk::registered(Release::V7).await;
    let (first, second) = (file(1), file(2));
    let drops = link(&first, "drops", &second);
    let report = report(&[&first]);
    let objects = [author(), amber(), first, second, drops, report];
    talk.push(&bundle(&objects), None).await;
    assert_eq!(
        talk.opencti.unreported(),
        [
            objects[3]["id"].as_str().unwrap(),
            objects[4]["id"].as_str().unwrap()
        ]
    );
}
