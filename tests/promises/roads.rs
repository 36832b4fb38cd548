//! Every road into OpenCTI, through the real program: AMQP, a directory, a
//! draft, and holding back while the queue is full.

use std::path::Path;

use serde_json::Value;
use vtreporter::base::clock::{self, Clock};
use vtreporter::standin::opencti::{
    CameBy, Failure, FaultKind, ImportFault, OpenCtiWorld, Release, WorkStatus,
};
use vtreporter::standin::virustotal::World;

use crate::program::{terminate, wait};
use crate::rig::{Rig, TOKEN, many, now};
use crate::servers::{Rabbit, free_port};
use crate::worker::{Worker, shared_broker};

#[tokio::test(flavor = "multi_thread")]
async fn amqp_brings_every_object_to_the_queue_and_the_work_waits_for_each() {
    let Some(port) = shared_broker() else { return };
    let rig = Rig::on_amqp(port, Release::V7, 300).await;
    let worker = Worker::new(port, &rig.id).await;
    worker.declare().await.delete().await;
    worker.declare().await;
    let ended = rig.run(&["run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let messages = worker.take().await;
    let work = &rig.opencti.works()[0];
    assert_eq!(work.expected, messages.len() as u64);
    assert!(work.closed && !work.in_error && !work.complete_before_closed);
    for (message, _) in &messages {
        assert_eq!(message["work_id"], work.id.as_str());
        rig.opencti.ingest_message(&message.to_string());
    }
    assert_eq!(faults(&rig), []);
    assert_eq!(rig.opencti.works()[0].status, WorkStatus::Complete);
    assert!(
        rig.opencti
            .bundles()
            .iter()
            .all(|one| one.road == CameBy::Queue)
    );
    let report = rig.report();
    let named = report["object_refs"].as_array().unwrap().len();
    assert!(named > 300, "the report names what arrived: {named}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_in_the_middle_of_a_run_loses_nothing_and_holds_the_state() {
    let Some(mut rabbit) = Rabbit::start(None) else {
        return;
    };
    let rig = Rig::on_amqp(rabbit.port, Release::V7, 900).await;
    let worker = Worker::new(rabbit.port, &rig.id).await;
    worker.declare().await;
    let child = rig.program(&["run"]).spawn().unwrap();
    while worker.waiting().await < 400 {
        tokio::task::yield_now().await;
    }
    rabbit.kill();
    let accepted = rig.state()["countries"]["AU"]["run"]["numbers"]["matched"].clone();
    tokio::task::block_in_place(|| rabbit.run());
    let ended = crate::program::wait(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let worker = Worker::new(rabbit.port, &rig.id).await;
    for (message, _) in worker.take().await {
        rig.opencti.ingest_message(&message.to_string());
    }
    assert_eq!(faults(&rig), []);
    let state = rig.state();
    let matched = &state["countries"]["AU"]["previous"]["matched"];
    assert!(
        matched.as_u64() > accepted.as_u64(),
        "it was in the middle: {accepted}"
    );
    let kept = &state["countries"]["AU"]["previous"]["counts"];
    let told: u64 = ["main", "related"]
        .iter()
        .flat_map(|which| kept[which].as_object().unwrap().values())
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(
        rig.files().len() as u64,
        told,
        "what the numbers say is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_road_shut_is_named_and_the_state_stays() {
    let Some(port) = shared_broker() else { return };
    let nobody = free_port().to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    let directory = ("CONNECTOR_SEND_TO_DIRECTORY", "true");
    let path = "CONNECTOR_SEND_TO_DIRECTORY_PATH";
    let bucket = [
        ("CONNECTOR_SEND_TO_S3", "true"),
        ("S3_ENDPOINT", "127.0.0.1"),
        ("S3_PORT", nobody.as_str()),
        ("S3_ACCESS_KEY", "key"),
        ("S3_SECRET_KEY", "secret"),
        ("CONNECTOR_SEND_TO_S3_BUCKET", "bucket"),
    ];
    for (settings, said) in [
        (&[("MQ_USER", "stranger")][..], "MQ_USER"),
        (&[("MQ_PORT", nobody.as_str())], "127.0.0.1"),
        (&[("MQ_VHOST", "elsewhere")], "MQ_VHOST"),
        (
            &[directory, (path, "/nonexistent/place")],
            "/nonexistent/place",
        ),
        (&[directory, (path, file)], file),
        (&bucket, "S3_ENDPOINT"),
    ] {
        let mut rig = Rig::on_amqp(port, Release::V7, 20).await;
        for (name, value) in settings {
            rig = rig.set(name, value);
        }
        let ended = rig.run(&["run"]).await;
        assert_eq!(ended.code, Some(3), "{said}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
        let work = &rig.opencti.works()[0];
        assert!(work.closed && work.in_error, "{said}: {work:?}");
        let country = &rig.state()["countries"]["AU"];
        assert!(country["last_end"].is_null(), "{said}: {country}");
        assert_eq!(rig.vt.requests().len(), 0, "{said}: nothing is asked");
    }
}

#[tokio::test]
async fn a_forgotten_mount_costs_nothing_however_often_and_the_run_goes_on_when_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("mount");
    let rig = Rig::new(many(3))
        .await
        .set("CONNECTOR_SEND_TO_DIRECTORY", "true")
        .set("CONNECTOR_SEND_TO_DIRECTORY_PATH", mount.to_str().unwrap());
    let connector = rig.connector();
    rig.pass(std::time::Duration::from_secs(60), rig.closed(3))
        .await;
    assert!(rig.opencti.works().iter().all(|work| work.in_error));
    assert_eq!(rig.vt.requests().len(), 0);
    std::fs::create_dir(&mount).unwrap();
    rig.pass(std::time::Duration::from_secs(60), rig.closed(4))
        .await;
    connector.stop().await.unwrap();
    assert!(!rig.opencti.works()[3].in_error);
    assert_eq!(rig.files().len(), 3);
    assert!(!documents(&mount).is_empty(), "and no probe is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_road_that_is_shut_is_told_at_the_start_though_the_next_run_is_far() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("mount");
    std::fs::create_dir(&mount).unwrap();
    let rig = Rig::on_amqp(free_port(), Release::V7, 3)
        .await
        .set("CONNECTOR_QUEUE_PROTOCOL", "api")
        .set("CONNECTOR_SEND_TO_DIRECTORY", "true")
        .set("CONNECTOR_SEND_TO_DIRECTORY_PATH", mount.to_str().unwrap());
    let first = rig.run(&["run"]).await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    std::fs::remove_dir_all(&mount).unwrap();
    let rig = rig.set("CONNECTOR_RUN_AND_TERMINATE", "false");
    let asked = rig.vt.requests().len();
    let pings = rig.opencti.pings().len();
    let child = rig.program(&["run"]).spawn().unwrap();
    rig.until(|opencti| {
        let mut later = opencti.pings().into_iter().skip(pings);
        later.any(|ping| !ping.info["next_run_datetime"].is_null())
    })
    .await;
    terminate(&child);
    let ended = wait(child).await;
    assert!(
        ended.stderr.contains(mount.to_str().unwrap()),
        "{}",
        ended.stderr
    );
    assert_eq!(rig.vt.requests().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tries_every_road_and_leaves_nothing_behind() {
    let Some(port) = shared_broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::on_amqp(port, Release::V7, 3)
        .await
        .set("CONNECTOR_SEND_TO_DIRECTORY", "true")
        .set(
            "CONNECTOR_SEND_TO_DIRECTORY_PATH",
            folder.path().to_str().unwrap(),
        );
    let worker = Worker::new(port, &rig.id).await;
    worker.declare().await;
    let new = rig.run(&["check"]).await;
    assert_eq!(new.code, Some(0), "{}{}", new.stdout, new.stderr);
    assert!(
        new.stdout.contains("not tried") && new.stdout.contains("MB free"),
        "before the first start nobody hands the broker out: {}",
        new.stdout
    );
    assert!(
        rig.opencti.connectors().is_empty(),
        "check registers nothing"
    );
    assert_eq!(rig.run(&["run"]).await.code, Some(0));
    let sent = (worker.waiting().await, documents(folder.path()).len());
    let searches = rig.vt.searches().len();
    let fine = rig.run(&["check"]).await;
    assert_eq!(fine.code, Some(0), "{}{}", fine.stdout, fine.stderr);
    assert!(!fine.stdout.contains("not tried"), "{}", fine.stdout);
    let after = (worker.waiting().await, documents(folder.path()).len());
    assert_eq!(after, sent, "nothing is published, no file stays");
    let rig = rig.set("MQ_USER", "stranger");
    let broker = rig.run(&["check"]).await;
    assert_eq!(broker.code, Some(2), "{}", broker.stdout);
    assert!(
        broker.stdout.contains("WRONG") && broker.stdout.contains("MQ_USER"),
        "{}",
        broker.stdout
    );
    let rig = rig.set("CONNECTOR_SEND_TO_DIRECTORY_PATH", "/nonexistent/place");
    let both = rig.run(&["check"]).await;
    assert!(
        both.stdout.contains("MQ_USER") && both.stdout.contains("/nonexistent/place"),
        "{}",
        both.stdout
    );
    assert_eq!(rig.vt.searches().len(), searches);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_goes_in_the_middle_of_a_run_ends_it_and_no_message_is_in_the_log() {
    let Some(port) = shared_broker() else { return };
    for level in ["error", "debug"] {
        let rig = Rig::on_amqp(port, Release::V7, 900)
            .await
            .set("CONNECTOR_LOG_LEVEL", level);
        let worker = Worker::new(port, &rig.id).await;
        worker.declare().await;
        let child = rig.program(&["run"]).spawn().unwrap();
        while worker.waiting().await < 400 {
            tokio::task::yield_now().await;
        }
        worker.delete().await;
        let ended = wait(child).await;
        assert_eq!(ended.code, Some(3), "{level}");
        assert!(
            ended.stderr.len() < 64_000,
            "{level}: {} bytes of log",
            ended.stderr.len()
        );
        // Plain, as base64, and as a list of bytes.
        for body in ["QUEUE_BUNDLE", "eyJ0eXBlIjoiYnVuZGxl", "123, 34, 98"] {
            assert!(!ended.stderr.contains(body), "{level}: {body}");
        }
        assert!(
            ended.stderr.contains("push_routing_"),
            "{level}: {}",
            ended.stderr
        );
        let work = &rig.opencti.works()[0];
        assert!(work.closed && work.in_error, "{level}: {work:?}");
        assert_eq!(
            rig.opencti.connector(&rig.id).unwrap().registrations,
            2,
            "{level}: the platform is asked for a queue once more"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_queue_files_are_written_and_there_are_no_works() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let rig = Rig::on_amqp(free_port(), Release::V7, 100)
        .await
        .set("CONNECTOR_SEND_TO_QUEUE", "false")
        .set("CONNECTOR_SEND_TO_DIRECTORY", "true")
        .set("CONNECTOR_SEND_TO_DIRECTORY_PATH", &path);
    let ended = rig.run(&["run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(rig.opencti.works().is_empty());
    let files = documents(folder.path());
    assert!(!files.is_empty());
    for text in files {
        assert_eq!(rig.opencti.ingest_message(&text), []);
    }
    assert!(!rig.files().is_empty());
    assert!(!rig.state()["countries"]["AU"]["last_end"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_keeps_the_state_and_closes_the_work_in_error() {
    let rig = Rig::on_amqp(free_port(), Release::V7, 20)
        .await
        .set("CONNECTOR_QUEUE_PROTOCOL", "api")
        .set("CONNECTOR_SEND_TO_DIRECTORY", "true")
        .set("CONNECTOR_SEND_TO_DIRECTORY_PATH", "/nonexistent/place");
    let ended = rig.run(&["run"]).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("/nonexistent/place"),
        "{}",
        ended.stderr
    );
    let work = &rig.opencti.works()[0];
    assert!(work.closed && work.in_error);
    assert!(rig.state()["countries"]["AU"]["last_end"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_takes_the_whole_run_and_the_work_says_where_it_is() {
    let rig = Rig::on_amqp(free_port(), Release::V7, 700)
        .await
        .set("CONNECTOR_QUEUE_PROTOCOL", "api")
        .set("CONNECTOR_VALIDATE_BEFORE_IMPORT", "true");
    let ended = rig.run(&["run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let drafts = rig.opencti.drafts();
    assert_eq!(drafts.len(), 1, "one draft a run");
    let bundles = rig.opencti.bundles();
    assert!(bundles.len() > 1);
    assert!(
        bundles
            .iter()
            .all(|one| one.draft.as_deref() == Some(drafts[0].id.as_str()))
    );
    let work = &rig.opencti.works()[0];
    let said: String = work
        .messages
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    let page = format!(
        "{}/dashboard/data/import/draft/{}",
        rig.opencti.url(),
        drafts[0].id
    );
    assert!(
        said.contains(&page) && said.contains(&drafts[0].name),
        "{said}"
    );
}

#[tokio::test]
async fn a_full_queue_holds_the_run_back_before_a_request_is_spent_and_lets_it_go_on() {
    let rig = Rig::new(World::generate(
        3,
        40,
        &["AU"],
        now() - chrono::TimeDelta::days(1)..now(),
    ))
    .await;
    rig.opencti.set_queue(9_000.0, 500e6);
    let connector = rig.connector();
    rig.until(|opencti| {
        opencti
            .pings()
            .iter()
            .any(|ping| ping.info["buffering"] == true)
    })
    .await;
    assert_eq!(
        rig.vt.searches().len(),
        0,
        "nothing is asked that could not be delivered"
    );
    rig.opencti.set_queue(10.0, 499e6);
    rig.hand.sleeping(std::time::Duration::from_secs(20)).await;
    rig.pass(std::time::Duration::from_secs(5), rig.closed(1))
        .await;
    assert!(!rig.opencti.works()[0].in_error);
    let last = rig.opencti.pings().pop().unwrap();
    assert_eq!(last.info["buffering"], false);
    connector.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_of_each_release_is_served_in_its_own_form() {
    for release in [
        Release::V6_5_1,
        Release::V6_8_0,
        Release::V6_9_0,
        Release::V7,
    ] {
        let clock = clock::system();
        let day = clock.now() - chrono::TimeDelta::days(1)..clock.now();
        let world = World::generate(4, 60, &["AU"], day);
        let (_, hand) = Clock::manual(now());
        let rig = Rig::start(world, OpenCtiWorld::new(release, TOKEN), clock, hand)
            .await
            .set("CONNECTOR_RUN_AND_TERMINATE", "true");
        rig.opencti.fail(Failure::too_large().on("stixBundlePush"));
        let ended = rig.run(&["run"]).await;
        assert_eq!(ended.code, Some(0), "{release:?}: {}", ended.stderr);
        rig.assert_sound();
        assert!(!rig.files().is_empty(), "{release:?}");
        let works = rig.opencti.works();
        let own: Vec<_> = works.iter().filter(|work| !work.by_platform).collect();
        assert_eq!(own.len(), 1, "{release:?}");
        assert!(
            own[0].closed && !own[0].in_error,
            "{release:?}: {:?}",
            own[0]
        );
        // Older works know no parts: they complete whenever nothing waits.
        assert!(
            !own[0].complete_before_closed || release != Release::V7,
            "{release:?}"
        );
        // The platform counts by itself; one expectation is ours.
        let announced = rig.opencti.requests_for("workEdit.addExpectations");
        assert_eq!(announced.len(), 1, "{release:?}");
        assert_eq!(announced[0].variables["count"], 1, "{release:?}");
        assert_eq!(own[0].status, WorkStatus::Complete, "{release:?}");
        assert_eq!(own[0].processed, own[0].expected, "{release:?}");
    }
}

/// What the importer objects to. The test's worker reads the queue when the
/// run is over, so every message is late for its work.
fn faults(rig: &Rig) -> Vec<ImportFault> {
    let mut faults = rig.opencti.faults();
    faults.retain(|fault| fault.kind != FaultKind::LateBundle);
    faults
}

fn documents(folder: &Path) -> Vec<String> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(
        paths
            .iter()
            .all(|path| path.extension().is_some_and(|end| end == "json"))
    );
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}
