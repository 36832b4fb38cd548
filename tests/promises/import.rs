//! What is asked, kept and delivered.

use std::collections::BTreeSet;

use serde_json::Value;
use vtreporter::base::clock;
use vtreporter::standin::virustotal::{Answer, Fault, Made, On, World, key_id};

use crate::program::{terminate, wait};
use crate::rig::{Rig, file, file_at, many, now, sha256, window, with_related};

/// CR-1: the original's environment, unchanged, as the service that it is.
#[tokio::test]
async fn the_originals_settings_bring_607_files_in_three_pages_and_one_report() {
    let rig = as_the_original_is_set(Rig::live(an_hour_of(607)).await);
    let child = rig.program(&[]).spawn().unwrap();
    rig.closed(1).await;
    terminate(&child);
    let ended = wait(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let searches = rig.vt.searches();
    assert_eq!(searches.len(), 3);
    for search in &searches {
        let query = search.parameter("query").unwrap();
        assert_eq!(search.parameter("limit"), Some("300"));
        assert!(
            query.contains("submitter:AU") && query.contains(" p:1+"),
            "{query}"
        );
        assert_eq!(search.key, Some(key_id(&rig.vt.key())));
    }
    assert_eq!(rig.files().len(), 607);
    let (files, reports) = pushed_files_and_reports(&rig);
    assert_eq!((files.len(), reports.len()), (607, 1));
    let report = rig.report();
    assert_eq!(report["confidence"], 75);
    // In the spelling of the platform's own vocabulary.
    assert_eq!(report["x_opencti_reliability"], "B - Usually reliable");
    let refs = report["object_refs"].as_array().unwrap();
    let files = refs
        .iter()
        .filter(|id| id.as_str().unwrap().starts_with("file--"));
    assert_eq!(files.count(), 607);
    rig.assert_sound();
    let works = rig.opencti.works();
    assert!(works.len() == 1 && !works[0].in_error, "{works:?}");
}

/// Files one second after the other, of every severity.
fn an_hour_of(files: u32) -> World {
    let hour = clock::system().now() - chrono::TimeDelta::hours(1);
    (0..files).fold(World::empty(), |world, n| {
        let severity = ["HIGH", "MEDIUM", "LOW"][n as usize % 3];
        let first = hour + chrono::TimeDelta::seconds(i64::from(n));
        world.with_file(file_at(n, severity, first))
    })
}

fn as_the_original_is_set(mut rig: Rig) -> Rig {
    rig.unset("CONNECTOR_QUEUE_PROTOCOL");
    rig.set("QUEUE_PROTOCOL", "api")
        .set("CONNECTOR_NAME", "VT Reporter")
        .set("CONNECTOR_TYPE", "EXTERNAL_IMPORT")
        .set("CONNECTOR_SCOPE", "vtreporter")
        .set("CONNECTOR_LOG_LEVEL", "info")
        .set("VTREPORTER_COUNTRY", "AU")
        .set("VTREPORTER_THREAT_TYPES", "THREAT-REPORT")
        .set("VTREPORTER_CONFIDENCE", "75")
        .set("VTREPORTER_REPORT_LABELS", "ci-isac-vt-feed,Australia")
        .set("VTREPORTER_FILE_LABELS", "ci-isac-vt-feed,Australia")
        .set("VTREPORTER_RELIABILITY", "B - Usually Reliable")
        .set("VTREPORTER_REPORT_MARKINGS", "TLP_AMBER")
        .set("VTREPORTER_FILE_MARKINGS", "TLP_AMBER")
        .set("TZ", "Australia/Sydney")
}

/// Each once: the last file comes once more, with the report's last version.
fn pushed_files_and_reports(rig: &Rig) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut files, mut reports) = (BTreeSet::new(), BTreeSet::new());
    for bundle in rig.opencti.bundles() {
        let bundle: Value = serde_json::from_str(&bundle.text).unwrap();
        for object in bundle["objects"].as_array().unwrap() {
            match object["type"].as_str() {
                Some("report") => {
                    reports.insert(object["id"].as_str().unwrap().to_owned());
                }
                Some("file") => {
                    files.insert(sha256(object));
                }
                _ => {}
            }
        }
    }
    (files, reports)
}

/// The numbers in a row of the report's text; a row that says nothing is left
/// out of it.
fn cells(description: &str, row: &str) -> Vec<u64> {
    let start = format!("| {row} |");
    let line = description.lines().find(|line| line.starts_with(&start));
    let cells = line.unwrap_or("| 0 |").split('|');
    cells.filter_map(|cell| cell.trim().parse().ok()).collect()
}

/// The report's own numbers, main and related: high, medium, low, none,
/// unknown, all.
pub(crate) fn told(report: &Value) -> (Vec<u64>, Vec<u64>) {
    let description = report["description"].as_str().unwrap();
    (
        cells(description, "found by the search"),
        cells(description, "related to those"),
    )
}

