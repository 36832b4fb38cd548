//! Which objects are made.

use vtreporter::convert::Objects;
use vtreporter::convert::labels::{Glob, Style};
use vtreporter::convert::malware::{Names, Rules};
use vtreporter::convert::score::Score;

use super::*;

#[test]
fn what_is_unset_is_what_the_converter_takes_for_its_default() {
    assert_eq!(with(&[]).unwrap().convert.objects, Objects::default());
}

#[test]
fn every_score_can_be_chosen_by_its_name() {
    for (name, score) in [
        ("combined", Score::Combined),
        ("detections", Score::Detections),
        ("severity", Score::Severity),
        ("gti", Score::Gti),
    ] {
        let config = with(&[("VTREPORTER_SCORE", name)]).unwrap();
        assert_eq!(config.convert.objects.score, score);
    }
}

#[test]
fn a_least_score_that_the_platforms_decay_would_revoke_is_told() {
    let warned = |score: &str| {
        let config = with(&[("VTREPORTER_INDICATOR_MIN_SCORE", score)]).unwrap();
        let warnings = config.warnings.join("\n");
        warnings.contains("VTREPORTER_INDICATOR_MIN_SCORE is not above 20")
    };
    assert!(warned("0") && warned("20"));
    assert!(!warned("21") && !warned("100"));
}

#[test]
fn each_kind_of_object_can_be_chosen() {
    let objects = with(&[
        ("VTREPORTER_CREATE_INDICATORS", "yes"),
        ("VTREPORTER_INDICATOR_MIN_SEVERITY", "Medium"),
        ("VTREPORTER_CREATE_NETWORK_INDICATORS", "true"),
        ("VTREPORTER_MALWARE_MIN_VOTES", "7"),
        ("VTREPORTER_CREATE_COUNTRY", "no"),
        ("VTREPORTER_CREATE_ATTACK_PATTERNS", "1"),
        ("VTREPORTER_CREATE_NOTES", "on"),
        ("VTREPORTER_INDICATOR_MIN_SCORE", "45"),
        ("VTREPORTER_SCORE", "GTI"),
        ("VTREPORTER_TAGS_AS_LABELS", "false"),
        ("VTREPORTER_RULES_AS_LABELS", "false"),
        ("VTREPORTER_LABEL_STYLE", "Plain"),
        ("VTREPORTER_LABEL_PREFIX", "vt:"),
        ("VTREPORTER_LABELS_ALLOW", "pe*, signed"),
        ("VTREPORTER_LABELS_DENY", "long-*"),
        ("VTREPORTER_MAX_LABELS", "5"),
    ])
    .unwrap()
    .convert
    .objects;
    assert_eq!(objects.indicators, Some(Severity::Medium));
    assert_eq!(objects.malware.unwrap().min_votes, 7);
    assert_eq!(objects.indicator_min_score, 45);
    assert_eq!(objects.score, Score::Gti);
    assert!(objects.network_indicators && objects.attack_patterns && objects.notes);
    assert!(!objects.country && !objects.labels.tags && !objects.labels.rule_names);
    assert_eq!(objects.labels.style, Style::Plain);
    assert_eq!(objects.labels.prefix, "vt:");
    assert_eq!(
        objects.labels.allow,
        [Glob::new("pe*"), Glob::new("signed")]
    );
    assert_eq!(objects.labels.deny, [Glob::new("long-*")]);
    assert_eq!(objects.labels.most, 5);
    let off = with(&[
        ("VTREPORTER_CREATE_INDICATORS", "false"),
        ("VTREPORTER_CREATE_MALWARE", "false"),
    ])
    .unwrap()
    .convert
    .objects;
    assert_eq!((off.indicators, off.malware), (None, None));
}

#[test]
fn names_of_families_come_from_a_file_whose_bad_lines_stop_the_start() {
    let load = |text: &'static str| {
        let set = [("VTREPORTER_MALWARE_MAP", "/etc/vtreporter/malware.csv")];
        let all: Vec<_> = LEAST.iter().copied().chain(set).collect();
        let read = |path: &Path| match path.to_str() {
            Some("/etc/vtreporter/malware.csv") if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        config::load(None, pairs(&all), Needs::BOTH, now(), &read)
    };
    let rules = load("rescoms,Remcos\n").unwrap().convert.objects.malware;
    let names = Names::parse("rescoms: Remcos").unwrap();
    assert_eq!(
        rules,
        Some(Rules {
            names,
            ..Rules::default()
        })
    );
    let told = load("fine,Fine\nnonsense\nx,\n").unwrap_err().to_string();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with("VTREPORTER_MALWARE_MAP (vtreporter.malware_map)"));
    assert!(
        lines[0].contains("line 2") && lines[1].contains("line 3"),
        "{told}"
    );
    let told = load("").unwrap_err().to_string();
    assert!(told.contains("the file cannot be read"), "{told}");
}
