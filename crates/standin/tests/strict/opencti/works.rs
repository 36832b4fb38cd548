//! When a work counts as complete.

use serde_json::json;
use standin::opencti::{FaultKind, OpenCtiWorld, Processing, Release, WorkStatus};

use super::stix::*;
use super::*;

const EXPECT: &str =
    "mutation E($id: ID!, $n: Int) { workEdit(id: $id) { addExpectations(expectations: $n) } }";
const QUEUE: &str = "query Q($id: String!) { connector(id: $id) { q: connector_queue_details { messages_number } } }";
const REPORT: &str = "mutation E($id: ID!, $error: WorkErrorInput) { workEdit(id: $id) { reportExpectation(error: $error) } }";

#[tokio::test]
async fn a_plain_work_is_complete_at_once_if_processed_is_said_before_anything_is_expected() {
    let talk = Talk::registered(Release::V6_8_0).await;
    let work = talk.work().await;
    assert_eq!(talk.status(&work).await, "wait");
    let received =
        "mutation R($id: ID!) { workEdit(id: $id) { toReceived(message: \"started\") } }";
    talk.get(received, json!({ "id": work })).await;
    assert_eq!(talk.status(&work).await, "progress");
    talk.processed(&work).await;
    assert_eq!(talk.status(&work).await, "complete");
}

#[tokio::test]
async fn a_plain_work_completes_as_soon_as_processed_reaches_expected() {
    let talk = Talk::registered(Release::V6_8_0).await;
    let work = talk.work().await;
    talk.get(EXPECT, json!({ "id": work, "n": 2 })).await;
    talk.get(REPORT, json!({ "id": work })).await;
    assert_eq!(talk.status(&work).await, "progress");
    let error = json!({ "error": "no", "source": "file--1" });
    talk.get(REPORT, json!({ "id": work, "error": error }))
        .await;
    let answer = talk.get(WORK, json!({ "id": work })).await;
    assert_eq!(answer["status"], "complete");
    assert_eq!(answer["completed_number"], 2);
    assert_eq!(
        answer["errors"],
        json!([{ "message": "no", "source": "file--1" }])
    );
    let seen = &talk.opencti.works()[0];
    assert!(seen.complete_before_closed && !seen.closed);
    // Nobody could know: the connector may still say that it is done.
    talk.processed(&work).await;
}

#[tokio::test]
async fn a_work_of_several_parts_waits_for_the_last_word_and_for_all_objects() {
    let talk = Talk::registered(Release::V7).await;
    let work = talk.work_by(WORK_ADD_PARTS).await;
    for number in 0..2 {
        let objects = [author(), amber(), file(number)];
        talk.push(&bundle(&objects), Some(&work)).await;
        assert_eq!(talk.status(&work).await, "progress");
    }
    talk.processed(&work).await;
    let answer = talk.get(WORK, json!({ "id": work })).await;
    assert_eq!(answer["status"], "complete");
    assert_eq!(answer["tracking"]["import_expected_number"], 6);
    assert_eq!(talk.opencti.faults(), []);
}

#[tokio::test]
async fn a_slow_worker_counts_a_plain_work_only_when_it_gets_to_it() {
    let mut world = OpenCtiWorld::new(Release::V6_9_0, TOKEN);
    world.processing = Processing::Held;
    let talk = Talk::registered_at(world).await;
    let work = talk.work().await;
    talk.push(&bundle(&[author(), amber(), file(1)]), Some(&work))
        .await;
    assert_eq!(talk.opencti.works()[0].expected, 0);
    assert_eq!(
        (talk.opencti.waiting(), talk.opencti.objects().len()),
        (1, 0)
    );
    // So this closes it before anything was imported.
    talk.processed(&work).await;
    assert_eq!(talk.status(&work).await, "complete");
    assert_eq!(talk.opencti.work_off(), 1);
    assert_eq!(talk.opencti.objects().len(), 3);
}

/// Measured on a real 7.260817.0: whatever is imported later, it stays so.
#[tokio::test]
async fn a_last_word_before_the_worker_has_counted_completes_a_work_of_several_parts_too() {
    for release in Release::ALL {
        let talk = Talk::held(release).await;
        let work = talk.work_with_parts(release).await;
        talk.push_on(release, &bundle(&[author(), amber()]), &work)
            .await;
        talk.processed(&work).await;
        assert_eq!(talk.opencti.waiting(), 1);
        assert_eq!(talk.status(&work).await, "complete", "{release:?}");
        talk.opencti.work_off();
        let answer = talk.get(WORK, json!({ "id": work })).await;
        assert_eq!(answer["completed_number"], 0, "{release:?}");
    }
}

