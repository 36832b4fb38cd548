//! Files and addresses that belong to a kept file.

use std::time::Duration;

use serde_json::{Value, json};
use vtreporter::standin::virustotal::{Answer, Embedding, Fault, On, Quota, Route, World};

use crate::import::{assert_numbers, ids, told};
use crate::rig::{Rig, file, many, sha256, with_related};

fn numbered(from: u32, count: u32, severity: &str) -> Vec<Value> {
    (from..from + count)
        .map(|n| file(n, severity, 500))
        .collect()
}

fn between_files(rig: &Rig) -> Vec<std::sync::Arc<Value>> {
    let mut links = rig.opencti.objects_of("relationship");
    links.retain(|link| {
        ["source_ref", "target_ref"]
            .iter()
            .all(|end| link[*end].as_str().unwrap().starts_with("file--"))
    });
    links
}

/// One file of high severity with 25 similar and 3 dropped ones.
fn family() -> World {
    let mut similar = numbered(100, 10, "HIGH");
    similar.extend(numbered(110, 8, "MEDIUM"));
    similar.extend(numbered(118, 5, "LOW"));
    let mut unrated = numbered(123, 2, "HIGH");
    for one in &mut unrated {
        one["attributes"]
            .as_object_mut()
            .unwrap()
            .remove("threat_severity");
    }
    similar.extend(unrated);
    World::empty().with(
        with_related(file(1, "HIGH", 20), "similar_files", similar)
            .related("dropped_files", numbered(200, 3, "MEDIUM")),
    )
}

/// CR-6: all pages up to the cap, only HIGH and MEDIUM, everything their own.
#[tokio::test]
async fn related_files_are_read_to_the_cap_and_carry_their_own_hashes_and_sizes() {
    let rig = Rig::new(family()).await;
    let _connector = rig.connector();
    rig.idle(1).await;
    let parent = file(1, "HIGH", 20);
    let calls: Vec<String> = rig.vt.requests().into_iter().map(|one| one.path).collect();
    let id = parent["id"].as_str().unwrap();
    for kind in ["similar_files", "dropped_files"] {
        let path = format!("/api/v3/files/{id}/{kind}");
        assert_eq!(
            calls.iter().filter(|call| **call == path).count(),
            1,
            "{calls:?}"
        );
    }
    assert_eq!(told(&rig.report()).1, [10, 11, 0, 0, 0, 21]);
    assert_numbers(&rig, &ids(&family(), "entity:file submitter:AU"));
    for one in rig.opencti.objects_of("file") {
        let sha = sha256(&one);
        let number = (100..203)
            .chain([1])
            .find(|&n| file(n, "HIGH", 0)["id"] == sha.as_str())
            .unwrap();
        let own = &file(number, "HIGH", 0)["attributes"];
        assert_eq!(one["hashes"]["MD5"], own["md5"]);
        assert_eq!(one["hashes"]["SHA-1"], own["sha1"]);
        assert_eq!(one["size"], 1000 + number);
    }
    rig.assert_sound();
}

#[tokio::test]
async fn more_related_files_than_the_cap_are_paged_cut_and_told() {
    let world = World::empty().with(with_related(
        file(1, "HIGH", 20),
        "similar_files",
        numbered(100, 90, "HIGH"),
    ));
    for (cap, kept, calls) in [("40", 40, 1), ("60", 60, 2), ("200", 90, 3)] {
        let rig = Rig::new(world.clone())
            .await
            .set("VTREPORTER_MAX_RELATED_PER_FILE", cap);
        let _connector = rig.connector();
        rig.idle(1).await;
        let asked = rig.vt.requests();
        let asked = asked
            .iter()
            .filter(|one| one.path.ends_with("similar_files"))
            .count();
        assert_eq!((told(&rig.report()).1[5], asked), (kept, calls), "{cap}");
        let description = rig.report()["description"].as_str().unwrap().to_owned();
        assert_eq!(
            description.contains("PER\\_FILE") || description.contains("PER_FILE"),
            kept < 90,
            "{description}"
        );
        assert!(!rig.opencti.works()[0].in_error, "a cap is no loss");
    }
}

