//! What an analyst opens: the same numbers in every form, nothing from outside
//! that acts, and nothing that outgrows a bundle.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use vtreporter::convert::Options;
use vtreporter::convert::converter::{Converter, Related, Unit};
use vtreporter::report::counts::{Counts, Levels};
use vtreporter::report::facts::{Progress, ReportFacts};
use vtreporter::report::markdown::description;
use vtreporter::report::object::ReportObject;
use vtreporter::report::profile::{Previous, Profile};
use vtreporter::report::ranking::Ranked;
use vtreporter::report::tally::Tally;
use vtreporter::report::{content, html};
use vtreporter::stix::bundle::{Chunk, Limits};

use super::support::*;

const HOUR: i64 = 3600;

fn attached() -> Converter {
    let options = Options {
        attachments: true,
        ..options()
    };
    Converter::new(&options, subject("AU", "Australia"))
}

fn made(seed: u32, level: &str, name: &str, family: &str, contacts: &[&str]) -> Value {
    let first = time("2026-11-19T13:00:00Z").timestamp() + i64::from(seed % 24) * HOUR;
    let kind = ["Win32 EXE", "PDF"][seed as usize % 2];
    let domains: Vec<Value> = contacts
        .iter()
        .map(|id| json!({ "type": "domain", "id": id }))
        .collect();
    json!({
        "type": "file",
        "id": format!("{seed:064x}"),
        "attributes": {
            "meaningful_name": name,
            "type_description": kind,
            "first_submission_date": first,
            "threat_severity": { "threat_severity_level": level },
            "last_analysis_stats": { "malicious": 30, "undetected": 40 },
            "popular_threat_classification": {
                "popular_threat_name": [{ "value": family, "count": 9 }],
            },
        },
        "relationships": { "contacted_domains": { "data": domains } },
    })
}

fn report(outcome: &Outcome) -> Value {
    let objects = objects(outcome.bundles.last().expect("a bundle"));
    of_type(&objects, "report")[0].clone()
}

/// An attachment's text, by the end of its name.
fn attachment(report: &Value, end: &str) -> String {
    let files = report["x_opencti_files"].as_array().expect("files");
    let mut found = files.iter().filter(|file| {
        file["name"]
            .as_str()
            .is_some_and(|name| name.ends_with(end))
    });
    decoded(found.next().expect("an attachment"))
}

fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("a CSV")
}

fn some_day() -> Vec<Value> {
    let levels = ["SEVERITY_HIGH", "SEVERITY_MEDIUM", "SEVERITY_UNKNOWN"];
    (1..=40_u32)
        .map(|seed| {
            let name = format!("file {seed}.exe");
            let family = ["emotet", "qakbot", "emotet", "remcos"][seed as usize % 4];
            let contacts: &[&str] = match seed % 3 {
                0 => &["c2.example.net", "cdn.example.org"],
                1 => &["c2.example.net"],
                _ => &[],
            };
            made(seed, levels[seed as usize % 3], &name, family, contacts)
        })
        .collect()
}

#[test]
fn every_form_of_the_report_has_the_numbers_of_the_objects_sent() {
    let files: Vec<_> = some_day().iter().map(file).collect();
    let outcome = run(&attached(), &files, &BTreeMap::new(), ROOMY);
    let report = report(&outcome);
    let all = objects(&outcome.bundles[0]);
    let csv = rows(&attachment(&report, "-files.csv"));
    assert_eq!(csv.len(), of_type(&all, "file").len());
    for object in of_type(&all, "file") {
        let sha256 = object["hashes"]["SHA-256"].as_str().expect("a hash");
        let row = csv.iter().find(|row| row["sha256"] == sha256);
        let row = row.expect("a row for each file");
        assert_eq!(row["name"], object["name"].as_str().expect("a name"));
        assert!(row["link"].ends_with(sha256));
    }
    let summary = &outcome.facts.summary;
    let kept = outcome.facts.counts.main.total();
    assert_eq!(summary.timeline.total(), kept);
    assert_eq!((summary.families.total, summary.kinds.total), (kept, kept));
    let by_family = |name: &str| csv.iter().filter(|row| row["family"] == name).count() as u64;
    for (name, count) in &summary.families.rows {
        assert_eq!(*count, by_family(name), "{name}");
    }
    let domain = &of_type(&all, "domain-name")[0];
    let contacts = of_type(&all, "relationship")
        .iter()
        .filter(|link| link["target_ref"] == domain["id"])
        .count() as u64;
    let value = domain["value"].as_str().expect("a value");
    assert_eq!(summary.domains.get(value), Some(contacts));
    let page = attachment(&report, ".html");
    let content = report["x_opencti_content"].as_str().expect("HTML");
    let said = report["description"].as_str().expect("Markdown");
    for form in [&page, content, said] {
        assert!(form.contains(&format!("{kept} of 40 files kept")), "{form}");
    }
    let cell =
        |name: &str, count: u64| format!(">{name}</a></code></td><td class=\"number\">{count}<");
    let shown = value.replace('.', "[.]");
    assert!(page.contains(&cell(&shown, contacts)), "{page}");
}

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "[click](javascript:alert(1)) ![x](http://x.example/x)",
    "**bold** | cell | `code` # head\n# head\n- item",
    "=HYPERLINK(\"http://x.example\",\"open\")",
    "@SUM(1);=cmd|' /C calc'!A0",
    "</td></tr></table></style><style>*{display:none}</style>",
];

