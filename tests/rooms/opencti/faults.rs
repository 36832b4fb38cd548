//! What the client makes of answers that no healthy platform gives.

use serde_json::json;
use vtreporter::opencti::delivery::Api;
use vtreporter::opencti::{ConnectorInfo, Error, Registration, Road};

use super::{TOKEN, client, hurried};
use crate::scripted::{Reply, Scripted};

fn ping_answer() -> Reply {
    Reply::data(json!({"pingConnector": {"connector_state": "{}"}}))
}

#[tokio::test]
async fn every_request_carries_token_and_own_headers_below_the_given_path() {
    let server = Scripted::start([Reply::data(json!({"about": {"version": "7.260817"}}))]).await;
    let (client, _) = client(&format!("{}/cti/", server.url));
    assert_eq!(client.version().await.unwrap().to_string(), "7.260817");
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/cti/graphql");
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(asked.headers["x-gate"], "open sesame");
    assert_eq!(asked.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_redirect_is_an_error_and_the_token_does_not_go_along() {
    let elsewhere = Scripted::start([Reply::new(200, "")]).await;
    let target = format!("{}/login?next={TOKEN}", elsewhere.url);
    let server = Scripted::start([Reply::new(307, "").header("location", target)]).await;
    let (client, _) = client(&server.url);
    let error = client.version().await.unwrap_err();
    assert!(
        matches!(error, Error::Redirected { status: 307, .. }),
        "{error}"
    );
    assert!(error.to_string().contains(&elsewhere.url), "{error}");
    assert!(!error.to_string().contains(TOKEN), "{error}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_passing_fault_is_tried_again_a_few_times_and_then_told() {
    let server = Scripted::start([
        Reply::new(502, "<html>bad gateway</html>"),
        Reply::error(200, "DATABASE_ERROR", "shards"),
        Reply::new(429, "slow down").header("retry-after", "7"),
        ping_answer(),
    ])
    .await;
    let (client, hand) = client(&server.url);
    let info = ConnectorInfo::default();
    let state = hurried(&hand, client.ping("id", "{}", &info))
        .await
        .unwrap();
    assert_eq!(state, "{}");
    assert_eq!(server.asked().len(), 4);

    let down = Scripted::start([Reply::new(503, "<html>maintenance</html>")]).await;
    let (client, hand) = super::client(&down.url);
    let error = hurried(&hand, client.version()).await.unwrap_err();
    assert!(
        error.to_string().contains("503: <html>maintenance</html>"),
        "{error}"
    );
    assert_eq!(down.asked().len(), 4);
}

#[tokio::test]
async fn what_counts_or_creates_is_not_sent_twice_unless_it_was_never_done() {
    let server = Scripted::start([Reply::new(502, "")]).await;
    let (client, hand) = client(&server.url);
    assert!(hurried(&hand, client.work_add("id", "work")).await.is_err());
    assert!(
        hurried(&hand, client.add_expectations("w", 3))
            .await
            .is_err()
    );
    assert!(hurried(&hand, client.add_draft("d")).await.is_err());
    assert_eq!(server.asked().len(), 3, "once each");

    let limited = Scripted::start([
        Reply::new(429, "later"),
        Reply::data(json!({"workAdd": {"id": "work--1"}})),
    ])
    .await;
    let (client, hand) = super::client(&limited.url);
    let work = hurried(&hand, client.work_add("id", "work")).await.unwrap();
    assert_eq!(work, "work--1", "429 comes before anything is done");
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_named_with_its_address() {
    // Bound and dropped: nobody listens there now.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (client, hand) = client(&format!("http://{address}"));
    let error = hurried(&hand, client.work_add("id", "work"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.to_string().contains("OPENCTI_URL"), "{error}");
}

#[tokio::test]
async fn an_odd_registration_is_an_error_that_shows_no_password() {
    let odd = json!({"registerConnector": {"id": "id", "config": {
        "connection": {"host": "mq", "vhost": "/", "use_ssl": false, "port": 70000, "user": "u", "pass": "hunter2"},
        "push_exchange": "amqp.worker.exchange", "push_routing": "push_id"}}});
    for (answer, said) in [
        (json!({"registerConnector": null}), "nothing"),
        (
            json!({"registerConnector": {"id": "id", "config": null}}),
            "no connection",
        ),
        (
            json!({"registerConnector": {"config": {"connection": {"pass": "hunter2"}}}}),
            "another shape",
        ),
        (odd, "70000"),
    ] {
        let server = Scripted::start([Reply::data(answer)]).await;
        let (client, _) = client(&server.url);
        let registration = Registration {
            id: "id".to_owned(),
            name: "VirusTotal".to_owned(),
            scope: vec!["vtreporter".to_owned()],
            auto: false,
            only_contextual: false,
            s3: false,
        };
        let error = client
            .register(&registration)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn an_unknown_argument_is_learned_once_and_left_out_from_then_on() {
    let refusal = r#"Unknown argument "work_id" on field "Mutation.stixBundlePush"."#;
    let server = Scripted::start([
        Reply::error(400, "GRAPHQL_VALIDATION_FAILED", refusal),
        Reply::data(json!({"stixBundlePush": true})),
    ])
    .await;
    let (client, _) = client(&server.url);
    let road = Road::Api(Api::new(client, "id", Some("draft--1".to_owned())));
    let bundle = r#"{"type":"bundle","id":"bundle--1","objects":[{"id":"file--1"}]}"#;
    for _ in 0..2 {
        let sent = road.send(bundle, Some("work--1")).await.unwrap();
        assert_eq!((sent.objects, sent.bundles), (1, 1));
    }
    let asked = server.asked();
    let with_work: Vec<_> = asked
        .iter()
        .map(|asked| asked.body["variables"].get("work").is_some())
        .collect();
    assert_eq!(with_work, [true, false, false]);
    assert!(
        asked
            .iter()
            .all(|asked| asked.headers["opencti-draft-id"] == "draft--1")
    );
}

#[tokio::test]
async fn a_bundle_that_is_too_large_goes_in_halves_and_the_next_one_is_cut_at_once() {
    let server = Scripted::start([
        Reply::new(413, "<html>Request Entity Too Large</html>"),
        Reply::data(json!({"stixBundlePush": true})),
    ])
    .await;
    let (client, _) = client(&server.url);
    let road = Road::Api(Api::new(client, "id", None));
    let objects: Vec<_> = (0..8)
        .map(|n| json!({"id": format!("file--{n}")}))
        .collect();
    let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string();
    let sent = road.send(&bundle, None).await.unwrap();
    assert_eq!((sent.objects, sent.bundles), (8, 2));
    road.send(&bundle, None).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 5, "whole, half, half; then half, half");
    let arrived: usize = asked[1..3]
        .iter()
        .map(|asked| {
            let text = asked.body["variables"]["bundle"].as_str().unwrap();
            let bundle: serde_json::Value = serde_json::from_str(text).unwrap();
            bundle["objects"].as_array().unwrap().len()
        })
        .sum();
    assert_eq!(arrived, 8);
}

#[tokio::test]
async fn one_object_that_is_too_large_alone_is_told_with_its_size() {
    let server = Scripted::start([Reply::new(413, "")]).await;
    let (client, _) = client(&server.url);
    let road = Road::Api(Api::new(client, "id", None));
    let bundle = r#"{"type":"bundle","id":"bundle--1","objects":[{"id":"file--1"}]}"#;
    let error = road.send(bundle, None).await.unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { bytes } if bytes > bundle.len()),
        "{error}"
    );
}

#[tokio::test]
async fn a_deleted_work_and_a_forgotten_connector_are_decisions_of_their_own() {
    let server = Scripted::start([
        Reply::error(200, "WORK_NOT_ALIVE", "Work is no longer alive"),
        Reply::data(json!({"workEdit": null})),
        Reply::data(json!({"connector": null})),
    ])
    .await;
    let (client, _) = client(&server.url);
    assert!(matches!(
        client.work_received("w", "m").await,
        Err(Error::NotAlive)
    ));
    assert!(matches!(
        client.work_processed("w", "m", true).await,
        Err(Error::NotAlive)
    ));
    assert!(matches!(
        client.queue("id").await,
        Err(Error::NotRegistered)
    ));
}