/// CR-7: related files without a name stay apart; one under two parents is one.
#[tokio::test]
async fn nameless_related_files_stay_three_and_a_shared_one_stays_one() {
    let mut nameless = numbered(100, 3, "HIGH");
    for one in &mut nameless {
        let attributes = one["attributes"].as_object_mut().unwrap();
        attributes.remove("names");
        attributes.remove("meaningful_name");
    }
    let shared = file(300, "MEDIUM", 500);
    let mut first = nameless.clone();
    first.push(shared.clone());
    let world = World::empty()
        .with(with_related(file(1, "HIGH", 20), "dropped_files", first))
        .with(with_related(
            file(2, "HIGH", 30),
            "dropped_files",
            vec![shared.clone()],
        ));
    let rig = Rig::new(world).await;
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(told(&rig.report()).1, [3, 1, 0, 0, 0, 4]);
    assert_eq!(rig.files().len(), 6);
    let target = rig.opencti.objects_of("file");
    let target = target
        .iter()
        .find(|one| sha256(one) == shared["id"])
        .unwrap()["id"]
        .clone();
    let links = between_files(&rig);
    assert_eq!(links.len(), 5);
    assert_eq!(
        links
            .iter()
            .filter(|link| link["target_ref"] == target)
            .count(),
        2
    );
    rig.assert_sound();
}

/// CR-8: kinds, directions, author, marking, ids.
#[tokio::test]
async fn relationships_say_what_virustotal_says_in_its_direction() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let rig = Rig::new(family())
            .await
            .set("VTREPORTER_FILE_MARKINGS", "TLP:RED");
        let _connector = rig.connector();
        rig.idle(1).await;
        let parent = rig.opencti.objects_of("file");
        let parent = parent
            .iter()
            .find(|one| sha256(one) == file(1, "HIGH", 0)["id"])
            .unwrap()["id"]
            .clone();
        let author = rig.opencti.objects_of("identity")[0]["id"].clone();
        let marking = rig.opencti.objects_of("file")[0]["object_marking_refs"].clone();
        let links = between_files(&rig);
        for link in &links {
            assert_eq!(link["source_ref"], parent);
            assert_eq!(link["created_by_ref"], author);
            assert_eq!(link["object_marking_refs"], marking);
        }
        let count = |kind: &str| {
            links
                .iter()
                .filter(|link| link["relationship_type"] == kind)
                .count()
        };
        assert_eq!((count("drops"), count("related-to")), (3, 18));
        seen.push(
            links
                .iter()
                .map(|link| link["id"].clone())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(seen[0], seen[1]);
}

/// CR-13: one related call that fails loses nothing else, and is told.
#[tokio::test]
async fn one_failed_related_call_is_a_named_gap_and_nothing_more() {
    for (answer, times, gap) in [
        (Answer::not_found(), 1, false),
        (Answer::Error(503, "TransientError", "later"), 4, true),
        (Answer::html(502), 4, true),
        (
            Answer::Redirect(302, "https://elsewhere.example.net/".to_owned()),
            1,
            true,
        ),
        (Answer::no_json(), 4, true),
        (Answer::wrong_json(), 4, true),
        (Answer::Cut(40), 4, true),
        (Answer::too_many(), 1, false),
        (Answer::Silence, 2, true),
    ] {
        let rig = Rig::new(family().with_file(file(2, "MEDIUM", 5)))
            .await
            .set("VTREPORTER_TIMEOUT", "1");
        let what = format!("{answer:?}");
        rig.vt
            .fail(Fault::new(On::Related("dropped_files"), answer).times(times));
        let _connector = rig.connector();
        rig.pass(Duration::from_millis(500), rig.closed(1)).await;
        let work = &rig.opencti.works()[0];
        let message = &work.messages.last().unwrap().message;
        assert_eq!(work.in_error, gap, "{what}: {message}");
        assert_eq!(
            message.contains("dropped_files of some files are missing"),
            gap,
            "{what}: {message}"
        );
        let (main, related) = told(&rig.report());
        assert_eq!(main[5], 2, "{what}");
        assert!(related[5] >= 18, "{what}: {related:?}");
        rig.assert_sound();
        rig.until(|_| rig.state()["countries"]["AU"]["last_end"].is_string())
            .await;
    }
}