fn assert_harmless(report: &Value) {
    let page = attachment(report, ".html");
    let content = report["x_opencti_content"].as_str().expect("HTML");
    for (form, html) in [("page", page.as_str()), ("content", content)] {
        let lower = html.to_lowercase();
        for active in [
            "<script",
            "<img",
            "<iframe",
            "javascript:alert(1)\"",
            "<style>*",
        ] {
            assert!(!lower.contains(active), "{active} in the {form}");
        }
        for tag in lower.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            assert!(!tag.contains(" on"), "{tag} in the {form}");
            for link in tag.split("href=\"").skip(1) {
                assert!(link.starts_with("https://www.virustotal.com/gui/"), "{tag}");
            }
        }
    }
    assert_eq!(page.matches("<style").count(), 1);
    let said = report["description"].as_str().expect("Markdown");
    assert_only_text(said);
    for row in rows(&attachment(report, "-files.csv")) {
        for (column, cell) in row {
            for piece in cell.split(';') {
                let begins = piece.trim_start().chars().next();
                assert!(
                    !matches!(begins, Some('=' | '+' | '-' | '@' | '\t' | '\r')),
                    "{column}: {cell}"
                );
            }
        }
    }
}

/// Nothing in a description acts but what is ours: tables, lists, strong words,
/// code, links to VirusTotal.
fn assert_only_text(markdown: &str) {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    let dialect = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
    for event in Parser::new_ext(markdown, dialect) {
        match event {
            Event::Text(_) | Event::Code(_) | Event::End(_) | Event::SoftBreak => {}
            Event::Start(Tag::Link { dest_url, .. }) => {
                let own = dest_url.starts_with("https://www.virustotal.com/gui/");
                assert!(own, "{dest_url} in {markdown}");
            }
            Event::Start(
                Tag::Paragraph
                | Tag::List(None)
                | Tag::Item
                | Tag::Strong
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell,
            ) => {}
            other => panic!("{other:?} in {markdown}"),
        }
    }
}

