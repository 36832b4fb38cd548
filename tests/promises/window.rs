//! Which windows are asked for, and when.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use vtreporter::base::period::Period;
use vtreporter::standin::virustotal::{Answer, Fault, On, World};

use crate::rig::{Rig, at, file, many, now, window};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Lets the connector run until `runs` runs are over, each when it said.
async fn windows(rig: &Rig, runs: usize) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let connector = rig.connector();
    for run in 1..=runs {
        let next = rig.idle(run).await;
        if run < runs {
            rig.hand.advance((next - rig.clock.now()).to_std().unwrap());
        }
    }
    connector.stop().await.unwrap();
    rig.queries().iter().map(|query| window(query)).collect()
}

/// CR-3: whatever the period, the windows cover everything, and overlap only as
/// configured. In-process there is no time zone; the next test has three.
#[tokio::test]
async fn windows_join_without_a_gap_at_every_period() {
    for period in ["PT1H", "PT6H", "P1D", "P1W", "P1M"] {
        let rig = Rig::new(World::empty())
            .await
            .set("CONNECTOR_DURATION_PERIOD", period)
            .set("VTREPORTER_OVERLAP", "PT15M");
        let windows = windows(&rig, 4).await;
        assert_eq!(windows.len(), 4, "{period}");
        let step = Period::parse(period).unwrap();
        assert_eq!(windows[0], (step.before(now()), now()), "{period}");
        for pair in windows.windows(2) {
            assert_eq!(pair[0].1 - pair[1].0, TimeDelta::minutes(15), "{period}");
            assert_eq!(pair[1].1, step.after(pair[0].1), "{period}: no drift");
        }
    }
}