/// CR-13: 403 ends a relationship for the run, with one warning.
#[tokio::test]
async fn a_relationship_that_is_not_licensed_is_asked_for_no_more() {
    let world = (0..40).fold(World::empty(), |world, n| {
        world.with(
            with_related(
                file(n, "HIGH", 20 + i64::from(n)),
                "similar_files",
                numbered(500, 2, "HIGH"),
            )
            .related("dropped_files", numbered(600 + n, 1, "HIGH")),
        )
    });
    let rig = Rig::new(world).await;
    rig.vt
        .fail(Fault::new(On::Related("similar_files"), Answer::forbidden()).always());
    let _connector = rig.connector();
    rig.idle(1).await;
    let calls = rig.vt.requests();
    let calls = calls
        .iter()
        .filter(|one| one.path.ends_with("similar_files"))
        .count();
    assert!(calls <= 4, "{calls} calls although the first was refused");
    assert_eq!(told(&rig.report()).1[5], 40, "dropped files are all there");
    let message = rig.opencti.works()[0]
        .messages
        .last()
        .unwrap()
        .message
        .clone();
    assert_eq!(message.matches("similar_files").count(), 1, "{message}");
}

/// CR-13: 429 on one related call waits for the minute.
#[tokio::test]
async fn a_throttled_related_call_waits_and_nothing_is_missing() {
    let rig = Rig::new(family()).await;
    rig.vt.fail(Fault::new(
        On::Related("similar_files"),
        Answer::quota_exceeded(),
    ));
    let _connector = rig.connector();
    rig.pass(Duration::from_secs(1), rig.closed(1)).await;
    assert!(!rig.opencti.works()[0].in_error);
    assert_eq!(told(&rig.report()).1[5], 21);
}

#[tokio::test]
async fn a_relationship_that_always_fails_does_not_keep_the_run_from_its_end() {
    let world = (0..30).fold(many(3), |world, n| {
        world.with(with_related(
            file(1000 + n, "HIGH", 20),
            "dropped_files",
            numbered(600 + n, 1, "HIGH"),
        ))
    });
    let rig = Rig::new(world).await;
    rig.vt
        .fail(Fault::new(On::Related("dropped_files"), Answer::unpromised()).always());
    let _connector = rig.connector();
    rig.idle(1).await;
    let calls = rig.vt.requests();
    let calls = calls
        .iter()
        .filter(|one| one.path.ends_with("dropped_files"))
        .count();
    assert!(calls <= 12, "{calls} calls");
    assert_eq!(rig.files().len(), 33);
    let work = &rig.opencti.works()[0];
    assert!(work.in_error);
    assert!(
        work.messages
            .last()
            .unwrap()
            .message
            .contains("in a row failed")
    );
}

const CONTACTED: [&str; 3] = ["contacted_ips", "contacted_domains", "contacted_urls"];

/// `count` files of high severity, each with contacts of its own of each kind.
fn contacting(count: u32) -> World {
    (0..count).fold(World::empty(), |world, n| {
        let url = format!("http://h{n}.example.net/x");
        world.with(
            with_related(
                file(n, "HIGH", 20 + i64::from(n)),
                "contacted_ips",
                vec![json!({ "type": "ip_address", "id": format!("203.0.113.{n}") })],
            )
            .related(
                "contacted_domains",
                vec![json!({ "type": "domain", "id": format!("h{n}.example.net") })],
            )
            .related(
                "contacted_urls",
                vec![json!({ "type": "url", "id": format!("{n:064x}"), "attributes": { "url": url } })],
            ),
        )
    })
}

fn contacts(rig: &Rig) -> [usize; 3] {
    ["ipv4-addr", "domain-name", "url"].map(|kind| rig.opencti.objects_of(kind).len())
}

fn descriptor_calls(rig: &Rig) -> usize {
    let requests = rig.vt.requests();
    let calls = requests
        .iter()
        .filter(|one| matches!(one.route, Route::Descriptors(..)));
    calls.count()
}

/// What a search refuses to send along, ignores or sends in part is asked for.
#[tokio::test]
async fn contacted_addresses_that_did_not_come_with_the_page_are_asked_for() {
    let mut all = CONTACTED.to_vec();
    all.extend(["similar_files", "dropped_files"]);
    for (embedding, calls) in [
        (Embedding::Given, 0),
        (Embedding::Forbidden(vec!["similar_files"]), 0),
        (Embedding::Forbidden(all.clone()), 9),
        (Embedding::LeftOut(all), 9),
        (Embedding::LeftOut(vec!["contacted_urls"]), 3),
    ] {
        let what = format!("{embedding:?}");
        let rig = Rig::new(contacting(3)).await;
        rig.vt.set_embedding(embedding);
        let _connector = rig.connector();
        rig.idle(1).await;
        assert_eq!(contacts(&rig), [3, 3, 3], "{what}");
        assert_eq!(descriptor_calls(&rig), calls, "{what}");
        let work = &rig.opencti.works()[0];
        let message = &work.messages.last().unwrap().message;
        assert!(!work.in_error, "{what}: {message}");
        assert_eq!(
            message.contains("asked for by a call each"),
            calls > 0,
            "{what}: {message}"
        );
        let charged = rig.vt.requests();
        let charged = charged.iter().filter(|one| one.charged.requests > 0);
        let spent = format!(" {} VirusTotal request", charged.count() - 1);
        if !what.starts_with("Forbidden") {
            assert!(message.contains(&spent), "{what}: {spent}: {message}");
        }
        rig.assert_sound();
    }
}

