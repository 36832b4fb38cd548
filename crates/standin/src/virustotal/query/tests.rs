use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::virustotal::world::{Made, World};

/// 2026-11-02T00:00:00Z
const START: i64 = 1_793_577_600;

fn day() -> Range<DateTime<Utc>> {
    let start = DateTime::from_timestamp(START, 0).unwrap();
    start..start + TimeDelta::days(1)
}

fn ids(world: &World, query: &str) -> Vec<String> {
    let query = parse(query, START).unwrap();
    world
        .entries()
        .filter(|(_, entry)| Subject::new(*entry).is(&query))
        .map(|(_, entry)| entry.id())
        .collect()
}

fn refused(query: &str) -> &'static str {
    let refusal = parse(query, START).unwrap_err();
    assert_eq!(refusal.status, 400, "{query}");
    refusal.code
}

/// A file with these facts and no others.
fn file(id: &str, first: i64, malicious: i64) -> Made {
    Made::new(json!({ "type": "file", "id": id, "attributes": {
        "first_submission_date": first,
        "last_analysis_stats": { "malicious": malicious },
    } }))
}

fn three() -> World {
    let size = |made: Made, size: i64| {
        let mut object = made.object.clone();
        object["attributes"]["size"] = size.into();
        object["attributes"]["tags"] = json!(["peexe", "signed"]);
        object["attributes"]["type_tags"] = json!(["executable", "peexe"]);
        object["attributes"]["names"] = json!(["Invoice 7.EXE", null]);
        Made { object, ..made }
    };
    World::empty()
        .with(size(file("a", START, 5), 200).submitted_from(&["nz", "AU"]))
        .with(file("b", START + 86_400, 20).submitted_from(&["AU"]))
        .with(file("c", START + 90_000, 31).submitted_from(&["US"]))
}

#[test]
fn each_modifier_selects_what_it_says() {
    let world = three();
    for (query, wanted) in [
        ("entity:file", "abc"),
        ("submitter:AU", "ab"),
        ("submitter:au", "ab"),
        ("first_submitter:au", "b"),
        ("first_submitter:NZ", "a"),
        ("p:5", "a"),
        ("p:5+", "abc"),
        ("positives:20+ positives:31-", "b"),
        ("p:20-", "a"),
        ("size:200", "a"),
        ("size:1KB-", "a"),
        ("size:1KB+", ""),
        ("type:peexe", "a"),
        ("tag:SIGNED", "a"),
        ("name:invoice", "a"),
        ("name:\"invoice 7\"", "a"),
        ("fs:2026-11-02", "a"),
        ("fs:2026-11-03", "bc"),
        ("fs:2026-11-03+", "bc"),
        ("fs:2026-11-03-", "a"),
        ("fs:2026-11-03T00:00:00", "b"),
        ("fs:2026-11-03T00:00:00+ fs:2026-11-03T01:00:00-", "b"),
        ("fs:2026-11-03T01:00:00+", "c"),
        ("fs:1d+", "abc"),
        ("fs:0d-", ""),
        ("reputation:0", ""),
    ] {
        assert_eq!(ids(&world, query).concat(), wanted, "{query}");
    }
}

#[test]
fn operators_bind_as_documented() {
    let world = three();
    for (query, wanted) in [
        ("submitter:AU p:20+", "b"),
        ("submitter:AU AND p:20+", "b"),
        ("p:5 OR p:31", "ac"),
        ("submitter:AU p:5 OR p:31", "ac"),
        ("submitter:AU (p:5 OR p:31)", "a"),
        ("NOT submitter:AU", "c"),
        ("NOT (p:5 OR p:31) submitter:AU", "b"),
        ("NOT NOT p:5", "a"),
    ] {
        assert_eq!(ids(&world, query).concat(), wanted, "{query}");
    }
}

#[test]
fn a_hash_alone_finds_its_file_and_is_refused_among_others() {
    let id = "ab".repeat(32);
    let world = three().with(file(&id, START, 1));
    assert_eq!(ids(&world, &id.to_uppercase()).concat(), id);
    assert_eq!(refused(&format!("{id} p:5+")), "BadRequestError");
    assert_eq!(refused(&format!("NOT {id}")), "BadRequestError");
}

