//! A side that is down, slow or full is waited for.

use std::time::Duration;

use chrono::TimeDelta;
use vtreporter::base::clock::Clock;
use vtreporter::standin::opencti::{Failure, OpenCtiWorld, Processing, Release};
use vtreporter::standin::virustotal::{Answer, Fault, On, World};

use crate::rig::{Rig, TOKEN, file, many, now};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_platform_that_is_down_at_the_start_is_waited_for() {
    let rig = Rig::new(many(3)).await;
    rig.opencti.go_down().await;
    let _connector = rig.connector();
    rig.hand.sleeping(Duration::from_millis(900)).await;
    let up = async {
        for _ in 0..40 {
            rig.hand.sleeping(SECOND / 2).await;
            rig.hand.advance(10 * SECOND);
            tokio::task::yield_now().await;
        }
        rig.opencti.come_up().await.unwrap();
        rig.pass(5 * SECOND, rig.closed(1)).await;
    };
    up.await;
    assert_eq!(rig.files().len(), 3);
    assert!(!rig.opencti.works()[0].in_error);
}

#[tokio::test]
async fn a_platform_that_goes_down_in_a_run_is_waited_for_and_nothing_is_asked_twice() {
    let rig = Rig::new(many(1000)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::Slow(2 * SECOND)).nth(2));
    let _connector = rig.connector();
    rig.until(|it| it.bundles().len() == 1).await;
    rig.vt
        .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
        .await;
    rig.opencti.go_down().await;
    rig.hand.advance(2 * SECOND);
    for _ in 0..40 {
        rig.hand.sleeping(SECOND / 2).await;
        rig.hand.advance(10 * SECOND);
        tokio::task::yield_now().await;
    }
    rig.opencti.come_up().await.unwrap();
    rig.pass(5 * SECOND, rig.closed(1)).await;
    assert_eq!(rig.files().len(), 1000);
    assert_eq!(rig.vt.searches().len(), 4);
    assert!(!rig.opencti.works()[0].in_error);
    rig.assert_sound();
}

#[tokio::test]
async fn a_virustotal_that_is_down_makes_a_failed_run_that_is_tried_again_soon() {
    let rig = Rig::new(many(3))
        .await
        .set("CONNECTOR_DURATION_PERIOD", "PT3M");
    rig.vt.fail(Fault::new(On::Any, Answer::html(502)).always());
    let _connector = rig.connector();
    rig.pass(SECOND, rig.closed(1)).await;
    let next = rig.idle(1).await;
    assert!(
        next - rig.clock.now() <= TimeDelta::minutes(3),
        "no later than the next period"
    );
    let work = &rig.opencti.works()[0];
    assert!(work.in_error);
    rig.vt.clear_faults();
    rig.hand.advance(Duration::from_secs(180));
    rig.pass(SECOND, rig.until(|it| it.objects_of("file").len() == 3))
        .await;
}

/// An operator who has mended the settings must not wait for the next try.
#[tokio::test]
async fn a_failed_run_is_tried_again_when_the_connector_is_started_again() {
    let rig = Rig::new(many(3)).await;
    rig.vt.fail(Fault::new(
        On::Search,
        Answer::Error(401, "WrongCredentialsError", "no"),
    ));
    let connector = rig.connector();
    rig.idle(1).await;
    connector.stop().await.unwrap();
    let _connector = rig.connector();
    rig.closed(2).await;
    assert_eq!(rig.files().len(), 3);
}

#[tokio::test]
async fn a_full_queue_holds_the_run_and_says_so() {
    let rig = Rig::new(many(3))
        .await
        .set("CONNECTOR_QUEUE_THRESHOLD", "1");
    rig.opencti.set_queue(9.0, 1_000_000.0);
    let _connector = rig.connector();
    rig.until(|it| {
        it.pings()
            .last()
            .is_some_and(|ping| ping.info["buffering"] == true)
    })
    .await;
    assert_eq!(rig.opencti.bundles().len(), 0);
    rig.opencti.set_queue(0.0, 999_999.0);
    rig.pass(5 * SECOND, rig.closed(1)).await;
    assert_eq!(rig.files().len(), 3);
    rig.until(|it| {
        it.pings()
            .last()
            .is_some_and(|ping| ping.info["buffering"] == false)
    })
    .await;
}

