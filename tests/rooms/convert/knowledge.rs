//! Promises about indicators, families, the country, techniques and notes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vtreporter::convert::Objects;
use vtreporter::convert::converter::Converter;
use vtreporter::convert::left_out::LeftOut;
use vtreporter::convert::malware::Rules;
use vtreporter::report::counts::Counts;
use vtreporter::stix::bundle::Limits;
use vtreporter::virustotal::facts::Severity;

use super::support::*;

fn trees(severity: &str) -> Value {
    let technique = |id: &str, name: &str, severity: &str| json!({ "id": id, "name": name, "signatures": [{ "severity": severity }] });
    json!({ "data": {
        "Zenbox": { "tactics": [
            { "name": "Defense Evasion", "techniques": [technique("T1055", "Process Injection", severity), technique("T1070.004", "File Deletion", "LOW")] },
            { "name": "Privilege Escalation", "techniques": [technique("T1055", "Process Injection", severity)] },
        ] },
        "Another": { "tactics": [{ "name": "Defense Evasion", "techniques": [technique("T1070.004", "File Deletion", "INFO"), technique("T10", "No technique", "HIGH")] }] },
    } })
}

fn links<'a>(all: &'a [Value], kind: &str, from: &str, to: &str) -> Vec<&'a Value> {
    let begins = |value: &Value, kind: &str| {
        value
            .as_str()
            .is_some_and(|id| id.starts_with(&format!("{kind}--")))
    };
    of_type(all, "relationship")
        .into_iter()
        .filter(|it| {
            it["relationship_type"] == kind
                && begins(&it["source_ref"], from)
                && begins(&it["target_ref"], to)
        })
        .collect()
}

#[test]
fn a_bad_file_becomes_an_indicator_that_looks_for_it_and_says_whose_it_is() {
    let (all, _) = made(
        &[rich(1, "SEVERITY_HIGH"), rich(2, "SEVERITY_MEDIUM")],
        &BTreeMap::new(),
        Objects::default(),
    );
    let indicators = of_type(&all, "indicator");
    assert_eq!(indicators.len(), 1, "only HIGH by default");
    let indicator = indicators[0];
    let file = of_type(&all, "file")[0];
    assert_eq!(
        indicator["pattern"],
        format!("[file:hashes.'SHA-256' = '{}']", sha256(1))
    );
    assert_eq!(indicator["pattern_type"], "stix");
    assert_eq!(indicator["valid_from"], "2026-11-19T13:00:12.000Z");
    assert!(indicator.get("valid_until").is_none());
    assert_eq!(indicator["indicator_types"], json!(["malicious-activity"]));
    assert_eq!(indicator["x_opencti_main_observable_type"], "StixFile");
    for same in [
        "x_opencti_score",
        "labels",
        "external_references",
        "object_marking_refs",
        "created_by_ref",
    ] {
        assert_eq!(indicator[same], file[same], "{same}");
    }
    assert_eq!(indicator["confidence"], 75);
    let based = links(&all, "based-on", "indicator", "file");
    assert_eq!(based[0]["target_ref"], file["id"]);
    let malware = of_type(&all, "malware");
    let indicates = links(&all, "indicates", "indicator", "malware");
    assert_eq!(indicates.len(), 1);
    assert_eq!(indicates[0]["target_ref"], malware[0]["id"]);
}

#[test]
fn an_indicator_without_a_first_submission_is_valid_from_the_windows_start_and_says_so() {
    for odd in [json!(null), json!(0), json!("soon")] {
        let mut value = rich(1, "SEVERITY_HIGH");
        value["attributes"]["first_submission_date"] = odd;
        let (all, _) = made(&[value], &BTreeMap::new(), Objects::default());
        let indicator = of_type(&all, "indicator")[0];
        assert_eq!(indicator["valid_from"], "2026-11-19T13:00:00.000Z");
        assert!(
            indicator["description"]
                .as_str()
                .unwrap()
                .contains("First submission is not known")
        );
    }
}