#[test]
fn what_virustotal_would_refuse_is_refused() {
    for query in [
        "threat_severity:HIGH",
        "fs:2026-11-02T00:00:00Z+",
        "fs:2026-13-02",
        "fs:20261102+",
        "fs:",
        "p:many",
        "p:5++",
        "submitter:Australia",
        "entity:url",
        "fs:2026-11-02T00:00:00 ++",
    ] {
        let code = refused(query);
        assert!(
            ["InvalidArgumentError", "BadRequestError"].contains(&code),
            "{query}"
        );
    }
    for query in [
        "", "p:5 AND", "OR p:5", "(p:5", "p:5)", "()", "name:\"a", "NOT",
    ] {
        assert_eq!(refused(query), "BadRequestError", "{query}");
    }
    assert_eq!(refused(&"(".repeat(100_000)), "BadRequestError");
}

#[test]
fn an_attribute_that_is_missing_or_odd_is_not_selected_by() {
    let odd = json!({ "type": "file", "id": "o", "attributes": { "size": [], "names": null } });
    let world = World::empty().with_file(odd);
    assert!(ids(&world, "size:0+ OR fs:2000-01-01+ OR p:0+ OR name:a").is_empty());
    assert_eq!(ids(&world, "submitter:AU"), ["o"]);
}

/// A query and the same thing said in Rust.
#[derive(Clone, Debug)]
enum Said {
    Positives(u32, char),
    First(i64, char),
    Country(&'static str),
    Both(Box<Said>, Box<Said>),
    Either(Box<Said>, Box<Said>),
    Not(Box<Said>),
}

impl Said {
    fn text(&self) -> String {
        match self {
            Self::Positives(n, sign) => format!("p:{n}{sign}").replace('=', ""),
            Self::First(at, sign) => {
                let at = DateTime::from_timestamp(*at, 0).unwrap();
                format!("fs:{}{sign}", at.format("%Y-%m-%dT%H:%M:%S")).replace('=', "")
            }
            Self::Country(country) => format!("submitter:{country}"),
            Self::Both(a, b) => format!("({}) ({})", a.text(), b.text()),
            Self::Either(a, b) => format!("({}) OR ({})", a.text(), b.text()),
            Self::Not(a) => format!("NOT ({})", a.text()),
        }
    }

    fn holds(&self, first: i64, positives: u32, countries: &[&str]) -> bool {
        let compared = |own: i64, sign: char, n: i64| match sign {
            '+' => own >= n,
            '-' => own < n,
            _ => own == n,
        };
        match self {
            Self::Positives(n, sign) => compared(positives.into(), *sign, (*n).into()),
            Self::First(at, sign) => compared(first, *sign, *at),
            Self::Country(country) => countries.contains(country),
            Self::Both(a, b) => {
                a.holds(first, positives, countries) && b.holds(first, positives, countries)
            }
            Self::Either(a, b) => {
                a.holds(first, positives, countries) || b.holds(first, positives, countries)
            }
            Self::Not(a) => !a.holds(first, positives, countries),
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    let sign = || prop::sample::select(vec!['+', '-', '=']);
    let leaf = prop_oneof![
        (0_u32..70, sign()).prop_map(|(n, sign)| Said::Positives(n, sign)),
        (START - 100..START + 86_500, sign()).prop_map(|(at, sign)| Said::First(at, sign)),
        prop::sample::select(vec!["AU", "NZ", "US"]).prop_map(Said::Country),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            (boxed(), boxed()).prop_map(|(a, b)| Said::Both(a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Said::Either(a, b)),
            boxed().prop_map(Said::Not),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_query_selects_what_a_plain_filter_selects(said in said(), seed in 0_u64..50) {
        let world = World::generate(seed, 120, &["AU", "NZ"], day());
        let wanted: Vec<String> = world
            .entries()
            .filter(|(_, entry)| {
                let facts = entry.facts().unwrap();
                let countries = Subject::new(*entry).submitters().collect::<Vec<_>>();
                said.holds(facts.first, facts.malicious, &countries)
            })
            .map(|(_, entry)| entry.id())
            .collect();
        prop_assert_eq!(ids(&world, &said.text()), wanted);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*|[()\":ANDORNOT pfs0-9+\\- ]{0,60}") {
        let _ = parse(&text, START);
    }
}
