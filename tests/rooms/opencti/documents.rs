//! Every GraphQL document that the program can send, held against the
//! interface of every release that it promises to serve.

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use vtreporter::opencti::documents::{ALL, Operation};
use vtreporter::opencti::{Feature, Version};
use vtreporter::standin::opencti::Release;

fn schema(release: Release) -> Valid<Schema> {
    Schema::parse_and_validate(release.schema(), "interface.graphql").expect("a valid interface")
}

fn version(release: Release) -> Version {
    Version::parse(release.version()).unwrap()
}

fn fits(schema: &Valid<Schema>, operation: &Operation) -> Result<(), String> {
    ExecutableDocument::parse_and_validate(schema, operation.text, "document.graphql")
        .map(|_| ())
        .map_err(|faults| faults.errors.to_string())
}

#[test]
fn every_document_fits_every_release_that_is_sent_it() {
    for release in Release::ALL {
        let schema = schema(release);
        let version = version(release);
        for operation in ALL {
            if operation.needs.is_none_or(|feature| version.has(feature)) {
                fits(&schema, &operation)
                    .unwrap_or_else(|faults| panic!("{} on {version}: {faults}", operation.name));
            }
        }
    }
}

#[test]
fn a_release_without_a_feature_names_its_word_when_it_refuses_the_document() {
    let mut refused = Vec::new();
    for release in Release::ALL {
        let schema = schema(release);
        for operation in ALL {
            let Some(feature) = operation.needs else {
                continue;
            };
            match fits(&schema, &operation) {
                Ok(()) => assert!(version(release).has(feature)),
                Err(faults) => {
                    assert!(faults.contains(feature.word()), "{faults}");
                    refused.push((release, feature));
                }
            }
        }
    }
    let newest_only = [Feature::MultiPartWork, Feature::RegisteredS3];
    for feature in newest_only {
        for release in [Release::V6_5_1, Release::V6_8_0, Release::V6_9_0] {
            assert!(
                refused.contains(&(release, feature)),
                "{release:?} {feature:?}"
            );
        }
    }
    for feature in [Feature::PushWork, Feature::StateTimestamp] {
        assert!(refused.contains(&(Release::V6_5_1, feature)));
    }
    assert_eq!(refused.len(), 11, "{refused:?}");
}