#[tokio::test]
async fn contacts_are_asked_for_of_severe_files_only_and_up_to_the_cap() {
    let many = (0..90)
        .map(|n| json!({ "type": "ip_address", "id": format!("203.0.113.{n}") }))
        .collect();
    let world = contacting(1)
        .with_file(file(500, "MEDIUM", 10))
        .with(with_related(file(501, "HIGH", 15), "contacted_ips", many));
    let rig = Rig::new(world)
        .await
        .set("VTREPORTER_MAX_RELATED_PER_FILE", "60");
    rig.vt.set_embedding(Embedding::LeftOut(CONTACTED.to_vec()));
    let _connector = rig.connector();
    rig.idle(1).await;
    // Three kinds of two files, and a second page of 90 addresses.
    assert_eq!(descriptor_calls(&rig), 7);
    assert_eq!(contacts(&rig), [60, 1, 1]);
    assert!(!rig.opencti.works()[0].in_error, "a cap is no loss");
}

#[tokio::test]
async fn contacts_that_the_quota_has_no_room_for_are_one_gap_and_no_pause() {
    let rig = Rig::new(contacting(5)).await;
    rig.vt.set_embedding(Embedding::LeftOut(CONTACTED.to_vec()));
    // Stops at 900: what is left is less than the 15 calls.
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 888));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 5);
    assert_eq!((contacts(&rig), descriptor_calls(&rig)), ([0, 0, 0], 0));
    let work = &rig.opencti.works()[0];
    assert!(work.in_error);
    let message = &work.messages.last().unwrap().message;
    assert!(message.contains("done, with gaps"), "{message}");
    assert_eq!(
        message.matches("the quota has no room").count(),
        1,
        "{message}"
    );
    assert!(message.contains("(5 times: "), "{message}");
    let first = file(4, "HIGH", 0)["id"].as_str().unwrap().to_owned();
    assert!(message.contains(&first), "{message}");
}

#[tokio::test]
async fn contacts_that_are_not_licensed_are_told_once() {
    let rig = Rig::new(contacting(12)).await;
    rig.vt.set_embedding(Embedding::LeftOut(CONTACTED.to_vec()));
    rig.vt
        .fail(Fault::new(On::Descriptors("contacted_urls"), Answer::forbidden()).always());
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(contacts(&rig), [12, 12, 0]);
    let work = &rig.opencti.works()[0];
    let message = &work.messages.last().unwrap().message;
    assert_eq!(
        message.matches("contacted_urls are left out").count(),
        1,
        "{message}"
    );
    let asked = rig.vt.requests();
    let asked = asked
        .iter()
        .filter(|one| one.path.ends_with("/contacted_urls"))
        .count();
    assert!(asked <= 4, "{asked} calls although the first was refused");
}

/// CR-13: what VirusTotal lists and does not have is no failure of the call.
#[tokio::test]
async fn related_objects_that_are_not_there_are_counted_and_three_are_named() {
    let mut dropped = numbered(200, 3, "MEDIUM");
    for n in 300..305 {
        let id = file(n, "HIGH", 0)["id"].clone();
        dropped.push(json!({ "type": "file", "id": id,
            "error": { "code": "NotFoundError", "message": format!("File {id} not found") } }));
    }
    let world = World::empty().with(with_related(file(1, "HIGH", 20), "dropped_files", dropped));
    let rig = Rig::new(world).await;
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(told(&rig.report()).1[5], 3);
    let work = &rig.opencti.works()[0];
    let message = &work.messages.last().unwrap().message;
    assert!(!work.in_error, "{message}");
    let named: Vec<_> = (300..303)
        .map(|n| file(n, "HIGH", 0)["id"].as_str().unwrap().to_owned())
        .collect();
    let note = format!(
        "5 objects that VirusTotal lists and does not have ({}, ...)",
        named.join(", ")
    );
    assert!(message.contains(&note), "{message}");
    rig.assert_sound();
}
