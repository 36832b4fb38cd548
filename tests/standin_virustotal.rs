//! The stand-in for VirusTotal, asked over HTTP as any client would.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use vtreporter::clock::{Clock, ManualClock};
use vtreporter::http::{self, HttpOptions};
use vtreporter::standin::virustotal::{
    Answer, Cost, Fault, KEY, Licence, Logged, Made, On, Options, Quota, StandIn, World, key_id,
    object,
};

fn day() -> Range<DateTime<Utc>> {
    let start: DateTime<Utc> = "2026-11-19T00:00:00Z".parse().unwrap();
    start..start + TimeDelta::days(1)
}

fn world(count: u32) -> World {
    World::generate(1, count, &["AU"], day())
}

/// A client of a stand-in.
struct Asker {
    client: reqwest::Client,
    base: String,
    key: Option<String>,
}

struct Heard {
    status: u16,
    body: Value,
}

impl Heard {
    fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    fn error(&self) -> (u16, &str) {
        (
            self.status,
            self.body["error"]["code"].as_str().unwrap_or("no code"),
        )
    }
}

impl Asker {
    fn of(vt: &StandIn) -> Self {
        Self {
            client: http::client(&HttpOptions::default()).unwrap(),
            base: vt.url(),
            key: Some(vt.key()),
        }
    }

