//! How long a run takes, against the longest of its chains: 1 s a page, 0.2 s a
//! related call (four at once), 0.3 s a push. The promise is 1.15 times that.
//!
//! A chain is what cannot overlap: all pages and the last push; or the first
//! page, all related calls and the last push; or the first page and all pushes.
//!
//! `cargo bench --bench wall`, on a machine that does nothing else: both
//! stand-ins and the connector share one process. Ends with 1 when the promise
//! is not kept.

use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use vtreporter::base::clock::{self, Clock};
use vtreporter::config::{self, Needs};
use vtreporter::setup;
use vtreporter::standin::opencti::{Failure, Judge, OpenCtiWorld, Release, StandIn as OpenCti};
use vtreporter::standin::virustotal::{
    Answer, Fault, Made, On, Route, StandIn as VirusTotal, World, object,
};

const PROMISE: f64 = 1.15;
const PAGE: f64 = 1.0;
const CALL: f64 = 0.2;
const PUSH: f64 = 0.3;
/// Calls that are under way together.
const AT_ONCE: f64 = 4.0;

const TOKEN: &str = "d434ce02-58ba-49e7-8b1d-1d0c2b3f4a55";
const CONNECTOR: &str = "3c9e9b1a-0f0c-4d1c-8a43-6d5a2e7b9f10";

/// What makes one chain longer than the others.
struct Case {
    name: &'static str,
    pages: u32,
    /// One file of so many leads to another one.
    related_every: u32,
    /// Objects of a bundle.
    objects: &'static str,
}

const CASES: [Case; 4] = [
    Case {
        name: "pages are the longest chain",
        pages: 20,
        related_every: 50,
        objects: "1000",
    },
    Case {
        name: "related calls are",
        pages: 8,
        related_every: 6,
        objects: "1000",
    },
    Case {
        name: "pushes are",
        pages: 8,
        related_every: 300,
        objects: "70",
    },
    Case {
        name: "all three are about as long",
        pages: 20,
        related_every: 15,
        objects: "220",
    },
];

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut kept = true;
    for case in &CASES {
        kept &= runtime.block_on(measure(case)) <= PROMISE;
    }
    match kept {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn measure(case: &Case) -> f64 {
    let clock = clock::system();
    let virustotal = VirusTotal::start(world(case, &clock))
        .await
        .expect("a side");
    let slow = |on, seconds| Fault::new(on, Answer::Slow(Duration::from_secs_f64(seconds)));
    virustotal.fail(slow(On::Search, PAGE).always());
    virustotal.fail(slow(On::Related("dropped_files"), CALL).always());
    let mut platform = OpenCtiWorld::new(Release::V7, TOKEN);
    platform.judge = Judge::CountOnly;
    let opencti = OpenCti::start(platform).await.expect("the other side");
    let push = Failure::slow(Duration::from_secs_f64(PUSH));
    opencti.fail(push.on("stixBundlePush").always());

    let begun = clock.elapsed();
    run(case, &virustotal, &opencti, &clock).await;
    let took = (clock.elapsed() - begun).as_secs_f64();
    let pages = virustotal.searches().len() as f64 * PAGE;
    let requests = virustotal.requests();
    let calls = requests
        .iter()
        .filter(|one| matches!(one.route, Route::Related(..)))
        .count() as f64
        * CALL
        / AT_ONCE;
    let pushes = opencti.bundles().len() as f64 * PUSH;
    let chains = [pages + PUSH, PAGE + calls + PUSH, PAGE + pushes];
    let longest = chains.into_iter().fold(0.0, f64::max);
    let ratio = took / longest;
    println!(
        "{}: pages {pages:.1} s, related calls {calls:.1} s, pushes {pushes:.1} s; \
         took {took:.1} s = {ratio:.2} times the longest (one after the other: {:.2})",
        case.name,
        (pages + calls + pushes) / longest
    );
    ratio
}

fn world(case: &Case, clock: &Clock) -> World {
    let files = case.pages * 300;
    (0..files).fold(World::empty(), |world, n| {
        let mut file = object(n);
        let first = clock.now() - TimeDelta::seconds(i64::from(files + 60 - n));
        let attributes = &mut file["attributes"];
        attributes["first_submission_date"] = first.timestamp().into();
        let related = n % case.related_every == 0;
        let level = if related { "HIGH" } else { "MEDIUM" };
        attributes["threat_severity"] = serde_json::json!({
            "version": 5, "threat_severity_level": format!("SEVERITY_{level}"),
            "threat_severity_data": {}
        });
        let made = Made::new(file);
        world.with(match related {
            true => made.related("dropped_files", vec![object(1_000_000 + n)]),
            false => made,
        })
    })
}

async fn run(case: &Case, virustotal: &VirusTotal, opencti: &OpenCti, clock: &Clock) {
    let env = [
        ("OPENCTI_URL", opencti.url().as_str()),
        ("OPENCTI_TOKEN", TOKEN),
        ("CONNECTOR_ID", CONNECTOR),
        ("CONNECTOR_RUN_AND_TERMINATE", "true"),
        ("CONNECTOR_DURATION_PERIOD", "P1D"),
        ("CONNECTOR_QUEUE_PROTOCOL", "api"),
        ("VTREPORTER_API_URL", &virustotal.url()),
        ("VTREPORTER_API_KEY", &virustotal.key()),
        ("VTREPORTER_RELATIONSHIPS", "dropped_files"),
        ("VTREPORTER_MAX_BUNDLE_OBJECTS", case.objects),
        ("VTREPORTER_REQUESTS_PER_MINUTE", "600000"),
    ]
    .map(|(name, value)| (name.into(), value.into()));
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    let config = config::load(None, env, Needs::BOTH, clock.now(), &read)
        .unwrap_or_else(|faults| panic!("{faults}"));
    let service = setup::service(config, clock.clone()).expect("a service");
    let ended = service.run(&CancellationToken::new()).await;
    ended.expect("everything is delivered");
}
