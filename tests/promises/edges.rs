//! The edges of windows, cuts and clocks: no file falls between two questions.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use vtreporter::standin::virustotal::{Answer, Fault, On, World};

use crate::import::told;
use crate::rig::{Rig, file, file_at, many, now, window};

const DAY: Duration = Duration::from_secs(86_400);

/// `a_second` files in each of `seconds` seconds, half an hour ago.
fn dense(seconds: u32, a_second: u32) -> World {
    let begin = now() - TimeDelta::minutes(30);
    (0..seconds * a_second).fold(World::empty(), |world, n| {
        let first = begin + TimeDelta::seconds(i64::from(n / a_second));
        world.with_file(file_at(n, "MEDIUM", first))
    })
}

/// Runs until nothing is carried over any more, at most `most` runs.
async fn until_all_is_there(rig: &Rig, most: usize) {
    let _connector = rig.connector();
    for run in 1..=most {
        let next = rig.idle(run).await;
        rig.hand.advance((next - rig.clock.now()).to_std().unwrap());
    }
}

/// Whether `fs:T+` means from `T` on or later than `T` is documented nowhere.
#[tokio::test]
async fn a_cut_loses_and_repeats_no_file_whether_or_not_the_edge_is_in_the_answer() {
    for excluding in [false, true] {
        let rig = Rig::new(dense(3, 30))
            .await
            .set("VTREPORTER_MAX_FILES", "40")
            .set("VTREPORTER_OVERLAP", "PT0S");
        rig.vt.set_excluding(excluding);
        until_all_is_there(&rig, 3).await;
        assert_eq!(rig.files().len(), 90, "excluding: {excluding}");
        let told: u64 = rig.reports().iter().map(|report| told(report).0[5]).sum();
        assert_eq!(told, 90, "excluding: {excluding}");
    }
}

#[tokio::test]
async fn a_search_taken_up_by_date_loses_and_repeats_no_file_whether_or_not_the_edge_is_in_it() {
    for excluding in [false, true] {
        let rig = Rig::new(dense(20, 37)).await;
        rig.vt.set_excluding(excluding);
        rig.vt
            .fail(Fault::new(On::Search, Answer::unpromised()).nth(2));
        let _connector = rig.connector();
        rig.idle(1).await;
        assert_eq!(rig.files().len(), 300);
        rig.vt.expire_cursors();
        rig.hand.advance(Duration::from_secs(600));
        rig.idle(2).await;
        assert_eq!(rig.files().len(), 740, "excluding: {excluding}");
        assert_eq!(told(&rig.report()).0[5], 740, "excluding: {excluding}");
    }
}

/// Without an overlap, the second in which one window ends and the next begins
/// is in one of them at least.
#[tokio::test]
async fn the_second_between_two_windows_is_asked_for_without_an_overlap_too() {
    let rig = Rig::new(World::empty().with_file(file_at(1, "HIGH", now())))
        .await
        .set("VTREPORTER_OVERLAP", "PT0S");
    rig.vt.set_excluding(true);
    until_all_is_there(&rig, 2).await;
    assert_eq!(rig.files().len(), 1);
}

/// VirusTotal may show another date than the one it searched by.
#[tokio::test]
async fn a_date_behind_the_window_right_at_a_cut_skips_nothing() {
    let rig = Rig::new(many(120))
        .await
        .set("VTREPORTER_MAX_FILES", "50")
        .set("VTREPORTER_OVERLAP", "PT0S");
    let late = (now() + TimeDelta::days(400)).timestamp();
    let odd = Answer::rewrite(move |page| {
        // The last file before the cut, in whichever answer it is.
        for at in [49, 48] {
            if let Some(file) = page["data"].get_mut(at) {
                file["attributes"]["first_submission_date"] = json!(late);
            }
        }
    });
    rig.vt.fail(Fault::new(On::Search, odd));
    until_all_is_there(&rig, 3).await;
    assert_eq!(rig.files().len(), 120);
}

#[tokio::test]
async fn a_date_behind_the_window_does_not_end_a_search_that_is_taken_up_by_date() {
    let rig = Rig::new(many(700)).await;
    let late = (now() + TimeDelta::days(400)).timestamp();
    let odd = Answer::rewrite(move |page| {
        page["data"][299]["attributes"]["first_submission_date"] = json!(late);
    });
    rig.vt.fail(Fault::new(On::Search, odd));
    rig.vt
        .fail(Fault::new(On::Search, Answer::unpromised()).nth(2));
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.vt.expire_cursors();
    rig.hand.advance(Duration::from_secs(600));
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 700);
}

