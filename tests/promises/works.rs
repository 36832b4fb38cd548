//! Works tell the truth: complete when the platform has imported all, with its
//! numbers, whatever becomes of the worker, the answers and the connector.

use std::time::Duration;

use serde_json::Value;
use vtreporter::base::clock::Clock;
use vtreporter::standin::opencti::{Failure, OpenCtiWorld, Processing, Release, Work, WorkStatus};
use vtreporter::standin::virustotal::{Answer, Fault, On, World};

use crate::rig::{Rig, TOKEN, many, now};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A platform whose worker does what the test says.
async fn held(world: World, release: Release) -> Rig {
    let (clock, hand) = Clock::manual(now());
    let platform = OpenCtiWorld {
        processing: Processing::Held,
        ..OpenCtiWorld::new(release, TOKEN)
    };
    Rig::start(world, platform, clock, hand).await
}

/// The works that the connector opened.
pub(crate) fn own(rig: &Rig) -> Vec<Work> {
    let mut works = rig.opencti.works();
    works.retain(|work| !work.by_platform);
    works
}

fn reports(rig: &Rig) -> usize {
    rig.opencti.requests_for("workEdit.reportExpectation").len()
}

pub(crate) fn open_works(rig: &Rig) -> usize {
    rig.state()["open_works"].as_array().map_or(0, Vec::len)
}

/// Lets so much time go by, in steps that everybody can follow.
async fn pass(rig: &Rig, time: Duration) {
    let end = rig.clock.now() + time;
    let over = async {
        while rig.clock.now() < end {
            tokio::task::yield_now().await;
        }
    };
    rig.pass(5 * SECOND, over).await;
}

pub(crate) async fn complete(rig: &Rig, works: usize) {
    let complete = rig.until(|it| {
        let works_of = it.works();
        let own = works_of.iter().filter(|work| !work.by_platform);
        own.filter(|work| work.status == WorkStatus::Complete)
            .count()
            >= works
    });
    rig.pass(5 * SECOND, complete).await;
}

fn assert_true(work: &Work) {
    assert_eq!(work.status, WorkStatus::Complete);
    assert_eq!(work.processed, work.expected, "{work:?}");
    assert!(!work.complete_before_closed, "{work:?}");
    assert_eq!(work.late_bundles, 0);
}

#[tokio::test]
async fn a_slow_worker_completes_the_work_with_its_last_object_and_not_before() {
    for release in [Release::V6_8_0, Release::V6_9_0, Release::V7] {
        let rig = held(many(700), release).await;
        let _connector = rig.connector();
        rig.closed(1).await;
        let pushed: usize = rig.opencti.bundles().iter().map(|one| one.objects).sum();
        pass(&rig, 120 * SECOND).await;
        assert_eq!(own(&rig)[0].status, WorkStatus::Progress, "{release:?}");
        assert_eq!(reports(&rig), 0, "nothing is counted yet");
        rig.opencti.count_waiting();
        assert_eq!(own(&rig)[0].expected, pushed as u64 + 1);
        rig.pass(
            SECOND,
            rig.until(|it| !it.requests_for("workEdit.reportExpectation").is_empty()),
        )
        .await;
        rig.opencti.import_some(pushed - 1);
        pass(&rig, HOUR).await;
        let work = own(&rig).remove(0);
        assert_eq!(work.status, WorkStatus::Progress, "{release:?}");
        assert_eq!(work.processed + 1, work.expected, "{release:?}");
        rig.opencti.import_some(1);
        assert_true(&own(&rig)[0]);
        assert!(own(&rig)[0].errors.is_empty(), "{release:?}");
        pass(&rig, 120 * SECOND).await;
        assert_eq!((reports(&rig), open_works(&rig)), (1, 0), "{release:?}");
        rig.assert_sound();
    }
}

/// 6.5.1 knows no `work_id` in a push: the objects are under works of the
/// platform's own, and ours ends when nothing waits in the connector's queue.
#[tokio::test]
async fn on_the_oldest_release_the_work_ends_when_the_connectors_queue_is_empty() {
    let rig = held(many(400), Release::V6_5_1).await;
    let _connector = rig.connector();
    rig.closed(1).await;
    rig.opencti.count_waiting();
    pass(&rig, HOUR).await;
    assert_eq!(own(&rig)[0].status, WorkStatus::Progress);
    let first = rig.opencti.bundles()[0].objects;
    rig.opencti.import_some(first);
    pass(&rig, HOUR).await;
    assert_eq!(own(&rig)[0].status, WorkStatus::Progress);
    rig.opencti.work_off();
    complete(&rig, 1).await;
    for work in rig.opencti.works() {
        assert_true(&work);
        assert!(work.errors.is_empty());
    }
    rig.assert_sound();
}

