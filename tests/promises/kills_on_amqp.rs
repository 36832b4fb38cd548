//! The stops of `kills` where the bundles go to a broker: everything is there,
//! every number is right, every work ends with what it was told to expect.

use crate::kills::{End, Road, each, goes_on_to, sampled, stopped_at, undisturbed};
use crate::worker::{Worker, shared_broker};

/// Steps of a run that a test takes.
const SAMPLE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_request_of_an_amqp_run_changes_no_number() {
    let Some(port) = shared_broker() else { return };
    let road = Road::Amqp(port);
    let (left, steps, _) = undisturbed(road).await;
    assert!(steps > 15, "{steps}");
    for done in [false, true] {
        let round = |step| stopped_at(road, step, done, End::Kill, &left);
        each(sampled(steps, SAMPLE), round).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_at_any_request_of_an_amqp_run_changes_no_number() {
    let Some(port) = shared_broker() else { return };
    let road = Road::Amqp(port);
    let (left, steps, _) = undisturbed(road).await;
    for done in [false, true] {
        let round = |step| stopped_at(road, step, done, End::Term, &left);
        each(sampled(steps, SAMPLE), round).await;
    }
}

/// Between two requests of the platform: when so many messages are in the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_publishing_changes_no_number() {
    let Some(port) = shared_broker() else { return };
    let road = Road::Amqp(port);
    let (left, _, _) = undisturbed(road).await;
    let moments = [1, 150, 300];
    let cases = moments.map(|messages| [(End::Kill, messages), (End::Term, messages)]);
    let round = async |(end, messages): (End, u32)| {
        let rig = road.rig().await;
        let worker = Worker::new(port, &rig.id).await;
        let connector = rig.connector();
        while worker.waiting().await < messages {
            tokio::task::yield_now().await;
        }
        end.come(connector).await;
        let case = format!("{end:?} with {messages} messages in the queue");
        goes_on_to(&rig, road, 0, &left, &case).await;
    };
    each(cases.into_iter().flatten(), round).await;
}