#[test]
fn a_file_without_a_sha256_has_no_indicator_and_that_is_counted() {
    let value = json!({ "id": "x", "attributes": { "md5": "a".repeat(32), "threat_severity": { "threat_severity_level": "SEVERITY_HIGH" } } });
    let (all, outcome) = made(&[value], &BTreeMap::new(), Objects::default());
    assert!(of_type(&all, "indicator").is_empty());
    assert_eq!(outcome.facts.left_out.get(LeftOut::IndicatorHash), 1);
}

#[test]
fn what_a_file_contacts_becomes_indicators_only_where_that_is_wanted() {
    let wanted = Objects {
        network_indicators: true,
        ..Objects::default()
    };
    let (all, _) = made(
        &[rich(1, "SEVERITY_HIGH"), rich(2, "SEVERITY_LOW")],
        &BTreeMap::new(),
        wanted.clone(),
    );
    let kinds: Vec<_> = of_type(&all, "indicator")
        .iter()
        .map(|it| {
            (
                it["x_opencti_main_observable_type"].as_str().unwrap(),
                it["pattern"].as_str().unwrap(),
            )
        })
        .collect();
    let file = format!("[file:hashes.'SHA-256' = '{}']", sha256(1));
    assert_eq!(
        kinds,
        [
            ("StixFile", file.as_str()),
            ("IPv4-Addr", "[ipv4-addr:value = '203.0.113.1']"),
            ("IPv6-Addr", "[ipv6-addr:value = '2001:db8::5']"),
            ("Domain-Name", "[domain-name:value = 'a.example.net']"),
            ("Url", r"[url:value = 'http://a.example.net/it\'s']"),
        ]
    );
    assert_eq!(links(&all, "indicates", "indicator", "malware").len(), 1);
    let (all, _) = made(&[rich(1, "SEVERITY_LOW")], &BTreeMap::new(), wanted);
    assert!(of_type(&all, "indicator").is_empty());
}

#[test]
fn a_family_is_one_object_with_one_link_to_the_country_however_many_files_it_has() {
    let files: Vec<Value> = (1..20).map(|seed| rich(seed, "SEVERITY_MEDIUM")).collect();
    let (all, _) = made(&files, &BTreeMap::new(), Objects::default());
    let malware = of_type(&all, "malware");
    assert_eq!(malware.len(), 1);
    assert_eq!(malware[0]["name"], "agenttesla");
    assert_eq!(malware[0]["is_family"], true);
    assert!(malware[0].get("aliases").is_none());
    assert_eq!(
        malware[0]["id"],
        "malware--31e68dce-8514-5b1f-91b7-872abd35420e"
    );
    assert_eq!(links(&all, "related-to", "file", "malware").len(), 19);
    assert_eq!(links(&all, "related-to", "malware", "location").len(), 1);
    assert_eq!(links(&all, "related-to", "report", "location").len(), 1);
    let to_country = of_type(&all, "relationship")
        .into_iter()
        .filter(|it| it["target_ref"].as_str().unwrap().starts_with("location"));
    for link in to_country {
        let text = link["description"].as_str().unwrap();
        assert!(
            text.contains("neither") && text.contains("target") && text.contains("origin"),
            "{text}"
        );
    }
}

#[test]
fn the_country_is_the_platforms_own_and_nobody_is_kept_from_seeing_it() {
    let (all, _) = made(
        &[rich(1, "SEVERITY_LOW")],
        &BTreeMap::new(),
        Objects::default(),
    );
    let location = of_type(&all, "location")[0];
    assert_eq!(
        location["id"],
        "location--6004efb1-d850-551c-af0d-4717244377a8"
    );
    assert_eq!(
        (&location["name"], &location["country"]),
        (&json!("Australia"), &json!("AU"))
    );
    assert_eq!(location["x_opencti_location_type"], "Country");
    assert_eq!(location["x_opencti_aliases"], json!(["AUS"]));
    assert!(location.get("object_marking_refs").is_none());
    let report = of_type(&all, "report")[0];
    assert!(
        report["object_refs"]
            .as_array()
            .unwrap()
            .contains(&location["id"])
    );
}

