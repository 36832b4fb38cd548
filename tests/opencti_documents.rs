//! Every GraphQL document that the program can send, held against the
//! interface of every release that it promises to serve.

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use vtreporter::opencti::documents::{ALL, Operation};
use vtreporter::opencti::{Feature, Version};

const RELEASES: [(&str, &str); 4] = [
    (
        "6.5.1",
        include_str!("../src/standin/opencti/schema/6.5.1.graphql"),
    ),
    (
        "6.8.0",
        include_str!("../src/standin/opencti/schema/6.8.0.graphql"),
    ),
    (
        "6.9.0",
        include_str!("../src/standin/opencti/schema/6.9.0.graphql"),
    ),
    (
        "7.260817",
        include_str!("../src/standin/opencti/schema/7.260817.graphql"),
    ),
];

fn schema(release: &str, text: &str) -> Valid<Schema> {
    Schema::parse_and_validate(text, format!("{release}.graphql")).expect("a valid interface")
}

fn fits(schema: &Valid<Schema>, operation: &Operation) -> Result<(), String> {
    ExecutableDocument::parse_and_validate(schema, operation.text, "document.graphql")
        .map(|_| ())
        .map_err(|faults| faults.errors.to_string())
}

#[test]
fn every_document_fits_every_release_that_is_sent_it() {
    for (release, text) in RELEASES {
        let schema = schema(release, text);
        let version = Version::parse(release).unwrap();
        for operation in ALL {
            if operation.needs.is_none_or(|feature| version.has(feature)) {
                fits(&schema, &operation)
                    .unwrap_or_else(|faults| panic!("{} on {release}: {faults}", operation.name));
            }
        }
    }
}

#[test]
fn a_release_without_a_feature_names_its_word_when_it_refuses_the_document() {
    let mut refused = Vec::new();
    for (release, text) in RELEASES {
        let schema = schema(release, text);
        for operation in ALL {
            let Some(feature) = operation.needs else {
                continue;
            };
            match fits(&schema, &operation) {
                Ok(()) => assert!(Version::parse(release).unwrap().has(feature)),
                Err(_) => refused.push((release, feature)),
            }
        }
    }
    let newest_only = [Feature::MultiPartWork, Feature::RegisteredS3];
    for feature in newest_only {
        for release in ["6.5.1", "6.8.0", "6.9.0"] {
            assert!(
                refused.contains(&(release, feature)),
                "{release} {feature:?}"
            );
        }
    }
    for feature in [Feature::PushWork, Feature::StateTimestamp] {
        assert!(refused.contains(&("6.5.1", feature)));
    }
    assert_eq!(refused.len(), 8, "{refused:?}");
}