/// CR-3: the machine's time zone changes nothing.
#[tokio::test]
async fn a_time_zone_does_not_move_the_window() {
    for zone in ["Australia/Sydney", "UTC", "America/New_York"] {
        let rig = Rig::live(World::empty())
            .await
            .set("CONNECTOR_RUN_AND_TERMINATE", "true")
            .set("TZ", zone);
        let before = rig.clock.now() - TimeDelta::seconds(1);
        let ended = rig.run(&["run"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let (from, to) = window(&rig.queries()[0]);
        assert!(
            to >= before - TimeDelta::seconds(1) && to <= rig.clock.now(),
            "{zone}: {to}"
        );
        assert_eq!(to - from, TimeDelta::days(1), "{zone}");
    }
}

/// CR-4: three days without the connector are asked for afterwards, all of them.
#[tokio::test]
async fn after_an_outage_the_window_starts_at_the_last_successful_end() {
    let rig = Rig::new(World::empty()).await;
    let connector = rig.connector();
    rig.idle(1).await;
    connector.kill();
    rig.hand.advance(3 * DAY);
    let _connector = rig.connector();
    rig.closed(2).await;
    let (from, to) = window(&rig.queries()[1]);
    assert_eq!(from, now() - TimeDelta::minutes(10));
    assert_eq!(to, now() + TimeDelta::days(3));
}

/// CR-4: a failed run leaves the last end where it was, and is tried again
/// sooner than a period later.
#[tokio::test]
async fn a_failed_run_moves_no_end_and_is_tried_again_soon() {
    let rig = Rig::new(many(3)).await;
    rig.vt.fail(Fault::new(On::Search, Answer::unpromised()));
    let _connector = rig.connector();
    let next = rig.idle(1).await;
    assert!(rig.opencti.works()[0].in_error);
    assert!(rig.state()["countries"]["AU"]["last_end"].is_null());
    assert!(next - now() <= TimeDelta::minutes(10), "{next}");
    rig.hand.advance(HOUR / 4);
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 3);
    let windows: Vec<_> = rig.queries().iter().map(|query| window(query)).collect();
    assert_eq!(
        windows[0], windows[1],
        "the same window, so the same report"
    );
    assert_eq!(
        rig.state()["countries"]["AU"]["last_end"],
        "2026-11-20T06:00:00Z"
    );
    // The cadence is that of the first start.
    assert_eq!(rig.idle(2).await, now() + TimeDelta::days(1));
    assert_eq!(rig.reports().len(), 1);
}

#[tokio::test]
async fn a_start_runs_at_once_only_if_a_run_is_due() {
    let rig = Rig::new(World::empty()).await;
    let connector = rig.connector();
    rig.idle(1).await;
    connector.stop().await.unwrap();
    rig.hand.advance(HOUR);
    let connector = rig.connector();
    rig.until(|it| it.connectors()[0].registrations == 2).await;
    assert_eq!(rig.idle(1).await, now() + TimeDelta::days(1));
    assert_eq!(rig.opencti.works().len(), 1);
    connector.stop().await.unwrap();
    // Run-and-terminate is told to run by somebody else.
    let rig = rig.set("CONNECTOR_RUN_AND_TERMINATE", "true");
    rig.connector().end().await.unwrap();
    assert_eq!(rig.opencti.works().len(), 2);
}

#[tokio::test]
async fn a_run_that_starts_late_does_not_shift_the_next() {
    let rig = Rig::new(World::empty()).await;
    let connector = rig.connector();
    rig.idle(1).await;
    connector.kill();
    rig.hand.advance(DAY + 5 * HOUR);
    let _connector = rig.connector();
    assert_eq!(rig.idle(2).await, now() + TimeDelta::days(2));
}

#[tokio::test]
async fn the_first_look_back_is_a_duration_or_a_date() {
    for (start, from) in [
        ("P7D", "2026-11-13T06:00:00Z"),
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        ("2026-11-01T10:00:00+10:00", "2026-11-01T00:00:00Z"),
    ] {
        let rig = Rig::new(World::empty())
            .await
            .set("VTREPORTER_START", start);
        let _connector = rig.connector();
        rig.idle(1).await;
        assert_eq!(window(&rig.queries()[0]), (at(from), now()), "{start}");
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_stop_the_connector() {
    let rig = Rig::new(World::empty())
        .await
        .set("CONNECTOR_DURATION_PERIOD", "PT1H");
    rig.connector().stop().await.unwrap();
    let future = r#"{"version":1,"anchor":"2027-06-01T00:00:00Z","countries":{"AU":{"last_start":"2027-06-01T00:00:00Z","last_end":"2027-06-01T00:00:00Z"}}}"#;
    let connector = rig.connector();
    rig.idle(1).await;
    connector.stop().await.unwrap();
    rig.opencti.set_state(&rig.id, future);
    let _connector = rig.connector();
    rig.closed(2).await;
    assert_eq!(rig.idle(2).await, now() + TimeDelta::hours(1));
}

/// CR-19: what an instance remembers is its own.
#[tokio::test]
async fn a_second_instance_has_a_state_of_its_own() {
    let rig = Rig::new(World::empty().with_file(file(1, "HIGH", 20))).await;
    let connector = rig.connector();
    rig.idle(1).await;
    connector.stop().await.unwrap();
    rig.hand.advance(HOUR);
    let other = uuid::Uuid::new_v4().to_string();
    let other = other.as_str();
    let rig = rig.set("CONNECTOR_ID", other);
    let _connector = rig.connector();
    rig.closed(2).await;
    let hour_later = now() + TimeDelta::hours(1);
    assert_eq!(
        window(&rig.queries()[1]),
        (hour_later - TimeDelta::days(1), hour_later)
    );
    rig.opencti
        .until(|it| {
            it.pings().iter().any(|ping| {
                ping.connector == other
                    && ping
                        .state
                        .as_ref()
                        .is_some_and(|text| text.contains("last_end"))
            })
        })
        .await;
    assert_eq!(
        rig.state()["countries"]["AU"]["last_end"],
        "2026-11-20T06:00:00Z"
    );
    assert_eq!(
        rig.state_of(other)["countries"]["AU"]["last_end"],
        "2026-11-20T07:00:00Z"
    );
}
