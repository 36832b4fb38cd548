//! A page is asked for ahead of the one in hand, and no more than that.

use std::time::Duration;

use chrono::TimeDelta;
use vtreporter::standin::opencti::Failure;
use vtreporter::standin::virustotal::{Answer, Fault, Logged, On, Route, World, object};

use crate::rig::{PATIENCE, Rig, file_at, many, now, with_related};

fn searches(rig: &Rig) -> usize {
    rig.vt.searches().len()
}

/// Files a second apart; one of so many leads to another one, for a call each.
fn leading(count: u32, every: u32) -> World {
    (0..count).fold(World::empty(), |world, n| {
        let first = now() - TimeDelta::seconds(i64::from(60 + count - n));
        let related = vec![file_at(10_000 + n, "MEDIUM", first)];
        world.with(match n % every {
            0 => with_related(file_at(n, "HIGH", first), "dropped_files", related),
            _ => with_related(file_at(n, "MEDIUM", first), "dropped_files", Vec::new()),
        })
    })
}

async fn until_called(rig: &Rig, calls: usize) {
    let called = |all: &[Logged]| {
        let called = |one: &&Logged| matches!(one.route, Route::Related(..));
        all.iter().filter(called).count() >= calls
    };
    let waiting = tokio::time::timeout(PATIENCE, rig.vt.wait_for(called));
    waiting.await.expect("so many calls");
}

#[tokio::test]
async fn the_next_page_is_asked_for_while_the_present_one_is_delivered() {
    let rig = Rig::new(many(2_400)).await;
    rig.opencti.fail(Failure::silence().on("stixBundlePush"));
    let connector = rig.connector();
    rig.until(|it| !it.requests_for("stixBundlePush").is_empty())
        .await;
    rig.until(|_| searches(&rig) >= 2).await;
    // Time for more, if anybody wanted to ask for more.
    rig.beats(4).await;
    let asked = searches(&rig);
    assert!(
        asked <= 3,
        "one is delivered, one worked on, one is ahead: {asked}"
    );
    let state = rig.state();
    let run = &state["countries"]["AU"]["run"];
    assert_eq!(run["numbers"]["matched"], 0, "nothing was accepted: {run}");
    connector.stop().await.unwrap();
    let said = rig.opencti.works()[0].messages.last().unwrap().clone();
    let counted = format!("{asked} VirusTotal requests");
    assert!(said.message.contains(&counted), "{counted}: {said:?}");
}

/// Only those far behind it wait for it, and no batch ends at it.
#[tokio::test]
async fn calls_for_other_files_go_on_while_one_is_not_answered() {
    let rig = Rig::new(leading(80, 1))
        .await
        .set("VTREPORTER_RELATIONSHIPS", "dropped_files");
    // By its name, since calls that are under way at once arrive in any order.
    let silent = object(30)["id"].as_str().unwrap().to_owned();
    let silent =
        On::when(move |asked| matches!(&asked.route, Route::Related(id, _) if *id == silent));
    rig.vt.fail(Fault::new(silent, Answer::Silence));
    let connector = rig.connector();
    until_called(&rig, 38).await;
    connector.stop().await.unwrap();
}

#[tokio::test]
async fn all_of_the_present_page_is_worked_on_while_the_one_before_is_delivered() {
    let rig = Rig::new(leading(600, 10))
        .await
        .set("VTREPORTER_RELATIONSHIPS", "dropped_files");
    rig.opencti.fail(Failure::silence().on("stixBundlePush"));
    let connector = rig.connector();
    until_called(&rig, 60).await;
    connector.stop().await.unwrap();
    assert_eq!(rig.files().len(), 0, "the first page is on its way");
}

#[tokio::test]
async fn no_page_is_asked_for_that_the_cap_has_no_room_for() {
    let rig = Rig::new(many(700)).await.set("VTREPORTER_MAX_FILES", "250");
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!((rig.files().len(), searches(&rig)), (250, 1));
}

/// What was read before is delivered, and the run goes on there.
#[tokio::test]
async fn a_page_ahead_that_fails_takes_nothing_from_the_one_in_hand() {
    let rig = Rig::new(many(700)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::unpromised()).nth(2));
    let _connector = rig.connector();
    rig.idle(1).await;
    let run = rig.state()["countries"]["AU"]["run"].clone();
    assert_eq!(run["numbers"]["matched"], 300, "{run}");
    assert_eq!(rig.files().len(), 300);
    assert!(rig.opencti.works()[0].in_error);
    rig.hand.advance(Duration::from_secs(600));
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 700);
    assert_eq!(searches(&rig), 4, "page 1, page 2 twice, page 3");
}
