//! What goes wrong on demand, and what comes in from outside.

use std::time::Duration;

use serde_json::Value;
use standin::virustotal::{Answer, Cost, Fault, Logged, On, Options, StandIn};

use super::{ALL, Asker, ids, start, world};

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

#[tokio::test]
async fn whatever_is_sent_gets_an_answer() {
    let vt = start(world(3)).await;
    let asker = Asker::of(&vt);
    let long = "9".repeat(20_000);
    let hash = "é".repeat(32);
    for path in [
        "",
        "/",
        "/files//",
        "/files/../../etc/passwd",
        "/files/%00%ff",
        &format!("/files/{hash}"),
        &format!("/files/{}/similar_files", "f".repeat(64)),
        "/users//overall_quotas",
        "/users/{key}/api_usage?end_date=-2621430101",
        "/users/cti-bot/api_usage?start_date=99999999",
        "/intelligence/search?query=%FF%FE&cursor=%00",
        "/intelligence/search?query=size:99999999999999999999%2B",
        "/intelligence/search?query=size:9223372036854775807GB",
        "/intelligence/search?query=fs:4294967295d-",
        "/intelligence/search?query=p:-9223372036854775808-",
        &format!("/intelligence/search?query=p:{long}"),
        "/intelligence/search?query=p:1%2B&limit=18446744073709551616",
    ] {
        let heard = asker.get(path, &[]).await;
        assert!([200, 400, 403, 404].contains(&heard.status), "{path}");
        assert_ne!(heard.body["error"].is_null(), heard.status != 200, "{path}");
    }
    let post = asker.client.post(format!("{}/files", vt.url()));
    let post = post.header("x-apikey", b"\xff\xfe".as_slice()).send();
    assert_eq!(post.await.unwrap().status(), 401);
}

#[tokio::test]
#[should_panic(expected = "did not strike")]
async fn a_fault_that_never_comes_true_fails_the_test_that_ordered_it() {
    let vt = start(world(1)).await;
    vt.fail(Fault::new(On::Search, Answer::html(502)).nth(2));
    Asker::of(&vt).search(ALL, &[]).await.ok();
}

#[tokio::test]
#[should_panic(expected = "did not strike")]
async fn a_fault_that_is_to_strike_never_fails_the_test_too() {
    let vt = start(world(1)).await;
    vt.fail(Fault::new(On::Search, Answer::html(502)).times(0));
    Asker::of(&vt).search(ALL, &[]).await.ok();
}
