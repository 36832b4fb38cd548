//! Everything between us and the platform: documents, client, roads.

mod amqp;
mod broker;
mod client;
mod delivery;
mod documents;
mod faults;
mod files;
mod s3;
#[path = "../../../crates/standin/tests/strict/opencti/stix.rs"]
mod stix;

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use url::Url;
use vtreporter::base::clock::{Clock, ManualClock};
use vtreporter::base::http::HttpOptions;
use vtreporter::base::secret::Secret;
use vtreporter::opencti::{OpenCti, Registration, Settings};

const TOKEN: &str = "11111111-2222-4333-8444-555555555555";
const CONNECTOR: &str = "5f3f5b5e-1f43-4a61-9c8d-0d1a5a3c7b11";

fn settings(url: &str) -> Settings {
    Settings {
        url: Url::parse(url).unwrap(),
        token: Secret::new(TOKEN),
        headers: vec![("X-Gate".to_owned(), Secret::new("open sesame"))],
        http: HttpOptions {
            timeout: Duration::from_secs(10),
            ..HttpOptions::default()
        },
    }
}

/// A client whose clock the test moves.
fn client(url: &str) -> (OpenCti, ManualClock) {
    let (clock, hand) = Clock::manual(DateTime::UNIX_EPOCH);
    (OpenCti::with_clock(&settings(url), clock).unwrap(), hand)
}

/// Lets every wait pass at once while `future` runs.
async fn hurried<T>(hand: &ManualClock, future: impl Future<Output = T>) -> T {
    tokio::pin!(future);
    loop {
        tokio::select! {
            done = &mut future => return done,
            () = hand.sleeping(Duration::from_millis(1)) => hand.advance(Duration::from_secs(60)),
        }
    }
}

fn registration() -> Registration {
    Registration {
        id: CONNECTOR.to_owned(),
        name: "VirusTotal".to_owned(),
        scope: vec!["vtreporter".to_owned()],
        auto: false,
        only_contextual: false,
        s3: true,
    }
}

/// Author, marking, `files` files and an address, each related to the next, and
/// their report: `2 * files + 4` objects.
fn bundle(files: u64) -> Value {
    let mut objects = vec![stix::author(), stix::amber()];
    let named = json!({"x_opencti_additional_names": ["setup.exe", "ümläut.exe"]});
    let mut all: Vec<Value> = (0..files)
        .map(|number| stix::with(stix::file(number), named.clone()))
        .collect();
    all.push(stix::url("https://payload.example.net/a"));
    let links = all
        .windows(2)
        .map(|two| stix::link(&two[0], "related-to", &two[1]));
    let links: Vec<Value> = links.collect();
    let refs: Vec<&Value> = all.iter().chain(&links).collect();
    let report = stix::report(&refs);
    objects.extend(all.iter().cloned());
    objects.extend(links.iter().cloned());
    objects.push(report);
    stix::bundle(&objects)
}
