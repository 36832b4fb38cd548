//! Which labels a file has.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vtreporter::convert::Objects;
use vtreporter::convert::converter::Converter;
use vtreporter::convert::labels::{Glob, Rules, Style};
use vtreporter::convert::left_out::LeftOut;

use super::support::*;

/// The texts of an object's labels.
fn texts(object: &Value) -> Vec<String> {
    let labels = object["labels"].as_array().expect("labels").iter();
    let text = |label: &Value| label.as_str().expect("a text").to_owned();
    labels.map(text).collect()
}

/// The labels of a file, and how many there was no room for.
fn labelled(value: Value, rules: Rules) -> (Vec<String>, u64) {
    let wanted = Objects {
        labels: rules,
        ..bare()
    };
    let (all, outcome) = made(&[value], &BTreeMap::new(), wanted);
    (
        texts(of_type(&all, "file")[0]),
        outcome.facts.left_out.get(LeftOut::Labels),
    )
}

#[test]
fn labels_are_chosen_and_prefixed_but_the_operators_stay() {
    let of = |rules| labelled(rich(1, "SEVERITY_HIGH"), rules);
    let plain = Rules::default;
    let all = [
        "trojan",
        "SEVERITY_HIGH",
        "peexe",
        "long-sleeps",
        "yara:win_agenttesla",
        "sigma:Suspicious Parent",
        "vt-file",
    ];
    assert_eq!(of(plain()).0, all);
    assert_eq!(
        of(Rules {
            tags: false,
            rule_names: false,
            ..plain()
        })
        .0,
        ["trojan", "SEVERITY_HIGH", "vt-file"]
    );
    assert_eq!(
        of(Rules {
            prefix: "vt:".to_owned(),
            rule_names: false,
            ..plain()
        })
        .0,
        [
            "vt:trojan",
            "vt:SEVERITY_HIGH",
            "vt:peexe",
            "vt:long-sleeps",
            "vt-file"
        ]
    );
}

#[test]
fn labels_are_allowed_denied_and_capped_but_the_operators_stay() {
    let of = |rules| labelled(rich(1, "SEVERITY_HIGH"), rules);
    let plain = Rules::default;
    let globs = |list: &[&str]| list.iter().map(|it| Glob::new(it)).collect();
    assert_eq!(
        of(Rules {
            allow: globs(&["severity_*", "Yara:*", "peexe"]),
            deny: globs(&["pe*"]),
            ..plain()
        })
        .0,
        ["SEVERITY_HIGH", "yara:win_agenttesla", "vt-file"]
    );
    assert_eq!(
        of(Rules { most: 5, ..plain() }),
        (
            ["trojan", "SEVERITY_HIGH", "peexe", "long-sleeps", "vt-file"]
                .map(str::to_owned)
                .to_vec(),
            2
        )
    );
    assert_eq!(of(Rules { most: 0, ..plain() }).0, ["vt-file"]);
}

#[test]
fn the_severity_is_a_label_in_virustotals_word_or_in_plain_ones() {
    let of = |level: &str, style| {
        let rules = Rules {
            style,
            tags: false,
            rule_names: false,
            deny: vec![Glob::new("trojan")],
            ..Rules::default()
        };
        labelled(rich(1, level), rules).0
    };
    for (level, plain) in [
        ("SEVERITY_HIGH", "high severity"),
        ("SEVERITY_MEDIUM", "medium severity"),
        ("SEVERITY_LOW", "low severity"),
    ] {
        assert_eq!(of(level, Style::VirusTotal), [level, "vt-file"]);
        assert_eq!(of(level, Style::Plain), [plain, "vt-file"]);
    }
    // What is not known has no label in any style.
    assert_eq!(of("SEVERITY_UNKNOWN", Style::Plain), ["vt-file"]);
}

#[test]
fn a_label_is_chosen_by_virustotals_word_whatever_the_style() {
    let of = |globs: [&str; 1]| {
        let rules = Rules {
            style: Style::Plain,
            allow: globs.map(Glob::new).to_vec(),
            ..Rules::default()
        };
        labelled(rich(1, "SEVERITY_HIGH"), rules).0
    };
    assert_eq!(of(["SEVERITY_*"]), ["high severity", "vt-file"]);
    assert_eq!(of(["high*"]), ["vt-file"]);
}

/// A run over New Zealand's files with these labels of the operator's.
fn zealand(
    file_labels: &[&str],
    wanted: Objects,
    files: &[Value],
    related: &BTreeMap<String, RelatedPages>,
) -> Vec<Value> {
    let own = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect();
    let options = vtreporter::convert::Options {
        report_labels: own(&["ci-isac-vt-feed", "{country}"]),
        file_labels: own(file_labels),
        objects: wanted,
        ..options()
    };
    let converter = Converter::new(&options, subject("NZ", "New Zealand"));
    let files: Vec<_> = files.iter().map(file).collect();
    let outcome = run(&converter, &files, related, ROOMY);
    assert_eq!(outcome.bundles.len(), 1);
    assert_sound(&outcome.bundles[0]);
    objects(&outcome.bundles[0])
}

