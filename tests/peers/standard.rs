use std::collections::BTreeMap;

use super::bundles::{Bundle, expected, sent};
use super::python::Python;
use super::*;

/// What the validator finds wrong and is right nevertheless, and why.
const KNOWN: &[(&str, &str)] = &[(
    "'under_score.example' is not a 'idn-hostname'",
    "such names resolve, malware uses them, and RFC 5890 knows such labels",
)];

async fn judge(python: &Python, bundles: &[Bundle]) -> (Vec<String>, BTreeMap<String, usize>) {
    let values: Vec<_> = bundles.iter().map(Bundle::value).collect();
    let verdicts = python.ask("standard.py", &json!(values)).await;
    let mut errors = Vec::new();
    let mut warnings = BTreeMap::new();
    for (bundle, verdict) in bundles.iter().zip(verdicts.as_array().unwrap()) {
        let texts = |key: &str| {
            let list = verdict[key].as_array().unwrap().iter();
            list.filter_map(|text| Some(text.as_str()?.to_owned()))
                .collect::<Vec<_>>()
        };
        let mut found = texts("errors");
        assert_eq!(found.is_empty(), verdict["valid"].as_bool().unwrap());
        found.extend(
            verdict["library"]
                .as_str()
                .map(|error| format!("the library: {error}")),
        );
        errors.extend(
            found
                .iter()
                .map(|error| format!("{}: {error}", bundle.from)),
        );
        for warning in texts("warnings") {
            *warnings.entry(without_ids(&warning)).or_default() += 1;
        }
    }
    (errors, warnings)
}

/// The text with one word for every id, so that equal ones can be counted.
fn without_ids(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once("--") {
        Some((kind, _)) => format!("{kind}--*"),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn neither_the_validator_nor_the_library_finds_an_error_in_our_bundles() {
    let Some(python) = Python::ready() else {
        return;
    };
    let sent = sent().await.iter().cloned();
    let bundles: Vec<_> = expected().into_iter().chain(sent).collect();
    let (mut errors, warnings) = judge(&python, &bundles).await;
    for (warning, count) in warnings {
        println!("{count:6} times: {warning}");
    }
    for (text, why) in KNOWN {
        let before = errors.len();
        errors.retain(|error| !error.contains(text));
        assert!(
            errors.len() < before,
            "nobody objects any more to {text}: {why}"
        );
    }
    let shown = &errors[..errors.len().min(30)];
    assert!(
        errors.is_empty(),
        "{} errors, as\n{}",
        errors.len(),
        shown.join("\n")
    );
}

#[tokio::test]
async fn the_judges_do_find_errors_where_there_are_some() {
    let Some(python) = Python::ready() else {
        return;
    };
    let object = json!({"type": "url", "spec_version": "2.1", "value": "http://a b",
        "id": "url--20600683-3c5a-5751-b31f-308c1579b45c"});
    let bundle = json!({"type": "bundle", "objects": [object],
        "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d"});
    let bundle = Bundle {
        from: "a wrong one".to_owned(),
        text: bundle.to_string(),
    };
    let (errors, _) = judge(&python, &[bundle]).await;
    assert!(errors[0].contains("is not a 'uri'"), "{errors:?}");
}