#[tokio::test]
async fn a_platform_that_counts_in_the_push_is_told_at_once() {
    let (clock, hand) = Clock::manual(now());
    let platform = OpenCtiWorld {
        processing: Processing::Held,
        counts_in_push: true,
        ..OpenCtiWorld::new(Release::V7, TOKEN)
    };
    let rig = Rig::start(many(10), platform, clock, hand).await;
    let _connector = rig.connector();
    rig.closed(1).await;
    rig.until(|it| !it.requests_for("workEdit.reportExpectation").is_empty())
        .await;
    assert_eq!(own(&rig)[0].status, WorkStatus::Progress);
    rig.opencti.work_off();
    assert_true(&own(&rig)[0]);
}

#[tokio::test]
async fn a_worker_that_is_behind_holds_up_no_run_and_no_ping() {
    for release in Release::ALL {
        let rig = held(many(20), release).await;
        let _connector = rig.connector();
        let next = rig.idle(1).await;
        rig.beats(3).await;
        rig.hand.advance((next - rig.clock.now()).to_std().unwrap());
        rig.idle(2).await;
        rig.beats(3).await;
        for work in own(&rig) {
            assert_eq!(work.status, WorkStatus::Progress, "{release:?}");
        }
        assert_eq!(open_works(&rig), 2, "{release:?}");
        rig.opencti.work_off();
        complete(&rig, 2).await;
        for work in rig.opencti.works() {
            assert_true(&work);
        }
        rig.assert_sound();
    }
}

#[tokio::test]
async fn a_dead_worker_leaves_the_work_open_and_says_nothing_else() {
    let rig = held(many(20), Release::V7).await;
    let _connector = rig.connector();
    rig.closed(1).await;
    pass(&rig, 3 * HOUR).await;
    assert_eq!(own(&rig)[0].status, WorkStatus::Progress);
    assert_eq!((reports(&rig), open_works(&rig)), (0, 1));
    let looks = rig.opencti.requests_for("work").len();
    assert!(looks < 250, "no more than one a minute in the end: {looks}");
}

#[tokio::test]
async fn run_and_terminate_waits_a_while_and_leaves_the_rest_to_the_next_start() {
    for release in Release::ALL {
        let rig = held(many(20), release)
            .await
            .set("CONNECTOR_RUN_AND_TERMINATE", "true");
        let connector = rig.connector();
        rig.closed(1).await;
        let (closed_at, pings) = (rig.clock.now(), rig.opencti.pings().len());
        rig.pass(SECOND, connector.end()).await.unwrap();
        let waited = rig.clock.now() - closed_at;
        assert!((100..=180).contains(&waited.num_seconds()), "{waited}");
        assert!(rig.opencti.pings().len() > pings + 2, "it pinged meanwhile");
        assert_eq!(own(&rig)[0].status, WorkStatus::Progress, "{release:?}");
        assert_eq!(open_works(&rig), 1, "{release:?}");

        rig.opencti.work_off();
        let connector = rig.connector();
        rig.closed(2).await;
        rig.opencti.work_off();
        rig.pass(SECOND, connector.end()).await.unwrap();
        for work in rig.opencti.works() {
            assert_true(&work);
            assert!(work.errors.is_empty() && !work.in_error, "{release:?}");
        }
        assert_eq!(open_works(&rig), 0, "{release:?}");
    }
}

#[tokio::test]
async fn run_and_terminate_ends_as_soon_as_the_platform_has_counted() {
    let rig = held(many(20), Release::V7)
        .await
        .set("CONNECTOR_RUN_AND_TERMINATE", "true");
    let connector = rig.connector();
    rig.closed(1).await;
    rig.opencti.count_waiting();
    let begun = rig.clock.now();
    rig.pass(SECOND, connector.end()).await.unwrap();
    assert!((rig.clock.now() - begun).num_seconds() < 30);
    assert_eq!(own(&rig)[0].status, WorkStatus::Progress, "still importing");
    rig.opencti.work_off();
    assert_true(&own(&rig)[0]);
}

