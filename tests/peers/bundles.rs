//! The bundles that are judged: all that the tests expect, and all that a run
//! of the program really sends.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::sync::OnceCell;
use vtreporter::standin::virustotal::{StandIn as VirusTotal, World};

use super::{StandIn, TOKEN, platform};

/// A bundle, and where it is from.
#[derive(Clone)]
pub(crate) struct Bundle {
    pub(crate) from: String,
    pub(crate) text: String,
}

impl Bundle {
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// The right-hand sides of `tests/data`.
pub(crate) fn expected() -> Vec<Bundle> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut bundles = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".stix.json") {
            continue;
        }
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let parts = golden["bundles"].as_array().unwrap();
        bundles.extend(parts.iter().enumerate().map(|(at, bundle)| Bundle {
            from: format!("{name}, bundle {at}"),
            text: bundle.to_string(),
        }));
    }
    assert!(bundles.len() > 10, "only {} bundles", bundles.len());
    bundles
}

/// Every kind of object that is not made unless it is wanted.
const ALL_KINDS: &[(&str, &str)] = &[
    ("VTREPORTER_CREATE_INDICATORS", "true"),
    ("VTREPORTER_INDICATOR_MIN_SEVERITY", "low"),
    ("VTREPORTER_CREATE_NETWORK_INDICATORS", "true"),
    ("VTREPORTER_CREATE_MALWARE", "true"),
    ("VTREPORTER_CREATE_COUNTRY", "true"),
    ("VTREPORTER_CREATE_ATTACK_PATTERNS", "true"),
    ("VTREPORTER_CREATE_NOTES", "true"),
    ("VTREPORTER_TAGS_AS_LABELS", "true"),
    ("VTREPORTER_RULES_AS_LABELS", "true"),
    ("VTREPORTER_REPORT_MARKINGS", "TLP_AMBER+STRICT"),
];

/// What the program sends for a day of made-up files, as it arrives, and what
/// its preview writes.
pub(crate) async fn sent() -> &'static [Bundle] {
    static SENT: OnceCell<Vec<Bundle>> = OnceCell::const_new();
    SENT.get_or_init(send).await
}

async fn send() -> Vec<Bundle> {
    let day = vtreporter::base::clock::system().now() - chrono::TimeDelta::hours(20);
    let world = World::generate(7, 60, &["AU"], day..day + chrono::TimeDelta::hours(19));
    let virustotal = VirusTotal::start(world).await.unwrap();
    let opencti = platform().await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    for arguments in [vec!["run"], vec!["preview", "--out", out]] {
        succeed(&virustotal, &opencti, &arguments).await;
    }
    let pushed = opencti.bundles();
    let mut bundles: Vec<_> = pushed
        .iter()
        .enumerate()
        .map(|(at, pushed)| Bundle {
            from: format!("pushed bundle {at}"),
            text: pushed.text.clone(),
        })
        .collect();
    assert!(bundles.len() > 1, "one bundle only");
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            bundles.push(Bundle {
                from: "the preview".to_owned(),
                text: std::fs::read_to_string(path).unwrap(),
            });
        }
    }
    bundles
}

/// Runs the program, set so that it makes objects of every kind.
async fn succeed(virustotal: &VirusTotal, opencti: &StandIn, arguments: &[&str]) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_vtreporter"))
        .args(arguments)
        .env_clear()
        .envs([
            ("OPENCTI_URL", opencti.url().as_str()),
            ("OPENCTI_TOKEN", TOKEN),
            ("CONNECTOR_ID", &uuid::Uuid::new_v4().to_string()),
            ("CONNECTOR_RUN_AND_TERMINATE", "true"),
            ("CONNECTOR_QUEUE_PROTOCOL", "api"),
            ("VTREPORTER_API_URL", virustotal.url().as_str()),
            ("VTREPORTER_API_KEY", virustotal.key().as_str()),
            ("VTREPORTER_REPORT_LABELS", "judged"),
            ("VTREPORTER_FILE_LABELS", "judged"),
            ("VTREPORTER_MAX_BUNDLE_OBJECTS", "300"),
        ])
        .envs(ALL_KINDS.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
