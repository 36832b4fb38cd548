//! The road over a directory.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use vtreporter::base::clock::{Clock, ManualClock};
use vtreporter::opencti::delivery::{Directory, DirectorySettings, Sender};
use vtreporter::opencti::{Error, Remedy, Road};
use vtreporter::standin::opencti::{CameBy, OpenCtiWorld, Release, StandIn};

use super::{CONNECTOR, TOKEN, bundle, client, registration};

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> DateTime<Utc> {
    "2026-11-20T13:00:00Z".parse().unwrap()
}

pub(crate) fn sender(applicant: Option<String>) -> Sender {
    Sender {
        id: CONNECTOR.to_owned(),
        name: "VirusTotal AU".to_owned(),
        scope: vec!["vtreporter".to_owned()],
        auto: false,
        validate_before_import: false,
        applicant,
    }
}

fn road(path: &Path, retention_days: u32) -> (Directory, ManualClock) {
    let (clock, hand) = Clock::manual(now());
    let settings = DirectorySettings {
        path: path.to_owned(),
        retention_days,
    };
    (
        Directory::new(settings, sender(Some("user--1".to_owned())), clock),
        hand,
    )
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn age(path: &Path, name: &str, age: Duration) {
    let file = File::create(path.join(name)).unwrap();
    file.set_modified((now() - age).into()).unwrap();
}

#[tokio::test]
async fn a_bundle_becomes_one_whole_file_that_the_platform_can_import() {
    let opencti = StandIn::start(OpenCtiWorld::new(Release::V7, TOKEN))
        .await
        .unwrap();
    let (client, _) = client(&opencti.url());
    let user = client.register(&registration()).await.unwrap().user_id;
    let folder = tempfile::tempdir().unwrap();
    let settings = DirectorySettings {
        path: folder.path().to_owned(),
        retention_days: 7,
    };
    let road = Directory::new(settings, sender(user), Clock::manual(now()).0);
    for _ in 0..2 {
        let sent = road.send(&bundle(3).to_string()).await.unwrap();
        assert_eq!((sent.objects, sent.bundles), (10, 1));
    }
    let names = names(folder.path());
    assert_eq!(
        names,
        [
            "virustotal_au-20261120-130000-1795179600.000.json",
            "virustotal_au-20261120-130000-1795179600.001.json",
        ],
        "two within a millisecond are two"
    );
    let text = fs::read_to_string(folder.path().join(&names[0])).unwrap();
    assert_eq!(opencti.ingest_message(&text), []);
    assert_eq!(opencti.bundles()[0].road, CameBy::Directory);
    assert_eq!(opencti.objects().len(), 10);
}

#[tokio::test]
async fn only_own_expired_files_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let old = "virustotal_au-20261101-130000-1793538000.000.json";
    let left = "virustotal_au-20261101-130000-1793538000.001.json.tmp";
    let young = "virustotal_au-20261119-130000-1795093200.000.json";
    let others = [
        "virustotal_au-livehunt-20261101-130000-1793538000.000.json",
        "report.json",
        "virustotal_au-notes.json",
    ];
    for name in [old, left].into_iter().chain(others) {
        age(folder.path(), name, DAY * 8);
    }
    age(folder.path(), young, DAY * 6);
    fs::create_dir(
        folder
            .path()
            .join("virustotal_au-20261101-130000-1793538000.002.json"),
    )
    .unwrap();
    let (forever, _) = road(folder.path(), 0);
    forever.send(&bundle(1).to_string()).await.unwrap();
    assert!(
        names(folder.path()).contains(&old.to_owned()),
        "0 keeps all"
    );

    let (week, _) = road(folder.path(), 7);
    week.send(&bundle(1).to_string()).await.unwrap();
    let names = names(folder.path());
    assert!(
        !names.contains(&old.to_owned()) && !names.contains(&left.to_owned()),
        "{names:?}"
    );
    assert!(names.contains(&young.to_owned()));
    assert!(
        others
            .iter()
            .all(|other| names.contains(&(*other).to_owned())),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named_and_nothing_half_stays() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let error = road(&gone, 7)
        .0
        .send(&bundle(1).to_string())
        .await
        .unwrap_err();
    assert_eq!(error.remedy(), Remedy::Fix);
    let text = error.to_string();
    assert!(
        text.contains("gone") && text.contains("CONNECTOR_SEND_TO_DIRECTORY_PATH"),
        "{text}"
    );
    assert!(!gone.exists(), "a forgotten mount is not papered over");

    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere: only others can be refused.
    if File::create(folder.path().join("probe")).is_err() {
        let error = road(folder.path(), 7)
            .0
            .send(&bundle(1).to_string())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Directory { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_directory_is_tried_with_a_file_that_goes_again_and_must_have_room_for_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (road, _) = road(folder.path(), 7);
    let road = Road::Directory(road);
    let said = road.try_out(1_000_000).await.unwrap();
    assert!(said.contains("MB free (a run needs about 1)"), "{said}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let error = road.try_out(u64::MAX).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Fix);
    assert!(
        error
            .to_string()
            .contains("MB are free and a run needs about"),
        "{error}"
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let error = self::road(&folder.path().join("gone"), 7).0;
    let error = Road::Directory(error).try_out(0).await.unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
}

const FOLDER: &str = "VTREPORTER_TEST_FOLDER";

#[test]
fn a_disk_that_takes_no_more_is_an_error_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    // A process of its own, which may write 4 kB to a file and no more.
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact --ignored opencti::files::writes_too_much",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "a part of the test above"]
async fn writes_too_much() {
    let folder = std::env::var_os(FOLDER).unwrap();
    let (road, _) = road(Path::new(&folder), 7);
    let error = road.send(&bundle(100).to_string()).await.unwrap_err();
    assert!(matches!(error, Error::Directory { .. }), "{error}");
    assert!(error.to_string().contains("File too large"), "{error}");
}
