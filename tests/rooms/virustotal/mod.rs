//! The client against servers that misbehave, byte by byte.

mod asks;
mod faults;
#[cfg(feature = "demo")]
mod generated;
mod key;
mod page;
mod scripted;

use std::time::Duration;

use chrono::DateTime;
use scripted::{Reply, Scripted, json, refusal, with_headers};
use vtreporter::base::clock::Clock;
use vtreporter::base::http::HttpOptions;
use vtreporter::base::secret::Secret;
use vtreporter::virustotal::search::{Submitter, heavy_attributes};
use vtreporter::virustotal::{Error, Page, Remedy, Search, Settings, VirusTotal};

const PAGE: &str = include_str!("../../data/virustotal/vt_page.json");
const QUOTAS: &str = include_str!("../../data/virustotal/vt_overall_quotas.json");
const USER: &str = r#"{"data":{"type":"user","id":"cti-bot","attributes":{"privileges":{"intelligence":{"granted":true}}}}}"#;
const EMPTY: &str = r#"{"data":[],"meta":{}}"#;
const KEY: &str = "0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de";
const SHA256: &str = "1f2e3d4c5b6a79880f1e2d3c4b5a69781f2e3d4c5b6a79880f1e2d3c4b5a6978";

/// A client of the server at `url`, whose waits end at once.
fn client(url: &str) -> VirusTotal {
    let (clock, hand) = Clock::manual("2026-11-20T10:20:30Z".parse().unwrap());
    // Ends with the test's runtime.
    tokio::spawn(async move {
        loop {
            hand.sleeping(Duration::from_millis(1)).await;
            hand.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    });
    let settings = Settings {
        api_url: url.parse().unwrap(),
        api_key: Secret::new(KEY),
        requests_per_minute: None,
        http: HttpOptions {
            timeout: Duration::from_millis(300),
            ..HttpOptions::default()
        },
    };
    VirusTotal::new(&settings, clock).unwrap()
}

fn search() -> Search {
    Search {
        country: "AU".to_owned(),
        submitter: Submitter::Any,
        from: DateTime::from_timestamp(1_795_132_800, 0).unwrap(),
        to: DateTime::from_timestamp(1_795_219_200, 0).unwrap(),
        min_detections: 1,
        extra: Some("type:peexe".to_owned()),
        relationships: vec!["contacted_ips".to_owned(), "dropped_files".to_owned()],
        exclude_attributes: heavy_attributes(&[]),
    }
}

/// A server that says the same to every request, and what the first page is then.
async fn answered(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Result<Page, Error> {
    let server = Scripted::start(move |_, _| reply()).await;
    client(&server.url()).search(&search(), None).await
}
