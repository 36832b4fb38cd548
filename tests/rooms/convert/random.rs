//! Whatever VirusTotal may send: no panic, unique ids, nothing dangling, the
//! same bytes twice, and nothing that the platform would object to.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vtreporter::convert::labels::Style;
use vtreporter::convert::malware::Rules;
use vtreporter::convert::score::Score;
use vtreporter::convert::{Objects, labels};
use vtreporter::stix::bundle::Limits;
use vtreporter::virustotal::facts::Severity;
use vtreporter::virustotal::objects::File;

use super::support::*;

/// Any JSON.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn or_anything(usual: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![6 => usual, 1 => anything()].boxed()
}

fn text() -> impl Strategy<Value = Value> {
    any::<String>().prop_map(Value::from)
}

fn texts() -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::option::of(word()), 0..6).prop_map(|list| json!(list))
}

fn hash(digits: usize) -> BoxedStrategy<Value> {
    or_anything(
        prop::string::string_regex(&format!("[0-9a-fA-F]{{{digits}}}"))
            .expect("a pattern")
            .prop_map(Value::from),
    )
}

fn fuzzy(pattern: &str) -> BoxedStrategy<Value> {
    let hash = prop::string::string_regex(pattern).expect("a pattern");
    or_anything(hash.prop_map(Value::from))
}

fn severity() -> BoxedStrategy<Value> {
    let words = [
        "SEVERITY_HIGH",
        "SEVERITY_MEDIUM",
        "SEVERITY_LOW",
        "SEVERITY_NONE",
        "x",
    ];
    or_anything(
        (prop::sample::select(words.to_vec()), any::<String>()).prop_map(
            |(level, why)| json!({ "threat_severity_level": level, "level_description": why }),
        ),
    )
}

fn stats() -> impl Strategy<Value = Value> {
    any::<[i64; 4]>().prop_map(
        |[a, b, c, d]| json!({ "malicious": a, "suspicious": b, "undetected": c, "harmless": d }),
    )
}

fn votes() -> impl Strategy<Value = Value> {
    prop::collection::vec((word(), any::<i64>()), 0..4).prop_map(|list| {
        let list: Vec<Value> = list
            .into_iter()
            .map(|(value, count)| json!({ "value": value, "count": count }))
            .collect();
        json!({ "popular_threat_category": list, "popular_threat_name": list })
    })
}

fn rules() -> impl Strategy<Value = Value> {
    let named = || prop::option::of(word());
    prop::collection::vec((named(), named()), 0..4).prop_map(|list| {
        let list = list.into_iter().map(|(name, more)| {
            json!({ "rule_name": name, "rule_title": name, "author": more, "rule_level": more })
        });
        Value::from(list.collect::<Vec<_>>())
    })
}

/// Of engines as well as of sandboxes, by name.
fn verdicts() -> impl Strategy<Value = Value> {
    let named = || prop::option::of(word());
    prop::collection::btree_map(any::<String>(), (named(), named()), 0..4).prop_map(|map| {
        let one = |(name, (text, other)): (String, (Option<String>, Option<String>))| {
            let category = if other.is_some() {
                "malicious"
            } else {
                "suspicious"
            };
            (
                name,
                json!({ "category": category, "result": text, "malware_names": [other] }),
            )
        };
        Value::Object(map.into_iter().map(one).collect())
    })
}

fn families() -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::option::of(word()), 0..4).prop_map(|list| {
        let list: Vec<Value> = list.into_iter().map(|it| json!({ "family": it })).collect();
        json!({ "families": list })
    })
}

fn gti() -> impl Strategy<Value = Value> {
    any::<i64>().prop_map(|score| json!({ "threat_score": { "value": score } }))
}

