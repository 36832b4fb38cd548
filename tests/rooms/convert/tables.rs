//! Tables: the filter, the worst files.

use serde_json::{Value, json};
use vtreporter::convert::file_row::FileRow;
use vtreporter::convert::filter::{Dropped, Filter, decide};
use vtreporter::report::object::ReportObject;
use vtreporter::report::worst_files::{WORST, WorstFiles};
use vtreporter::virustotal::facts::{Severity, at_least};
use vtreporter::virustotal::objects::File;

use super::support::{KEEP_MOST, converter, file};

type Decision = Result<Option<Severity>, Dropped>;

fn rated(severity: Value, sources: Value) -> File {
    file(&json!({
        "id": "a".repeat(64),
        "attributes": { "threat_severity": severity, "unique_sources": sources },
    }))
}

fn level(word: &str) -> Value {
    json!({ "threat_severity_level": word })
}

#[test]
fn the_filter_keeps_and_drops_as_the_original_meant_to() {
    use Severity::{High, Low, Medium};
    let table: &[(Value, Value, Decision)] = &[
        (level("SEVERITY_NONE"), json!(9), Err(Dropped::RatedNone)),
        (level("SEVERITY_LOW"), json!(1), Err(Dropped::LowFewSources)),
        (level("SEVERITY_LOW"), json!(2), Ok(Some(Low))),
        (level("SEVERITY_LOW"), json!(null), Ok(Some(Low))),
        (level("SEVERITY_MEDIUM"), json!(1), Ok(Some(Medium))),
        (level("SEVERITY_HIGH"), json!(1), Ok(Some(High))),
        (level("SEVERITY_UNKNOWN"), json!(1), Ok(None)),
        (level("SEVERITY_HIGHEST"), json!(1), Ok(None)),
        (level("severity_high"), json!(1), Ok(None)),
        (json!({ "threat_severity_level": null }), json!(1), Ok(None)),
        (json!({}), json!(1), Ok(None)),
        (json!(null), json!(1), Ok(None)),
    ];
    for (severity, sources, expected) in table {
        let file = rated(severity.clone(), sources.clone());
        assert_eq!(
            &decide(&file, &KEEP_MOST),
            expected,
            "{severity} from {sources}"
        );
    }
}

#[test]
fn every_choice_of_the_filter_can_be_made_otherwise() {
    let filter = |min_severity, low_min_sources, keep_unknown| Filter {
        min_severity,
        low_min_sources,
        keep_unknown,
    };
    let none = rated(level("SEVERITY_NONE"), json!(1));
    assert_eq!(
        decide(&none, &filter(Severity::None, 2, true)),
        Ok(Some(Severity::None))
    );
    let low = rated(level("SEVERITY_LOW"), json!(1));
    assert_eq!(
        decide(&low, &filter(Severity::Low, 0, true)),
        Ok(Some(Severity::Low))
    );
    assert_eq!(
        decide(&low, &filter(Severity::Medium, 0, true)),
        Err(Dropped::BelowMinimum)
    );
    let many = rated(level("SEVERITY_LOW"), json!(4));
    assert_eq!(
        decide(&many, &filter(Severity::Low, 5, true)),
        Err(Dropped::LowFewSources)
    );
    let medium = rated(level("SEVERITY_MEDIUM"), json!(1));
    assert_eq!(
        decide(&medium, &filter(Severity::High, 2, true)),
        Err(Dropped::BelowMinimum)
    );
    let unknown = rated(json!(null), json!(1));
    assert_eq!(
        decide(&unknown, &filter(Severity::Low, 2, false)),
        Err(Dropped::UnknownSeverity)
    );
    assert_eq!(decide(&unknown, &filter(Severity::High, 2, true)), Ok(None));
}

#[test]
fn a_stub_and_a_file_without_a_hash_are_dropped_with_their_reason() {
    let stub = file(&json!({ "id": "a".repeat(64), "error": { "code": "NotFoundError" } }));
    assert_eq!(decide(&stub, &KEEP_MOST), Err(Dropped::Unreadable));
    let nothing = file(&json!({ "id": "abc", "attributes": { "names": ["x.exe"] } }));
    assert_eq!(decide(&nothing, &KEEP_MOST), Err(Dropped::NoHash));
    let by_md5 = file(&json!({ "id": "abc", "attributes": { "md5": "B".repeat(32) } }));
    assert_eq!(decide(&by_md5, &KEEP_MOST), Ok(None));
}

#[test]
fn an_unknown_severity_is_never_at_least_anything() {
    assert!(!at_least(None, Severity::None));
    assert!(at_least(Some(Severity::High), Severity::High));
    assert!(!at_least(Some(Severity::Medium), Severity::High));
}

#[test]
fn the_worst_files_come_first_and_the_list_does_not_grow() {
    let mut worst = WorstFiles::default();
    for seed in 0..500_u32 {
        let word = ["SEVERITY_LOW", "SEVERITY_HIGH", "SEVERITY_UNKNOWN"][seed as usize % 3];
        let file = file(&json!({
            "id": format!("{seed:064x}"),
            "attributes": {
                "threat_severity": { "threat_severity_level": word },
                "last_analysis_stats": { "malicious": seed % 60, "undetected": 10 },
            },
        }));
        let id = ReportObject::of(&converter()).id();
        let row = FileRow::of(&file, Severity::of(&file), None, id);
        worst.offer(&row);
        worst.offer(&row);
    }
    let entries = worst.entries();
    assert_eq!(entries.len(), WORST);
    assert!(
        entries
            .iter()
            .all(|entry| entry.rated == Some(Severity::High))
    );
    let found: Vec<_> = entries
        .iter()
        .map(|entry| entry.detections.map(|it| it.0))
        .collect();
    assert!(found.is_sorted_by(|a, b| a >= b), "{found:?}");
    assert_eq!(found[0], Some(58));
}
