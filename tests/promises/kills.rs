//! Stopped at every step of a run, and started again: everything is there, and
//! every number is that of a run that nobody disturbed.

use vtreporter::standin::opencti::{Failure, Logged};
use vtreporter::standin::virustotal::{Answer, Cost, Fault, On, World};

use crate::import::told;
use crate::rig::{Rig, Running, file_at, next_run, now, with_related};

/// Two pages, with files that are dropped and files that lead to others.
fn world() -> World {
    (0..310_u32).fold(World::empty(), |world, n| {
        let severity = match n {
            _ if n % 100 == 7 => "HIGH",
            _ if n % 9 == 0 => "NONE",
            _ => "MEDIUM",
        };
        let first = now() - chrono::TimeDelta::seconds(i64::from(400 - n / 2));
        let file = file_at(n, severity, first);
        if severity == "HIGH" {
            let other = file_at(5_000 + n, "HIGH", first - chrono::TimeDelta::days(30));
            world.with(with_related(file, "dropped_files", vec![other]))
        } else {
            world.with_file(file)
        }
    })
}

async fn rig() -> Rig {
    Rig::new(world())
        .await
        .set("VTREPORTER_RELATIONSHIPS", "dropped_files")
        .set("VTREPORTER_MAX_BUNDLE_OBJECTS", "100")
        // A new process cannot know which families were counted before.
        .set("VTREPORTER_CREATE_MALWARE", "false")
}

/// What is left of a run when it is over.
#[derive(Debug, PartialEq)]
struct Left {
    files: Vec<String>,
    report: (Vec<u64>, Vec<u64>),
    matched: String,
    /// What the state keeps for the next report to compare with.
    previous: String,
    /// The work's last message, as far as it tells numbers.
    message: String,
}

impl Left {
    fn of(rig: &Rig) -> Self {
        let report = rig.report();
        let description = report["description"].as_str().unwrap();
        let matched = description.split("answered with: ").nth(1).unwrap();
        let mut previous = rig.state()["countries"]["AU"]["previous"].clone();
        previous.as_object_mut().unwrap().remove("requests");
        Self {
            files: rig.files(),
            report: told(&report),
            matched: matched.split('.').next().unwrap().to_owned(),
            previous: previous.to_string(),
            message: numbers_of(&last_message(rig)),
        }
    }
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
    numbers.to_owned()
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

/// A run that nobody disturbs: what is left of it, and how many requests the
/// platform and VirusTotal see.
async fn undisturbed() -> (Left, usize, usize) {
    let rig = rig().await;
    let _connector = rig.connector();
    over(&rig, 0).await;
    let steps = rig.opencti.requests().len();
    (Left::of(&rig), steps, rig.vt.requests().len())
}

/// How a process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    Term,
}

impl End {
    async fn come(self, connector: Running) {
        match self {
            Self::Kill => connector.kill(),
            Self::Term => connector.stop().await.unwrap(),
        }
    }
}

/// Starts it again and compares what is left.
async fn goes_on_to(rig: &Rig, left: &Left, case: &str) {
    rig.opencti.clear_failures();
    rig.vt.clear_faults();
    let pings = rig.opencti.pings().len();
    let _connector = rig.connector();
    over(rig, pings).await;
    let now = Left::of(rig);
    assert_eq!(now.files.len(), left.files.len(), "{case}");
    assert_eq!(now.message, left.message, "{case}");
    assert_eq!(now.previous, left.previous, "{case}");
    assert_eq!(now, *left, "{case}");
    rig.assert_sound();
}

/// `step` requests of the platform are answered, the next one is not; where it
/// is `done`, the platform has done what it asks for all the same.
async fn stopped_at(step: usize, done: bool, end: End, left: &Left) {
    let rig = rig().await;
    let silence = Failure::silence().after(step);
    let silence = if done { silence.after_doing() } else { silence };
    rig.opencti.fail(silence);
    let connector = rig.connector();
    let came = |all: &[Logged]| all.get(step).is_some_and(|one| one.done || !done);
    rig.opencti.wait_for(came).await;
    let field = rig.opencti.requests()[step].field.clone();
    end.come(connector).await;
    let case = format!("{end:?} at request {step} of the platform, {field}, done: {done}");
    goes_on_to(&rig, left, &case).await;
}

#[tokio::test]
async fn a_kill_at_any_request_of_the_platform_changes_no_number() {
    let (left, steps, _) = undisturbed().await;
    assert!(steps > 15, "{steps}");
    for step in 0..steps {
        stopped_at(step, false, End::Kill, &left).await;
    }
}

#[tokio::test]
async fn a_kill_after_any_answer_of_the_platform_was_lost_changes_no_number() {
    let (left, steps, _) = undisturbed().await;
    for step in 0..steps {
        stopped_at(step, true, End::Kill, &left).await;
    }
}

#[tokio::test]
async fn sigterm_at_any_request_of_the_platform_changes_no_number() {
    let (left, steps, _) = undisturbed().await;
    for step in 0..steps {
        stopped_at(step, true, End::Term, &left).await;
    }
}

#[tokio::test]
async fn a_stop_at_any_request_of_virustotal_changes_no_number() {
    let (left, _, steps) = undisturbed().await;
    assert!(steps > 5, "{steps}");
    for end in [End::Kill, End::Term] {
        for step in 1..=steps {
            let rig = rig().await;
            rig.vt.fail(Fault::new(On::Any, Answer::Silence).nth(step));
            let connector = rig.connector();
            rig.vt.wait_for(|all| all.len() >= step).await;
            // What was read before goes out meanwhile; a stop in the middle of
            // that is the platform's turn, above.
            rig.beats(1).await;
            let quiet = |all: &[Logged]| all.iter().all(|one| one.status.is_some());
            rig.opencti.wait_for(quiet).await;
            end.come(connector).await;
            let case = format!("{end:?} at request {step} of VirusTotal");
            goes_on_to(&rig, &left, &case).await;
        }
    }
}

/// What was sent and not vouched for yet is told, and what was asked is counted.
#[tokio::test]
async fn sigterm_in_the_middle_of_a_page_tells_what_was_sent_and_what_it_cost() {
    let rig = rig().await;
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
    let said = last_message(&rig);
    assert!(
        said.contains(&format!("{} VirusTotal requests", cost(&rig))),
        "of both processes: {said}"
    );
}