    fn request(&self, path: &str, query: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let request = self.client.get(format!("{}{path}", self.base)).query(query);
        match &self.key {
            Some(key) => request.header("x-apikey", key),
            None => request,
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Heard {
        let response = self.request(path, query).send().await.unwrap();
        Heard {
            status: response.status().as_u16(),
            body: response.json().await.unwrap(),
        }
    }

    async fn search(&self, query: &str, more: &[(&str, &str)]) -> Heard {
        let mut all = vec![("query", query)];
        all.extend(more);
        self.get("/intelligence/search", &all).await
    }

    /// All pages of a search.
    async fn pages(&self, query: &str, more: &[(&str, &str)]) -> Vec<Value> {
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut all = more.to_vec();
            if !cursor.is_empty() {
                all.push(("cursor", &cursor));
            }
            let page = self.search(query, &all).await.ok();
            let next = page["meta"]["cursor"].as_str().map(str::to_owned);
            assert_eq!(next.is_some(), page["links"]["next"].is_string());
            pages.push(page);
            match next {
                Some(next) => cursor = next,
                None => return pages,
            }
        }
    }

    async fn quotas(&self) -> Value {
        self.get("/users/cti-bot/overall_quotas", &[]).await.ok()["data"].take()
    }
}

fn objects(pages: &[Value]) -> Vec<&Value> {
    pages
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .collect()
}

fn ids(pages: &[Value]) -> Vec<&str> {
    let objects = objects(pages).into_iter();
    objects.map(|one| one["id"].as_str().unwrap()).collect()
}

fn first(object: &Value) -> i64 {
    object["attributes"]["first_submission_date"]
        .as_i64()
        .unwrap()
}

/// For a premium key, at a time that stands still.
async fn start(world: World) -> StandIn {
    manual(Licence::Premium, world).await.0
}

async fn manual(licence: Licence, world: World) -> (StandIn, ManualClock) {
    let (clock, hand) = Clock::manual("2026-11-20T10:30:00Z".parse().unwrap());
    let options = Options {
        licence,
        clock,
        ..Options::default()
    };
    (StandIn::start_with(options, world).await.unwrap(), hand)
}

const ALL: &str = "entity:file submitter:AU fs:2026-11-19T00:00:00+ fs:2026-11-20T00:00:00-";

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
async fn each_page_is_charged_once() {
    let vt = start(world(607)).await;
    let asker = Asker::of(&vt);
    let before = asker.quotas().await;
    asker.pages(ALL, &[("limit", "300")]).await;
    let after = asker.quotas().await;
    for name in ["api_requests_daily", "api_requests_monthly"] {
        for scope in ["user", "group"] {
            let used = |quotas: &Value| quotas[name][scope]["used"].as_u64().unwrap();
            assert_eq!(used(&after), used(&before) + 3, "{name} {scope}");
        }
    }
    let searches = "intelligence_searches_monthly";
    assert_eq!(after[searches], before[searches]);
    let charged: Vec<Cost> = vt.requests().iter().map(|one| one.charged).collect();
    let (page, free) = (Cost::REQUEST, Cost::FREE);
    assert_eq!(charged, [free, page, page, page, free]);
}

#[tokio::test]
async fn without_the_premium_api_a_page_costs_one_of_the_months_searches() {
    let (vt, _) = manual(Licence::IntelligenceOnly, world(10)).await;
    let asker = Asker::of(&vt);
    let before = asker.quotas().await;
    asker.search(ALL, &[]).await.ok();
    let mut after = asker.quotas().await;
    let used = &mut after["intelligence_searches_monthly"];
    assert_eq!(used["group"]["used"].as_u64(), Some(211));
    assert_eq!(used["user"]["used"].as_u64(), Some(47));
    used["group"]["used"] = json!(210);
    used["user"]["used"] = json!(46);
    assert_eq!(after, before);
    assert!(after["api_requests_daily"].get("group").is_none());
}

#[tokio::test]
async fn a_free_key_may_not_search_and_is_not_charged_for_trying() {
    let (vt, _) = manual(Licence::Free, world(10)).await;
    let heard = Asker::of(&vt).search(ALL, &[]).await;
    assert_eq!(heard.error(), (403, "ForbiddenError"));
    assert_eq!(vt.requests()[0].charged, Cost::FREE);
}

#[tokio::test]
async fn a_missing_and_a_wrong_key_are_told_apart_and_no_key_is_logged() {
    let vt = start(world(1)).await;
    let mut asker = Asker::of(&vt);
    asker.get(&format!("/users/{KEY}"), &[]).await.ok();
    asker.key = None;
    let heard = asker.search(ALL, &[]).await;
    assert_eq!(heard.error(), (401, "AuthenticationRequiredError"));
    asker.key = Some("wrong".to_owned());
    let heard = asker.search(ALL, &[]).await;
    assert_eq!(heard.error(), (401, "WrongCredentialsError"));
    let log = vt.requests();
    assert_eq!(log[0].path, "/api/v3/users/{key}");
    assert_eq!(log[0].key, Some(key_id(KEY)));
    assert_eq!(log[1].key, None);
    assert!(!format!("{log:?}").contains(KEY));
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
async fn a_spent_quota_refuses_until_its_window_ends() {
    let (vt, hand) = manual(Licence::Premium, world(5)).await;
    let asker = Asker::of(&vt);
    vt.set_quota("api_requests_daily", Quota::user(0, 12).group(500, 499));
    asker.search(ALL, &[]).await.ok();
    let heard = asker.search(ALL, &[]).await;
    assert_eq!(heard.error(), (429, "QuotaExceededError"));
    assert_eq!(
        vt.quota("api_requests_daily").unwrap().used(),
        (Some(13), Some(500))
    );
    hand.advance(Duration::from_secs(13 * 3600));
    assert_eq!(
        asker.search(ALL, &[]).await.status,
        429,
        "23:30 of the same day"
    );
    hand.advance(Duration::from_secs(1800));
    asker.search(ALL, &[]).await.ok();
    assert_eq!(
        vt.quota("api_requests_daily").unwrap().used(),
        (Some(1), Some(1))
    );
    vt.set_quota("api_requests_monthly", Quota::user(100, 100));
    assert_eq!(asker.search(ALL, &[]).await.status, 429);
    vt.advance(Duration::from_secs(10 * 86_400));
    assert_eq!(
        asker.search(ALL, &[]).await.status,
        200,
        "the month is over"
    );
}

#[tokio::test]
async fn more_than_the_rate_in_a_minute_is_too_many() {
    let (vt, hand) = manual(Licence::Premium, world(5)).await;
    let asker = Asker::of(&vt);
    vt.set_rate(Some(4));
    for _ in 0..4 {
        asker.search(ALL, &[]).await.ok();
        asker.quotas().await;
        hand.advance(Duration::from_secs(10));
    }
    let heard = asker.search(ALL, &[]).await;
    assert_eq!(heard.error(), (429, "TooManyRequestsError"));
    hand.advance(Duration::from_secs(20));
    asker.search(ALL, &[]).await.ok();
}

#[tokio::test]
async fn the_users_pages_say_who_it_is_and_only_to_the_owner() {
    let vt = start(world(1)).await;
    let asker = Asker::of(&vt);
    vt.set_users_free(true);
    let me = asker.get("/users/me", &[]).await.ok();
    assert_eq!(me["data"]["id"], "cti-bot");
    assert_eq!(
        me["data"]["attributes"]["privileges"]["intelligence"]["granted"],
        true
    );
    assert_eq!(asker.get(&format!("/users/{KEY}"), &[]).await.ok(), me);
    assert_eq!(
        asker.get("/users/other/overall_quotas", &[]).await.status,
        403
    );
    vt.set_users_me(false);
    assert_eq!(
        asker.get("/users/me", &[]).await.error(),
        (404, "NotFoundError")
    );
    asker.search(ALL, &[]).await.ok();
    let usage = asker.get("/users/cti-bot/api_usage", &[]).await.ok();
    assert_eq!(usage["data"]["total"]["/api/v3/(intelligence_search)"], 1);
    let long = [("start_date", "20260101"), ("end_date", "20260301")];
    assert_eq!(
        asker.get("/users/cti-bot/api_usage", &long).await.status,
        400
    );
    let nowhere = asker.get("/groups/acme", &[]).await;
    assert_eq!(nowhere.error(), (404, "NotFoundError"));
}

#[tokio::test]
async fn one_more_empty_page_can_be_had_and_costs_like_the_others() {
    let vt = start(world(20)).await;
    vt.set_empty_page(true);
    let pages = Asker::of(&vt).pages(ALL, &[]).await;
    let sizes: Vec<usize> = pages
        .iter()
        .map(|page| page["data"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [10, 10, 0]);
    assert!(vt.searches().iter().all(|one| one.charged == Cost::REQUEST));
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
async fn a_fault_strikes_the_request_it_is_ordered_for_and_no_other() {
    let vt = start(world(5)).await;
    let asker = Asker::of(&vt);
    vt.fail(Fault::new(On::Search, Answer::transient()).nth(2).times(2));
    vt.fail(Fault::new(On::Related("similar_files"), Answer::forbidden()).always());
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(asker.search(ALL, &[]).await.status);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert_eq!(vt.requests()[1].charged, Cost::FREE);
    let pages = asker.pages(ALL, &[]).await;
    let id = ids(&pages)[0];
    let similar = asker.get(&format!("/files/{id}/similar_files"), &[]).await;
    assert_eq!(similar.error(), (403, "ForbiddenError"));
    asker
        .get(&format!("/files/{id}/dropped_files"), &[])
        .await
        .ok();
    vt.clear_faults();
    asker
        .get(&format!("/files/{id}/similar_files"), &[])
        .await
        .ok();
}

#[tokio::test]
async fn a_parameter_can_be_refused_while_the_same_request_without_it_passes() {
    let vt = start(world(5)).await;
    let asker = Asker::of(&vt);
    vt.fail(Fault::new(On::Search, Answer::Refuse("exclude_attributes")).always());
    let more = [("exclude_attributes", "exiftool")];
    assert_eq!(
        asker.search(ALL, &more).await.error(),
        (400, "BadRequestError")
    );
    asker.search(ALL, &[]).await.ok();
}

#[tokio::test]
async fn bodies_can_be_cut_html_wrong_and_compressed() {
    let vt = start(world(20)).await;
    let asker = Asker::of(&vt);
    let ask = async |answer| {
        vt.fail(Fault::new(On::Search, answer));
        let query = [("query", ALL)];
        let response = asker.request("/intelligence/search", &query).send().await;
        let response = response.unwrap();
        (response.status().as_u16(), response.text().await)
    };
    let (status, body) = ask(Answer::Cut(5000)).await;
    assert_eq!(status, 200);
    assert!(body.is_err(), "the connection ended in the middle");
    let (status, body) = ask(Answer::html(502)).await;
    assert_eq!(
        (status, body.unwrap().starts_with("<!DOCTYPE")),
        (502, true)
    );
    let (status, body) = ask(Answer::no_json()).await;
    assert_eq!(status, 200);
    assert!(serde_json::from_str::<Value>(&body.unwrap()).is_err());
    let (_, plain) = ask(Answer::Slow(Duration::ZERO)).await;
    let (_, packed) = ask(Answer::Gzip).await;
    assert_eq!(packed.unwrap(), plain.unwrap());
    let (status, _) = ask(Answer::Redirect(302, "http://127.0.0.1:1/".to_owned())).await;
    assert_eq!(status, 302, "the client does not follow");
}

#[tokio::test]
async fn pages_can_lead_nowhere_good() {
    let vt = start(world(30)).await;
    let asker = Asker::of(&vt);
    vt.fail(Fault::new(
        On::Search,
        Answer::NextLink("http://192.0.2.1/x".to_owned()),
    ));
    let page = asker.search(ALL, &[]).await.ok();
    assert_eq!(page["links"]["next"], "http://192.0.2.1/x");
    vt.fail(Fault::new(On::Search, Answer::SameCursor).times(2));
    let page = asker.search(ALL, &[]).await.ok();
    let cursor = page["meta"]["cursor"].as_str().unwrap();
    let again = asker.search(ALL, &[("cursor", cursor)]).await.ok();
    assert_eq!(again["data"], page["data"]);
    assert_eq!(again["meta"]["cursor"], cursor);
    vt.fail(Fault::new(On::Search, Answer::Stubs(2)));
    let page = asker.search(ALL, &[]).await.ok();
    assert_eq!(page["data"][1]["error"]["code"], "NotFoundError");
    assert!(page["data"][2]["attributes"].is_object());
    vt.fail(Fault::new(On::Search, Answer::NullAttributes(1)));
    assert!(asker.search(ALL, &[]).await.ok()["data"][0]["attributes"].is_null());
    let odd = Answer::rewrite(|body| body["data"] = Value::Null);
    vt.fail(Fault::new(On::when(Logged::is_search), odd));
    assert!(asker.search(ALL, &[]).await.ok()["data"].is_null());
}

#[tokio::test]
async fn a_stand_in_that_never_answers_has_still_logged_the_request() {
    let vt = start(world(1)).await;
    let asker = Asker::of(&vt);
    vt.fail(Fault::new(On::Search, Answer::Silence));
    let waiting = tokio::spawn(async move { asker.search(ALL, &[]).await.status });
    let log = vt.wait_for(|log| log.iter().any(Logged::is_search)).await;
    assert_eq!(log[0].status, 0);
    assert!(!waiting.is_finished());
    vt.stop().await;
    assert_eq!(waiting.await.unwrap(), 503);
}

#[tokio::test]
async fn a_stopped_stand_in_can_be_started_again_on_its_port() {
    let vt = start(world(1)).await;
    let asker = Asker::of(&vt);
    asker.search(ALL, &[]).await.ok();
    let address = vt.url().replace("http://", "").replace("/api/v3", "");
    vt.stop().await;
    let query = [("query", ALL)];
    let refused = asker.request("/intelligence/search", &query).send().await;
    assert!(refused.unwrap_err().is_connect());
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let again = StandIn::serve(listener, Options::default(), world(1)).unwrap();
    asker.search(ALL, &[]).await.ok();
    assert_eq!(again.requests().len(), 1);
}
