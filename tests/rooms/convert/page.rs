//! Promises about a whole page.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vtreporter::convert::converter::Converter;
use vtreporter::convert::file_row::FileRow;
use vtreporter::convert::left_out::LeftOut;
use vtreporter::report::facts::Progress;
use vtreporter::report::html;
use vtreporter::report::object::ReportObject;
use vtreporter::stix::bundle::Chunk;
use vtreporter::stix::marking::Tlp;

use super::support::*;

fn sha256(seed: u32) -> String {
    format!("{seed:064x}")
}

fn made(seed: u32, level: &str, name: Option<&str>) -> Value {
    json!({
        "type": "file",
        "id": sha256(seed),
        "attributes": {
            "sha256": sha256(seed),
            "sha1": format!("{seed:040x}"),
            "md5": format!("{seed:032x}"),
            "names": name,
            "meaningful_name": name,
            "size": 1000 + seed,
            "unique_sources": 3,
            "exiftool": { "MIMEType": format!("application/x-{seed}") },
            "threat_severity": { "threat_severity_level": level },
        },
    })
}

fn related(parent: u32, relationship: &str, files: Vec<Value>) -> BTreeMap<String, RelatedPages> {
    let pages = json!({ relationship: { "data": files } });
    BTreeMap::from([(
        sha256(parent),
        serde_json::from_value(pages).expect("pages"),
    )])
}

fn outcome(files: &[Value], related: &BTreeMap<String, RelatedPages>) -> Outcome {
    let files: Vec<_> = files.iter().map(file).collect();
    run(&converter(), &files, related, ROOMY)
}

/// The numbers of the table's row that begins so.
fn row(description: &str, name: &str) -> Vec<u64> {
    let line = description
        .lines()
        .find(|line| line.starts_with(&format!("| {name} |")))
        .unwrap_or_else(|| panic!("no row {name} in\n{description}"));
    line.split('|')
        .filter_map(|cell| cell.trim().parse().ok())
        .collect()
}

#[test]
fn the_numbers_in_the_report_equal_the_objects_in_the_bundles() {
    let children = (100..110)
        .map(|seed| {
            made(
                seed,
                ["SEVERITY_HIGH", "SEVERITY_MEDIUM", "SEVERITY_LOW"][seed as usize % 3],
                None,
            )
        })
        .chain([made(6, "SEVERITY_MEDIUM", None)])
        .collect();
    let related = related(5, "dropped_files", children);
    let parsed: Vec<_> = files_of_every_level().iter().map(file).collect();
    for limits in [
        ROOMY,
        vtreporter::stix::bundle::Limits {
            objects: 12,
            ..ROOMY
        },
    ] {
        let outcome = run(&converter(), &parsed, &related, limits);
        let all = each_once(&outcome.bundles);
        let report = of_type(&all, "report")[0];
        let text = report["description"].as_str().expect("a description");
        assert_levels_are_those_of_the_labels(text, &of_type(&all, "file"));
        assert_kinds_are_those_of_the_objects(text, &all);
        assert!(
            text.contains("Files that VirusTotal answered with: 39. Not kept: 8 (8 rated NONE"),
            "{text}"
        );
        assert_eq!(outcome.dangling, 0);
    }
}

/// 39 of them, the fifth with contacts of every kind.
fn files_of_every_level() -> Vec<Value> {
    let level = [
        "SEVERITY_HIGH",
        "SEVERITY_MEDIUM",
        "SEVERITY_LOW",
        "",
        "SEVERITY_NONE",
    ];
    let mut files: Vec<Value> = (1..40)
        .map(|seed| {
            made(
                seed,
                level[seed as usize % 5],
                Some("SEVERITY_HIGH MEDIUM.exe"),
            )
        })
        .collect();
    files[4]["relationships"] = json!({
        "contacted_ips": { "data": [{ "id": "203.0.113.1" }, { "id": "2001:db8::5" }, { "id": "203.0.113.1" }] },
        "contacted_domains": { "data": [{ "id": "a.example.net" }] },
        "contacted_urls": { "data": [{ "id": "x", "context_attributes": { "url": "http://a.example.net/" } }] },
    });
    files
}

