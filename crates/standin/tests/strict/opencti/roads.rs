//! The other roads: broker, directory, bucket, draft.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use standin::opencti::{CameBy, FaultKind, Release};

use super::stix::*;
use super::*;

fn queued(object: &Value, place: u64, applicant: &str, work: &str) -> Value {
    let inner = json!({
        "type": "bundle", "id": bundle(&[])["id"], "spec_version": "2.1",
        "x_opencti_seq": place, "objects": [object],
    });
    json!({
        "bundle_type": "QUEUE_BUNDLE", "applicant_id": applicant, "action_sequence": place,
        "entities_types": [], "content": BASE64_STANDARD.encode(inner.to_string()),
        "update": false, "draft_id": null, "no_split": false, "work_id": work,
    })
}

#[tokio::test]
async fn messages_of_one_object_each_complete_the_work_that_expected_them() {
    let talk = Talk::registered(Release::V7).await;
    let user = talk.opencti.connectors()[0].user_id.clone();
    let work = talk.work().await;
    let expect = "mutation E($id: ID!) { workEdit(id: $id) { addExpectations(expectations: 3) } }";
    talk.get(expect, json!({ "id": work })).await;
    for (place, object) in (1..).zip([author(), amber(), file(1)]) {
        let message = queued(&object, place, &user, &work).to_string();
        assert_eq!(talk.opencti.ingest_message(&message), []);
    }
    let seen = &talk.opencti.works()[0];
    assert_eq!((seen.expected, seen.processed), (3, 3));
    assert_eq!(talk.status(&work).await, "complete");
    assert_eq!(talk.opencti.bundles()[2].road, CameBy::Queue);
}

#[tokio::test]
async fn a_message_that_comes_before_what_it_refers_to_is_a_fault() {
    let talk = Talk::registered(Release::V7).await;
    let user = talk.opencti.connectors()[0].user_id.clone();
    let work = talk.work().await;
    let message = queued(&file(1), 1, &user, &work).to_string();
    let faults = talk.opencti.ingest_message(&message);
    assert_eq!(faults[0].kind, FaultKind::DanglingReference);
    assert_eq!(faults[0].work.as_deref(), Some(work.as_str()));
}

#[tokio::test]
async fn a_message_of_the_wrong_form_is_a_fault() {
    let talk = Talk::registered(Release::V7).await;
    let user = talk.opencti.connectors()[0].user_id.clone();
    let work = talk.work().await;
    for change in [
        json!({ "bundle_type": "OTHER" }),
        json!({ "applicant_id": "somebody" }),
        json!({ "action_sequence": 0 }),
        json!({ "content": "%%%" }),
        json!({ "draft_id": "none" }),
        json!({ "no_split": null }),
        json!({ "work_id": "work_of_nobody" }),
    ] {
        let message = with(queued(&author(), 1, &user, &work), change.clone());
        let faults = talk.opencti.ingest_message(&message.to_string());
        assert_eq!(faults.len(), 1, "{change}");
        assert_eq!(faults[0].kind, FaultKind::NotABundle, "{change}");
    }
    assert_eq!(talk.opencti.objects().len(), 0);
}

#[tokio::test]
async fn a_document_of_a_directory_is_judged_like_a_push() {
    let talk = Talk::registered(Release::V7).await;
    let user = talk.opencti.connectors()[0].user_id.clone();
    let document = json!({
        "bundle_type": "DIRECTORY_BUNDLE", "applicant_id": user, "entities_types": [],
        "connector": { "id": CONNECTOR, "name": "AU", "type": "EXTERNAL_IMPORT",
            "scope": ["vtreporter"], "auto": false, "validate_before_import": false },
        "bundle": bundle(&[author(), amber(), with(file(1), json!({ "name": "x" }))]),
        "update": false,
    });
    let faults = talk.opencti.ingest_message(&document.to_string());
    assert_eq!(faults[0].kind, FaultKind::ShortName);
    assert_eq!(talk.opencti.objects().len(), 2);
    assert_eq!(talk.opencti.works().len(), 0);
    let nameless = with(document, json!({ "connector": {} }));
    let faults = talk.opencti.ingest_message(&nameless.to_string());
    assert_eq!(faults[0].kind, FaultKind::NotABundle);
}

#[tokio::test]
async fn a_draft_is_named_by_header_and_told_to_the_work() {
    let mut talk = Talk::registered(Release::V7).await;
    let add =
        "mutation D($input: DraftWorkspaceAddInput!) { draftWorkspaceAdd(input: $input) { id } }";
    let draft = talk
        .get(add, json!({ "input": { "name": "VirusTotal AU" } }))
        .await;
    let draft = draft["id"].as_str().unwrap().to_owned();
    let work = talk.work().await;
    let tell = "mutation C($id: ID!, $draft: String) { workEdit(id: $id) { addDraftContext(draftContext: $draft) } }";
    talk.get(tell, json!({ "id": work, "draft": draft })).await;
    talk.draft = Some(draft.clone());
    talk.push(&bundle(&[author()]), Some(&work)).await;
    assert_eq!(
        talk.opencti.bundles()[0].draft.as_deref(),
        Some(draft.as_str())
    );
    assert_eq!(
        talk.opencti.works()[0].draft.as_deref(),
        Some(draft.as_str())
    );
    talk.draft = Some("no-such-draft".to_owned());
    let push = json!({ "connectorId": CONNECTOR, "bundle": bundle(&[author()]).to_string() });
    assert_eq!(talk.refused(PUSH, push).await, "FUNCTIONAL_ERROR");
}
