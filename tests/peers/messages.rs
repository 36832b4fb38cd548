use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vtreporter::opencti::delivery::amqp::{Envelope, messages};
use vtreporter::opencti::delivery::{Directory, DirectorySettings, Sender};

use super::bundles::{expected, sent};
use super::python::Python;
use super::*;

/// Ours beside the official helper's, for each of these bundles.
async fn compare(python: &Python, bundles: &[String]) {
    let platform = platform().await;
    let client = ours(&platform);
    let registered = client.register(&registration()).await.unwrap();
    let work = client.work_add(CONNECTOR, "judged").await.unwrap();
    let asked = json!({"bundles": bundles, "work": work, "draft": "draft-1"});
    let answers = python.ask("split.py", &question(&platform, asked)).await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), bundles.len());
    let mut all = 0;
    for (bundle, theirs) in bundles.iter().zip(answers) {
        let envelope = Envelope {
            applicant: registered.user_id.as_deref(),
            work: Some(&work),
            draft: Some("draft-1"),
        };
        let ours = messages(bundle, envelope).unwrap();
        let theirs = theirs.as_array().unwrap();
        for (ours, theirs) in ours.iter().zip(theirs) {
            let ours: Value = serde_json::from_slice(ours).unwrap();
            let (ours, theirs) = (opened(ours), opened(theirs["message"].clone()));
            assert_eq!(ours, theirs, "of {bundle}");
        }
        assert_eq!(ours.len(), theirs.len(), "of {bundle}");
        for published in theirs {
            assert_eq!(published["exchange"], registered.amqp.exchange);
            assert_eq!(published["routing"], registered.amqp.routing);
            assert_eq!(published["persistent"], true);
            assert_eq!(published["encoding"], "utf-8");
        }
        all += ours.len();
    }
    // It announces as many as we do.
    assert_eq!(platform.works()[0].expected, all as u64);
    assert!(all > 0);
}

/// A message whose content is read: blanks and escapes are nobody's business.
fn opened(mut message: Value) -> Value {
    let content = STANDARD.decode(message["content"].as_str().unwrap());
    message["content"] = serde_json::from_slice(&content.unwrap()).unwrap();
    message
}

#[tokio::test]
async fn the_official_helper_makes_the_same_messages_of_our_bundles() {
    let Some(python) = Python::ready() else {
        return;
    };
    let (expected, sent) = (expected(), sent().await);
    let bundles = expected.iter().chain(sent);
    let bundles: Vec<_> = bundles.map(|bundle| bundle.text.clone()).collect();
    compare(&python, &bundles).await;
}

#[tokio::test]
async fn the_official_helper_makes_the_same_messages_of_bundles_that_make_no_sense() {
    let Some(python) = Python::ready() else {
        return;
    };
    let bundles: Vec<_> = (0..400).map(random::bundle).collect();
    compare(&python, &bundles).await;
}

#[tokio::test]
async fn the_official_helper_writes_the_same_document_into_a_directory() {
    let Some(python) = Python::ready() else {
        return;
    };
    let platform = platform().await;
    let bundle = expected().remove(0).text;
    let [theirs, ours] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let asked = json!({"bundle": bundle, "folder": theirs.path()});
    let answer = python.ask("document.py", &question(&platform, asked)).await;

    let registered = super::ours(&platform).register(&registration()).await;
    let registration = registration();
    let sender = Sender {
        id: registration.id,
        name: registration.name,
        scope: registration.scope,
        auto: false,
        validate_before_import: false,
        applicant: registered.unwrap().user_id,
    };
    let settings = DirectorySettings {
        path: ours.path().to_owned(),
        retention_days: 7,
    };
    let road = Directory::new(settings, sender, vtreporter::base::clock::system());
    road.send(&bundle).await.unwrap();
    let written: Vec<_> = std::fs::read_dir(ours.path()).unwrap().collect();
    assert_eq!(written.len(), 1);
    let path = written[0].as_ref().unwrap().path();
    let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let mut theirs = answer["document"].clone();
    // It writes the list that it was not given as null; readers take both.
    if theirs["entities_types"].is_null() {
        theirs["entities_types"] = json!([]);
    }
    assert_eq!(document, theirs);
    // Begun alike: who sweeps goes by it.
    let begins = |name: &str| name.starts_with("virustotal_reporter-2") && name.ends_with(".json");
    assert!(begins(path.file_name().unwrap().to_str().unwrap()));
    assert!(begins(answer["names"][0].as_str().unwrap()));
}
