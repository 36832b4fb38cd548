//! What the score of a file and of its indicator is made of.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vtreporter::convert::Objects;
use vtreporter::convert::score::Score;

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
