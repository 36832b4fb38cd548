//! Stopped at the steps of a run, and started again: everything is there, every
//! number is that of a run that nobody disturbed, and every work is complete.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use vtreporter::base::clock::Clock;
use vtreporter::standin::opencti::{
    Failure, FaultKind, Logged, OpenCtiWorld, Processing, Release, Work, WorkStatus,
};
use vtreporter::standin::virustotal::{Answer, Cost, Fault, Made, On, World};

use crate::rig::{Rig, Running, TOKEN, file_at, next_run, now};
use crate::worker::Worker;

const SECOND: Duration = Duration::from_secs(1);

/// Rounds under way at once: most of a round is waiting.
const AT_ONCE: usize = 6;

/// The variable that brings a choice of steps back.
const SEED: &str = "VTREPORTER_TEST_SEED";

/// Steps of a run that a test takes, where there are more.
const SAMPLE: usize = 10;

/// A file of the list: the same wherever it turns up.
fn listed(number: u32) -> Value {
    let severity = match number {
        _ if number % 100 == 7 => "HIGH",
        _ if number.is_multiple_of(9) => "NONE",
        _ => "MEDIUM",
    };
    let seconds = i64::from(400 - number / 2);
    file_at(
        number,
        severity,
        now() - chrono::TimeDelta::seconds(seconds),
    )
}

/// What a severe file leads to: a file, a host and a technique of its own,
/// those that all of them lead to, and files that the search finds before it
/// and after it.
fn leading(number: u32) -> Made {
    let long_ago = now() - chrono::TimeDelta::days(30);
    let dropped = vec![
        file_at(5_000 + number, "HIGH", long_ago),
        file_at(6_000, "MEDIUM", long_ago),
        listed(20),
        listed(308),
    ];
    let address = |n: u32| json!({ "type": "ip_address", "id": format!("203.0.113.{n}") });
    let domain = json!({ "type": "domain", "id": "c2.example.net" });
    let technique = |id: String| json!({ "id": id, "signatures": [{ "severity": "HIGH" }] });
    let techniques = [
        technique("T1055".into()),
        technique(format!("T1{number:03}")),
    ];
    Made::new(listed(number))
        .related("dropped_files", dropped)
        .related("contacted_ips", vec![address(1), address(2 + number / 100)])
        .related("contacted_domains", vec![domain])
        .mitre(json!({ "Zenbox": { "tactics": [
            { "name": "Defense Evasion", "techniques": techniques },
        ] } }))
}

/// Two pages, with files that are dropped and files that lead to others.
fn world() -> World {
    (0..310_u32).fold(World::empty(), |world, n| match n % 100 {
        7 => world.with(leading(n)),
        _ => world.with_file(listed(n)),
    })
}

/// The road that bundles take, and who takes them from its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Road {
    Api,
    /// A broker's port.
    Amqp(u16),
}

impl Road {
    /// A platform whose worker does nothing before it is told to.
    pub(crate) async fn rig(self) -> Rig {
        let (clock, hand) = Clock::manual(now());
        let mut platform = OpenCtiWorld::new(Release::V7, TOKEN);
        match self {
            Self::Api => platform.processing = Processing::Held,
            Self::Amqp(port) => platform.broker.port = port,
        }
        let rig = Rig::start(world(), platform, clock, hand)
            .await
            .set(
                "VTREPORTER_RELATIONSHIPS",
                "dropped_files,contacted_ips,contacted_domains",
            )
            .set("VTREPORTER_CREATE_NETWORK_INDICATORS", "true")
            .set("VTREPORTER_CREATE_ATTACK_PATTERNS", "true")
            .set("VTREPORTER_CREATE_NOTES", "true")
            .set("VTREPORTER_MAX_BUNDLE_OBJECTS", "600");
        let Self::Amqp(port) = self else { return rig };
        Worker::new(port, &rig.id).await.declare().await;
        // Not empty before the worker has taken what is there.
        rig.opencti.set_queue(1.0, 1.0);
        rig.set("CONNECTOR_QUEUE_PROTOCOL", "amqp")
    }

    /// The worker takes all that is there.
    async fn work_off(self, rig: &Rig) {
        let Self::Amqp(port) = self else {
            rig.opencti.work_off();
            return;
        };
        let worker = Worker::new(port, &rig.id).await;
        for (message, _) in worker.take().await {
            rig.opencti.ingest_message(&message.to_string());
        }
        worker.delete().await;
        rig.opencti.set_queue(0.0, 0.0);
    }
}

/// What is left of a run when it is over.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    files: Vec<String>,
    /// The ids of all objects.
    objects: BTreeSet<String>,
    /// All that the report's text and page tell, but for its notes and for the
    /// requests, of which a disturbed run needs more.
    report: Vec<String>,
    /// What the state keeps for the next report to compare with.
    previous: String,
    /// The work's last message, as far as it tells numbers.
    message: String,
}

