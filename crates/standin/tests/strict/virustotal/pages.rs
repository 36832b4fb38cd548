//! Searches, files and relationships.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use standin::virustotal::{Cost, KEY, Made, World, object};

use super::{ALL, Asker, day, first, ids, objects, start, world};

#[tokio::test]
async fn a_search_returns_exactly_the_files_that_the_query_describes() {
    let world = World::generate(2, 400, &["AU", "NZ"], day());
    let vt = start(world).await;
    let vt_asker = Asker::of(&vt);
    let all = vt_asker.pages("entity:file", &[("limit", "300")]).await;
    assert_eq!(ids(&all).len(), 400);
    let from = "2026-11-19T06:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let wanted: HashSet<&str> = objects(&all)
        .into_iter()
        .filter(|one| first(one) >= from.timestamp())
        .filter(|one| one["attributes"]["last_analysis_stats"]["malicious"].as_i64() >= Some(5))
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let query = "entity:file fs:2026-11-19T06:00:00+ p:5+ (submitter:AU OR submitter:NZ)";
    let found = vt_asker.pages(query, &[("limit", "300")]).await;
    assert!(!wanted.is_empty() && wanted.len() < 400);
    assert_eq!(ids(&found).into_iter().collect::<HashSet<_>>(), wanted);
    let au = vt_asker.pages("submitter:AU", &[("limit", "300")]).await;
    let nz = vt_asker.pages("submitter:nz", &[("limit", "300")]).await;
    assert!(!ids(&au).is_empty() && !ids(&nz).is_empty());
    assert_eq!(ids(&au).len() + ids(&nz).len(), 400);
}

#[tokio::test]
async fn pages_follow_one_another_in_the_order_asked_for_without_repeats() {
    let vt = start(world(607)).await;
    for order in ["first_submission_date+", "first_submission_date-"] {
        let more = [("limit", "300"), ("order", order)];
        let pages = Asker::of(&vt).pages(ALL, &more).await;
        let sizes: Vec<usize> = pages
            .iter()
            .map(|page| ids(std::slice::from_ref(page)).len())
            .collect();
        assert_eq!(sizes, [300, 300, 7]);
        let mut firsts: Vec<i64> = objects(&pages).into_iter().map(first).collect();
        if order.ends_with('-') {
            firsts.reverse();
        }
        assert!(firsts.is_sorted());
        assert_eq!(ids(&pages).iter().collect::<HashSet<_>>().len(), 607);
    }
}

#[tokio::test]
async fn a_cursor_of_another_query_or_from_long_ago_is_refused() {
    let vt = start(world(50)).await;
    let asker = Asker::of(&vt);
    let page = asker.search(ALL, &[]).await.ok();
    let cursor = page["meta"]["cursor"].as_str().unwrap();
    let heard = asker.search("submitter:AU", &[("cursor", cursor)]).await;
    assert_eq!(heard.error(), (400, "BadRequestError"));
    let other_order = [("cursor", cursor), ("order", "size+")];
    assert_eq!(asker.search(ALL, &other_order).await.status, 400);
    assert_eq!(asker.search(ALL, &[("cursor", "abc")]).await.status, 400);
    asker.search(ALL, &[("cursor", cursor)]).await.ok();
    vt.expire_cursors();
    let heard = asker.search(ALL, &[("cursor", cursor)]).await;
    assert_eq!(heard.error(), (400, "BadRequestError"));
    let charged = vt
        .requests()
        .iter()
        .filter(|one| one.charged != Cost::FREE)
        .count();
    assert_eq!(charged, 2, "refused requests cost nothing");
}