fn attributes() -> BoxedStrategy<Value> {
    let one = |name: &'static str, value: BoxedStrategy<Value>| {
        prop::option::weighted(0.8, value).prop_map(move |value| (name, value))
    };
    let number = || or_anything(any::<i64>().prop_map(Value::from));
    let parts = vec![
        one("sha256", hash(64)).boxed(),
        one("sha1", hash(40)).boxed(),
        one("md5", hash(32)).boxed(),
        one("tlsh", fuzzy("(T1)?[0-9A-F]{70}")).boxed(),
        one(
            "ssdeep",
            fuzzy("[0-9]{1,5}:[a-zA-Z0-9+/]{0,64}:[a-zA-Z0-9+/]{0,32}"),
        )
        .boxed(),
        one("size", number()).boxed(),
        one("first_submission_date", number()).boxed(),
        one("unique_sources", number()).boxed(),
        one("names", or_anything(texts())).boxed(),
        one("meaningful_name", or_anything(text())).boxed(),
        one("type_description", or_anything(text())).boxed(),
        one("tags", or_anything(texts())).boxed(),
        one("threat_severity", severity()).boxed(),
        one("last_analysis_stats", or_anything(stats())).boxed(),
        one("popular_threat_classification", or_anything(votes())).boxed(),
        one("crowdsourced_yara_results", or_anything(rules())).boxed(),
        one("sigma_analysis_results", or_anything(rules())).boxed(),
        one("last_analysis_results", or_anything(verdicts())).boxed(),
        one("sandbox_verdicts", or_anything(verdicts())).boxed(),
        one("malware_config", or_anything(families())).boxed(),
        one("gti_assessment", or_anything(gti())).boxed(),
        one(
            "exiftool",
            or_anything(text().prop_map(|mime| json!({ "MIMEType": mime }))),
        )
        .boxed(),
    ];
    or_anything(parts.prop_map(|parts| {
        let map: Map<String, Value> = parts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        Value::Object(map)
    }))
}

fn relationships() -> BoxedStrategy<Value> {
    let host = prop_oneof![
        "[a-z]{1,5}\\.example\\.net".boxed(),
        any::<[u8; 4]>()
            .prop_map(|it| std::net::Ipv4Addr::from(it).to_string())
            .boxed(),
        any::<[u16; 8]>()
            .prop_map(|it| std::net::Ipv6Addr::from(it).to_string())
            .boxed(),
        any::<String>().boxed(),
    ];
    let descriptor = or_anything((host, any::<String>()).prop_map(|(id, path)| {
        json!({ "type": "x", "id": id, "context_attributes": { "url": format!("http://{id}/{path}") } })
    }));
    let list = or_anything(
        prop::collection::vec(descriptor, 0..6).prop_map(|data| json!({ "data": data })),
    );
    let names = [
        "contacted_ips",
        "contacted_domains",
        "contacted_urls",
        "dropped_files",
    ];
    or_anything(
        prop::collection::btree_map(prop::sample::select(names.to_vec()), list, 0..4)
            .prop_map(|map| json!(map)),
    )
}

/// `behaviour_mitre_trees`, as far as its outside is as promised.
fn trees() -> impl Strategy<Value = Value> {
    let id = prop_oneof![
        3 => "T[0-9]{4}(\\.[0-9]{3})?".prop_map(Value::from),
        1 => anything(),
    ];
    let severity = prop::sample::select(vec!["HIGH", "MEDIUM", "INFO", "UNKNOWN"]);
    let technique = or_anything((id, any::<String>(), severity).prop_map(|(id, name, severity)| {
        json!({ "id": id, "name": name, "signatures": [{ "severity": severity }] })
    }));
    let tactic = or_anything(
        (any::<String>(), prop::collection::vec(technique, 0..4))
            .prop_map(|(name, list)| json!({ "name": name, "techniques": list })),
    );
    let tree = or_anything(
        prop::collection::vec(tactic, 0..3).prop_map(|list| json!({ "tactics": list })),
    );
    prop::collection::btree_map(any::<String>(), tree, 0..3).prop_map(|map| json!({ "data": map }))
}

fn label_rules() -> impl Strategy<Value = labels::Rules> {
    let prefix = prop::sample::select(vec!["", "vt:"]);
    let style = prop::sample::select(vec![Style::VirusTotal, Style::Plain]);
    (any::<[bool; 2]>(), 0..30_usize, prefix, style).prop_map(
        |([tags, rule_names], most, prefix, style)| labels::Rules {
            tags,
            rule_names,
            style,
            prefix: prefix.to_owned(),
            most,
            ..labels::Rules::default()
        },
    )
}

