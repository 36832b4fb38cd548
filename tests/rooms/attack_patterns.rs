//! Techniques cost a request a file: asked for only where they are wanted, by
//! the rules that hold for related files.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vtreporter::base::clock::{self, Clock};
use vtreporter::base::country::Country;
use vtreporter::base::http::HttpOptions;
use vtreporter::base::secret::Secret;
use vtreporter::import::schedule::Window;
use vtreporter::import::state::Run;
use vtreporter::import::{Import, Options, Sink, SinkError, Stopped};
use vtreporter::opencti::delivery::Left;
use vtreporter::quota::{Guard, OnUnknown, Policy};
use vtreporter::report::tally::Tally;
use vtreporter::report::totals::Totals;
use vtreporter::standin::opencti::judge;
use vtreporter::standin::virustotal::{self, Answer, Fault, Made, On, StandIn, World, object};
use vtreporter::stix::bundle::Bundle;
use vtreporter::virustotal::{Settings, VirusTotal};

use crate::imports;

fn start() -> DateTime<Utc> {
    "2026-11-19T00:00:00Z".parse().unwrap()
}

fn trees(severity: &str) -> Value {
    json!({ "Zenbox": { "tactics": [{ "id": "TA0005", "name": "Defense Evasion", "techniques": [
        { "id": "T1055", "name": "Process Injection", "signatures": [{ "severity": severity }] },
    ] }] } })
}

/// Three files of HIGH and one of MEDIUM severity; the third HIGH one was never
/// in a sandbox.
fn world() -> World {
    let file = |number: u32, level: &str| {
        let mut object = object(number);
        object["attributes"]["threat_severity"] = json!({ "threat_severity_level": level });
        object["attributes"]["first_submission_date"] =
            (start().timestamp() + i64::from(number) * 60).into();
        Made::new(object)
    };
    World::empty()
        .with(file(1, "SEVERITY_HIGH").mitre(trees("HIGH")))
        .with(file(2, "SEVERITY_HIGH").mitre(trees("MEDIUM")))
        .with(file(3, "SEVERITY_HIGH"))
        .with(file(4, "SEVERITY_MEDIUM").mitre(trees("HIGH")))
}

/// VirusTotal on the day after.
async fn standin() -> StandIn {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (clock, _) = Clock::manual(start() + TimeDelta::days(1));
    let options = virustotal::Options {
        clock,
        ..virustotal::Options::default()
    };
    StandIn::serve(listener, options, world()).unwrap()
}

#[derive(Default)]
struct Kept(Vec<Value>);

impl Sink for Kept {
    async fn deliver(&mut self, bundle: &Bundle) -> Result<Vec<Left>, SinkError> {
        assert_eq!(judge(&bundle.text), []);
        let bundle: Value = serde_json::from_str(&bundle.text).unwrap();
        self.0
            .extend(bundle["objects"].as_array().unwrap().iter().cloned());
        Ok(Vec::new())
    }

    async fn advanced(&mut self, _: &Run) {}
}

impl Kept {
    fn of(&self, kind: &str) -> usize {
        self.0.iter().filter(|one| one["type"] == kind).count()
    }
}

fn options(attack_patterns: bool) -> Options {
    let mut options = imports::options(start());
    options.convert.objects.attack_patterns = attack_patterns;
    options
}

/// One run against the stand-in.
async fn run(virustotal: &StandIn, attack_patterns: bool) -> (Kept, Totals, Result<(), Stopped>) {
    let settings = Settings {
        api_url: virustotal.url().parse().unwrap(),
        api_key: Secret::new(virustotal.key()),
        requests_per_minute: None,
        http: HttpOptions {
            timeout: Duration::from_secs(20),
            ..HttpOptions::default()
        },
    };
    let policy = Policy {
        warn_percent: 80,
        critical_percent: 95,
        stop_percent: 90,
        on_unknown: OnUnknown::Continue,
    };
    let client = VirusTotal::new(&settings, clock::system()).unwrap();
    let guard = Guard::new(client, policy, clock::system());
    guard.start_run();
    let options = options(attack_patterns);
    let mut run = Run::new(Window {
        from: start(),
        to: start() + TimeDelta::days(1),
    });
    let (mut tally, mut kept) = (Tally::default(), Kept::default());
    let import = Import {
        guard: &guard,
        options: &options,
        country: Country::parse("AU").unwrap(),
        share: None,
        stop: &CancellationToken::new(),
    };
    let ended = import.run(&mut run, &mut tally, &mut kept).await.map(drop);
    (kept, run.numbers, ended)
}

fn asked(virustotal: &StandIn) -> usize {
    let requests = virustotal.requests();
    let asked = |path: &str| path.ends_with("/behaviour_mitre_trees");
    requests.iter().filter(|one| asked(&one.path)).count()
}

#[tokio::test]
async fn each_file_that_is_bad_enough_costs_one_request_and_none_is_sent_by_default() {
    let virustotal = standin().await;
    let (kept, _, ended) = run(&virustotal, false).await;
    assert!(ended.is_ok());
    assert_eq!((asked(&virustotal), kept.of("attack-pattern")), (0, 0));

    let (kept, numbers, ended) = run(&virustotal, true).await;
    assert!(ended.is_ok());
    assert_eq!(asked(&virustotal), 3, "not for the file of MEDIUM severity");
    assert_eq!(kept.of("attack-pattern"), 1);
    assert_eq!(
        (numbers.counts.attack_patterns, numbers.counts.uses),
        (1, 2)
    );
    // A file that no sandbox ran has no techniques; nothing is missing.
    assert_eq!((numbers.gaps.len(), numbers.notes.iter().count()), (0, 0));
}

#[tokio::test]
async fn without_the_right_to_them_the_run_goes_on_and_says_so_once() {
    let virustotal = standin().await;
    virustotal.fail(Fault::new(On::MitreTrees, Answer::forbidden()).always());
    let (kept, numbers, ended) = run(&virustotal, true).await;
    assert!(ended.is_ok());
    assert_eq!(kept.of("attack-pattern"), 0);
    assert_eq!(kept.of("file"), 4);
    assert_eq!(numbers.gaps.len(), 0);
    let notes: Vec<&String> = numbers.notes.iter().collect();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with("behaviour_mitre_trees"), "{notes:?}");
}

#[tokio::test]
async fn techniques_that_cannot_be_read_are_a_gap_and_lose_nothing_else() {
    let virustotal = standin().await;
    virustotal.fail(
        Fault::new(
            On::MitreTrees,
            Answer::Text(200, "application/json", "{\"data\":\"x\"}".to_owned()),
        )
        .always(),
    );
    let (kept, numbers, ended) = run(&virustotal, true).await;
    assert!(ended.is_ok());
    assert_eq!((kept.of("file"), kept.of("attack-pattern")), (4, 0));
    assert_eq!(numbers.lost(), 3);
}