/// Of the files that the search found, and of those related to them.
fn assert_levels_are_those_of_the_labels(text: &str, files: &[&Value]) {
    let has = |object: &Value, label: &str| {
        let labels = object["labels"].as_array().expect("labels");
        labels.iter().any(|it| it == label)
    };
    let is_main = |object: &Value| {
        let md5 = object["hashes"]["MD5"].as_str().expect("an MD5");
        u32::from_str_radix(&md5[24..], 16).expect("hex") < 100
    };
    let (main, others): (Vec<&Value>, Vec<&Value>) =
        files.iter().copied().partition(|file| is_main(file));
    for (name, group) in [
        ("found by the search", &main),
        ("related to those", &others),
    ] {
        let count = |level: &str| group.iter().filter(|file| has(file, level)).count() as u64;
        let (high, medium, low) = (
            count("SEVERITY_HIGH"),
            count("SEVERITY_MEDIUM"),
            count("SEVERITY_LOW"),
        );
        let total = group.len() as u64;
        assert_eq!(
            row(text, name),
            [high, medium, low, 0, total - high - medium - low, total]
        );
    }
}

fn assert_kinds_are_those_of_the_objects(text: &str, all: &[Value]) {
    for (name, kind) in [
        ("Files", "file"),
        ("IPv4 addresses", "ipv4-addr"),
        ("IPv6 addresses", "ipv6-addr"),
        ("Domain names", "domain-name"),
        ("URLs", "url"),
    ] {
        let count = of_type(all, kind).len();
        assert_eq!(row(text, name), [count as u64], "{name}");
    }
    let relationships = of_type(all, "relationship");
    for kind in ["drops", "communicates-with", "related-to"] {
        let count = relationships
            .iter()
            .filter(|it| it["relationship_type"] == kind)
            .count();
        assert_eq!(
            row(text, &format!("Relationships: {kind}")),
            [count as u64],
            "{kind}"
        );
    }
}

#[test]
fn a_name_that_says_a_severity_counts_for_nothing() {
    let files = [made(1, "SEVERITY_MEDIUM", Some("SEVERITY_HIGH.exe"))];
    let outcome = outcome(&files, &BTreeMap::new());
    assert_eq!(outcome.facts.counts.main.high, 0);
    assert_eq!(outcome.facts.counts.main.medium, 1);
    let objects = objects(&outcome.bundles[0]);
    assert_eq!(
        of_type(&objects, "file")[0]["labels"],
        json!(["SEVERITY_MEDIUM", "vt-file"])
    );
}

#[test]
fn a_related_file_under_two_parents_is_there_once_with_two_relationships() {
    let child = made(7, "SEVERITY_HIGH", None);
    let mut pages = related(1, "dropped_files", vec![child.clone()]);
    pages.extend(related(2, "similar_files", vec![child]));
    let files = [
        made(1, "SEVERITY_HIGH", None),
        made(2, "SEVERITY_HIGH", None),
    ];
    let objects = objects(&outcome(&files, &pages).bundles[0]);
    assert_eq!(of_type(&objects, "file").len(), 3);
    let relationships = of_type(&objects, "relationship");
    assert_eq!(relationships.len(), 2);
    let child = of_type(&objects, "file")
        .into_iter()
        .find(|file| file["hashes"]["SHA-256"] == sha256(7).as_str())
        .expect("the child")["id"]
        .clone();
    let kinds: Vec<_> = relationships
        .iter()
        .map(|it| it["relationship_type"].clone())
        .collect();
    assert_eq!(kinds, ["drops", "related-to"]);
    for relationship in relationships {
        assert_eq!(relationship["target_ref"], child);
        assert_ne!(relationship["source_ref"], child);
    }
}

#[test]
fn relationships_carry_author_marking_confidence_and_a_text_that_matches() {
    let pages = related(1, "dropped_files", vec![made(7, "SEVERITY_HIGH", None)]);
    let objects = objects(&outcome(&[made(1, "SEVERITY_HIGH", None)], &pages).bundles[0]);
    let relationship = of_type(&objects, "relationship")[0];
    assert_eq!(
        relationship["created_by_ref"],
        of_type(&objects, "identity")[0]["id"]
    );
    assert_eq!(
        relationship["object_marking_refs"],
        json!([Tlp::Amber.id().to_string()])
    );
    assert_eq!(relationship["confidence"], 75);
    let text = relationship["description"].as_str().expect("a description");
    assert!(
        text.contains("the source file drops the target file"),
        "{text}"
    );
    for absent in ["start_time", "stop_time"] {
        assert!(relationship.get(absent).is_none());
    }
}

