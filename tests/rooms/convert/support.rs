//! A run without a network: page in, bundles out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use vtreporter::convert::converter::{Converter, Related, Unit};
use vtreporter::convert::filter::{Filter, decide};
use vtreporter::convert::subject::Subject;
use vtreporter::convert::{Objects, Options};
use vtreporter::report::facts::{Progress, ReportFacts};
use vtreporter::report::object::ReportObject;
use vtreporter::report::tally::Tally;
use vtreporter::stix::bundle::{Bundle, Chunk, Limits};
use vtreporter::stix::marking::Tlp;
use vtreporter::virustotal::behaviour::{self, Technique};
use vtreporter::virustotal::facts::Severity;
use vtreporter::virustotal::objects::File;

pub(crate) const ROOMY: Limits = Limits {
    bytes: 10_000_000,
    objects: 2000,
};

pub(crate) const KEEP_MOST: Filter = Filter {
    min_severity: Severity::Low,
    low_min_sources: 2,
    keep_unknown: true,
};

pub(crate) fn options() -> Options {
    Options {
        author_name: "VirusTotal".to_owned(),
        report_types: vec!["threat-report".to_owned()],
        report_labels: vec!["ci-isac-vt-feed".to_owned(), "Australia".to_owned()],
        file_labels: vec!["vt-file".to_owned()],
        confidence: 75,
        reliability: Some("B - Usually Reliable".to_owned()),
        report_marking: Tlp::Amber,
        file_marking: Tlp::Amber,
        attachments: false,
        max_refs: 5000,
        objects: bare(),
    }
}

/// Files, addresses and their relationships, and nothing else.
pub(crate) fn bare() -> Objects {
    Objects {
        indicators: None,
        malware: None,
        country: false,
        ..Objects::default()
    }
}

/// Everything there is.
pub(crate) fn everything() -> Objects {
    Objects {
        indicators: Some(Severity::Low),
        network_indicators: true,
        attack_patterns: true,
        notes: true,
        ..Objects::default()
    }
}