#[tokio::test]
async fn a_work_that_cannot_be_received_at_first_is_not_opened_twice() {
    let rig = Rig::new(many(3)).await;
    rig.opencti
        .fail(Failure::html(503).on("workEdit.toReceived").times(9));
    let _connector = rig.connector();
    rig.pass(5 * SECOND, rig.closed(1)).await;
    assert_eq!(rig.opencti.works().len(), 1);
}

#[tokio::test]
async fn a_work_that_somebody_deletes_loses_no_file() {
    let rig = Rig::new(many(700)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::Slow(2 * SECOND)).nth(2));
    let _connector = rig.connector();
    rig.until(|it| it.bundles().len() == 1).await;
    let work = rig.opencti.works()[0].id.clone();
    assert!(rig.opencti.delete_work(&work));
    rig.pass(SECOND, rig.until(|it| it.objects_of("file").len() == 700))
        .await;
    rig.until(|_| rig.state()["countries"]["AU"]["last_end"].is_string())
        .await;
    assert_eq!(rig.vt.searches().len(), 3);
}

/// CR-18: pings go on while VirusTotal is silent, and the run ends in time.
#[tokio::test]
async fn a_silent_virustotal_does_not_stop_the_pings_and_the_run_ends() {
    let rig = Rig::new(many(3)).await.set("VTREPORTER_TIMEOUT", "2");
    rig.vt
        .fail(Fault::new(On::Search, Answer::Silence).always());
    let _connector = rig.connector();
    rig.vt
        .wait_for(|all| all.iter().any(|one| one.is_search()))
        .await;
    for _ in 0..3 {
        rig.beats(1).await;
    }
    rig.pass(SECOND, rig.closed(1)).await;
    let work = &rig.opencti.works()[0];
    assert!(work.in_error);
    assert!(
        work.messages.last().unwrap().message.contains("no answer"),
        "{work:?}"
    );
    assert!(
        rig.vt.searches().len() <= 2,
        "a time-out is tried once more"
    );
}

/// What the worker of an older platform has not counted yet must not be closed.
#[tokio::test]
async fn older_platforms_get_every_file_too_and_no_work_is_closed_early() {
    for release in Release::ALL {
        let rig = Rig::of(many(700), release).await;
        let _connector = rig.connector();
        rig.pass(
            SECOND,
            rig.until(|_| rig.state()["countries"]["AU"]["last_end"].is_string()),
        )
        .await;
        assert_eq!(rig.files().len(), 700, "{release:?}");
        rig.assert_sound();
        let works = rig.opencti.works();
        assert!(
            works
                .iter()
                .filter(|work| !work.by_platform)
                .all(|work| work.closed && !work.in_error)
        );
    }
    let (clock, hand) = Clock::manual(now());
    let mut world = OpenCtiWorld::new(Release::V6_9_0, TOKEN);
    world.processing = Processing::Held;
    let rig = Rig::start(
        World::empty().with_file(file(1, "HIGH", 9)),
        world,
        clock,
        hand,
    )
    .await;
    let _connector = rig.connector();
    rig.until(|it| it.waiting() == 1).await;
    rig.hand.sleeping(2 * SECOND).await;
    assert!(!rig.opencti.works()[0].closed);
    rig.opencti.work_off();
    rig.pass(SECOND, rig.closed(1)).await;
    assert!(!rig.opencti.works()[0].in_error);
}

#[tokio::test]
async fn a_connector_that_somebody_deleted_on_the_platform_comes_back() {
    let rig = Rig::new(World::empty()).await;
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.opencti.fail(
        Failure::error(
            "FUNCTIONAL_ERROR",
            "No connector found with the specified ID",
        )
        .on("pingConnector"),
    );
    rig.beats(1).await;
    rig.until(|it| it.connectors()[0].registrations == 2).await;
    assert_eq!(
        rig.state()["countries"]["AU"]["last_end"],
        "2026-11-20T06:00:00Z"
    );
}

#[tokio::test]
async fn a_run_does_not_wait_for_pings_that_are_not_answered() {
    let rig = Rig::new(many(700)).await;
    // Pings of the heart and after each page hang; the run's own first one is answered.
    rig.opencti.fail(
        Failure::silence()
            .on("pingConnector")
            .after(2)
            .times(1)
            .after_doing(),
    );
    let _connector = rig.connector();
    rig.until(|it| it.bundles().len() == 1).await;
    rig.opencti.clear_failures();
    rig.opencti.go_down().await;
    rig.opencti.come_up().await.unwrap();
    rig.pass(SECOND, rig.closed(1)).await;
    assert_eq!(rig.files().len(), 700);
    assert!(!rig.opencti.works()[0].in_error);
}