#[test]
fn nothing_from_outside_acts_in_any_form() {
    let files: Vec<_> = (1_u32..)
        .zip(HOSTILE)
        .map(|(seed, text)| {
            file(&made(
                seed,
                "SEVERITY_HIGH",
                text,
                text,
                &["c2.example.net"],
            ))
        })
        .collect();
    let outcome = run(&attached(), &files, &BTreeMap::new(), ROOMY);
    assert_harmless(&report(&outcome));
    let mut facts = outcome.facts;
    facts.gaps = HOSTILE.map(str::to_owned).to_vec();
    facts.notes = facts.gaps.clone();
    for text in HOSTILE {
        facts.query = text.to_owned();
        facts.subject.country_name = text.to_owned();
        facts.progress = Progress::Stopped {
            reason: text.to_owned(),
        };
        let closing = ReportObject::of(&attached()).closing(&facts, &Chunk::default(), None, ROOMY);
        let objects = objects(&closing.bundle);
        let mut report = of_type(&objects, "report")[0].clone();
        let sheet = json!({ "name": "x-files.csv", "data": "" });
        let files = report["x_opencti_files"].as_array_mut().expect("files");
        files.push(sheet);
        assert_harmless(&report);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_name_or_family_acts_in_any_form(
        names in prop::collection::vec((any::<String>(), any::<String>()), 1..6),
        marks in prop::collection::vec("[=+@;|<>&\"'`*_\\[\\]()!#\\\\ -]{1,20}", 1..6),
    ) {
        let marks = marks.into_iter().map(|mark| (mark.clone(), mark));
        let files: Vec<_> = (1_u32..)
            .zip(names.into_iter().chain(marks))
            .map(|(seed, (name, family))| {
                file(&made(seed, "SEVERITY_HIGH", &name, &family, &[]))
            })
            .collect();
        let outcome = run(&attached(), &files, &BTreeMap::new(), ROOMY);
        assert_harmless(&report(&outcome));
    }
}

/// Bytes of the bundle as a JSON string, as the HTTP body carries it.
fn body(text: &str) -> usize {
    serde_json::to_string(text).expect("a string").len()
}

#[test]
fn the_last_version_fits_into_a_bundle_and_says_what_had_to_stay_out() {
    let converter = attached();
    let files: Vec<_> = some_day().iter().map(file).collect();
    let whole = run(&converter, &files, &BTreeMap::new(), ROOMY);
    let mut carried = Vec::new();
    for bytes in [20_000, 45_000, 90_000, 130_000, 1_000_000] {
        let limits = Limits { bytes, ..ROOMY };
        let units: Vec<Unit> = files
            .iter()
            .map(|file| {
                let related = Related {
                    max_network: 20,
                    ..Related::default()
                };
                converter.unit(file, None, &related).expect("a unit")
            })
            .collect();
        let report = ReportObject::of(&converter);
        let packed = report.pack(units, ROOMY);
        let mut tally = Tally::default();
        tally.csvs.make_room(ROOMY.bytes);
        for chunk in &packed.chunks {
            tally.add(chunk, &packed.rows);
        }
        let csvs = Some(&tally.csvs);
        let closing = report.closing(&whole.facts, &Chunk::default(), csvs, limits);
        assert!(body(&closing.bundle.text) <= bytes, "{bytes}");
        let objects = objects(&closing.bundle);
        let report = of_type(&objects, "report")[0];
        let said = report["description"].as_str().expect("Markdown");
        assert_eq!(
            said.matches("does not fit into VTREPORTER_MAX_BUNDLE_MB")
                .count(),
            closing.left.len(),
            "{said}"
        );
        let files = report["x_opencti_files"].as_array().map_or(0, Vec::len);
        let content = usize::from(report["x_opencti_content"].is_string());
        assert_eq!(
            files + content + closing.left.len(),
            4,
            "nothing goes in silence"
        );
        carried.push(files + content);
    }
    assert!(
        carried.is_sorted() && carried[0] == 0 && carried[4] == 4,
        "{carried:?}"
    );
}

#[test]
fn the_content_is_bounded_however_hostile_the_texts_are() {
    let mut facts = ReportFacts::new(subject("AU", "Australia"), "&\"<".repeat(100_000));
    facts.progress = Progress::Complete;
    facts.gaps = vec!["\"<&>'\u{10ffff}".repeat(500); 5000];
    facts.notes = facts.gaps.clone();
    let ranked = |times| Ranked {
        rows: vec![("&\"<'".repeat(times), 7); 40],
        total: 1_000_000,
        ..Ranked::default()
    };
    // As long as names may be, and URLs.
    facts.summary.families = ranked(25);
    facts.summary.kinds = ranked(25);
    facts.summary.urls = ranked(1024);
    facts.previous = Some(Previous::default());
    facts.counts.main.high = 1;
    let content = content::content(&facts, "TLP:AMBER").expect("HTML");
    let page = html::page(&facts, "TLP:AMBER").expect("HTML");
    assert!(content.len() < 250_000, "{} bytes", content.len());
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(description(&facts).len() < 100_000);
}

#[test]
fn a_report_is_compared_with_the_one_before_as_far_as_that_is_fair() {
    let mut facts = with_a_report_before();
    let said = description(&facts);
    assert!(
        said.contains("| Files matched | 100 | 120 | +20 (+20 %) |"),
        "{said}"
    );
    let page = html::page(&facts, "").expect("HTML");
    assert!(
        page.contains("Families that the report before did not have: <code>remcos</code>."),
        "{page}"
    );
    facts.previous.as_mut().expect("it is there").from = time("2026-11-16T13:00:00Z");
    let said = description(&facts);
    assert!(
        said.contains("| Files matched | 33.3 | 120.0 | +260 % |"),
        "{said}"
    );
    assert!(said.contains("differ in length"), "{said}");
    facts.progress = Progress::Stopped {
        reason: String::new(),
    };
    assert!(
        !description(&facts).contains("| Files matched |"),
        "half a report compares with nothing"
    );
}

/// A day like the one before, with more files and a family that is new.
fn with_a_report_before() -> ReportFacts {
    let mut facts = ReportFacts::new(subject("AU", "Australia"), String::new());
    facts.progress = Progress::Complete;
    facts.matched = 120;
    facts.counts.main.high = 12;
    let ranked = |names: &[&str]| Ranked {
        rows: names.iter().map(|name| ((*name).to_owned(), 3)).collect(),
        total: 3 * names.len() as u64,
        different: Some(names.len() as u64),
        missed: 0,
    };
    facts.summary.families = ranked(&["emotet", "", "remcos"]);
    facts.previous = Some(Previous {
        from: time("2026-11-18T13:00:00Z"),
        to: time("2026-11-19T13:00:00Z"),
        matched: 100,
        counts: Counts {
            main: Levels {
                high: 10,
                ..Levels::default()
            },
            ..Counts::default()
        },
        families: ranked(&["emotet"]),
        ..Previous::default()
    });
    facts
}

#[test]
fn what_the_files_look_like_survives_being_saved() {
    let files: Vec<_> = some_day().iter().map(file).collect();
    let outcome = run(&attached(), &files, &BTreeMap::new(), ROOMY);
    let text = serde_json::to_string(&outcome.facts.summary).expect("JSON");
    assert!(
        text.len() < 20_000,
        "{} bytes travel with every ping",
        text.len()
    );
    let read = serde_json::from_str(&text).expect("a summary");
    assert_eq!(outcome.facts.summary, read);
    assert_eq!(Profile::from(&read).summary(), read);
}

#[test]
fn without_attachments_the_report_still_has_its_content() {
    let files: Vec<_> = some_day().iter().map(file).collect();
    let outcome = run(&converter(), &files, &BTreeMap::new(), ROOMY);
    let report = report(&outcome);
    assert_eq!(report.get("x_opencti_files"), None);
    assert!(report["x_opencti_content"].is_string());
}