#[test]
fn related_files_have_their_own_hashes_size_and_type_and_stay_apart_without_names() {
    let children = (7..10)
        .map(|seed| made(seed, "SEVERITY_MEDIUM", None))
        .collect();
    let pages = related(1, "similar_files", children);
    let objects = objects(&outcome(&[made(1, "SEVERITY_HIGH", None)], &pages).bundles[0]);
    let files = of_type(&objects, "file");
    assert_eq!(files.len(), 4);
    for seed in 7..10_u32 {
        let own = files
            .iter()
            .find(|file| file["hashes"]["SHA-256"] == sha256(seed).as_str())
            .expect("its own SHA-256");
        assert_eq!(own["hashes"]["MD5"], format!("{seed:032x}"));
        assert_eq!(own["hashes"]["SHA-1"], format!("{seed:040x}"));
        assert_eq!(own["size"], 1000 + seed);
        assert_eq!(own["mime_type"], format!("application/x-{seed}"));
        assert_eq!(own["name"], sha256(seed));
    }
}

#[test]
fn of_related_files_only_high_and_medium_ones_are_kept() {
    let levels = [
        "SEVERITY_HIGH",
        "SEVERITY_MEDIUM",
        "SEVERITY_LOW",
        "SEVERITY_NONE",
        "SEVERITY_UNKNOWN",
    ];
    let mut children: Vec<_> = levels
        .iter()
        .zip(7..)
        .map(|(level, seed)| made(seed, level, None))
        .collect();
    children.push(json!({ "id": "none", "attributes": { "threat_severity": { "threat_severity_level": "SEVERITY_HIGH" } } }));
    let pages = related(1, "similar_files", children);
    let outcome = outcome(&[made(1, "SEVERITY_HIGH", None)], &pages);
    assert_eq!(outcome.facts.counts.related.total(), 2);
    assert_eq!(outcome.facts.left_out.get(LeftOut::RelatedSeverity), 3);
    assert_eq!(outcome.facts.left_out.get(LeftOut::RelatedNoHash), 1);
}

#[test]
fn two_countries_give_two_reports_and_a_repeated_run_gives_the_same_bytes() {
    let files = [file(&made(1, "SEVERITY_HIGH", None))];
    let texts = |code, name| -> Vec<String> {
        let converter = Converter::new(&options(), subject(code, name));
        let outcome = run(&converter, &files, &BTreeMap::new(), ROOMY);
        outcome
            .bundles
            .into_iter()
            .map(|bundle| bundle.text)
            .collect()
    };
    assert_eq!(texts("AU", "Australia"), texts("AU", "Australia"));
    let report = |code, name| {
        let bundle: Value = serde_json::from_str(&texts(code, name)[0]).expect("JSON");
        of_type(bundle["objects"].as_array().expect("a list"), "report")[0].clone()
    };
    let (au, nz) = (report("AU", "Australia"), report("NZ", "New Zealand"));
    assert_ne!(au["id"], nz["id"]);
    assert_eq!(
        nz["name"],
        "VirusTotal NZ 2026-11-19T13:00:00Z to 2026-11-20T13:00:00Z"
    );
    assert_eq!(nz["published"], "2026-11-20T13:00:00.000Z");
    let text = nz["description"].as_str().expect("a description");
    assert!(
        text.contains("New Zealand (NZ)") && !text.contains("Australia"),
        "{text}"
    );
}

#[test]
fn labels_land_on_their_own_objects_trimmed_and_unique() {
    let mut options = options();
    options.file_labels = vec![" one".to_owned(), "ONE ".to_owned(), "two".to_owned()];
    options.report_labels = vec!["three ".to_owned(), "three".to_owned()];
    options.report_types = vec!["a".to_owned(), " b".to_owned()];
    let converter = Converter::new(&options, subject("AU", "Australia"));
    let files = [file(&made(1, "SEVERITY_HIGH", None))];
    let objects = objects(&run(&converter, &files, &BTreeMap::new(), ROOMY).bundles[0]);
    assert_eq!(
        of_type(&objects, "file")[0]["labels"],
        json!(["SEVERITY_HIGH", "one", "two"])
    );
    let report = of_type(&objects, "report")[0];
    assert_eq!(report["labels"], json!(["three"]));
    assert_eq!(report["report_types"], json!(["a", "b"]));
}