impl Left {
    fn of(rig: &Rig) -> Self {
        let report = rig.report();
        let text = |name: &str| report[name].as_str().unwrap();
        let told = [
            without_notes(text("description"), "\nNotes:\n", "\nThe search: "),
            without_notes(text("x_opencti_content"), "<h3>Notes</h3>", "\0"),
        ];
        let mut previous = rig.state()["countries"]["AU"]["previous"].clone();
        let previous_fields = previous.as_object_mut().unwrap();
        previous_fields.retain(|name, _| !name.starts_with("requests"));
        let objects = rig.opencti.objects();
        let ids = objects
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned());
        Self {
            files: rig.files(),
            objects: ids.collect(),
            report: lines(&told),
            previous: previous.to_string(),
            message: numbers_of(&last_message(rig)),
        }
    }
}

/// A report's text without its notes, which stand between two other parts, and
/// without its requests.
fn without_notes(text: &str, notes: &str, rest: &str) -> String {
    let told = match text.split_once(notes) {
        None => text.to_owned(),
        Some((before, after)) => {
            let end = after.find(rest).unwrap_or(after.len());
            format!("{before}{}", &after[end..])
        }
    };
    let (before, requests) = told.split_once("VirusTotal requests spent: ").unwrap();
    let (_, after) = requests.split_once('.').unwrap();
    format!("{before}{after}")
}