fn wanted() -> impl Strategy<Value = Objects> {
    let score = prop::sample::select(vec![
        Score::Combined,
        Score::Detections,
        Score::Severity,
        Score::Gti,
    ]);
    let least = 21..=100_u8;
    (any::<[bool; 6]>(), score, 0..5_u32, label_rules(), least).prop_map(
        |(on, score, min_votes, labels, indicator_min_score)| {
            let [
                indicators,
                network_indicators,
                malware,
                country,
                attack_patterns,
                notes,
            ] = on;
            Objects {
                indicators: indicators.then_some(Severity::Low),
                indicator_min_score,
                network_indicators,
                malware: malware.then(|| Rules {
                    min_votes,
                    ..Rules::default()
                }),
                country,
                score,
                labels,
                attack_patterns,
                notes,
            }
        },
    )
}

fn object() -> impl Strategy<Value = Value> {
    (hash(64), attributes(), prop::option::of(relationships())).prop_map(
        |(id, attributes, relationships)| {
            let mut object = json!({ "type": "file", "id": id, "attributes": attributes });
            if let Some(relationships) = relationships {
                object["relationships"] = relationships;
            }
            object
        },
    )
}

/// A word of VirusTotal's, and at times what programs write where they have none.
fn word() -> BoxedStrategy<String> {
    let nothing = prop::sample::select(vec!["None", "none", "NULL", "null", "", " ", "\u{200b}"]);
    prop_oneof![
        4 => any::<String>(),
        1 => nothing.prop_map(str::to_owned),
    ]
    .boxed()
}

/// No hash that the platform would merge files by, no label or family that says
/// nothing, no indicator that its decay would revoke at once.
fn assert_platform_proof(object: &Value, least: u8) {
    if let Some(hashes) = object["hashes"].as_object() {
        let strong = |hash: &String| ["MD5", "SHA-1", "SHA-256"].contains(&hash.as_str());
        assert!(hashes.keys().all(strong), "{object}");
    }
    for label in object["labels"].as_array().into_iter().flatten() {
        let label = label.as_str().expect("a text");
        let kinds = ["", "vt:", "yara:", "sigma:", "vt:yara:", "vt:sigma:"];
        let nothing = kinds.iter().filter_map(|kind| label.strip_prefix(kind));
        for word in nothing.map(str::to_lowercase) {
            assert!(!["", "none", "null"].contains(&word.trim()), "{label:?}");
        }
    }
    if object["type"] == "malware" {
        let name = object["name"].as_str().expect("a name").to_lowercase();
        assert!(!["", "none", "null"].contains(&name.trim()), "{name:?}");
    }
    if object["type"] == "indicator" {
        // Where there is none the platform takes 50.
        let score = object["x_opencti_score"].as_u64().unwrap_or(50);
        assert!(score >= u64::from(least), "{object}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn anything_becomes_sound_bundles_and_the_same_ones_twice(
        page in prop::collection::vec(object(), 0..6),
        children in prop::collection::vec(object(), 0..4),
        trees in trees(),
        wanted in wanted(),
        few in any::<bool>(),
    ) {
        let files: Vec<File> = page
            .iter()
            .filter_map(|value| Some(File::lenient(value)?.0))
            .collect();
        let mut related = BTreeMap::new();
        if let Some(first) = files.first() {
            let readable: Vec<Value> = children
                .into_iter()
                .filter(|value| File::lenient(value).is_some())
                .collect();
            let pages: RelatedPages = serde_json::from_value(json!({
                "dropped_files": { "data": readable },
                "similar_files": { "data": page.iter().filter(|value| File::lenient(value).is_some()).collect::<Vec<_>>() },
                "behaviour_mitre_trees": trees,
            })).expect("pages");
            related.insert(first.id.clone(), pages);
        }
        let least = wanted.indicator_min_score;
        let limits = if few { Limits { objects: 7, ..ROOMY } } else { ROOMY };
        let converter = converter_with(wanted);
        let once = run(&converter, &files, &related, limits);
        let twice = run(&converter, &files, &related, limits);
        prop_assert_eq!(&once.bundles, &twice.bundles);
        prop_assert_eq!(once.dangling, 0);
        for bundle in &once.bundles {
            assert_sound(bundle);
            let hidden = bundle.text.chars().find(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}'));
            prop_assert_eq!(hidden, None);
            prop_assert!(!bundle.text.contains("\\u0000"));
            for object in objects(bundle) {
                assert_platform_proof(&object, least);
                if let Some(name) = object["name"].as_str() {
                    prop_assert!(name.trim() == name && name.chars().count() >= 2, "{name:?}");
                }
            }
        }
    }
}