/// What is there, in the order of the report's rows.
pub(crate) fn counted<'a>(files: impl Iterator<Item = &'a Value>) -> Vec<u64> {
    let mut counts = vec![0; 6];
    for file in files {
        let labels = file["labels"].as_array().cloned().unwrap_or_default();
        let place = ["HIGH", "MEDIUM", "LOW", "NONE"].iter().position(|level| {
            labels
                .iter()
                .any(|label| *label == format!("SEVERITY_{level}"))
        });
        counts[place.unwrap_or(4)] += 1;
        counts[5] += 1;
    }
    counts
}

/// Compares the report's numbers with the objects on the platform; `mains` are
/// the SHA-256 that the search can find.
pub(crate) fn assert_numbers(rig: &Rig, mains: &BTreeSet<String>) {
    let files = rig.opencti.objects_of("file");
    let (main, related): (Vec<&Value>, Vec<&Value>) = files
        .iter()
        .map(|file| &**file)
        .partition(|file| mains.contains(&sha256(file)));
    let report = rig.report();
    let (told_main, told_related) = told(&report);
    assert_eq!(told_main, counted(main.into_iter()), "main files");
    assert_eq!(told_related, counted(related.into_iter()), "related files");
    let description = report["description"].as_str().unwrap();
    let count = |kind: &str| rig.opencti.objects_of(kind).len() as u64;
    for (row, kind) in [
        ("IPv4 addresses", "ipv4-addr"),
        ("IPv6 addresses", "ipv6-addr"),
        ("Domain names", "domain-name"),
        ("URLs", "url"),
    ] {
        assert_eq!(cells(description, row), [count(kind)], "{row}");
    }
    let told: u64 = description
        .lines()
        .filter(|line| line.starts_with("| Relationships: "))
        .map(|line| {
            line.split('|')
                .nth(2)
                .unwrap()
                .trim()
                .parse::<u64>()
                .unwrap()
        })
        .sum();
    // The report's own to its country included.
    let found = rig.opencti.objects_of("relationship");
    assert_eq!(told, found.len() as u64, "relationships");
}

pub(crate) fn ids(world: &World, query: &str) -> BTreeSet<String> {
    let found = world.describe(query, now()).unwrap();
    found
        .iter()
        .map(|file| file["id"].as_str().unwrap().to_owned())
        .collect()
}

fn levels() -> World {
    let mut low = file(3, "LOW", 30);
    low["attributes"]["unique_sources"] = 1.into();
    let mut missing = file(7, "HIGH", 34);
    missing["attributes"]
        .as_object_mut()
        .unwrap()
        .remove("threat_severity");
    let mut null = file(8, "HIGH", 35);
    null["attributes"]["threat_severity"] = Value::Null;
    World::empty()
        .with_file(file(1, "NONE", 28))
        .with_file(low)
        .with_file(file(4, "LOW", 31))
        .with_file(file(5, "MEDIUM", 32))
        .with(with_related(
            file(2, "HIGH", 29),
            "dropped_files",
            vec![file(40, "MEDIUM", 99), file(41, "HIGH", 99)],
        ))
        .with_file(file(6, "UNKNOWN", 33))
        .with_file(missing)
        .with_file(null)
}

/// CR-5: the filter, by default and with each choice, and numbers that equal
/// the objects.
#[tokio::test]
async fn each_severity_is_kept_as_set_and_the_reports_numbers_equal_the_objects() {
    for (settings, main) in [
        (vec![], [1, 1, 1, 0, 3, 6]),
        (
            vec![("VTREPORTER_MIN_SEVERITY", "none")],
            [1, 1, 1, 1, 3, 7],
        ),
        (
            vec![("VTREPORTER_MIN_SEVERITY", "medium")],
            [1, 1, 0, 0, 3, 5],
        ),
        (
            vec![("VTREPORTER_MIN_SEVERITY", "high")],
            [1, 0, 0, 0, 3, 4],
        ),
        (
            vec![("VTREPORTER_LOW_MIN_SOURCES", "1")],
            [1, 1, 2, 0, 3, 7],
        ),
        (
            vec![("VTREPORTER_KEEP_UNKNOWN_SEVERITY", "false")],
            [1, 1, 1, 0, 0, 3],
        ),
    ] {
        let mut rig = Rig::new(levels()).await;
        for (name, value) in &settings {
            rig = rig.set(name, value);
        }
        let _connector = rig.connector();
        rig.closed(1).await;
        let (told_main, told_related) = told(&rig.report());
        assert_eq!(told_main, main, "{settings:?}");
        assert_eq!(told_related, [1, 1, 0, 0, 0, 2], "{settings:?}");
        let mains = ids(&levels(), "entity:file submitter:AU");
        assert_numbers(&rig, &mains);
        let description = rig.report()["description"].as_str().unwrap().to_owned();
        assert!(
            description.contains(&format!("Not kept: {}", 8 - main[5])),
            "{description}"
        );
        rig.assert_sound();
    }
}

