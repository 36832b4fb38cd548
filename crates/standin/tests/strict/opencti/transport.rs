//! What is refused before anything is done.

use serde_json::json;
use standin::opencti::{MODULES, OpenCtiWorld, Release, User, validate};

use super::*;

#[tokio::test]
async fn a_document_that_the_release_does_not_know_is_refused_with_400() {
    let talk = Talk::registered(Release::V6_5_1).await;
    let variables = json!({ "connectorId": CONNECTOR, "bundle": "{}", "work": "w" });
    let (status, answer) = talk.ask(PUSH, variables).await;
    assert_eq!(status, 400);
    let error = &answer["errors"][0];
    assert_eq!(
        error["message"],
        "Unknown argument \"work_id\" on field \"Mutation.stixBundlePush\"."
    );
    assert_eq!(error["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(talk.opencti.bundles().len(), 0);
}

#[test]
fn a_field_that_a_release_lacks_is_named() {
    let document = "{ connector(id: \"a\") { id connector_state_timestamp } }";
    let faults = validate(Release::V6_5_1, document).unwrap_err();
    assert_eq!(
        faults,
        ["Cannot query field \"connector_state_timestamp\" on type \"Connector\"."]
    );
    assert_eq!(validate(Release::V6_8_0, document), Ok(()));
}

#[tokio::test]
async fn variables_are_checked_against_their_types() {
    let talk = Talk::with(Release::V7).await;
    let (status, answer) = talk.ask(PING, json!({ "state": "{}" })).await;
    assert_eq!(status, 400);
    assert_eq!(
        answer["errors"][0]["message"],
        "Variable \"$id\" of required type \"ID!\" was not provided."
    );
    for wrong in [
        json!({ "id": "a", "state": 1 }),
        json!({ "id": "a", "state": {} }),
        json!({ "id": "a", "info": { "buffering": true } }),
        json!({ "id": "a", "info": { "run_and_terminate": "no", "buffering": true,
            "queue_threshold": 1.0, "queue_messages_size": 1.0 } }),
        json!({ "id": "a", "info": { "run_and_terminate": true, "buffering": true,
            "queue_threshold": 1.0, "queue_messages_size": 1.0, "next_run_datetime": "soon" } }),
        json!({ "id": "a", "info": { "run_and_terminate": true, "buffering": true,
            "queue_threshold": 1.0, "queue_messages_size": 1.0, "more": 1 } }),
    ] {
        let (status, answer) = talk.ask(PING, wrong.clone()).await;
        assert_eq!(status, 400, "{wrong}: {answer}");
    }
}

#[tokio::test]
async fn several_operations_at_once_and_introspection_are_refused() {
    let talk = Talk::with(Release::V7).await;
    let (status, _) = talk
        .post(json!([{ "query": "{ about { version } }" }]).to_string())
        .await;
    assert_eq!(status, 400);
    let two = "mutation { a: deleteConnector(id: \"a\") b: deleteConnector(id: \"b\") }";
    assert_eq!(talk.ask(two, json!({})).await.0, 400);
    let introspection = "{ __schema { types { name } } }";
    assert_eq!(talk.ask(introspection, json!({})).await.0, 400);
    assert_eq!(talk.post("{ not json".to_owned()).await.0, 400);
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_refused() {
    let talk = Talk::with(Release::V7).await;
    let url = format!("{}/graphql", talk.opencti.url());
    let body = json!({ "query": "{ about { version } }" }).to_string();
    let response = talk
        .http
        .post(url)
        .bearer_auth(TOKEN)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 400);
}

#[tokio::test]
async fn a_wrong_token_is_told_with_200_and_a_code() {
    let mut talk = Talk::with(Release::V7).await;
    talk.token = "wrong".to_owned();
    let code = talk.refused("{ about { version } }", json!({})).await;
    assert_eq!(code, "AUTH_REQUIRED");
    let logged = talk.opencti.requests();
    assert_eq!(logged[0].code.as_deref(), Some("AUTH_REQUIRED"));
    assert!(!format!("{logged:?}").contains("wrong"));
}

#[tokio::test]
async fn a_token_without_connector_rights_may_ask_who_it_is_and_no_more() {
    let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
    world.users.push(User::analyst("token-of-an-analyst"));
    let mut talk = Talk::registered_at(world).await;
    talk.token = "token-of-an-analyst".to_owned();
    let me = talk
        .get("{ me { name capabilities { name } } }", json!({}))
        .await;
    assert_eq!(me["name"], "Analyst");
    let code = talk
        .refused(PING, json!({ "id": CONNECTOR, "state": "{}" }))
        .await;
    assert_eq!(code, "FORBIDDEN_ACCESS");
    let reset = "mutation R($id: ID!) { resetStateConnector(id: $id) { id } }";
    assert_eq!(
        talk.refused(reset, json!({ "id": CONNECTOR })).await,
        "FORBIDDEN_ACCESS"
    );
    assert_eq!(talk.opencti.pings().len(), 0);
}

#[tokio::test]
async fn the_refresh_button_is_for_those_who_manage_connectors() {
    let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
    world
        .users
        .push(User::new("Operator", "token-of-an-operator", &[MODULES]));
    let mut talk = Talk::registered_at(world).await;
    let reset = "mutation R($id: ID!) { resetStateConnector(id: $id) { connector_state_reset } }";
    let id = json!({ "id": CONNECTOR });
    assert_eq!(talk.refused(reset, id.clone()).await, "FORBIDDEN_ACCESS");
    talk.token = "token-of-an-operator".to_owned();
    assert_eq!(talk.get(reset, id).await["connector_state_reset"], true);
}

#[tokio::test]
async fn a_body_over_the_limit_is_answered_with_413_and_html() {
    let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
    world.body_limit = 2000;
    let talk = Talk::registered_at(world).await;
    let (status, text) = talk.post(" ".repeat(2001)).await;
    assert_eq!(status, 413);
    assert!(text.starts_with("<html>"), "{text}");
}

#[tokio::test]
async fn the_platform_may_live_under_a_path() {
    let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
    world.base_path = "/cti".to_owned();
    let talk = Talk::to(world).await;
    assert!(talk.opencti.url().ends_with("/cti"));
    let about = talk.get("{ about { version } }", json!({})).await;
    assert_eq!(about["version"], "7.260817.0");
    let outside = talk.opencti.url().replace("/cti", "/graphql");
    let response = talk.http.post(outside).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 404);
}

#[tokio::test]
async fn every_field_of_every_release_can_be_asked_for() {
    for release in Release::ALL {
        let talk = Talk::registered(release).await;
        let work = talk.work().await;
        for (root, document) in everything(release) {
            let document = document
                .replace("WORK", &work)
                .replace("CONNECTOR", CONNECTOR);
            let (status, answer) = talk.ask(&document, json!({})).await;
            assert_eq!(status, 200, "{release:?} {root}: {answer}");
            assert!(answer["errors"].is_null(), "{release:?} {root}: {answer}");
            assert!(
                !answer["data"][root].is_null(),
                "{release:?} {root}: {answer}"
            );
        }
    }
}

/// For each query and for a new draft, a document with every field there is.
fn everything(release: Release) -> Vec<(&'static str, String)> {
    let schema = apollo_compiler::Schema::parse(release.schema(), "schema").unwrap();
    [
        ("about", "AppInfo", "query", ""),
        ("me", "MeUser", "query", ""),
        ("connector", "Connector", "query", "(id: \"CONNECTOR\")"),
        ("work", "Work", "query", "(id: \"WORK\")"),
        (
            "draftWorkspaceAdd",
            "DraftWorkspace",
            "mutation",
            "(input: { name: \"AU\" })",
        ),
    ]
    .into_iter()
    .map(|(root, kind, operation, arguments)| {
        let fields = fields(&schema, kind, 3);
        (
            root,
            format!("{operation} {{ {root}{arguments} {fields} }}"),
        )
    })
    .collect()
}

fn fields(schema: &apollo_compiler::Schema, kind: &str, depth: usize) -> String {
    let Some(object) = schema.get_object(kind) else {
        return String::new();
    };
    let fields: Vec<String> = object
        .fields
        .iter()
        .filter(|(_, field)| depth > 0 || schema.get_object(field.ty.inner_named_type()).is_none())
        .map(|(name, field)| {
            let inner = field.ty.inner_named_type();
            format!("{name} {}", fields_below(schema, inner, depth))
        })
        .collect();
    format!("{{ {} }}", fields.join(" "))
}

fn fields_below(schema: &apollo_compiler::Schema, kind: &str, depth: usize) -> String {
    fields(schema, kind, depth.saturating_sub(1))
}