pub(crate) fn converter_with(objects: Objects) -> Converter {
    let options = Options {
        objects,
        ..options()
    };
    Converter::new(&options, subject("AU", "Australia"))
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

pub(crate) fn subject(code: &str, name: &str) -> Subject {
    Subject {
        country_code: code.to_owned(),
        country_name: name.to_owned(),
        from: time("2026-11-19T13:00:00Z"),
        to: time("2026-11-20T13:00:00Z"),
    }
}

pub(crate) fn converter() -> Converter {
    Converter::new(&options(), subject("AU", "Australia"))
}

/// As the client reads an object: strictly, else attribute by attribute.
pub(crate) fn file(value: &Value) -> File {
    serde_json::from_value(value.clone())
        .ok()
        .or_else(|| Some(File::lenient(value)?.0))
        .expect("a page's element is an object")
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RelatedPages {
    pub(crate) dropped_files: List,
    pub(crate) similar_files: List,
    /// The whole answer.
    pub(crate) behaviour_mitre_trees: Value,
}

impl RelatedPages {
    fn techniques(&self) -> Vec<Technique> {
        let trees = &self.behaviour_mitre_trees;
        if trees.is_null() {
            return Vec::new();
        }
        behaviour::parse(trees.to_string().as_bytes()).expect("sandboxes' trees")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct List {
    pub(crate) data: Vec<Value>,
}

impl List {
    pub(crate) fn files(&self) -> Vec<File> {
        self.data.iter().map(file).collect()
    }
}

/// What came out of a run.
pub(crate) struct Outcome {
    pub(crate) bundles: Vec<Bundle>,
    pub(crate) facts: ReportFacts,
    pub(crate) dangling: usize,
}

/// One page through the whole room, as a run does it.
pub(crate) fn run(
    converter: &Converter,
    files: &[File],
    related: &BTreeMap<String, RelatedPages>,
    limits: Limits,
) -> Outcome {
    let mut facts = ReportFacts::new(
        converter.subject().clone(),
        "entity:file submitter:AU p:1+".to_owned(),
    );
    let units = kept_units(converter, files, related, &mut facts);
    let mut tally = Tally::default();
    tally.profile.begin(facts.subject.from, facts.subject.to);
    tally.csvs.make_room(limits.bytes);
    let report = ReportObject::of(converter);
    let packing = report.pack(units, limits);
    let mut bundles = Vec::new();
    for chunk in &packing.chunks {
        tally.add(chunk, &packing.rows);
        tally.own_links(report.own_links(1));
        facts.counts = *tally.counts();
        facts.matched = facts.counts.main.total() + facts.dropped.total();
        bundles.push(report.bundle(chunk, &facts, String::new()));
    }
    facts.matched = facts.counts.main.total() + facts.dropped.total();
    facts.progress = Progress::Complete;
    facts.summary = tally.profile.summary();
    let whole = Limits {
        bytes: ROOMY.bytes,
        ..limits
    };
    let named = match packing.chunks.last() {
        // As a run does it where there is room for both.
        Some(chunk) if bundles.pop().is_some() => chunk.clone(),
        _ => Chunk::default(),
    };
    let csvs = Some(&tally.csvs);
    bundles.push(report.closing(&facts, &named, csvs, whole).bundle);
    Outcome {
        bundles,
        facts,
        dangling: packing.dangling,
    }
}

/// What came of the files that are kept; the others are counted.
fn kept_units(
    converter: &Converter,
    files: &[File],
    related: &BTreeMap<String, RelatedPages>,
    facts: &mut ReportFacts,
) -> Vec<Unit> {
    let mut units = Vec::new();
    for file in files {
        match convert(converter, file, related) {
            Ok(unit) => {
                facts.left_out.merge(&unit.left_out);
                units.push(unit);
            }
            Err(reason) => facts.dropped.add(reason),
        }
    }
    units
}

fn convert(
    converter: &Converter,
    file: &File,
    related: &BTreeMap<String, RelatedPages>,
) -> Result<Unit, vtreporter::convert::filter::Dropped> {
    let rated = decide(file, &KEEP_MOST)?;
    let pages = related.get(&file.id);
    let related = Related {
        similar: pages
            .map(|pages| pages.similar_files.files())
            .unwrap_or_default(),
        dropped: pages
            .map(|pages| pages.dropped_files.files())
            .unwrap_or_default(),
        techniques: pages.map(RelatedPages::techniques).unwrap_or_default(),
        max_network: 20,
        ..Related::default()
    };
    converter.unit(file, rated, &related)
}

/// A bundle's objects.
pub(crate) fn objects(bundle: &Bundle) -> Vec<Value> {
    let parsed: Value = serde_json::from_str(&bundle.text).expect("a bundle is JSON");
    parsed["objects"].as_array().expect("a list").clone()
}

pub(crate) fn of_type<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["type"] == kind)
        .collect()
}

/// The objects of sound bundles, those that come in several of them once.
pub(crate) fn each_once(bundles: &[Bundle]) -> Vec<Value> {
    let mut unique = BTreeMap::new();
    for bundle in bundles {
        assert_sound(bundle);
        for object in objects(bundle) {
            unique.insert(object["id"].as_str().expect("an id").to_owned(), object);
        }
    }
    unique.into_values().collect()
}

/// Every id once, everything that is named is there, and nothing that the
/// platform would object to.
pub(crate) fn assert_sound(bundle: &Bundle) {
    #[cfg(feature = "demo")]
    assert_eq!(vtreporter::standin::opencti::judge(&bundle.text), []);
    let objects = objects(bundle);
    assert_eq!(objects.len(), bundle.objects);
    let mut ids = std::collections::HashSet::new();
    for object in &objects {
        let id = object["id"].as_str().expect("an id");
        assert!(
            id.starts_with(object["type"].as_str().expect("a type")),
            "{id}"
        );
        assert!(ids.insert(id), "{id} is there twice");
    }
    // The platform merges files by any other.
    for hash in of_type(&objects, "file")
        .iter()
        .flat_map(|file| file["hashes"].as_object().expect("hashes").keys())
    {
        assert!(
            ["MD5", "SHA-1", "SHA-256"].contains(&hash.as_str()),
            "{hash}"
        );
    }
    for object in &objects {
        for (key, value) in object.as_object().expect("an object") {
            if key.ends_with("_ref") {
                assert!(
                    ids.contains(value.as_str().expect("an id")),
                    "{key} of {object}"
                );
            } else if key.ends_with("_refs") {
                let list = value.as_array().expect("a list");
                assert!(!list.is_empty(), "{key} of {object}");
                for id in list {
                    assert!(
                        ids.contains(id.as_str().expect("an id")),
                        "{key} of {object}"
                    );
                }
            }
        }
    }
}

/// The text of an attachment.
pub(crate) fn decoded(file: &Value) -> String {
    use base64::Engine;

    let data = file["data"].as_str().expect("base64");
    let engine = base64::engine::general_purpose::STANDARD;
    String::from_utf8(engine.decode(data).expect("base64")).expect("UTF-8")
}

pub(crate) fn sha256(seed: u32) -> String {
    format!("{seed:064x}")
}

/// A file with everything that something is made of.
pub(crate) fn rich(seed: u32, level: &str) -> Value {
    json!({
        "type": "file",
        "id": sha256(seed),
        "attributes": {
            "sha256": sha256(seed),
            "md5": format!("{seed:032x}"),
            "meaningful_name": format!("invoice-{seed}.exe"),
            "unique_sources": 3,
            "first_submission_date": 1_795_093_212,
            "tags": ["peexe", "long-sleeps", "PEEXE"],
            "threat_severity": { "threat_severity_level": level },
            "last_analysis_stats": { "malicious": 30, "undetected": 30 },
            "gti_assessment": { "threat_score": { "value": 80 } },
            "popular_threat_classification": {
                "popular_threat_category": [{ "value": "trojan", "count": 20 }],
                "popular_threat_name": [
                    { "value": "AgentTesla", "count": 9 },
                    { "value": "msil", "count": 9 },
                    { "value": "fewvotes", "count": 2 },
                ],
            },
            "crowdsourced_yara_results": [{ "rule_name": "win_agenttesla", "ruleset_name": "win", "author": "A. Analyst" }],
            "sigma_analysis_results": [{ "rule_title": "Suspicious Parent", "rule_level": "high", "rule_source": "example rules" }],
            "sandbox_verdicts": { "Zenbox": { "category": "malicious", "malware_names": ["AgentTesla"], "confidence": 92 } },
            "last_analysis_results": {
                "EngineA": { "category": "malicious", "result": "Trojan.<b>|`x`" },
                "EngineB": { "category": "undetected", "result": null },
            },
        },
        "relationships": {
            "contacted_ips": { "data": [{ "id": "203.0.113.1" }, { "id": "2001:db8::5" }] },
            "contacted_domains": { "data": [{ "id": "a.example.net" }] },
            "contacted_urls": { "data": [{ "id": "x", "context_attributes": { "url": "http://a.example.net/it's" } }] },
        },
    })
}

pub(crate) fn pages(seed: u32, pages: Value) -> BTreeMap<String, RelatedPages> {
    BTreeMap::from([(sha256(seed), serde_json::from_value(pages).expect("pages"))])
}

pub(crate) fn made(
    files: &[Value],
    related: &BTreeMap<String, RelatedPages>,
    wanted: Objects,
) -> (Vec<Value>, Outcome) {
    let files: Vec<_> = files.iter().map(file).collect();
    let outcome = run(&converter_with(wanted), &files, related, ROOMY);
    assert_eq!(outcome.bundles.len(), 1);
    assert_sound(&outcome.bundles[0]);
    (objects(&outcome.bundles[0]), outcome)
}
