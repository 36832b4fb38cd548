//! Key, licence, quota and pace.

use std::time::Duration;

use serde_json::{Value, json};
use standin::virustotal::{Cost, KEY, Licence, Quota, key_id};

use super::{ALL, Asker, manual, start, world};

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