#[test]
fn a_family_that_only_a_related_file_has_is_not_linked_to_the_country() {
    let mut main = rich(1, "SEVERITY_HIGH");
    main["attributes"]["popular_threat_classification"] = Value::Null;
    let related = pages(
        1,
        json!({ "similar_files": { "data": [rich(2, "SEVERITY_HIGH")] } }),
    );
    let (all, _) = made(&[main], &related, Objects::default());
    assert_eq!(of_type(&all, "malware").len(), 1);
    assert!(links(&all, "related-to", "malware", "location").is_empty());
}

#[test]
fn two_countries_make_the_same_objects_of_one_file() {
    let wanted = everything();
    let of = |code: &str, name: &str| -> BTreeMap<String, Value> {
        let options = vtreporter::convert::Options {
            objects: wanted.clone(),
            ..options()
        };
        let outcome = run(
            &Converter::new(&options, subject(code, name)),
            &[file(&rich(1, "SEVERITY_HIGH"))],
            &pages(1, json!({ "behaviour_mitre_trees": trees("HIGH") })),
            ROOMY,
        );
        objects(&outcome.bundles[0])
            .into_iter()
            .map(|it| (it["id"].as_str().unwrap().to_owned(), it))
            .collect()
    };
    let (australia, zealand) = (of("AU", "Australia"), of("NZ", "New Zealand"));
    let own = |all: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>| -> Vec<String> {
        let own = all
            .iter()
            .filter(|(id, object)| other.get(*id) != Some(object));
        own.map(|(_, object)| object["type"].as_str().unwrap().to_owned())
            .collect()
    };
    // Report and country, and the two ends of each family and report at it.
    for own in [own(&australia, &zealand), own(&zealand, &australia)] {
        let mut own = own;
        own.sort();
        assert_eq!(own, ["location", "relationship", "relationship", "report"]);
    }
}

#[test]
fn techniques_from_medium_on_are_used_by_the_file_and_each_is_there_once() {
    let wanted = Objects {
        attack_patterns: true,
        ..bare()
    };
    let related = pages(1, json!({ "behaviour_mitre_trees": trees("MEDIUM") }));
    let (all, outcome) = made(&[rich(1, "SEVERITY_HIGH")], &related, wanted.clone());
    let patterns = of_type(&all, "attack-pattern");
    assert_eq!(patterns.len(), 1);
    assert_eq!(
        patterns[0]["id"],
        "attack-pattern--5acd04dd-553c-5d22-a05c-a548b9cc08cc"
    );
    assert_eq!(
        (&patterns[0]["x_mitre_id"], &patterns[0]["name"]),
        (&json!("T1055"), &json!("Process Injection"))
    );
    assert_eq!(
        patterns[0]["external_references"][0],
        json!({ "source_name": "mitre-attack", "external_id": "T1055", "url": "https://attack.mitre.org/techniques/T1055/" })
    );
    let uses = links(&all, "uses", "file", "attack-pattern");
    assert_eq!(
        uses[0]["description"],
        "Seen at VirusTotal by Zenbox; tactic: Defense Evasion, Privilege Escalation."
    );
    assert_eq!(outcome.facts.left_out.get(LeftOut::BadTechnique), 1);
    let related = pages(1, json!({ "behaviour_mitre_trees": trees("LOW") }));
    assert!(
        of_type(
            &made(&[rich(1, "SEVERITY_HIGH")], &related, wanted).0,
            "attack-pattern"
        )
        .is_empty()
    );
}