/// CR-9: a title for each country, and the same ids when a window is read again.
#[tokio::test]
async fn two_countries_make_two_reports_and_a_repetition_makes_the_same_ids() {
    let world = || {
        World::empty()
            .with_file(file(1, "HIGH", 20))
            .with(Made::new(file(2, "MEDIUM", 30)).submitted_from(&["NZ"]))
    };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let rig = Rig::new(world()).await.set("VTREPORTER_COUNTRY", "AU, nz");
        let _connector = rig.connector();
        rig.closed(2).await;
        let reports = rig.reports();
        assert_eq!(reports.len(), 2);
        for (code, name) in [("AU", "Australia"), ("NZ", "New Zealand")] {
            let title = format!("VirusTotal {code} 2026-11-19T06:00:00Z to 2026-11-20T06:00:00Z");
            let report = reports.iter().find(|report| report["name"] == title);
            let description = report.unwrap()["description"].as_str().unwrap();
            assert!(
                description.contains(name) && description.contains(code),
                "{description}"
            );
        }
        rig.assert_sound();
        let objects = rig.opencti.objects();
        seen.push(
            objects
                .iter()
                .map(|object| object["id"].clone())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(seen[0], seen[1]);

    // On one platform: the refresh button at the same moment.
    let rig = Rig::new(world()).await;
    let _connector = rig.connector();
    rig.idle(1).await;
    rig.opencti.press_refresh();
    rig.hand.advance(std::time::Duration::from_secs(40));
    let before = rig.files();
    rig.closed(2).await;
    // Forty seconds later it is another window, and so another report; the
    // files are the same ones.
    assert_eq!((rig.files(), rig.reports().len()), (before, 2));
}

/// CR-10: labels and types.
#[tokio::test]
async fn labels_land_on_their_own_objects_trimmed_and_once_and_types_are_a_list() {
    let rig = Rig::new(World::empty().with_file(file(1, "HIGH", 20)))
        .await
        .set("VTREPORTER_REPORT_LABELS", " report-a ,report-a, Australia")
        .set("VTREPORTER_FILE_LABELS", "file-a , file-a")
        .set("VTREPORTER_THREAT_TYPES", "a, b");
    let _connector = rig.connector();
    rig.closed(1).await;
    let report = rig.report();
    assert_eq!(
        report["labels"],
        serde_json::json!(["report-a", "Australia"])
    );
    assert_eq!(report["report_types"], serde_json::json!(["a", "b"]));
    let labels = rig.opencti.objects_of("file")[0]["labels"].clone();
    let labels: Vec<&str> = labels
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(labels.iter().filter(|label| **label == "file-a").count(), 1);
    assert!(
        labels
            .iter()
            .all(|label| *label == label.trim() && !label.starts_with("report"))
    );
}

#[tokio::test]
async fn no_indicator_of_fresh_malware_is_revoked_by_the_platform_as_it_is_made() {
    let mut fresh = file(1, "HIGH", 20);
    let stats = &mut fresh["attributes"]["last_analysis_stats"];
    *stats =
        serde_json::json!({ "malicious": 4, "suspicious": 0, "undetected": 66, "harmless": 0 });
    for (choice, of_file, of_indicator) in [("combined", 72, 72), ("detections", 6, 30)] {
        let rig = Rig::new(World::empty().with_file(fresh.clone()))
            .await
            .set("VTREPORTER_SCORE", choice);
        let _connector = rig.connector();
        rig.closed(1).await;
        let score = |kind: &str| rig.opencti.objects_of(kind)[0]["x_opencti_score"].clone();
        assert_eq!(score("file"), of_file, "{choice}");
        assert_eq!(score("indicator"), of_indicator, "{choice}");
        rig.assert_sound();
    }
}

/// CR-12: an empty day ends well; a report only where it is wanted.
#[tokio::test]
async fn an_empty_day_ends_well_says_so_and_moves_the_state() {
    for (setting, reports) in [("false", 0), ("true", 1)] {
        let rig = Rig::new(World::empty())
            .await
            .set("VTREPORTER_EMPTY_REPORT", setting);
        let _connector = rig.connector();
        rig.idle(1).await;
        let works = rig.opencti.works();
        assert!(!works[0].in_error);
        let message = &works[0].messages.last().unwrap().message;
        assert!(message.contains("0 files matched"), "{message}");
        assert_eq!(
            rig.state()["countries"]["AU"]["last_end"],
            "2026-11-20T06:00:00Z"
        );
        assert_eq!(rig.reports().len(), reports, "empty_report={setting}");
        assert_eq!(rig.opencti.faults(), []);
    }
}

/// CR-16: odd objects stop nothing, and what could not be read is told.
#[tokio::test]
async fn odd_objects_lose_nothing_but_themselves() {
    let world = six_odd_files()
        .into_iter()
        .fold(World::empty(), World::with_file);
    let world = world.with_file(file(90, "MEDIUM", 1));
    let rig = Rig::new(world).await;
    rig.vt.fail(Fault::new(
        On::Search,
        Answer::rewrite(|page| {
            let data = page["data"].as_array_mut().unwrap();
            let stub = serde_json::json!({"type": "file", "id": "f".repeat(64),
                "error": {"code": "NotFoundError", "message": "gone"}});
            data.extend([Value::Null, "text".into(), 7.into(), stub]);
        }),
    ));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 7);
    rig.assert_sound();
    let big = rig.opencti.objects_of("file");
    let big = big
        .iter()
        .find(|one| sha256(one) == file(6, "HIGH", 1)["id"])
        .unwrap();
    assert_eq!(big["size"], Value::Null, "too large for the platform");
    let work = &rig.opencti.works()[0];
    assert!(work.in_error, "four objects could not be read");
    assert!(
        work.messages
            .last()
            .unwrap()
            .message
            .contains("could not be read")
    );
    assert_eq!(
        rig.state()["countries"]["AU"]["last_end"],
        "2026-11-20T06:00:00Z"
    );
}

