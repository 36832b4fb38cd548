//! Cut off and taken up again: nothing lost, nothing twice, one report.

use std::time::Duration;

use chrono::TimeDelta;
use vtreporter::standin::opencti::Failure;
use vtreporter::standin::virustotal::{Answer, Fault, On, Quota, World};

use crate::import::told;
use crate::program::{terminate, wait};
use crate::rig::{Rig, file, file_at, many, now};

/// The real program, killed between two pages.
#[tokio::test]
async fn a_program_killed_between_pages_goes_on_and_loses_no_file() {
    let rig = Rig::live(World::empty()).await;
    let world = (0..700_u32).fold(World::empty(), |world, n| {
        world.with_file(file_at(
            n,
            "MEDIUM",
            rig.clock.now() - TimeDelta::seconds(i64::from(900 - n)),
        ))
    });
    rig.vt.set_world(world);
    rig.vt.fail(Fault::new(On::Search, Answer::Silence).nth(2));
    let mut child = rig.program(&["run"]).spawn().unwrap();
    rig.vt
        .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
        .await;
    rig.until(|it| {
        it.connectors()[0]
            .state
            .as_ref()
            .is_some_and(|text| text.contains("cursor"))
    })
    .await;
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    assert!(!rig.opencti.works()[0].closed, "nobody could close it");
    assert_eq!(rig.files().len(), 300);

    let child = rig.program(&["run"]).spawn().unwrap();
    rig.closed(2).await;
    terminate(&child);
    assert_eq!(wait(child).await.code, Some(0));
    assert_eq!(rig.files().len(), 700);
    assert_eq!(rig.reports().len(), 1);
    assert_eq!(
        rig.vt.searches().len(),
        4,
        "page 2 twice: the first try was not answered"
    );
    let works = rig.opencti.works();
    assert!(works.iter().all(|work| work.closed), "{works:?}");
    assert!(works[0].in_error && !works[1].in_error);
    assert_eq!(told(&rig.report()).0[5], 700);
    rig.assert_sound();
}

/// Between the first delivery and the state that vouches for it.
#[tokio::test]
async fn a_process_killed_right_after_its_first_delivery_writes_no_second_report() {
    let rig = Rig::new(many(700)).await;
    rig.opencti
        .fail(Failure::silence().on("stixBundlePush").after_doing());
    let connector = rig.connector();
    rig.until(|it| !it.bundles().is_empty()).await;
    connector.kill();
    rig.opencti.clear_failures();
    rig.hand.advance(Duration::from_secs(3600));
    let _connector = rig.connector();
    rig.idle(2).await;
    assert_eq!(rig.reports().len(), 1);
    assert_eq!(rig.files().len(), 700);
    assert_eq!(told(&rig.report()).0[5], 700);
}

/// CR-4: the state moves only past what was accepted.
#[tokio::test]
async fn a_refused_push_leaves_the_state_and_closes_the_work_in_error() {
    let rig = Rig::new(many(700)).await;
    let refused = Failure::error("FUNCTIONAL_ERROR", "no")
        .on("stixBundlePush")
        .after(1);
    rig.opencti.fail(refused);
    let _connector = rig.connector();
    rig.idle(1).await;
    let run = rig.state()["countries"]["AU"]["run"].clone();
    assert_eq!(run["numbers"]["matched"], 300);
    assert_eq!(run["numbers"]["counts"]["main"]["medium"], 300);
    assert!(rig.state()["countries"]["AU"]["last_end"].is_null());
    assert!(rig.opencti.works()[0].in_error);
    rig.hand.advance(Duration::from_secs(600));
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 700);
    assert_eq!(told(&rig.report()).0[5], 700);
    assert_eq!(rig.reports().len(), 1);
    rig.assert_sound();
}

#[tokio::test]
async fn a_cursor_that_is_no_longer_good_is_replaced_by_the_last_date_seen() {
    let rig = Rig::new(many(1000)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::unpromised()).nth(3));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 600);
    rig.vt.expire_cursors();
    rig.hand.advance(Duration::from_secs(600));
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 1000);
    assert_eq!(told(&rig.report()).0[5], 1000);
    let description = rig.report()["description"].as_str().unwrap().to_owned();
    assert!(
        description.contains("answered with: 1000."),
        "{description}"
    );
    rig.assert_sound();
}

