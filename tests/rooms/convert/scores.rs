//! What the score of a file and of its indicator is made of.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vtreporter::convert::Objects;
use vtreporter::convert::score::Score;
use vtreporter::virustotal::facts::Severity;

use super::support::*;

#[test]
fn the_score_is_made_of_what_was_chosen_and_unknown_is_not_zero() {
    let of = |score: Score, value: Value| {
        let wanted = Objects { score, ..bare() };
        of_type(&made(&[value], &BTreeMap::new(), wanted).0, "file")[0]
            .get("x_opencti_score")
            .cloned()
    };
    let high = || rich(1, "SEVERITY_HIGH");
    let without = |name: &str| {
        let mut value = high();
        value["attributes"][name] = Value::Null;
        value
    };
    assert_eq!(of(Score::Combined, high()), Some(json!(85)));
    assert_eq!(of(Score::Detections, high()), Some(json!(50)));
    assert_eq!(of(Score::Severity, high()), Some(json!(90)));
    assert_eq!(
        of(Score::Severity, rich(1, "SEVERITY_MEDIUM")),
        Some(json!(60))
    );
    assert_eq!(
        of(Score::Severity, rich(1, "SEVERITY_LOW")),
        Some(json!(30))
    );
    assert_eq!(of(Score::Gti, high()), Some(json!(80)));
    assert_eq!(of(Score::Detections, without("last_analysis_stats")), None);
    assert_eq!(of(Score::Severity, without("threat_severity")), None);
    assert_eq!(of(Score::Gti, without("gti_assessment")), None);
    let mut odd = high();
    odd["attributes"]["gti_assessment"]["threat_score"]["value"] = json!(101);
    assert_eq!(of(Score::Gti, odd), None);
}

fn with_stats(stats: &Value) -> vtreporter::virustotal::objects::File {
    file(&json!({ "id": sha256(1), "attributes": { "last_analysis_stats": stats } }))
}

#[test]
fn the_share_of_engines_is_rounded_and_unknown_is_not_zero() {
    let score = |stats: Value| Score::Detections.of(&with_stats(&stats), None);
    assert_eq!(score(json!(null)), None);
    assert_eq!(score(json!({})), None);
    assert_eq!(score(json!({ "malicious": 0, "undetected": 0 })), None);
    assert_eq!(score(json!({ "malicious": 0, "undetected": 70 })), Some(0));
    assert_eq!(score(json!({ "malicious": 1, "undetected": 400 })), Some(1));
    let both = json!({ "malicious": 30, "suspicious": 5, "undetected": 35, "harmless": 0 });
    assert_eq!(score(both), Some(50));
    assert_eq!(score(json!({ "malicious": 70 })), Some(100));
    let odd = json!({ "malicious": i64::MAX, "suspicious": -3, "undetected": i64::MAX });
    assert_eq!(score(odd), Some(50));
}

#[test]
fn severity_gives_the_band_and_the_engines_the_place_in_it() {
    let table = [
        (Severity::High, [70, 72, 85, 100]),
        (Severity::Medium, [40, 42, 55, 69]),
        (Severity::Low, [20, 21, 30, 39]),
        (Severity::None, [0, 2, 20, 39]),
    ];
    for (severity, expected) in table {
        let scores = [0, 4, 35, 70].map(|found| {
            let stats = json!({ "malicious": found, "undetected": 70 - found });
            Score::Combined.of(&with_stats(&stats), Some(severity))
        });
        assert_eq!(scores, expected.map(Some), "{severity:?}");
    }
    // One engine of very many is still not none.
    let one = json!({ "malicious": 1, "undetected": 400 });
    let score = Score::Combined.of(&with_stats(&one), Some(Severity::None));
    assert_eq!(score, Some(1));
}

#[test]
fn where_severity_or_the_engines_say_nothing_the_other_is_taken_at_its_word() {
    let of = |severity, stats: Value| Score::Combined.of(&with_stats(&stats), severity);
    let well_known = json!({ "malicious": 60, "undetected": 10 });
    assert_eq!(of(None, well_known), Some(86));
    assert_eq!(of(None, json!({ "undetected": 70 })), Some(0));
    assert_eq!(of(Some(Severity::High), json!(null)), Some(70));
    assert_eq!(of(Some(Severity::Low), json!({})), Some(20));
    assert_eq!(of(Some(Severity::None), json!(null)), None);
    assert_eq!(of(None, json!(null)), None);
}

/// The scores of the file and of its indicator.
fn both(value: Value, wanted: Objects) -> [Option<u64>; 2] {
    let (all, _) = made(&[value], &BTreeMap::new(), wanted);
    ["file", "indicator"].map(|kind| of_type(&all, kind)[0]["x_opencti_score"].as_u64())
}

#[test]
fn todays_malware_that_few_engines_know_does_not_read_as_harmless() {
    let mut fresh = rich(1, "SEVERITY_HIGH");
    fresh["attributes"]["last_analysis_stats"] = json!({ "malicious": 4, "undetected": 66 });
    let [file, indicator] = both(fresh, Objects::default());
    assert_eq!((file, indicator), (Some(72), Some(72)));
}

#[test]
fn no_indicator_is_born_revoked_however_its_score_is_made() {
    let mut fresh = rich(1, "SEVERITY_LOW");
    fresh["attributes"]["last_analysis_stats"] = json!({ "malicious": 4, "undetected": 66 });
    fresh["attributes"]["gti_assessment"]["threat_score"]["value"] = json!(0);
    for (score, of_file) in [
        (Score::Combined, 21),
        (Score::Detections, 6),
        (Score::Severity, 30),
        (Score::Gti, 0),
    ] {
        let of = |indicator_min_score| {
            let wanted = Objects {
                score,
                indicator_min_score,
                ..everything()
            };
            both(fresh.clone(), wanted)
        };
        assert_eq!(of(30), [Some(of_file), Some(30)], "{score:?}");
        assert_eq!(of(55), [Some(of_file), Some(55)], "{score:?}");
    }
}

#[test]
fn an_unknown_score_stays_unknown_unless_the_platforms_own_is_too_low() {
    let mut value = rich(1, "SEVERITY_HIGH");
    value["attributes"]["last_analysis_stats"] = Value::Null;
    let of = |indicator_min_score| {
        let wanted = Objects {
            score: Score::Detections,
            indicator_min_score,
            ..everything()
        };
        let (all, _) = made(&[value.clone()], &BTreeMap::new(), wanted);
        let scores = of_type(&all, "indicator").into_iter();
        let scores: Vec<_> = scores.map(|it| it["x_opencti_score"].as_u64()).collect();
        // Of the file, two addresses, a domain name and a URL.
        assert_eq!(scores.len(), 5);
        scores
    };
    assert_eq!(of(30), [None; 5]);
    assert_eq!(of(50), [None; 5]);
    assert_eq!(of(60), [Some(60); 5]);
}