/// Each is odd in its own way, and can be read.
fn six_odd_files() -> Vec<Value> {
    let mut odd = Vec::new();
    for number in 1..=6 {
        odd.push(file(number, "HIGH", 20 + i64::from(number)));
    }
    odd[0]["attributes"]
        .as_object_mut()
        .unwrap()
        .remove("names");
    odd[1]["attributes"]["names"] = Value::Null;
    odd[2]["attributes"]["meaningful_name"] = "a\u{0}b\u{202e}\n# x [y](z)".into();
    let names: Vec<String> = (0..10_000).map(|n| format!("name-{n}.exe")).collect();
    odd[3]["attributes"]["names"] = names.into();
    odd[4]["attributes"]["unique_sources"] = "7".into();
    odd[4]["attributes"]["size"] = "4096".into();
    odd[5]["attributes"]["size"] = (5_u64 << 30).into();
    odd
}

/// CR-17: the sentence shows on the platform, the link leads to the GUI.
#[tokio::test]
async fn a_files_description_and_link_are_where_the_platform_looks() {
    let rig = Rig::new(World::empty().with_file(file(1, "HIGH", 20))).await;
    let _connector = rig.connector();
    rig.closed(1).await;
    let file = rig.opencti.objects_of("file")[0].clone();
    assert!(file["x_opencti_description"].as_str().unwrap().len() > 20);
    let url = format!("https://www.virustotal.com/gui/file/{}", sha256(&file));
    let links = file["external_references"].as_array().unwrap();
    assert!(links.iter().any(|link| link["url"] == url), "{links:?}");
}

#[tokio::test]
async fn a_run_in_many_bundles_is_one_report_that_names_everything() {
    let world = World::generate(3, 400, &["AU"], now() - chrono::TimeDelta::days(1)..now());
    let mains = ids(&world, "entity:file submitter:AU");
    let rig = Rig::new(world)
        .await
        .set("VTREPORTER_MAX_BUNDLE_OBJECTS", "100");
    let _connector = rig.connector();
    rig.idle(1).await;
    assert!(rig.opencti.bundles().len() > 5);
    assert_numbers(&rig, &mains);
    rig.assert_sound();
    assert!(
        rig.report()["description"]
            .as_str()
            .unwrap()
            .contains("**Complete.**")
    );
}

#[tokio::test]
async fn no_relationships_means_none() {
    let world = World::empty().with(with_related(
        file(1, "HIGH", 20),
        "dropped_files",
        vec![file(40, "HIGH", 99)],
    ));
    let rig = Rig::new(world).await.set("VTREPORTER_RELATIONSHIPS", "");
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 1);
    assert_eq!(rig.vt.searches()[0].parameter("relationships"), None);
    let calls = rig.vt.requests();
    assert!(calls.iter().all(|one| !one.path.contains("/files/")));
}

#[tokio::test]
async fn a_refused_undocumented_parameter_is_left_out_and_the_run_goes_on() {
    let rig = Rig::new(many(3)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::Refuse("exclude_attributes")).always());
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 3);
    assert!(!rig.opencti.works()[0].in_error);
    let (from, to) = window(&rig.queries()[0]);
    assert_eq!((to - from).num_days(), 1);
}