#[tokio::test]
async fn a_clock_that_was_ahead_and_then_corrected_leaves_no_hole() {
    let world = (0..10_u32).fold(World::empty(), |world, n| {
        world.with_file(file(n, "MEDIUM", 30 + i64::from(n)))
    });
    let rig = Rig::new(world).await;
    let connector = rig.connector();
    rig.idle(1).await;
    connector.stop().await.unwrap();
    assert_eq!(rig.files().len(), 10);
    // That machine's clock was a week ahead: its window ended in our future.
    let mut state = rig.state();
    let ahead = now() + TimeDelta::days(7);
    for name in ["last_end", "last_start"] {
        state["countries"]["AU"][name] = json!(ahead);
    }
    state["countries"]["AU"]["previous"]["to"] = json!(ahead);
    rig.opencti.set_state(&rig.id, &state.to_string());
    rig.vt.add(vtreporter::standin::virustotal::Made::new(file(
        77, "HIGH", 10,
    )));
    rig.hand.advance(DAY / 4);
    let _connector = rig.connector();
    rig.closed(2).await;
    assert_eq!(rig.files().len(), 11, "between the newest file and now");
    let (from, to) = window(rig.queries().last().unwrap());
    assert_eq!(to, now() + TimeDelta::hours(6));
    assert_eq!(
        from,
        now() - TimeDelta::minutes(40),
        "the newest file, less the overlap"
    );
}

/// An upgrade, or a downgrade, never skips what was not asked for.
#[tokio::test]
async fn a_state_of_another_version_skips_nothing_behind_a_cut_or_of_a_run_under_way() {
    for under_way in [false, true] {
        let rig = Rig::new(many(408))
            .await
            .set("VTREPORTER_MAX_FILES", "101")
            .set("VTREPORTER_OVERLAP", "PT0S");
        let connector = rig.connector();
        let next = rig.idle(1).await;
        rig.hand.advance((next - rig.clock.now()).to_std().unwrap());
        if under_way {
            // The run after the cut has taken it over, and got nowhere.
            rig.vt
                .fail(Fault::new(On::Search, Answer::unpromised()).always());
            rig.idle(2).await;
            rig.vt.clear_faults();
        }
        connector.kill();
        let mut state = rig.state();
        let country = &state["countries"]["AU"];
        assert_eq!(country["carried"].is_null(), under_way);
        assert_eq!(country["run"].is_null(), !under_way);
        state["version"] = json!(2);
        rig.opencti.set_state(&rig.id, &state.to_string());
        let rig = rig.set("VTREPORTER_MAX_FILES", "0");
        rig.hand.advance(DAY);
        let works = rig.opencti.works().len();
        let _connector = rig.connector();
        rig.closed(works + 1).await;
        assert_eq!(rig.files().len(), 408, "under way: {under_way}");
    }
}

#[tokio::test]
async fn a_cut_is_told_only_where_something_was_cut() {
    for (cap, told) in [("120", false), ("119", true)] {
        let rig = Rig::new(many(120)).await.set("VTREPORTER_MAX_FILES", cap);
        let _connector = rig.connector();
        rig.idle(1).await;
        let works = rig.opencti.works();
        let said = &works[0].messages.last().unwrap().message;
        assert_eq!(said.contains("VTREPORTER_MAX_FILES"), told, "{said}");
        let report = rig.report().to_string();
        assert_eq!(report.contains("VTREPORTER_MAX_FILES"), told, "{report}");
    }
}

/// The state travels with every ping.
#[tokio::test]
async fn notes_of_a_run_have_an_end() {
    let rig = Rig::new(many(200)).await;
    let names = [
        "names",
        "tags",
        "type_tags",
        "last_analysis_stats",
        "total_votes",
    ];
    let more = ["popular_threat_classification", "md5", "meaningful_name"];
    let odd = Answer::rewrite(move |page| {
        for (n, file) in page["data"].as_array_mut().unwrap().iter_mut().enumerate() {
            for (bit, name) in names.iter().chain(&more).enumerate() {
                if n & (1 << bit) != 0 {
                    file["attributes"][*name] = json!([[{ "odd": n }]]);
                }
            }
        }
    });
    rig.vt.fail(Fault::new(On::Search, odd));
    let _connector = rig.connector();
    rig.idle(1).await;
    let works = rig.opencti.works();
    let said = &works[0].messages.last().unwrap().message;
    let notes: BTreeSet<&str> = said.split(" Note: ").skip(1).collect();
    assert!(
        (5..=21).contains(&notes.len()),
        "{} notes: {said}",
        notes.len()
    );
}
