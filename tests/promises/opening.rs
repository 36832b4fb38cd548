//! A work or a draft that was opened is not lost, whenever the process ends.

use std::time::Duration;

use vtreporter::standin::opencti::{Failure, Release};

use crate::rig::{Rig, many};
use crate::works::{complete, open_works, own};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_work_is_in_the_state_before_anything_else_is_said_to_it() {
    for release in Release::ALL {
        let rig = Rig::of(many(3), release).await;
        rig.opencti.fail(Failure::silence().on("workEdit").always());
        let connector = rig.connector();
        rig.until(|it| {
            it.requests()
                .iter()
                .any(|one| one.field.starts_with("workEdit"))
        })
        .await;
        assert_eq!(open_works(&rig), 1, "{release:?}");
        connector.kill();
        rig.opencti.clear_failures();
        let _connector = rig.connector();
        complete(&rig, 2).await;
        let works = own(&rig);
        assert_eq!(works.len(), 2, "{release:?}");
        assert!(works[0].in_error && !works[1].in_error, "{release:?}");
        assert_eq!(rig.files().len(), 3);
    }
}

#[tokio::test]
async fn a_process_killed_right_after_its_draft_was_made_leaves_no_second_draft() {
    let rig = Rig::new(many(3))
        .await
        .set("CONNECTOR_VALIDATE_BEFORE_IMPORT", "true");
    rig.opencti
        .fail(Failure::silence().on("workEdit.addDraftContext").always());
    let connector = rig.connector();
    rig.until(|it| !it.requests_for("workEdit.addDraftContext").is_empty())
        .await;
    connector.kill();
    rig.opencti.clear_failures();
    let _connector = rig.connector();
    complete(&rig, 2).await;
    let drafts = rig.opencti.drafts();
    assert_eq!(drafts.len(), 1);
    let bundles = rig.opencti.bundles();
    assert!(
        bundles
            .iter()
            .all(|one| one.draft.as_deref() == Some(&drafts[0].id))
    );
}

/// Nobody lists its works to a connector: what could not be known is told.
#[tokio::test]
async fn a_work_whose_opening_was_not_answered_is_told_by_its_name() {
    let rig = Rig::new(many(3)).await;
    rig.opencti.fail(Failure::cut_body().on("workAdd"));
    let _connector = rig.connector();
    rig.pass(SECOND, rig.closed(1)).await;
    let works = own(&rig);
    assert_eq!(works.len(), 2);
    assert_eq!(works[0].name, works[1].name);
    let said = &works[1].messages[0].message;
    assert!(said.contains("another one of this name"), "{said}");
}

/// A stop while the answer is on its way.
#[tokio::test]
async fn a_stop_while_a_work_is_being_opened_closes_it() {
    let rig = Rig::new(many(3)).await;
    rig.opencti
        .fail(Failure::slow(Duration::from_millis(500)).on("workAdd"));
    let connector = rig.connector();
    rig.until(|it| !it.works().is_empty()).await;
    let (stopped, ()) = tokio::join!(connector.stop(), async {
        rig.hand.sleeping(Duration::from_millis(400)).await;
        rig.hand.advance(SECOND);
    });
    stopped.unwrap();
    let works = own(&rig);
    assert!(
        works.len() == 1 && works[0].closed && works[0].in_error,
        "{works:?}"
    );
}
