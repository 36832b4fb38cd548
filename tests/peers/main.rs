//! Others' programs as judges of what we send: the official Python helper, the
//! STIX library and the STIX validator. They are only run; nothing of them is
//! in here.

mod bundles;
mod ids;
mod life;
mod messages;
mod python;
mod random;
#[path = "../common/skipped.rs"]
mod skipped;
mod standard;

use serde_json::{Value, json};
use vtreporter::base::clock;
use vtreporter::base::http::HttpOptions;
use vtreporter::base::secret::Secret;
use vtreporter::opencti::{OpenCti, Registration, Settings};
use vtreporter::standin::opencti::{OpenCtiWorld, Release, StandIn};

const TOKEN: &str = "token-of-a-connector";
const CONNECTOR: &str = "b6e7a3f4-41a5-4d0e-8a4c-93b7c4d0f1a2";
const NAME: &str = "VirusTotal reporter";

/// A platform of the newest release.
async fn platform() -> StandIn {
    StandIn::start(OpenCtiWorld::new(Release::V7, TOKEN))
        .await
        .unwrap()
}

/// Our client of it.
fn ours(platform: &StandIn) -> OpenCti {
    let settings = Settings {
        url: platform.url().parse().unwrap(),
        token: Secret::new(TOKEN),
        headers: Vec::new(),
        http: HttpOptions::default(),
    };
    OpenCti::with_clock(&settings, clock::system()).unwrap()
}

fn registration() -> Registration {
    Registration {
        id: CONNECTOR.to_owned(),
        name: NAME.to_owned(),
        scope: vec!["vtreporter".to_owned(), "file".to_owned()],
        auto: false,
        only_contextual: false,
        s3: true,
    }
}

/// The same registration for the official helper, with more of a question.
fn question(platform: &StandIn, more: Value) -> Value {
    let mut all = json!({
        "url": platform.url(),
        "token": TOKEN,
        "connector": CONNECTOR,
        "name": NAME,
        "scope": "vtreporter,file",
    });
    let Value::Object(more) = more else {
        panic!("no members")
    };
    all.as_object_mut().unwrap().extend(more);
    all
}
