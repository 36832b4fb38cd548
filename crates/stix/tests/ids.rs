//! Ids are the ones the platform itself computes.

use proptest::prelude::*;
use serde_json::{Value, json};
use stix::id::{self, FileKey, Id};
use stix::marking;
use uuid::{Uuid, uuid};

const NAMESPACE: Uuid = uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

fn ours(kind: &str, input: &Value) -> String {
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    match kind {
        "identity" => id::identity(text("name"), text("identity_class")).to_string(),
        "location-country" => {
            id::location(text("name"), text("x_opencti_location_type")).to_string()
        }
        "report" => id::report(text("name"), text("published")).to_string(),
        "indicator" => id::indicator(text("pattern")).to_string(),
        "malware" => id::malware(text("name")).to_string(),
        "attack-pattern" => {
            id::attack_pattern(text("name"), input["x_mitre_id"].as_str()).to_string()
        }
        "marking-definition" => {
            marking::id(text("definition_type"), text("definition")).to_string()
        }
        "file" => id::file(file_key(input)).to_string(),
        "ipv4-addr" => id::ipv4(text("value")).to_string(),
        "ipv6-addr" => id::ipv6(text("value")).to_string(),
        "domain-name" => id::domain(text("value")).to_string(),
        "url" => id::url(text("value")).to_string(),
        "note" => id::note(text("content"), input["created"].as_str()).to_string(),
        "relationship" => {
            let kind = leak(text("relationship_type"));
            id::relationship(kind, parse(text("source_ref")), parse(text("target_ref"))).to_string()
        }
        other => panic!("a vector of a kind that this test does not know: {other}"),
    }
}

fn file_key(input: &Value) -> FileKey<'_> {
    let hash = |name: &str| input["hashes"][name].as_str();
    hash("MD5")
        .map(FileKey::Md5)
        .or_else(|| hash("SHA-1").map(FileKey::Sha1))
        .or_else(|| hash("SHA-256").map(FileKey::Sha256))
        .or_else(|| hash("SHA-512").map(FileKey::Sha512))
        .unwrap_or_else(|| FileKey::Name(input["name"].as_str().unwrap_or_default()))
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn parse(text: &str) -> Id {
    let (kind, uuid) = text.split_once("--").expect("type--uuid");
    Id::new(leak(kind), uuid.parse().expect("a UUID"))
}

#[test]
fn every_vector_comes_out_as_the_platform_computes_it() {
    let text = include_str!("../../../tests/data/id_vectors.json");
    let vectors: Value = serde_json::from_str(text).expect("the vectors are JSON");
    let vectors = vectors["vectors"].as_array().expect("a list");
    assert!(vectors.len() >= 40, "vectors are missing");
    for vector in vectors {
        let kind = vector["kind"].as_str().expect("a kind");
        assert_eq!(
            ours(kind, &vector["input"]),
            vector["id"].as_str().expect("an id"),
            "{vector}"
        );
    }
}

/// The id of a canonical text made by a library that others keep.
fn reference(kind: &str, identifying: &Value) -> String {
    let canonical = serde_json_canonicalizer::to_vec(identifying).expect("canonical");
    format!("{kind}--{}", Uuid::new_v5(&NAMESPACE, &canonical))
}

proptest! {
    #[test]
    fn any_text_is_written_as_rfc_8785_wants_it(value in any::<String>(), other in any::<String>()) {
        prop_assert_eq!(id::url(&value).to_string(), reference("url", &json!({ "value": value })));
        prop_assert_eq!(
            id::note(&value, Some(&other)).to_string(),
            reference("note", &json!({ "content": value.trim(), "created": other }))
        );
        prop_assert_eq!(
            id::report(&value, &other).to_string(),
            reference("report", &json!({ "name": value.trim().to_lowercase(), "published": other }))
        );
        prop_assert_eq!(
            id::file(FileKey::Sha1(&value)).to_string(),
            reference("file", &json!({ "hashes": { "SHA-1": value } }))
        );
        prop_assert_eq!(
            id::attack_pattern(&value, None).to_string(),
            reference("attack-pattern", &json!({ "name": value.trim().to_lowercase() }))
        );
    }

    #[test]
    fn control_characters_are_escaped_as_rfc_8785_wants_it(value in "[\\x00-\\x1f\"\\\\\\x7f\u{2028}é]{0,20}") {
        let mut text = String::new();
        id::write_string(&mut text, &value);
        prop_assert_eq!(text.into_bytes(), serde_json_canonicalizer::to_vec(&value).expect("canonical"));
    }

    #[test]
    fn the_id_of_a_relationship_is_that_of_its_type_and_ends(a in any::<u128>(), b in any::<u128>()) {
        let source = Id::new("file", Uuid::from_u128(a));
        let target = Id::new("marking-definition", Uuid::from_u128(b));
        prop_assert_eq!(
            id::relationship("drops", source, target).to_string(),
            reference("relationship", &json!({
                "relationship_type": "drops",
                "source_ref": source.to_string(),
                "target_ref": target.to_string(),
            }))
        );
    }
}
