//! Register, ping, reset, queue.

use serde_json::json;
use standin::opencti::{Echo, Release};

use super::*;

const STATE: &str = r#"{"version":1,"AU":{"end":"2026-11-20T13:00:00Z"}}"#;
const OLDER: &str = r#"{"version":1,"AU":{"end":"2026-11-19T13:00:00Z"}}"#;

#[tokio::test]
async fn registering_again_answers_the_saved_state_and_loses_nothing() {
    for release in Release::ALL {
        let talk = Talk::with(release).await;
        let first = talk.register().await;
        assert_eq!(first["connector_state"], json!(null));
        assert_eq!(first["config"]["push_exchange"], "amqp.worker.exchange");
        assert_eq!(talk.ping(STATE).await, STATE);
        let again = talk.register().await;
        assert_eq!(again["connector_state"], STATE);
        assert_eq!(again["connector_user_id"], first["connector_user_id"]);
        assert_eq!(talk.opencti.connectors()[0].registrations, 2);
    }
}

#[tokio::test]
async fn storage_is_handed_out_where_the_release_does() {
    let document = REGISTER.replace(
        "push_routing }",
        "push_routing s3 { endpoint secret_key } }",
    );
    let input = json!({ "input": { "id": CONNECTOR, "name": "AU", "type": "EXTERNAL_IMPORT" } });
    let talk = Talk::with(Release::V6_9_0).await;
    assert_eq!(talk.ask(&document, input.clone()).await.0, 400);
    let talk = Talk::with(Release::V7).await;
    let registered = talk.get(&document, input).await;
    assert_eq!(registered["config"]["s3"]["endpoint"], "127.0.0.1");
}

#[tokio::test]
async fn a_ping_of_a_stranger_is_refused() {
    let talk = Talk::with(Release::V7).await;
    let code = talk
        .refused(PING, json!({ "id": CONNECTOR, "state": "{}" }))
        .await;
    assert_eq!(code, "FUNCTIONAL_ERROR");
}

#[tokio::test]
async fn the_refresh_button_answers_the_next_ping_with_an_empty_state_and_does_not_save_it() {
    let talk = Talk::registered(Release::V7).await;
    talk.ping(STATE).await;
    talk.opencti.set_queue(3.0, 4e6);
    talk.opencti.press_refresh();
    let connector = talk.opencti.connector(CONNECTOR).unwrap();
    assert!(connector.reset && connector.state_timestamp.is_some());
    assert_eq!(talk.ping(STATE).await, "");
    let connector = talk.opencti.connector(CONNECTOR).unwrap();
    assert_eq!(
        (connector.state.as_deref(), connector.reset),
        (Some(""), false)
    );
    assert_eq!(talk.ping(OLDER).await, OLDER);
    let saved: Vec<bool> = talk.opencti.pings().iter().map(|ping| ping.saved).collect();
    assert_eq!(saved, [true, false, true]);
    assert_eq!(queue(&talk).await["messages_number"], 0.0);
}

#[tokio::test]
async fn only_the_refresh_button_moves_the_time_of_the_state() {
    let talk = Talk::registered(Release::V7).await;
    let stamp = || talk.opencti.connector(CONNECTOR).unwrap().state_timestamp;
    talk.ping(STATE).await;
    talk.ping(OLDER).await;
    assert_eq!(stamp(), None);
    talk.opencti.press_refresh();
    let pressed = stamp();
    assert!(pressed.is_some());
    talk.ping(STATE).await;
    talk.ping(STATE).await;
    talk.register().await;
    let work = talk.work().await;
    talk.processed(&work).await;
    assert_eq!(stamp(), pressed);
}

#[tokio::test]
async fn a_stale_echo_is_an_older_state_while_the_new_one_is_saved() {
    let talk = Talk::registered(Release::V7).await;
    talk.ping(OLDER).await;
    talk.opencti.set_echo(Echo::Previous);
    assert_eq!(talk.ping(STATE).await, OLDER);
    let saved = talk.opencti.connector(CONNECTOR).unwrap().state;
    assert_eq!(saved.as_deref(), Some(STATE));
    talk.opencti.set_echo(Echo::Fixed(OLDER.to_owned()));
    talk.ping(STATE).await;
    assert_eq!(talk.ping(STATE).await, OLDER);
    talk.opencti.press_refresh();
    assert_eq!(talk.ping(STATE).await, "");
}

#[tokio::test]
async fn the_queue_is_as_long_as_the_test_says() {
    let talk = Talk::registered(Release::V6_5_1).await;
    talk.opencti.set_queue(1200.0, 600e6);
    assert_eq!(
        queue(&talk).await,
        json!({ "messages_number": 1200.0, "messages_size": 600e6 })
    );
    let unknown = "{ connector(id: \"nobody\") { id } }";
    assert_eq!(talk.get(unknown, json!({})).await, json!(null));
}

async fn queue(talk: &Talk) -> serde_json::Value {
    let document = "query Q($id: String!) { connector(id: $id) {
        details: connector_queue_details { ...D } } }
        fragment D on ConnectorQueueDetails { messages_number messages_size }";
    let connector = talk.get(document, json!({ "id": CONNECTOR })).await;
    connector["details"].clone()
}