/// A cursor is good for its own search only: one that began at a date of its
/// own must be taken up with that date.
#[tokio::test]
async fn a_cursor_of_a_search_from_a_date_is_taken_up_with_that_date() {
    let rig = Rig::new(many(1200)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::unpromised()).nth(2));
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.vt.expire_cursors();
    // Refused, page 2 from the date, then nothing again.
    rig.vt
        .fail(Fault::new(On::Search, Answer::unpromised()).nth(3));
    rig.hand.advance(Duration::from_secs(600));
    rig.idle(2).await;
    rig.vt.clear_requests();
    rig.hand.advance(Duration::from_secs(1200));
    rig.idle(3).await;
    assert!(
        rig.vt.searches().iter().all(|one| one.status == 200),
        "{:?}",
        rig.vt.searches()
    );
    assert_eq!(rig.files().len(), 1200);
    assert_eq!(told(&rig.report()).0[5], 1200);
}

/// CR-15: the cap on files is honoured; what is over comes with the next run.
#[tokio::test]
async fn max_files_carries_the_rest_over_and_loses_and_repeats_nothing() {
    let rig = Rig::new(many(700))
        .await
        .set("VTREPORTER_MAX_FILES", "250")
        .set("VTREPORTER_OVERLAP", "PT0S");
    let _connector = rig.connector();
    for run in 1..=3 {
        let next = rig.idle(run).await;
        assert_eq!(rig.files().len(), (250 * run).min(700), "run {run}");
        assert!(!rig.opencti.works()[run - 1].in_error, "nothing is lost");
        rig.hand.advance((next - rig.clock.now()).to_std().unwrap());
    }
    let mut mains: Vec<u64> = rig
        .reports()
        .iter()
        .map(|report| told(report).0[5])
        .collect();
    mains.sort_unstable();
    assert_eq!(mains, [200, 250, 250], "each file in one report");
    rig.assert_sound();
}

#[tokio::test]
async fn files_of_one_second_are_not_lost_at_a_cut() {
    let second = now() - TimeDelta::minutes(30);
    let world = || {
        (0..90_u32).fold(World::empty(), |world, n| {
            world.with_file(file_at(
                n,
                "MEDIUM",
                second + TimeDelta::seconds(i64::from(n / 30)),
            ))
        })
    };
    let rig = Rig::new(world())
        .await
        .set("VTREPORTER_MAX_FILES", "40")
        .set("VTREPORTER_OVERLAP", "PT0S");
    let _connector = rig.connector();
    for run in 1..=3 {
        let next = rig.idle(run).await;
        rig.hand.advance((next - rig.clock.now()).to_std().unwrap());
    }
    assert_eq!(rig.files().len(), 90);
    let told: u64 = rig.reports().iter().map(|report| told(report).0[5]).sum();
    assert_eq!(told, 90);
}

#[tokio::test]
async fn a_cap_in_a_list_without_order_loses_nothing() {
    for cap in ["10", "40"] {
        let rig = Rig::new(many(120)).await.set("VTREPORTER_MAX_FILES", cap);
        let reversed = Answer::rewrite(|page| page["data"].as_array_mut().unwrap().reverse());
        rig.vt.fail(Fault::new(On::Search, reversed));
        let _connector = rig.connector();
        rig.idle(1).await;
        // Without an order there is no place to go on from.
        assert_eq!(rig.files().len(), 120, "{cap}");
    }
}

#[tokio::test]
async fn a_cap_counts_over_the_parts_of_a_paused_run() {
    let rig = Rig::new(many(700))
        .await
        .set("VTREPORTER_MAX_FILES", "400")
        .set("VTREPORTER_QUOTA_STOP_PERCENT", "100");
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 998));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 300);
    rig.hand.advance(Duration::from_secs(18 * 3600));
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 400);
}

#[tokio::test]
async fn a_gap_of_a_file_that_is_repeated_counts_once() {
    let related = |number| vec![file(number, "HIGH", 900)];
    let both = crate::rig::with_related(file(1, "HIGH", 20), "dropped_files", related(500))
        .related("similar_files", related(501));
    let rig = Rig::new(World::empty().with(both))
        .await
        .set("VTREPORTER_QUOTA_STOP_PERCENT", "100");
    rig.vt.set_users_free(true);
    // Enough for the page and the call that fails, not for the other one.
    rig.vt
        .set_quota("api_requests_daily", Quota::user(1000, 998));
    let bad = Fault::new(On::Related("dropped_files"), Answer::unpromised());
    rig.vt.fail(bad.always().charged());
    let _connector = rig.connector();
    rig.idle(1).await;
    let first = rig.opencti.works()[0].messages.last().unwrap().clone();
    assert!(first.message.contains("paused"), "{first:?}");
    rig.hand.advance(Duration::from_secs(18 * 3600));
    rig.idle(2).await;
    let last = rig.opencti.works()[1].messages.last().unwrap().clone();
    let message = last.message;
    assert!(
        message.contains("are missing") && !message.contains("times)"),
        "{message}"
    );
}