#[tokio::test]
async fn parameters_that_virustotal_does_not_know_are_refused() {
    let vt = start(world(5)).await;
    let asker = Asker::of(&vt);
    for (name, value) in [
        ("limit", "301"),
        ("limit", "0"),
        ("limit", "ten"),
        ("order", "name+"),
        ("order", "first_submission_date "),
        ("relationships", "friends"),
        ("descriptors_only", "perhaps"),
        ("fields", "sha256"),
        ("query", "again"),
    ] {
        let heard = asker.search(ALL, &[(name, value)]).await;
        assert_eq!(heard.status, 400, "{name}={value}");
        assert!(heard.body["error"]["message"].is_string());
    }
    let none = asker.get("/intelligence/search", &[("limit", "10")]).await;
    assert_eq!(none.error(), (400, "BadRequestError"));
    let ten = asker.search(ALL, &[]).await.ok();
    assert_eq!(ten["data"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_plus_that_was_not_encoded_is_a_space_as_everywhere() {
    let vt = start(world(5)).await;
    let asker = Asker::of(&vt);
    let raw = format!("{}/intelligence/search?query=p:1+&order=size%2B", vt.url());
    let request = asker.client.get(raw).header("x-apikey", KEY);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(vt.requests()[0].parameter("query"), Some("p:1 "));
    assert_eq!(vt.requests()[0].parameter("order"), Some("size+"));
}

#[tokio::test]
async fn excluded_attributes_are_left_out_and_descriptors_are_embedded() {
    let vt = start(world(300)).await;
    let more = [
        ("limit", "300"),
        ("exclude_attributes", "last_analysis_results,exiftool"),
        ("relationships", "contacted_urls,similar_files"),
    ];
    let asker = Asker::of(&vt);
    let page = asker.search(ALL, &more).await.ok();
    for one in page["data"].as_array().unwrap() {
        let attributes = one["attributes"].as_object().unwrap();
        assert!(!attributes.contains_key("last_analysis_results"));
        assert!(!attributes.contains_key("exiftool"));
        assert!(attributes.contains_key("sha256"));
        let related = one["relationships"].as_object().unwrap();
        assert_eq!(related.len(), 2);
        assert!(
            related
                .values()
                .all(|one| one["data"].as_array().unwrap().len() <= 20)
        );
    }
    let bare = asker
        .search(ALL, &[("descriptors_only", "true")])
        .await
        .ok();
    assert_eq!(bare["data"][0].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn what_came_embedded_is_the_start_of_what_the_relationship_lists() {
    let vt = start(world(300)).await;
    let asker = Asker::of(&vt);
    let more = [("limit", "300"), ("relationships", "similar_files")];
    let page = asker.search(ALL, &more).await.ok();
    let with_more = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["relationships"]["similar_files"]["meta"]["cursor"].is_string());
    let file = with_more.unwrap();
    let id = file["id"].as_str().unwrap();
    let embedded = &file["relationships"]["similar_files"];
    let path = format!("/files/{id}/relationships/similar_files");
    let start = asker.get(&path, &[("limit", "20")]).await.ok();
    assert_eq!(start["data"], embedded["data"]);
    let cursor = embedded["meta"]["cursor"].as_str().unwrap();
    let rest = asker
        .get(&path, &[("cursor", cursor), ("limit", "40")])
        .await
        .ok();
    let whole = asker
        .get(&format!("/files/{id}/similar_files"), &[("limit", "40")])
        .await
        .ok();
    let count = whole["meta"]["count"].as_u64().unwrap() as usize;
    assert_eq!(rest["data"].as_array().unwrap().len(), (count - 20).min(40));
    let own: HashSet<&str> = whole["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["attributes"]["sha1"].as_str().unwrap())
        .collect();
    assert_eq!(
        own.len(),
        count.min(40),
        "each related file has its own hashes"
    );
}

#[tokio::test]
async fn a_relationship_gives_forty_at_most_and_stubs_for_what_is_missing() {
    let vt = start(world(300)).await;
    let asker = Asker::of(&vt);
    let pages = asker.pages(ALL, &[("limit", "300")]).await;
    let mut stubs = 0;
    for id in ids(&pages).into_iter().take(150) {
        let path = format!("/files/{id}/dropped_files");
        let page = asker.get(&path, &[("limit", "40")]).await.ok();
        for one in page["data"].as_array().unwrap() {
            let missing = one["error"]["code"] == "NotFoundError";
            assert_ne!(missing, one.get("attributes").is_some());
            let id = one["id"].as_str().unwrap();
            if missing {
                stubs += 1;
                let heard = asker.get(&format!("/files/{id}"), &[]).await;
                assert_eq!(heard.error(), (404, "NotFoundError"));
            }
        }
    }
    assert!(stubs > 0);
    let path = format!("/files/{}/dropped_files", ids(&pages)[0]);
    let heard = asker.get(&path, &[("limit", "41")]).await;
    assert_eq!(heard.error(), (400, "BadRequestError"));
    assert_eq!(
        heard.body["error"]["message"],
        "Limit can't be larger than 40"
    );
}

#[tokio::test]
async fn a_file_is_found_by_any_of_its_hashes() {
    let vt = start(world(3)).await;
    let asker = Asker::of(&vt);
    let pages = asker.pages(ALL, &[]).await;
    let file = objects(&pages)[0];
    for name in ["sha256", "sha1", "md5"] {
        let hash = file["attributes"][name].as_str().unwrap();
        let found = asker.get(&format!("/files/{hash}"), &[]).await.ok();
        assert_eq!(found["data"]["id"], file["id"]);
    }
    let path = format!(
        "/files/{}/behaviour_mitre_trees",
        file["id"].as_str().unwrap()
    );
    let trees = asker.get(&path, &[]).await.ok();
    assert_eq!(
        trees["data"]["VirusTotal Jujubox"],
        json!({ "tactics": [] })
    );
}

#[tokio::test]
async fn a_file_made_by_hand_is_searched_related_and_served_as_it_is() {
    let mut odd = object(7);
    odd["attributes"]["names"] = json!(["a\u{0}b", null, 7]);
    odd["attributes"]["first_submission_date"] = json!("not a date");
    odd["attributes"]["threat_severity"] = Value::Null;
    let child = object(8);
    let stub = json!({ "type": "file", "id": "ab".repeat(32), "error": { "code": "NotFoundError", "message": "" } });
    let made = Made::new(odd.clone())
        .submitted_from(&["NZ"])
        .first_submitted(day().start)
        .related("dropped_files", vec![child.clone(), stub.clone()]);
    let vt = start(World::empty().with(made)).await;
    let asker = Asker::of(&vt);
    let found = asker.search("submitter:NZ fs:2026-11-19", &[]).await.ok();
    assert_eq!(found["data"], json!([odd]));
    let id = odd["id"].as_str().unwrap();
    let related = asker
        .get(&format!("/files/{id}/dropped_files"), &[])
        .await
        .ok();
    assert_eq!(related["data"], json!([child, stub]));
    let sha1 = child["attributes"]["sha1"].as_str().unwrap();
    assert_eq!(
        asker.get(&format!("/files/{sha1}"), &[]).await.ok()["data"],
        child
    );
}

#[tokio::test]
async fn a_file_that_arrives_between_pages_neither_hides_nor_repeats_another() {
    let vt = start(world(20)).await;
    let asker = Asker::of(&vt);
    let more = [("order", "first_submission_date+")];
    let page = asker.search(ALL, &more).await.ok();
    vt.add(Made::new(object(1)).first_submitted(day().start));
    vt.add(Made::new(object(2)).first_submitted(day().end - TimeDelta::seconds(1)));
    let cursor = page["meta"]["cursor"].as_str().unwrap();
    let more = [more[0], ("cursor", cursor), ("limit", "40")];
    let rest = asker.search(ALL, &more).await.ok();
    let pages = [page, rest];
    assert_eq!(ids(&pages).len(), 21);
    assert_eq!(ids(&pages).iter().collect::<HashSet<_>>().len(), 21);
}

#[tokio::test]
async fn a_world_tells_beforehand_what_a_search_will_find() {
    let world = World::generate(3, 200, &["AU", "NZ"], day()).with_file(object(9));
    let query = format!("{ALL} p:1+");
    let foretold = world.describe(&query, day().end).unwrap();
    let vt = start(world).await;
    let more = [("limit", "300"), ("order", "first_submission_date+")];
    let pages = Asker::of(&vt).pages(&query, &more).await;
    let foretold: Vec<_> = foretold.iter().map(|one| one["id"].clone()).collect();
    assert!(foretold.len() > 20);
    assert_eq!(ids(&pages), foretold);
    assert!(World::empty().describe("nonsense:1", day().end).is_err());
}