#[test]
fn the_description_is_where_the_platform_looks_for_it_and_the_link_is_the_files_own() {
    let objects =
        objects(&outcome(&[made(1, "SEVERITY_HIGH", Some("a.exe"))], &BTreeMap::new()).bundles[0]);
    let file = of_type(&objects, "file")[0];
    assert!(file.get("description").is_none());
    let text = file["x_opencti_description"]
        .as_str()
        .expect("a description");
    assert!(text.starts_with("`a.exe`"), "{text}");
    assert_eq!(
        file["external_references"],
        json!([{ "source_name": "VirusTotal", "url": format!("https://www.virustotal.com/gui/file/{}", sha256(1)) }])
    );
}

#[test]
fn the_report_names_observables_and_relationships_but_never_nothing() {
    let pages = related(1, "dropped_files", vec![made(7, "SEVERITY_HIGH", None)]);
    let full = objects(&outcome(&[made(1, "SEVERITY_HIGH", None)], &pages).bundles[0]);
    assert_eq!(
        of_type(&full, "report")[0]["object_refs"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    let empty = outcome(&[], &BTreeMap::new());
    assert_sound(&empty.bundles[0]);
    let empty = objects(&empty.bundles[0]);
    assert_eq!(
        of_type(&empty, "report")[0]["object_refs"],
        json!([of_type(&empty, "identity")[0]["id"]])
    );
}

#[test]
fn the_report_says_how_far_the_run_came() {
    let converter = converter();
    let mut facts = outcome(&[], &BTreeMap::new()).facts;
    let mut said = |progress: Progress| {
        facts.progress = progress;
        let objects = objects(
            &ReportObject::of(&converter)
                .closing(&facts, &Chunk::default(), None, ROOMY)
                .bundle,
        );
        of_type(&objects, "report")[0]["description"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert!(said(Progress::Complete).contains("**Complete.**"));
    assert!(said(Progress::InProgress).contains("**In progress**"));
    let paused = Progress::Paused {
        reason: "the monthly <quota> is spent".to_owned(),
        resumes_at: time("2026-12-01T00:00:00Z"),
    };
    let paused = said(paused);
    assert!(
        paused.contains("goes on at 2026-12-01 00:00:00 UTC: the monthly &lt;quota&gt; is spent"),
        "{paused}"
    );
    assert!(!paused.contains("Complete"));
    let stopped = said(Progress::Stopped {
        reason: "no answer".to_owned(),
    });
    assert!(stopped.contains("**Incomplete**: no answer"), "{stopped}");
}

#[test]
fn the_page_for_people_escapes_everything_and_loads_nothing() {
    let hostile = "<script>alert('x')</script>\" onload=\"y";
    let mut facts = outcome(&[], &BTreeMap::new()).facts;
    let file = file(&made(1, "SEVERITY_HIGH", Some(hostile)));
    let rated = vtreporter::virustotal::facts::Severity::of(&file);
    let row = FileRow::of(
        &file,
        rated,
        Some(hostile),
        ReportObject::of(&converter()).id(),
    );
    facts.summary.worst.offer(&row);
    facts.gaps.push(hostile.to_owned());
    facts.query = hostile.to_owned();
    facts.progress = Progress::Stopped {
        reason: hostile.to_owned(),
    };
    let page = html::page(&facts, "TLP:AMBER").expect("a page");
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("onload=\"y"), "{page}");
    assert_eq!(page.matches("&#60;script&#62;").count(), 5, "{page}");
    for loading in ["src=", "@import", "url(", "<link"] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains(&format!(
        "https://www.virustotal.com/gui/file/{}",
        sha256(1)
    )));
}

#[test]
fn the_page_for_people_has_the_same_numbers() {
    let pages = related(1, "dropped_files", vec![made(7, "SEVERITY_MEDIUM", None)]);
    let outcome = outcome(
        &[
            made(1, "SEVERITY_HIGH", None),
            made(2, "SEVERITY_NONE", None),
        ],
        &pages,
    );
    let page = html::page(&outcome.facts, "TLP:AMBER").expect("a page");
    let rows = outcome.facts.counts.rows().into_iter();
    for (name, count) in rows.filter(|(_, count)| *count > 0) {
        let cell = format!("<td>{name}</td><td class=\"number\">{count}</td>");
        assert!(page.contains(&cell), "{cell} in\n{page}");
    }
    assert!(page.contains("1 of 2 files"));
}
