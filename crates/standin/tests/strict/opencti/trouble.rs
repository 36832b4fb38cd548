//! Trouble on demand.

use std::time::Duration;

use chrono::DateTime;
use clock::Clock;
use serde_json::json;
use standin::opencti::{Failure, OpenCtiWorld, Release};

use super::stix::*;
use super::*;

const ABOUT: &str = "{ about { version } }";

#[tokio::test]
async fn ordered_errors_strike_as_often_as_ordered_and_change_nothing() {
    let talk = Talk::registered(Release::V7).await;
    let failure = Failure::error("DATABASE_ERROR", "try later")
        .on("pingConnector")
        .after(1)
        .times(2);
    talk.opencti.fail(failure);
    talk.ping("1").await;
    for _ in 0..2 {
        let code = talk
            .refused(PING, json!({ "id": CONNECTOR, "state": "2" }))
            .await;
        assert_eq!(code, "DATABASE_ERROR");
    }
    assert_eq!(
        talk.opencti.connector(CONNECTOR).unwrap().state.as_deref(),
        Some("1")
    );
    assert_eq!(talk.ping("3").await, "3");
}

#[tokio::test]
async fn a_proxy_answers_html_and_a_redirect_leads_away() {
    let talk = Talk::with(Release::V7).await;
    let ask = json!({ "query": ABOUT }).to_string();
    talk.opencti.fail(Failure::html(502));
    let (status, text) = talk.post(ask.clone()).await;
    assert!(status == 502 && text.starts_with("<html>"), "{text}");
    talk.opencti
        .fail(Failure::redirect("http://elsewhere.example.org/"));
    let response = talk.try_post(ask.clone()).await.unwrap();
    assert_eq!(response.status().as_u16(), 302);
    assert_eq!(
        response.headers()["location"],
        "http://elsewhere.example.org/"
    );
    talk.opencti.fail(Failure::too_large().always());
    assert_eq!(talk.post(ask.clone()).await.0, 413);
    assert_eq!(talk.post(ask.clone()).await.0, 413);
    talk.opencti.clear_failures();
    assert_eq!(talk.post(ask).await.0, 200);
}

#[tokio::test]
async fn a_cut_answer_breaks_off_although_the_push_was_done() {
    let talk = Talk::registered(Release::V7).await;
    talk.opencti.fail(Failure::cut_body().on("stixBundlePush"));
    let variables = json!({ "connectorId": CONNECTOR, "bundle": bundle(&[author()]).to_string() });
    let body = json!({ "query": PUSH, "variables": variables }).to_string();
    let response = talk.try_post(body).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.text().await.is_err());
    assert_eq!(talk.opencti.objects().len(), 1);
}

#[tokio::test]
async fn an_answer_may_get_lost_after_the_work_was_done() {
    let talk = Talk::registered(Release::V7).await;
    talk.opencti
        .fail(Failure::html(504).on("workAdd").after_doing());
    let variables = json!({ "connectorId": CONNECTOR, "name": "AU" });
    let body = json!({ "query": WORK_ADD, "variables": variables }).to_string();
    assert_eq!(talk.post(body).await.0, 504);
    assert_eq!(talk.opencti.works().len(), 1);
}

#[tokio::test]
async fn silence_lasts_until_the_platform_goes_down_and_is_seen_in_the_log() {
    let talk = Talk::with(Release::V7).await;
    talk.opencti.fail(Failure::silence());
    let (http, url) = (talk.http.clone(), format!("{}/graphql", talk.opencti.url()));
    let asked = tokio::spawn(http.post(url).json(&json!({ "query": ABOUT })).send());
    let seen = talk
        .opencti
        .wait_for(|requests| requests.iter().any(|one| one.field == "about"))
        .await;
    assert_eq!(seen[0].status, None);
    assert!(!asked.is_finished());
    talk.opencti.stop().await;
    let outcome = asked.await.unwrap();
    assert!(outcome.is_err() || outcome.is_ok_and(|answer| answer.status().as_u16() == 503));
}

#[tokio::test]
async fn a_slow_answer_comes_when_the_worlds_clock_says_so() {
    let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
    let (clock, hand) = Clock::manual(DateTime::UNIX_EPOCH);
    world.clock = clock;
    let talk = Talk::to(world).await;
    talk.opencti.fail(Failure::slow(Duration::from_secs(30)));
    let (http, url) = (talk.http.clone(), format!("{}/graphql", talk.opencti.url()));
    let body = json!({ "query": ABOUT });
    let asked = tokio::spawn(http.post(url).bearer_auth(TOKEN).json(&body).send());
    hand.sleeping(Duration::from_secs(30)).await;
    assert!(!asked.is_finished());
    hand.advance(Duration::from_secs(30));
    assert_eq!(asked.await.unwrap().unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_platform_that_was_down_is_up_again_at_the_same_place_and_knows_everything() {
    let talk = Talk::registered(Release::V7).await;
    talk.ping("before").await;
    let url = talk.opencti.url();
    talk.opencti.go_down().await;
    let body = json!({ "query": ABOUT }).to_string();
    assert!(talk.try_post(body).await.unwrap_err().is_connect());
    talk.opencti.come_up().await.unwrap();
    assert_eq!(talk.opencti.url(), url);
    assert_eq!(talk.register().await["connector_state"], "before");
}

#[tokio::test]
async fn a_test_can_wait_for_what_happens() {
    let talk = Talk::registered(Release::V7).await;
    let waiter = tokio::spawn({
        let opencti = talk.opencti.clone();
        async move {
            opencti.until(|opencti| opencti.pings().len() == 2).await;
            opencti.pings().len()
        }
    });
    talk.ping("1").await;
    talk.ping("2").await;
    assert_eq!(waiter.await.unwrap(), 2);
}

#[tokio::test]
#[should_panic(expected = "did not strike")]
async fn a_failure_that_never_comes_true_fails_the_test_that_ordered_it() {
    let talk = Talk::with(Release::V7).await;
    talk.opencti.fail(Failure::html(502).after(1));
    let ask = json!({ "query": ABOUT }).to_string();
    assert_eq!(talk.post(ask).await.0, 200);
}
