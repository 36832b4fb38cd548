//! The refresh button, and echoes that are none.

use std::time::Duration;

use chrono::TimeDelta;
use vtreporter::standin::opencti::{Echo, Failure, Release};
use vtreporter::standin::virustotal::{Answer, Fault, On, World};

use crate::rig::{Rig, file, many, now, window};

const BEAT: Duration = Duration::from_secs(40);
const HOUR: Duration = Duration::from_secs(3600);

/// CR-19: the button between two runs starts one at once, with the first look-back.
#[tokio::test]
async fn the_refresh_button_runs_again_at_once_with_the_first_look_back() {
    for release in Release::ALL {
        let rig = Rig::of(World::empty().with_file(file(1, "HIGH", 20)), release).await;
        let _connector = rig.connector();
        rig.idle(1).await;
        rig.hand.advance(HOUR);
        rig.opencti.press_refresh();
        rig.pass(BEAT / 8, rig.closed(2)).await;
        let (from, to) = window(&rig.queries()[1]);
        assert!(to >= now() + TimeDelta::hours(1), "{release:?}");
        assert!(to <= now() + TimeDelta::minutes(65), "{release:?}");
        assert_eq!(to - from, TimeDelta::days(1), "{release:?}");
        assert_eq!(
            rig.opencti
                .works()
                .iter()
                .filter(|work| !work.by_platform)
                .count(),
            2
        );
    }
}

/// CR-19: the button during a run cuts it off and starts over.
#[tokio::test]
async fn the_refresh_button_in_a_run_starts_it_over() {
    let rig = Rig::new(many(700)).await;
    rig.vt.fail(Fault::new(On::Search, Answer::Silence).nth(2));
    let _connector = rig.connector();
    rig.vt
        .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
        .await;
    rig.until(|it| it.bundles().len() == 1).await;
    rig.opencti.press_refresh();
    rig.pass(Duration::from_secs(5), rig.closed(2)).await;
    let works = rig.opencti.works();
    assert!(works[0].in_error && works[0].messages.last().unwrap().message.contains("reset"));
    assert!(!works[1].in_error);
    assert_eq!(works.len(), 2);
    assert_eq!(rig.files().len(), 700);
    rig.assert_sound();
}

/// CR-19: the button pressed while the connector was away.
#[tokio::test]
async fn the_refresh_button_counts_while_the_connector_is_down() {
    let rig = Rig::new(World::empty()).await;
    let connector = rig.connector();
    rig.idle(1).await;
    connector.stop().await.unwrap();
    rig.opencti.press_refresh();
    rig.hand.advance(HOUR);
    let _connector = rig.connector();
    rig.idle(2).await;
    assert_eq!(rig.opencti.works().len(), 2, "one run, not two");
    let (from, to) = window(&rig.queries()[1]);
    assert_eq!(
        (to - from, to),
        (TimeDelta::days(1), now() + TimeDelta::hours(1))
    );
}

#[tokio::test]
async fn the_refresh_button_before_a_run_and_terminate_costs_no_run() {
    let rig = Rig::new(many(3))
        .await
        .set("CONNECTOR_RUN_AND_TERMINATE", "true");
    rig.connector().end().await.unwrap();
    // The program registers, the button is pressed, then it pings for the first time.
    rig.opencti
        .fail(Failure::html(503).on("pingConnector").times(1));
    let connector = rig.connector();
    rig.until(|it| {
        it.requests_for("pingConnector")
            .last()
            .is_some_and(|one| one.status == Some(503))
    })
    .await;
    rig.opencti.press_refresh();
    rig.pass(Duration::from_millis(500), connector.end())
        .await
        .unwrap();
    let works = rig.opencti.works();
    assert!(
        works.len() == 2 && works.iter().all(|work| work.closed && !work.in_error),
        "{works:?}"
    );
}

#[tokio::test]
async fn a_stale_echo_is_never_adopted_and_never_wipes_the_state() {
    let rig = Rig::new(World::empty()).await;
    rig.opencti.set_echo(Echo::Previous);
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.opencti
        .set_echo(Echo::Fixed(r#"{"version":1,"countries":{}}"#.to_owned()));
    for _ in 0..3 {
        rig.beats(1).await;
    }
    assert_eq!(
        rig.state()["countries"]["AU"]["last_end"],
        "2026-11-20T06:00:00Z"
    );
    assert_eq!(rig.opencti.works().len(), 1);
}

/// An index that lags repeats the empty answer after the reset was seen.
#[tokio::test]
async fn a_lagging_index_does_not_make_two_resets_of_one() {
    let rig = Rig::new(World::empty()).await;
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.opencti.press_refresh();
    rig.opencti.set_echo(Echo::Previous);
    rig.pass(BEAT / 8, rig.closed(2)).await;
    for _ in 0..3 {
        rig.beats(1).await;
    }
    let works = rig.opencti.works();
    assert!(works.len() == 2 && !works[1].in_error, "{works:?}");
}

/// The answer that said "reset" never came; the time of the reset did.
#[tokio::test]
async fn the_refresh_button_counts_when_the_answer_of_that_very_ping_is_lost() {
    for release in [Release::V6_8_0, Release::V6_9_0, Release::V7] {
        for lost in [
            Failure::cut_body(),
            Failure::html(502).after_doing(),
            Failure::answer(200, "text/html", "<html>").after_doing(),
        ] {
            let rig = Rig::of(many(3), release).await;
            let _connector = rig.connector();
            rig.idle(1).await;
            rig.opencti.press_refresh();
            rig.opencti.fail(lost.on("pingConnector"));
            let runs = |works: usize| {
                rig.until(move |it| {
                    let works_of = it.works();
                    works_of.iter().filter(|work| work.closed).count() >= works
                })
            };
            rig.pass(BEAT / 8, runs(2)).await;
            let (from, to) = window(&rig.queries()[1]);
            assert_eq!(to - from, TimeDelta::days(1), "{release:?}");
            rig.beats(3).await;
            assert_eq!(rig.opencti.works().len(), 2, "once, {release:?}");
        }
    }
}

#[tokio::test]
async fn lost_answers_without_a_reset_start_no_run() {
    for release in Release::ALL {
        let rig = Rig::of(World::empty(), release).await;
        let _connector = rig.connector();
        rig.idle(1).await;
        for failure in [Failure::cut_body(), Failure::html(502).after_doing()] {
            rig.opencti.fail(failure.on("pingConnector").times(9));
            rig.beats(12).await;
        }
        assert_eq!(rig.opencti.works().len(), 1, "{release:?}");
    }
}
