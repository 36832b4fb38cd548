//! Golden pairs: `tests/data/NAME.json` is a page as VirusTotal sends it,
//! `tests/data/NAME.stix.json` exactly what it becomes. A new pair is a new
//! test; `VTREPORTER_UPDATE_GOLDEN=1` writes the right-hand sides anew, and then
//! fails, so that somebody looks at the difference before it counts.
//!
//! Only what nobody can read as it is stands there otherwise: the report's HTML
//! as a list of lines, and its attachments' base64 decoded into such lists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use vtreporter::convert::converter::Converter;
use vtreporter::convert::labels::{Glob, Style};
use vtreporter::convert::malware::Names;
use vtreporter::convert::score::Score;
use vtreporter::convert::{Objects, Options};
use vtreporter::stix::marking::Tlp;
use vtreporter::virustotal::facts::Severity;

use super::support::{
    List, ROOMY, RelatedPages, assert_sound, decoded, file, options, run, subject,
};

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    options: Value,
    page: List,
    #[serde(default)]
    related: BTreeMap<String, RelatedPages>,
}

fn inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut inputs: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("tests/data is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.ends_with(".json") && !name.ends_with(".stix.json") && name != "id_vectors.json"
        })
        .collect();
    inputs.sort();
    inputs
}

fn chosen(overrides: &Value) -> Options {
    let mut options = options();
    let texts = |key: &str, into: &mut Vec<String>| {
        if let Some(list) = overrides[key].as_array() {
            *into = list
                .iter()
                .filter_map(|it| Some(it.as_str()?.to_owned()))
                .collect();
        }
    };
    texts("file_labels", &mut options.file_labels);
    texts("report_labels", &mut options.report_labels);
    texts("report_types", &mut options.report_types);
    let tlp = |key: &str| {
        overrides[key]
            .as_str()
            .map(|it| Tlp::parse(it).expect("a level"))
    };
    options.file_marking = tlp("file_marking").unwrap_or(options.file_marking);
    options.report_marking = tlp("report_marking").unwrap_or(options.report_marking);
    if let Some(name) = overrides["author_name"].as_str() {
        options.author_name = name.to_owned();
    }
    if let Some(confidence) = overrides["confidence"].as_u64() {
        options.confidence = u8::try_from(confidence).expect("0 to 100");
    }
    if let Some(attachments) = overrides["attachments"].as_bool() {
        options.attachments = attachments;
    }
    if let Some(reliability) = overrides.get("reliability") {
        options.reliability = reliability.as_str().map(str::to_owned);
    }
    options.objects = Objects::default();
    objects(overrides, &mut options.objects);
    options
}

fn readable(mut bundle: Value) -> Value {
    let lines = |text: &str| Value::from_iter(text.lines());
    for object in bundle["objects"].as_array_mut().expect("a list") {
        if let Some(content) = object.get_mut("x_opencti_content") {
            *content = lines(content.as_str().expect("a text"));
        }
        let files = object
            .get_mut("x_opencti_files")
            .and_then(Value::as_array_mut);
        for file in files.into_iter().flatten() {
            file["data"] = lines(&decoded(file));
        }
    }
    bundle
}

fn objects(overrides: &Value, objects: &mut Objects) {
    let flag = |key: &str, into: &mut bool| *into = overrides[key].as_bool().unwrap_or(*into);
    let globs = |key: &str| -> Vec<Glob> {
        let list = overrides[key].as_array().into_iter().flatten();
        list.filter_map(|it| Some(Glob::new(it.as_str()?)))
            .collect()
    };
    if let Some(level) = overrides.get("indicators") {
        objects.indicators = level.as_str().and_then(Severity::parse);
    }
    flag("network_indicators", &mut objects.network_indicators);
    if overrides["malware"] == false {
        objects.malware = None;
    }
    if let Some(rules) = &mut objects.malware {
        if let Some(votes) = overrides["min_votes"].as_u64() {
            rules.min_votes = u32::try_from(votes).expect("a few");
        }
        if let Some(map) = overrides["malware_map"].as_str() {
            rules.names = Names::parse(map).expect("a map");
        }
    }
    flag("country", &mut objects.country);
    objects.score = match overrides["score"].as_str() {
        Some("detections") => Score::Detections,
        Some("severity") => Score::Severity,
        Some("gti") => Score::Gti,
        _ => objects.score,
    };
    let labels = &mut objects.labels;
    flag("tags", &mut labels.tags);
    flag("rule_names", &mut labels.rule_names);
    if overrides["label_style"] == "plain" {
        labels.style = Style::Plain;
    }
    labels.allow = globs("labels_allow");
    labels.deny = globs("labels_deny");
    if let Some(prefix) = overrides["label_prefix"].as_str() {
        labels.prefix = prefix.to_owned();
    }
    if let Some(most) = overrides["max_labels"].as_u64() {
        labels.most = usize::try_from(most).expect("a few");
    }
    flag("attack_patterns", &mut objects.attack_patterns);
    flag("notes", &mut objects.notes);
}

fn actual(input: &Path) -> Value {
    let text = std::fs::read_to_string(input).expect("readable");
    let input: Input = serde_json::from_str(&text).expect("a golden input");
    let converter = Converter::new(&chosen(&input.options), subject("AU", "Australia"));
    let files: Vec<_> = input.page.data.iter().map(file).collect();
    let outcome = run(&converter, &files, &input.related, ROOMY);
    for bundle in &outcome.bundles {
        assert_sound(bundle);
    }
    let bundles: Vec<Value> = outcome
        .bundles
        .iter()
        .map(|bundle| serde_json::from_str(&bundle.text).expect("JSON"))
        .map(readable)
        .collect();
    json!({
        "dropped": outcome.facts.dropped,
        "left_out": outcome.facts.left_out,
        "bundles": bundles,
    })
}

#[test]
fn every_page_becomes_exactly_the_stix_beside_it() {
    let update = std::env::var_os("VTREPORTER_UPDATE_GOLDEN").is_some();
    let inputs = inputs();
    assert!(inputs.len() >= 10, "golden inputs are missing");
    let mut different = Vec::new();
    for input in &inputs {
        let expected_path = input.with_extension("stix.json");
        let actual = actual(input);
        let expected: Option<Value> = std::fs::read_to_string(&expected_path)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok());
        if expected.as_ref() == Some(&actual) {
            continue;
        }
        let pretty = serde_json::to_string_pretty(&actual).expect("JSON");
        if update {
            std::fs::write(&expected_path, pretty + "\n").expect("writable");
            different.push(format!("{} was written anew", expected_path.display()));
        } else {
            different.push(format!(
                "{} differs; it would be:\n{pretty}",
                expected_path.display()
            ));
        }
    }
    assert!(
        different.is_empty(),
        "{}\n\nIf that is what you want: VTREPORTER_UPDATE_GOLDEN=1 cargo test --test rooms golden, \
         then read the difference in git.",
        different.join("\n")
    );
}
