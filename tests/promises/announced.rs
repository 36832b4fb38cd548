//! AMQP: what a work was told to expect comes, or is told as never to come,
//! whatever cuts the run off.

use vtreporter::standin::opencti::{Failure, Release, WorkStatus};

use crate::program::{terminate, wait};
use crate::rig::Rig;
use crate::servers::Rabbit;
use crate::worker::{Worker, shared_broker};

/// The worker takes all that is in the queue.
async fn work_off(rig: &Rig, port: u16) {
    let worker = Worker::new(port, &rig.id).await;
    for (message, _) in worker.take().await {
        rig.opencti.ingest_message(&message.to_string());
    }
}

fn assert_all_met(rig: &Rig, way: &str) {
    for work in rig.opencti.works() {
        assert_eq!(work.status, WorkStatus::Complete, "{way}: {work:?}");
        assert_eq!(work.processed, work.expected, "{way}: {work:?}");
        assert!(work.closed, "{way}: {work:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_leaves_no_work_that_waits_for_what_never_comes() {
    for (way, code) in [("SIGTERM", Some(3)), ("SIGKILL", None), ("broker", Some(3))] {
        let Some(mut rabbit) = Rabbit::start(None) else {
            return;
        };
        let rig = Rig::on_amqp(rabbit.port, Release::V7, 900).await;
        let worker = Worker::new(rabbit.port, &rig.id).await;
        worker.declare().await;
        // Not over before the worker has taken what is there.
        rig.opencti.set_queue(1.0, 1.0);
        let mut child = rig.program(&["run"]).spawn().unwrap();
        while worker.waiting().await < 400 {
            tokio::task::yield_now().await;
        }
        match way {
            "SIGTERM" => terminate(&child),
            "SIGKILL" => child.start_kill().unwrap(),
            _ => rabbit.kill(),
        }
        let ended = wait(child).await;
        assert_eq!(ended.code, code, "{way}: {}", ended.stderr);
        if way == "broker" {
            tokio::task::block_in_place(|| rabbit.run());
        }
        work_off(&rig, rabbit.port).await;
        rig.opencti.set_queue(0.0, 0.0);
        let first = rig.opencti.works().remove(0);
        assert!(first.expected > 400, "{way}: it was announced");
        if way == "SIGTERM" {
            assert!(!first.errors.is_empty(), "told before the end: {first:?}");
        }
        let ended = rig.run(&["run"]).await;
        assert_eq!(ended.code, Some(0), "{way}: {}", ended.stderr);
        work_off(&rig, rabbit.port).await;
        assert_eq!(rig.opencti.works().len(), 2, "{way}");
        assert_all_met(&rig, way);
    }
}

/// Where a work knows no parts it is held open by an expectation of our own.
#[tokio::test(flavor = "multi_thread")]
async fn amqp_completes_a_work_of_every_release_with_its_last_object() {
    let Some(port) = shared_broker() else { return };
    for release in Release::ALL {
        let rig = Rig::on_amqp(port, release, 60).await;
        let worker = Worker::new(port, &rig.id).await;
        worker.declare().await.delete().await;
        worker.declare().await;
        rig.opencti.fail(
            Failure::cut_body()
                .on("workEdit.addExpectations")
                .times(2)
                .if_asked(),
        );
        let ended = rig.run(&["run"]).await;
        assert_eq!(ended.code, Some(0), "{release:?}: {}", ended.stderr);
        let waiting = u64::from(worker.waiting().await);
        let work = rig.opencti.works().remove(0);
        let own = u64::from(release != Release::V7);
        assert_eq!(work.expected, waiting + own, "{release:?}: announced once");
        assert_eq!(work.status, WorkStatus::Progress, "{release:?}");
        work_off(&rig, port).await;
        assert_all_met(&rig, &format!("{release:?}"));
    }
}
