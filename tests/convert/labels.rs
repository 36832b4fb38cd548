//! Which labels a file has.

use std::collections::BTreeMap;

use serde_json::Value;
use vtreporter::convert::Objects;
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
fn labels_are_chosen_prefixed_and_capped_but_the_operators_stay() {
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
