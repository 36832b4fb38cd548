//! SIGTERM and the exit codes of `run`.

use std::time::Duration;

use vtreporter::base::clock::{self, Clock};
use vtreporter::standin::opencti::Failure;
use vtreporter::standin::virustotal::{Answer, Fault, Licence, On, World};

use crate::program::{terminate, wait};
use crate::rig::{Rig, file_at, many};

/// The clock of the machine, for what has a real deadline.
fn stopwatch() -> Clock {
    clock::system()
}

fn live_files(clock: &Clock, count: u32) -> World {
    (0..count).fold(World::empty(), |world, n| {
        world.with_file(file_at(
            n,
            "MEDIUM",
            clock.now() - chrono::TimeDelta::seconds(i64::from(1 + count - n)),
        ))
    })
}

/// CR-18: SIGTERM in the middle of a page that never comes.
#[tokio::test]
async fn sigterm_in_a_run_closes_the_work_keeps_the_place_and_ends_with_0() {
    let rig = Rig::live(World::empty()).await;
    rig.vt.set_world(live_files(&rig.clock, 700));
    rig.vt.fail(Fault::new(On::Search, Answer::Silence).nth(2));
    let child = rig.program(&["run"]).spawn().unwrap();
    rig.vt
        .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
        .await;
    // The second page is asked for while the first one is delivered.
    rig.until(|_| rig.state()["countries"]["AU"]["run"]["numbers"]["matched"] == 300)
        .await;
    let watch = stopwatch();
    terminate(&child);
    let ended = wait(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        watch.elapsed() < Duration::from_secs(5),
        "{:?}",
        watch.elapsed()
    );
    let works = rig.opencti.works();
    assert!(works[0].closed && works[0].in_error);
    assert!(
        works[0]
            .messages
            .last()
            .unwrap()
            .message
            .contains("300 files matched")
    );
    let run = &rig.state()["countries"]["AU"]["run"];
    assert_eq!(run["numbers"]["matched"], 300);
    assert!(
        rig.state()["works"].is_null(),
        "it is closed: nobody has to close it again"
    );
    let last = rig.opencti.requests().pop().unwrap();
    assert_eq!(last.field, "pingConnector", "the last word is the state");
}

#[tokio::test]
async fn sigterm_ends_in_time_when_the_platform_does_not_answer_any_more() {
    // Of the pings: the first, that before the run, that after it, the next run's.
    let pings = (0..=4).map(|nth| ("pingConnector", nth));
    let others = ["stixBundlePush", "workAdd", "registerConnector", "workEdit"];
    for (field, nth) in pings.chain(others.map(|field| (field, 0))) {
        let rig = Rig::live(World::empty()).await;
        rig.vt.set_world(live_files(&rig.clock, 3));
        rig.opencti
            .fail(Failure::silence().on(field).after(nth).always());
        let child = rig.program(&["run"]).spawn().unwrap();
        let asked = |all: &[vtreporter::standin::opencti::Logged]| {
            let mut own = all.iter().filter(|one| one.field.starts_with(field));
            // Those before it may be under way too, and are answered.
            own.nth(nth).is_some_and(|one| one.status.is_none())
        };
        rig.opencti.wait_for(asked).await;
        rig.opencti.fail(Failure::silence().always().if_asked());
        let watch = stopwatch();
        terminate(&child);
        let ended = wait(child).await;
        assert_eq!(ended.code, Some(0), "{field}: {}", ended.stderr);
        assert!(
            watch.elapsed() < Duration::from_secs(9),
            "{field}: {:?}",
            watch.elapsed()
        );
    }
}

#[tokio::test]
async fn sigterm_between_runs_ends_at_once() {
    let rig = Rig::live(World::empty()).await;
    let child = rig.program(&[]).spawn().unwrap();
    rig.idle(1).await;
    let watch = stopwatch();
    terminate(&child);
    assert_eq!(wait(child).await.code, Some(0));
    assert!(watch.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn run_and_terminate_ends_with_0_when_everything_is_done_and_3_or_2_when_not() {
    for (case, code) in [
        ("well", 0),
        ("down", 3),
        ("key", 2),
        ("licence", 3),
        ("token", 2),
        ("push", 0),
        ("zero", 0),
    ] {
        let rig = Rig::live(World::empty()).await;
        rig.vt.set_world(live_files(&rig.clock, 3));
        let rig = rig.set("CONNECTOR_RUN_AND_TERMINATE", "true");
        let rig = spoil(rig, case);
        let ended = rig.run(&["run"]).await;
        assert_eq!(ended.code, Some(code), "{case}: {}", ended.stderr);
        let works = rig.opencti.works();
        assert!(works.iter().all(|work| work.closed), "{case}");
        if code == 0 {
            assert!(
                rig.state()["countries"]["AU"]["last_end"].is_string(),
                "{case}"
            );
        } else {
            assert!(
                ended
                    .stderr
                    .lines()
                    .last()
                    .unwrap()
                    .starts_with("vtreporter: "),
                "{case}: {}",
                ended.stderr
            );
        }
    }
}

/// What a case makes different; a bundle that is refused once is sent again.
fn spoil(mut rig: Rig, case: &str) -> Rig {
    match case {
        "down" => rig
            .vt
            .fail(Fault::new(On::Search, Answer::unpromised()).always()),
        "key" => rig = rig.set("VTREPORTER_API_KEY", &"0".repeat(64)),
        "licence" => rig.vt.set_licence(Licence::Free),
        "token" => rig = rig.set("OPENCTI_TOKEN", "not-the-token"),
        "push" => rig.opencti.fail(
            Failure::error("DATABASE_ERROR", "full")
                .on("stixBundlePush")
                .times(1),
        ),
        "zero" => {
            rig = rig
                .set("CONNECTOR_RUN_AND_TERMINATE", "false")
                .set("CONNECTOR_DURATION_PERIOD", "PT0S")
        }
        _ => {}
    }
    rig
}

#[tokio::test]
async fn run_and_terminate_that_is_stopped_says_that_not_everything_was_done() {
    let rig = Rig::live(many(3))
        .await
        .set("CONNECTOR_RUN_AND_TERMINATE", "true");
    rig.vt.fail(Fault::new(On::Search, Answer::Silence));
    let child = rig.program(&["run"]).spawn().unwrap();
    rig.vt
        .wait_for(|all| all.iter().any(|one| one.is_search()))
        .await;
    terminate(&child);
    let ended = wait(child).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(rig.opencti.works()[0].closed);
}