#[tokio::test]
async fn a_process_that_is_killed_while_its_work_waits_is_followed_by_one_that_settles_it() {
    for release in Release::ALL {
        let rig = held(many(20), release).await;
        let connector = rig.connector();
        rig.idle(1).await;
        connector.kill();
        rig.opencti.work_off();
        assert_eq!(own(&rig)[0].status, WorkStatus::Progress, "{release:?}");
        let _connector = rig.connector();
        complete(&rig, 1).await;
        assert_eq!(own(&rig).len(), 1, "the next run is not due yet");
        assert_true(&own(&rig)[0]);
        assert!(own(&rig)[0].errors.is_empty(), "{release:?}");
    }
}

/// Between a push and the state that vouches for it nobody knows what is counted.
#[tokio::test]
async fn a_work_that_was_cut_off_completes_with_true_numbers_too() {
    for release in Release::ALL {
        let rig = held(many(700), release).await;
        rig.vt.fail(Fault::new(On::Search, Answer::Silence).nth(2));
        let connector = rig.connector();
        rig.until(|it| !it.bundles().is_empty()).await;
        rig.vt
            .wait_for(|all| all.iter().filter(|one| one.is_search()).count() == 2)
            .await;
        connector.kill();
        let _connector = rig.connector();
        rig.closed(2).await;
        rig.opencti.count_waiting();
        rig.opencti.import_some(10);
        pass(&rig, HOUR).await;
        assert!(
            own(&rig)
                .iter()
                .all(|work| work.status == WorkStatus::Progress)
        );
        rig.opencti.work_off();
        complete(&rig, 2).await;
        for work in rig.opencti.works() {
            assert_true(&work);
        }
        let works = own(&rig);
        assert!(works[0].in_error && !works[1].in_error, "{release:?}");
        assert!(works[1].errors.is_empty(), "{release:?}");
        assert_eq!(rig.files().len(), 700);
    }
}

#[tokio::test]
async fn a_lost_answer_to_our_own_report_makes_no_second_one() {
    for (failure, heard) in [
        (Failure::cut_body(), true),
        (Failure::html(502).after_doing(), true),
        (Failure::html(502), false),
        (Failure::error("DATABASE_ERROR", "no"), false),
    ] {
        let rig = held(many(20), Release::V7).await;
        rig.opencti.fail(failure.on("workEdit.reportExpectation"));
        let _connector = rig.connector();
        rig.closed(1).await;
        rig.opencti.count_waiting();
        rig.pass(
            SECOND,
            rig.until(|it| !it.requests_for("workEdit.reportExpectation").is_empty()),
        )
        .await;
        pass(&rig, HOUR).await;
        let work = own(&rig).remove(0);
        assert_eq!(
            (work.processed, work.status),
            (u64::from(heard), WorkStatus::Progress)
        );
        rig.opencti.work_off();
        complete(&rig, 1).await;
        assert_true(&own(&rig)[0]);
        assert!(own(&rig)[0].errors.is_empty());
    }
}

#[tokio::test]
async fn a_lost_answer_to_our_own_expectation_makes_no_second_one() {
    for release in Release::ALL {
        for failure in [Failure::cut_body(), Failure::html(502)] {
            let rig = held(many(20), release).await;
            rig.opencti.fail(failure.on("workEdit.addExpectations"));
            let _connector = rig.connector();
            rig.pass(SECOND, rig.closed(1)).await;
            rig.opencti.work_off();
            complete(&rig, 1).await;
            assert_true(&own(&rig)[0]);
        }
    }
}

/// A push that was perhaps carried out twice: the count alone would be met
/// before all was counted.
#[tokio::test]
async fn a_push_whose_answer_was_lost_completes_no_work_early() {
    let rig = held(many(700), Release::V7).await;
    rig.opencti
        .fail(Failure::cut_body().on("stixBundlePush").times(2));
    let _connector = rig.connector();
    rig.pass(SECOND, rig.closed(1)).await;
    rig.opencti.count_waiting();
    pass(&rig, HOUR).await;
    assert_eq!(reports(&rig), 0);
    rig.opencti.work_off();
    complete(&rig, 1).await;
    assert_true(&own(&rig)[0]);
    assert!(own(&rig)[0].errors.is_empty());
}

#[tokio::test]
async fn a_purged_queue_leaves_no_work_open_and_the_lost_objects_are_told() {
    let rig = held(many(20), Release::V7).await;
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.opencti.count_waiting();
    rig.pass(
        SECOND,
        rig.until(|it| !it.requests_for("workEdit.reportExpectation").is_empty()),
    )
    .await;
    rig.opencti.import_some(5);
    rig.opencti.press_refresh();
    rig.pass(5 * SECOND, rig.closed(2)).await;
    rig.opencti.work_off();
    complete(&rig, 2).await;
    let works = own(&rig);
    assert_true(&works[0]);
    assert_true(&works[1]);
    assert_eq!(works[0].errors.len() as u64, works[0].expected - 6);
    assert!(works[0].errors[0].message.contains("Never imported"));
    assert!(works[1].errors.is_empty());
}