/// Each for itself, so that only those that differ are shown.
fn lines(texts: &[String]) -> Vec<String> {
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines = lines.map(|line| line.trim_end().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// Lines that stand in one of two reports only.
fn differing<'a>(one: &'a Left, other: &'a Left) -> Vec<[&'a String; 2]> {
    let both = one.report.iter().zip(&other.report);
    both.filter(|(one, other)| one != other)
        .map(|(one, other)| [one, other])
        .collect()
}

/// Of the work that is not in error.
fn last_message(rig: &Rig) -> String {
    let works = rig.opencti.works();
    let done = works.iter().rfind(|work| work.closed && !work.in_error);
    let done = done.unwrap_or_else(|| panic!("no work went well: {works:#?}"));
    done.messages.last().unwrap().message.clone()
}

/// Without the requests, which a disturbed run needs more of.
fn numbers_of(message: &str) -> String {
    let end = message.find(" VirusTotal requests").unwrap();
    let numbers = message[..end].trim_end_matches(|c: char| c.is_ascii_digit() || c == ',');
    numbers.trim_end_matches("At least ").trim_end().to_owned()
}

/// Waits until the run is over and the connector sleeps, as it said after
/// `pings`.
async fn over(rig: &Rig, pings: usize) {
    rig.until(|it| {
        let country = &rig.state()["countries"]["AU"];
        it.pings().len() > pings
            && next_run(it).is_some_and(|next| next > now())
            && country["last_end"].is_string()
            && country["run"].is_null()
    })
    .await;
}

/// The worker does its part, and every work that the connector knows of is
/// complete with all that was expected of it. `unknown`: so many were opened
/// whose id nobody was told.
async fn all_met(rig: &Rig, road: Road, unknown: usize, case: &str) {
    road.work_off(rig).await;
    let open = |works: &[Work]| {
        let open = works
            .iter()
            .filter(|work| work.status != WorkStatus::Complete);
        open.count()
    };
    let met = rig.until(|it| open(&it.works()) <= unknown);
    rig.pass(5 * SECOND, met).await;
    for work in rig.opencti.works() {
        assert_eq!(work.processed, work.expected, "{case}: {work:?}");
        let known = work.status == WorkStatus::Complete;
        assert!(
            known || (work.messages.is_empty() && work.expected == 0),
            "{case}: {work:?}"
        );
        assert_eq!(work.closed, known, "{case}: {work:?}");
    }
    let mut faults = rig.opencti.faults();
    if let Road::Amqp(_) = road {
        // This worker takes nothing before the run is over.
        faults.retain(|fault| fault.kind != FaultKind::LateBundle);
    }
    assert_eq!(faults, [], "{case}");
    assert_eq!(rig.opencti.unreported(), Vec::<String>::new(), "{case}");
}

/// A run that nobody disturbs: what is left of it, and how many requests the
/// platform and VirusTotal see.
pub(crate) async fn undisturbed(road: Road) -> (Left, usize, usize) {
    let rig = road.rig().await;
    let _connector = rig.connector();
    over(&rig, 0).await;
    let steps = rig.opencti.requests().len();
    all_met(&rig, road, 0, "undisturbed").await;
    (Left::of(&rig), steps, rig.vt.requests().len())
}

/// Says how what it chooses is chosen once more.
fn random() -> fastrand::Rng {
    let seed = std::env::var_os(SEED);
    let seed = seed.map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("{SEED}={seed}");
    fastrand::Rng::with_seed(seed)
}

/// The first and the last of so many steps, and some between them.
pub(crate) fn sampled(steps: usize, most: usize) -> Vec<usize> {
    let mut random = random();
    let mut between: Vec<usize> = (1..steps - 1).collect();
    random.shuffle(&mut between);
    between.truncate(most - 2);
    between.extend([0, steps - 1]);
    between
}

/// Several rounds at a time.
pub(crate) async fn each<C, R: Future<Output = ()>>(
    cases: impl IntoIterator<Item = C>,
    round: impl FnMut(C) -> R,
) {
    let rounds = stream::iter(cases).map(round);
    rounds.buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// How a process ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Kill,
    Term,
}

impl End {
    pub(crate) async fn come(self, connector: Running) {
        match self {
            Self::Kill => connector.kill(),
            Self::Term => connector.stop().await.unwrap(),
        }
    }
}

/// Starts it again and compares what is left.
pub(crate) async fn goes_on_to(rig: &Rig, road: Road, unknown: usize, left: &Left, case: &str) {
    rig.opencti.clear_failures();
    rig.vt.clear_faults();
    let pings = rig.opencti.pings().len();
    let _connector = rig.connector();
    over(rig, pings).await;
    all_met(rig, road, unknown, case).await;
    let now = Left::of(rig);
    assert_eq!(now.files.len(), left.files.len(), "{case}");
    assert_eq!(now.message, left.message, "{case}");
    assert_eq!(differing(&now, left), Vec::<[&String; 2]>::new(), "{case}");
    assert_eq!(now.previous, left.previous, "{case}");
    assert_eq!(now, *left, "{case}");
}

/// `step` requests of the platform are answered, the next one is not; where it
/// is `done`, the platform has done what it asks for all the same.
pub(crate) async fn stopped_at(road: Road, step: usize, done: bool, end: End, left: &Left) {
    let rig = road.rig().await;
    let silence = Failure::silence().after(step);
    let silence = if done { silence.after_doing() } else { silence };
    rig.opencti.fail(silence);
    let connector = rig.connector();
    let came = |all: &[Logged]| all.get(step).is_some_and(|one| one.done || !done);
    rig.opencti.wait_for(came).await;
    let requests = rig.opencti.requests();
    let field = requests[step].field.clone();
    end.come(connector).await;
    let case =
        format!("{road:?}: {end:?} at request {step} of the platform, {field}, done: {done}");
    // The id of a work was not answered, or not written down.
    let added = if done { step } else { step.max(1) - 1 };
    let unknown = usize::from(requests[added].field == "workAdd");
    goes_on_to(&rig, road, unknown, left, &case).await;
}

#[tokio::test]
async fn a_kill_at_any_request_of_the_platform_changes_no_number() {
    let (left, steps, _) = undisturbed(Road::Api).await;
    assert!(steps > 15, "{steps}");
    let round = |step| stopped_at(Road::Api, step, false, End::Kill, &left);
    each(sampled(steps, SAMPLE), round).await;
}

#[tokio::test]
async fn a_kill_after_any_answer_of_the_platform_was_lost_changes_no_number() {
    let (left, steps, _) = undisturbed(Road::Api).await;
    let round = |step| stopped_at(Road::Api, step, true, End::Kill, &left);
    each(sampled(steps, SAMPLE), round).await;
}

#[tokio::test]
async fn sigterm_at_any_request_of_the_platform_changes_no_number() {
    let (left, steps, _) = undisturbed(Road::Api).await;
    let round = |step| stopped_at(Road::Api, step, true, End::Term, &left);
    each(sampled(steps, SAMPLE), round).await;
}

/// Pushes are carried out late, also those that nobody waits for any more.
#[tokio::test]
async fn a_stop_at_any_request_of_virustotal_changes_no_number() {
    let (left, _, steps) = undisturbed(Road::Api).await;
    assert!(steps > 5, "{steps}");
    let mut random = random();
    let ends = (1..=steps).map(|step| match random.bool() {
        true => (End::Kill, step),
        false => (End::Term, step),
    });
    let round = async |(end, step): (End, usize)| {
        let rig = Road::Api.rig().await;
        rig.vt.fail(Fault::new(On::Any, Answer::Silence).nth(step));
        let late = Failure::late(2 * SECOND).on("stixBundlePush");
        rig.opencti.fail(late.always().if_asked());
        let connector = rig.connector();
        // The window ends where the clock stands then.
        rig.until(|_| rig.state()["countries"]["AU"]["run"].is_object())
            .await;
        let came = rig.vt.wait_for(|all| all.len() >= step);
        rig.pass(SECOND, came).await;
        rig.pass(SECOND, end.come(connector)).await;
        let carried_out = |all: &[Logged]| {
            let mut pushes = all.iter().filter(|one| one.field == "stixBundlePush");
            pushes.all(|one| one.done)
        };
        rig.pass(SECOND, rig.opencti.wait_for(carried_out)).await;
        let case = format!("{end:?} at request {step} of VirusTotal");
        goes_on_to(&rig, Road::Api, 0, &left, &case).await;
    };
    each(ends, round).await;
}

/// The platform carries a push out, whether or not somebody waits for its answer.
#[tokio::test]
async fn sigterm_sees_the_push_in_hand_through_before_it_closes_the_work() {
    let (left, _, _) = undisturbed(Road::Api).await;
    let rig = Road::Api.rig().await;
    rig.opencti
        .fail(Failure::late(2 * SECOND).on("stixBundlePush"));
    let connector = rig.connector();
    let pushed = |all: &[Logged]| all.iter().any(|one| one.field == "stixBundlePush");
    rig.opencti.wait_for(pushed).await;
    rig.pass(SECOND, connector.stop()).await.unwrap();
    let sent: usize = rig.opencti.bundles().iter().map(|one| one.objects).sum();
    let state = rig.state();
    assert_eq!(state["open_works"][0]["pushed"], sent, "{state}");
    let numbers = &state["countries"]["AU"]["run"]["numbers"];
    assert_ne!(numbers["matched"], 0, "it is written down: {numbers}");
    let works = rig.opencti.works();
    let said = &works[0].messages.last().unwrap().message;
    assert!(!said.contains("on their way"), "{said}");
    goes_on_to(&rig, Road::Api, 0, &left, "a push in hand").await;
}

/// Whether the platform heard the last word of a run that went well or not, no
/// later word says that it was cut off.
#[tokio::test]
async fn sigterm_while_the_last_word_is_said_leaves_a_work_that_went_well() {
    let (left, _, _) = undisturbed(Road::Api).await;
    let round = async |heard: bool| {
        let rig = Road::Api.rig().await;
        let silence = Failure::silence().on("workEdit.toProcessed");
        rig.opencti.fail(match heard {
            true => silence.after_doing(),
            false => silence,
        });
        let connector = rig.connector();
        let said = |all: &[Logged]| {
            let mut said = all.iter().filter(|one| one.field == "workEdit.toProcessed");
            said.any(|one| one.done == heard)
        };
        rig.opencti.wait_for(said).await;
        connector.stop().await.unwrap();
        goes_on_to(&rig, Road::Api, 0, &left, "the last word").await;
        let works = rig.opencti.works();
        assert_eq!(works.len(), 1, "{works:#?}");
        assert!(
            !works[0].in_error && works[0].errors.is_empty(),
            "{works:#?}"
        );
    };
    each([true, false], round).await;
}

/// What was sent and not vouched for yet is told, and what was asked is counted.
#[tokio::test]
async fn sigterm_in_the_middle_of_a_page_tells_what_was_sent_and_what_it_cost() {
    let rig = Road::Api.rig().await;
    // The second bundle of the first page.
    let second = Failure::silence().on("stixBundlePush").after(1);
    rig.opencti.fail(second);
    let connector = rig.connector();
    let pushes = |all: &[Logged]| {
        let pushes = all.iter().filter(|one| one.field == "stixBundlePush");
        pushes.count() == 2
    };
    rig.opencti.wait_for(pushes).await;
    connector.stop().await.unwrap();
    let works = rig.opencti.works();
    let said = &works[0].messages.last().unwrap().message;
    // Who the key belongs to is asked outside of any run.
    let cost = |rig: &Rig| {
        let requests = rig.vt.requests();
        let paid = requests.iter().filter(|one| one.charged != Cost::FREE);
        paid.filter(|one| !one.path.contains("/users/")).count()
    };
    let spent = cost(&rig);
    assert!(spent > 0);
    assert!(
        said.contains(&format!("{spent} VirusTotal requests")),
        "{spent}: {said}"
    );
    assert!(said.contains("more objects were on their way"), "{said}");
    rig.opencti.clear_failures();
    let pings = rig.opencti.pings().len();
    let _connector = rig.connector();
    over(&rig, pings).await;
    all_met(&rig, Road::Api, 0, "a push that was given up").await;
    let said = last_message(&rig);
    assert!(
        said.contains(&format!("{} VirusTotal requests", cost(&rig))),
        "of both processes: {said}"
    );
    assert!(!said.contains("least"), "all are counted: {said}");
}