#[test]
fn a_note_holds_the_verdicts_bounded_and_harmless_and_is_the_same_twice() {
    let wanted = Objects {
        notes: true,
        ..bare()
    };
    let mut value = rich(1, "SEVERITY_HIGH");
    let engines: serde_json::Map<_, _> = (0..60).map(|n| (format!("Engine{n:02}"), json!({ "category": "malicious", "result": format!("[x](http://a.example.net/{n}) | <script>") }))).collect();
    value["attributes"]["last_analysis_results"] = engines.into();
    let (all, _) = made(&[value.clone()], &BTreeMap::new(), wanted.clone());
    let notes = of_type(&all, "note");
    assert_eq!(notes.len(), 1);
    let content = notes[0]["content"].as_str().unwrap();
    assert!(
        content.contains("| `Engine00` | `malicious` | `[x](http://a.example.net/0) ¦ <script>` |"),
        "{content}"
    );
    assert!(
        content.contains("And 35 more.") && !content.contains("Engine25"),
        "{content}"
    );
    for told in [
        "`Zenbox`",
        "`win_agenttesla`",
        "`Suspicious Parent`",
        "30 of 60 engines",
    ] {
        assert!(content.contains(told), "{told} in {content}");
    }
    assert_eq!(notes[0]["created"], "2026-11-19T13:00:12.000Z");
    assert_eq!(
        notes[0]["object_refs"],
        json!([of_type(&all, "file")[0]["id"]])
    );
    assert_eq!(
        of_type(&made(&[value], &BTreeMap::new(), wanted.clone()).0, "note"),
        notes
    );
    let plain = json!({ "id": sha256(3), "attributes": {} });
    assert!(of_type(&made(&[plain], &BTreeMap::new(), wanted).0, "note").is_empty());
}

#[test]
fn everything_switched_off_leaves_files_addresses_and_their_relationships() {
    let (all, _) = made(&[rich(1, "SEVERITY_HIGH")], &BTreeMap::new(), bare());
    for kind in ["indicator", "malware", "location", "attack-pattern", "note"] {
        assert!(of_type(&all, kind).is_empty(), "{kind}");
    }
    let few = Objects {
        malware: Some(Rules {
            min_votes: 10,
            ..Rules::default()
        }),
        ..bare()
    };
    assert!(
        of_type(
            &made(&[rich(1, "SEVERITY_HIGH")], &BTreeMap::new(), few).0,
            "malware"
        )
        .is_empty()
    );
}

#[test]
fn the_numbers_equal_the_objects_of_every_kind_however_they_are_cut() {
    let files: Vec<_> = (1..30)
        .map(|seed| {
            file(&rich(
                seed,
                ["SEVERITY_HIGH", "SEVERITY_MEDIUM", "SEVERITY_LOW"][seed as usize % 3],
            ))
        })
        .collect();
    let related = pages(
        3,
        json!({ "dropped_files": { "data": [rich(4, "SEVERITY_MEDIUM"), rich(100, "SEVERITY_HIGH")] }, "behaviour_mitre_trees": trees("HIGH") }),
    );
    for limits in [
        ROOMY,
        Limits {
            objects: 14,
            ..ROOMY
        },
    ] {
        let wanted = Objects {
            indicators: Some(Severity::Medium),
            ..everything()
        };
        let outcome = run(&converter_with(wanted), &files, &related, limits);
        for bundle in &outcome.bundles {
            assert!(bundle.objects <= limits.objects, "{}", bundle.objects);
        }
        let all = each_once(&outcome.bundles);
        let counts = &outcome.facts.counts;
        assert_counted(counts, &all);
        assert_eq!(counts.own_links, 1, "the report's own to its country");
        // Marking, author, country and report.
        assert_eq!(counts.objects() + 4, all.len() as u64);
    }
}

/// Of every kind there is something, and the numbers know all of it.
fn assert_counted(counts: &Counts, all: &[Value]) {
    let of_relation = |kind: &str| {
        of_type(all, "relationship")
            .iter()
            .filter(|it| it["relationship_type"] == kind)
            .count() as u64
    };
    for (count, kind) in [
        (counts.files(), "file"),
        (counts.indicators, "indicator"),
        (counts.malware, "malware"),
        (counts.attack_patterns, "attack-pattern"),
        (counts.notes, "note"),
        (counts.urls, "url"),
    ] {
        assert_eq!(count, of_type(all, kind).len() as u64, "{kind}");
        assert!(count > 0, "{kind}");
    }
    for (count, kind) in [
        (counts.related_to + counts.own_links, "related-to"),
        (counts.based_on, "based-on"),
        (counts.indicates, "indicates"),
        (counts.uses, "uses"),
        (counts.drops, "drops"),
        (counts.communicates_with, "communicates-with"),
    ] {
        assert_eq!(count, of_relation(kind), "{kind}");
        assert!(count > 0, "{kind}");
    }
}