/// The labels of the objects of a type whose text holds this.
fn labels_of(all: &[Value], kind: &str, about: &str) -> Vec<String> {
    let mut found = of_type(all, kind);
    found.retain(|object| object.to_string().contains(about));
    assert_eq!(found.len(), 1, "{kind} {about}");
    texts(found[0])
}

/// No label of VirusTotal's.
fn nothing_of_virustotals() -> Rules {
    Rules {
        deny: vec![Glob::new("*")],
        ..Rules::default()
    }
}

#[test]
fn the_countrys_name_stands_on_what_was_submitted_there_and_on_nothing_that_need_not_have_been() {
    let related = pages(
        1,
        json!({ "dropped_files": { "data": [rich(2, "SEVERITY_HIGH"), rich(3, "SEVERITY_HIGH")] } }),
    );
    let wanted = Objects {
        labels: nothing_of_virustotals(),
        ..everything()
    };
    // The third comes as related first, and then as a file that the search found.
    let found = [rich(1, "SEVERITY_HIGH"), rich(3, "SEVERITY_HIGH")];
    let all = zealand(
        &["feed", "{country}", "from {COUNTRY}"],
        wanted,
        &found,
        &related,
    );
    assert_eq!(
        texts(of_type(&all, "report")[0]),
        ["ci-isac-vt-feed", "New Zealand"]
    );
    let named = ["feed", "New Zealand", "from New Zealand"];
    for (seed, expected) in [(1, &named[..]), (2, &["feed"]), (3, &named[..])] {
        let hash = format!("\"MD5\":\"{seed:032x}\"");
        assert_eq!(labels_of(&all, "file", &hash), expected, "{seed}");
        let pattern = format!("'SHA-256' = '{}'", sha256(seed));
        assert_eq!(labels_of(&all, "indicator", &pattern), expected, "{seed}");
    }
    assert_eq!(
        labels_of(&all, "indicator", "[domain-name:value = 'a.example.net']"),
        ["feed"]
    );
}

#[test]
fn a_label_of_the_operators_own_words_stays_as_it_is_everywhere() {
    let related = pages(
        1,
        json!({ "similar_files": { "data": [rich(2, "SEVERITY_HIGH")] } }),
    );
    let wanted = Objects {
        labels: nothing_of_virustotals(),
        ..bare()
    };
    let own = ["ci-isac-vt-feed", "Australia", "{land}"];
    let all = zealand(&own, wanted, &[rich(1, "SEVERITY_HIGH")], &related);
    for file in of_type(&all, "file") {
        assert_eq!(texts(file), own);
    }
}

#[test]
fn the_countrys_name_works_in_prefix_and_choice_too() {
    let related = pages(
        1,
        json!({ "dropped_files": { "data": [rich(2, "SEVERITY_HIGH")] } }),
    );
    let mut found = rich(1, "SEVERITY_HIGH");
    found["attributes"]["tags"] = json!(["peexe", "new zealand", "nz"]);
    let wanted = Objects {
        labels: Rules {
            prefix: "{country}/".to_owned(),
            allow: ["pe*", "{Country}*", "nz"].map(Glob::new).to_vec(),
            deny: vec![Glob::new("nz")],
            ..Rules::default()
        },
        ..bare()
    };
    let all = zealand(&[], wanted, &[found], &related);
    let of = |seed: u32| labels_of(&all, "file", &format!("\"MD5\":\"{seed:032x}\""));
    assert_eq!(of(1), ["New Zealand/peexe", "New Zealand/new zealand"]);
    assert_eq!(of(2), ["peexe"]);
}

#[test]
fn a_value_that_only_says_that_there_is_none_is_no_label_category_or_family() {
    for nothing in [
        json!("None"),
        json!("none"),
        json!("null"),
        json!("NULL"),
        json!(" None "),
        json!(""),
        json!(" \u{200b}"),
        json!(null),
    ] {
        let mut value = rich(1, "SEVERITY_HIGH");
        let attributes = &mut value["attributes"];
        attributes["tags"] = json!([nothing, "peexe", nothing]);
        attributes["type_description"] = nothing.clone();
        attributes["popular_threat_classification"] = json!({
            "popular_threat_category": [{ "value": nothing, "count": 30 }, { "value": "trojan", "count": 2 }],
            "popular_threat_name": [{ "value": nothing, "count": 30 }],
        });
        attributes["malware_config"] = json!({ "families": [{ "family": nothing }] });
        attributes["crowdsourced_yara_results"] = json!([{ "rule_name": nothing }]);
        attributes["sigma_analysis_results"] = json!([{ "rule_title": nothing }]);
        let wanted = Objects {
            indicators: None,
            ..everything()
        };
        let (all, _) = made(&[value], &BTreeMap::new(), wanted);
        let file = of_type(&all, "file")[0];
        assert_eq!(
            texts(file),
            ["trojan", "SEVERITY_HIGH", "peexe", "vt-file"],
            "{nothing}"
        );
        let text = file["x_opencti_description"].as_str().expect("a text");
        assert!(text.contains(" Category: trojan."), "{nothing}: {text}");
        assert!(!text.contains('('), "{nothing}: {text}");
        assert!(of_type(&all, "malware").is_empty(), "{nothing}");
    }
}