/// What a killed process left open is closed by the next one.
#[tokio::test]
async fn a_work_that_nobody_could_close_is_closed_by_the_next_process() {
    let rig = Rig::new(many(700)).await;
    rig.vt.fail(Fault::new(On::Search, Answer::Silence).nth(2));
    let connector = rig.connector();
    rig.until(|it| it.bundles().len() == 1).await;
    rig.until(|_| rig.state()["countries"]["AU"]["run"]["numbers"]["matched"] == 300)
        .await;
    rig.vt
        .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
        .await;
    connector.kill();
    let _connector = rig.connector();
    rig.closed(2).await;
    let works = rig.opencti.works();
    assert_eq!(works.len(), 2);
    assert!(works[0].in_error && !works[1].in_error, "{works:?}");
    let said = &works[0].messages.last().unwrap().message;
    assert!(said.contains("Another work goes on here"), "{said}");
    rig.until(|_| rig.state()["works"].is_null()).await;
}

/// Two processes, one run: the report says what it cannot know any more.
#[tokio::test]
async fn numbers_that_may_count_twice_say_so() {
    // What was counted is known, or the state is of before that was saved.
    for known in [true, false] {
        let rig = Rig::new(many(700)).await;
        rig.vt.fail(Fault::new(On::Search, Answer::Silence).nth(2));
        let connector = rig.connector();
        rig.until(|_| rig.state()["countries"]["AU"]["run"]["numbers"]["matched"] == 300)
            .await;
        rig.vt
            .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
            .await;
        connector.kill();
        let mut state = rig.state();
        let numbers = state["countries"]["AU"]["run"]["numbers"].as_object_mut();
        assert_eq!(numbers.unwrap().remove("counted").unwrap()["whole"], true);
        if !known {
            rig.opencti.set_state(&rig.id, &state.to_string());
        }
        let _connector = rig.connector();
        rig.closed(2).await;
        assert_eq!(told(&rig.report()).0[5], 700);
        let text = rig.report()["description"].as_str().unwrap().to_owned();
        assert!(
            text.contains("CSV was begun anew after a restart"),
            "{text}"
        );
        assert_eq!(text.contains("may count twice"), !known, "{text}");
    }
}

/// Only the cursor leads on in such a list, and the page in hand comes whole once
/// more.
#[tokio::test]
async fn a_page_of_a_list_without_order_that_is_cut_off_in_its_middle_counts_once() {
    let world = (0..250_u32).fold(World::empty(), |world, n| {
        let severity = if n % 3 == 0 { "NONE" } else { "MEDIUM" };
        world.with_file(file(n, severity, i64::from(n) + 1))
    });
    let rig = Rig::new(world)
        .await
        .set("VTREPORTER_MAX_BUNDLE_OBJECTS", "60");
    let reversed = Answer::rewrite(|page| page["data"].as_array_mut().unwrap().reverse());
    rig.vt.fail(Fault::new(On::Search, reversed).always());
    rig.opencti
        .fail(Failure::silence().on("stixBundlePush").after(2));
    let connector = rig.connector();
    let moved_on = |rig: &Rig| {
        let numbers = &rig.state()["countries"]["AU"]["run"]["numbers"];
        numbers["matched"].as_u64() > Some(0)
    };
    rig.until(|_| moved_on(&rig)).await;
    connector.kill();
    rig.opencti.clear_failures();
    let _connector = rig.connector();
    rig.idle(2).await;
    let report = rig.report();
    let description = report["description"].as_str().unwrap();
    assert!(
        description.contains("answered with: 250. Not kept: 84 "),
        "{description}"
    );
    assert_eq!(told(&report).0[5], 166);
}

#[tokio::test]
async fn requests_of_a_process_that_was_killed_are_told_as_a_least_number() {
    let rig = Rig::new(many(30)).await;
    rig.opencti.fail(Failure::silence().on("stixBundlePush"));
    let connector = rig.connector();
    rig.opencti
        .wait_for(|all| all.iter().any(|one| one.field == "stixBundlePush"))
        .await;
    connector.kill();
    rig.opencti.clear_failures();
    let _connector = rig.connector();
    rig.idle(2).await;
    let report = rig.report();
    let description = report["description"].as_str().unwrap();
    assert!(
        description.contains("requests spent: at least 1."),
        "{description}"
    );
    let content = report["x_opencti_content"].as_str().unwrap();
    assert!(content.contains("requests spent: at least 1."), "{content}");
    let works = rig.opencti.works();
    let said = &works[1].messages.last().unwrap().message;
    assert!(
        said.contains("At least 1 VirusTotal request spent"),
        "{said}"
    );
}