/// A file that the platform knows under another id, by one equal hash.
#[tokio::test]
async fn an_object_that_the_platform_rejects_shows_in_the_works_numbers() {
    for release in [Release::V6_8_0, Release::V7] {
        let rig = held(many(20), release).await;
        foreign_file(&rig).await;
        rig.opencti.work_off();
        let _connector = rig.connector();
        rig.until(|it| {
            it.works()
                .iter()
                .any(|work| !work.by_platform && work.closed)
        })
        .await;
        rig.opencti.work_off();
        complete(&rig, 1).await;
        let work = own(&rig).remove(0);
        assert_true(&work);
        assert!(!work.errors.is_empty() && !work.in_error, "{work:?}");
        assert!(
            work.errors
                .iter()
                .all(|error| error.message.contains("MISSING_REFERENCE_ERROR")),
            "{work:?}"
        );
    }
}

/// Somebody else's file with the SHA-1 of one of ours.
async fn foreign_file(rig: &Rig) {
    use vtreporter::base::http::HttpOptions;
    use vtreporter::opencti::delivery::Api;
    use vtreporter::opencti::{OpenCti, Registration, Settings};
    let client = OpenCti::new(&Settings {
        url: rig.opencti.url().parse().unwrap(),
        token: vtreporter::base::secret::Secret::new(TOKEN),
        headers: Vec::new(),
        http: HttpOptions::default(),
    })
    .unwrap();
    let registration = Registration {
        id: "somebody-else".to_owned(),
        name: "Somebody else".to_owned(),
        scope: Vec::new(),
        auto: false,
        only_contextual: false,
        s3: false,
    };
    client.register(&registration).await.unwrap();
    let mut world = Vec::new();
    for file in many(20).describe("entity:file", now()).unwrap() {
        world.push(file);
    }
    let sha1 = world[0]["attributes"]["sha1"].clone();
    assert!(sha1.is_string(), "{}", world[0]);
    let bundle = foreign(&sha1);
    let road = Api::new(client, &registration.id, None);
    road.send(&bundle.to_string(), None).await.unwrap();
}

fn foreign(sha1: &Value) -> Value {
    use serde_json::json;
    let author = json!({
        "type": "identity", "spec_version": "2.1", "name": "Somebody else",
        "id": "identity--6d1c2f0e-3a51-5c9f-9f55-5a4c2e6f9d01",
        "identity_class": "organization",
        "created": "2026-11-20T00:00:00.000Z", "modified": "2026-11-20T00:00:00.000Z",
    });
    let file = json!({
        "type": "file", "spec_version": "2.1", "name": "other.exe",
        "id": "file--6d1c2f0e-3a51-5c9f-9f55-5a4c2e6f9d02",
        "hashes": {"MD5": "f".repeat(32), "SHA-1": sha1},
        "created_by_ref": author["id"], "x_opencti_created_by_ref": author["id"],
    });
    json!({"type": "bundle", "id": "bundle--6d1c2f0e-3a51-4c9f-9f55-5a4c2e6f9d03",
        "objects": [author, file]})
}

/// A worker that is dead for weeks: what is given up is said.
#[tokio::test]
async fn a_work_that_is_not_looked_after_any_more_is_named_once_in_the_log() {
    let rig = held(many(3), Release::V7).await;
    let connector = rig.connector();
    let next = rig.idle(1).await;
    connector.stop().await.unwrap();
    let mut state = rig.state();
    let works = (0..50).map(|n| serde_json::json!({"id": format!("old-{n}"), "closed": true}));
    state["open_works"] = works.collect();
    rig.opencti.set_state(&rig.id, &state.to_string());
    rig.opencti.fail(Failure::html(502).on("work").always());
    rig.hand.advance((next - rig.clock.now()).to_std().unwrap());
    let connector = rig.connector();
    rig.pass(SECOND, rig.closed(2)).await;
    assert_eq!(open_works(&rig), 50);
    let logs = connector.stop_and_logs().await;
    let named = logs
        .iter()
        .filter(|line| line["attributes"]["work.id"] == "old-0");
    let levels: Vec<_> = named.map(|line| line["level"].clone()).collect();
    assert_eq!(levels, ["WARNING"], "{logs:#?}");
}