/// The way out that the platform itself leaves open.
#[tokio::test]
async fn an_expectation_of_ones_own_holds_every_work_open_until_the_last_object() {
    for release in [Release::V6_8_0, Release::V6_9_0, Release::V7] {
        let talk = Talk::held(release).await;
        let work = talk.work_with_parts(release).await;
        talk.get(EXPECT, json!({ "id": work, "n": 1 })).await;
        talk.push(&bundle(&[author(), amber()]), Some(&work)).await;
        talk.push(&bundle(&[file(1), file(2), file(3)]), Some(&work))
            .await;
        talk.processed(&work).await;
        assert_eq!(talk.opencti.count_waiting(), 2);
        assert_eq!(talk.opencti.works()[0].expected, 6, "{release:?}");
        talk.get(REPORT, json!({ "id": work })).await;
        assert_eq!(talk.opencti.import_some(4), 4);
        assert_eq!(talk.status(&work).await, "progress", "{release:?}");
        assert_eq!(talk.opencti.import_some(9), 1);
        let answer = talk.get(WORK, json!({ "id": work })).await;
        assert_eq!(answer["status"], "complete", "{release:?}");
        assert_eq!(answer["completed_number"], 6, "{release:?}");
        assert_eq!(talk.opencti.faults(), []);
    }
}

#[tokio::test]
async fn a_release_after_the_newest_counts_before_it_answers_the_push() {
    let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
    world.processing = Processing::Held;
    world.counts_in_push = true;
    let talk = Talk::registered_at(world).await;
    let work = talk.work_by(WORK_ADD_PARTS).await;
    talk.push(&bundle(&[author(), amber()]), Some(&work)).await;
    talk.processed(&work).await;
    assert_eq!(talk.opencti.works()[0].expected, 2);
    assert_eq!(talk.status(&work).await, "progress");
    talk.opencti.work_off();
    assert_eq!(talk.status(&work).await, "complete");
    assert_eq!(talk.opencti.works()[0].expected, 2, "counted once");
}

#[tokio::test]
async fn what_waits_for_the_worker_is_in_the_queue_and_the_refresh_button_purges_it() {
    let talk = Talk::held(Release::V7).await;
    let work = talk.work().await;
    let waits =
        async || talk.get(QUEUE, json!({ "id": CONNECTOR })).await["q"]["messages_number"].clone();
    assert_eq!(waits().await, 0.0);
    talk.push(&bundle(&[author(), amber()]), Some(&work)).await;
    assert_eq!(waits().await, 1.0, "as it came");
    talk.opencti.count_waiting();
    assert_eq!(waits().await, 2.0, "one an object");
    talk.opencti.import_some(1);
    assert_eq!(waits().await, 1.0);
    talk.opencti.press_refresh();
    assert_eq!(waits().await, 0.0);
    assert_eq!(talk.opencti.work_off(), 0);
}

#[tokio::test]
async fn a_work_that_is_unknown_or_over_is_not_alive() {
    let talk = Talk::registered(Release::V7).await;
    let unknown = json!({ "id": "work_of_nobody", "message": null, "inError": null });
    assert_eq!(talk.refused(PROCESSED, unknown).await, "WORK_NOT_ALIVE");
    let work = talk.work().await;
    talk.processed(&work).await;
    let again = json!({ "id": work, "message": "again", "inError": true });
    assert_eq!(
        talk.refused(PROCESSED, again.clone()).await,
        "WORK_NOT_ALIVE"
    );
    assert!(talk.opencti.delete_work(&work));
    assert_eq!(talk.refused(PROCESSED, again).await, "WORK_NOT_ALIVE");
    assert_eq!(talk.get(WORK, json!({ "id": work })).await, json!(null));
    let push = json!({ "connectorId": CONNECTOR, "bundle": bundle(&[author()]).to_string(), "work": work });
    assert_eq!(talk.refused(PUSH, push).await, "WORK_NOT_ALIVE");
}

#[tokio::test]
async fn a_bundle_after_the_last_word_is_a_fault() {
    let talk = Talk::registered(Release::V7).await;
    let work = talk.work().await;
    talk.processed(&work).await;
    talk.push(&bundle(&[author()]), Some(&work)).await;
    assert_eq!(talk.opencti.works()[0].late_bundles, 1);
    assert_eq!(talk.opencti.faults()[0].kind, FaultKind::LateBundle);
}

#[tokio::test]
async fn a_work_in_error_shows_its_message_among_the_errors() {
    let talk = Talk::registered(Release::V7).await;
    let work = talk.work().await;
    let said = json!({ "id": work, "message": "paused: quota", "inError": true });
    talk.get(PROCESSED, said).await;
    let seen = &talk.opencti.works()[0];
    assert!(seen.in_error && seen.closed && seen.status == WorkStatus::Complete);
    assert_eq!(seen.errors[0].message, "paused: quota");
}

#[tokio::test]
async fn a_bundle_without_a_work_gets_one_of_the_platforms_own() {
    let talk = Talk::registered(Release::V6_5_1).await;
    let bundle = bundle(&[author(), amber()]);
    let variables = json!({ "connectorId": CONNECTOR, "bundle": bundle.to_string() });
    talk.get(PUSH_WITHOUT_WORK, variables).await;
    let works = talk.opencti.works();
    assert!(works[0].by_platform && works[0].name.starts_with("VirusTotal reporter run @"));
    assert_eq!(
        (works[0].expected, works[0].status),
        (2, WorkStatus::Complete)
    );
    assert_eq!(talk.opencti.bundles()[0].work, None);
}

#[tokio::test]
async fn a_work_for_a_stranger_is_refused() {
    let talk = Talk::with(Release::V7).await;
    let variables = json!({ "connectorId": CONNECTOR, "name": "AU" });
    assert_eq!(talk.refused(WORK_ADD, variables).await, "FUNCTIONAL_ERROR");
}
