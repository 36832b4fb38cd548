//! The API road and several roads together, against a strict platform.

use serde_json::Value;
use vtreporter::base::clock;
use vtreporter::opencti::delivery::{Api, Directory, DirectorySettings, Left, Roads, Sender};
use vtreporter::opencti::{Error, OpenCti, Remedy, Road};
use vtreporter::standin::opencti::{CameBy, Failure, OpenCtiWorld, Release, StandIn};

use super::{CONNECTOR, TOKEN, bundle, client, hurried, registration};

async fn ready(
    world: OpenCtiWorld,
) -> (
    StandIn,
    OpenCti,
    vtreporter::base::clock::ManualClock,
    String,
) {
    let opencti = StandIn::start(world).await.unwrap();
    let (client, hand) = client(&opencti.url());
    client.version().await.unwrap();
    client.register(&registration()).await.unwrap();
    let work = client.work_add(CONNECTOR, "work").await.unwrap();
    (opencti, client, hand, work)
}

fn api(client: &OpenCti) -> Road {
    Road::Api(Api::new(client.clone(), CONNECTOR, None))
}

#[tokio::test]
async fn a_bundle_arrives_on_every_release_and_belongs_to_its_work_where_that_can_be() {
    for release in Release::ALL {
        let (opencti, client, _, work) = ready(OpenCtiWorld::new(release, TOKEN)).await;
        let sent = api(&client)
            .send(&bundle(5).to_string(), Some(&work))
            .await
            .unwrap();
        assert_eq!((sent.objects, sent.bundles), (14, 1));
        assert_eq!(opencti.objects().len(), 14);
        assert_eq!(opencti.faults(), []);
        let named = (release != Release::V6_5_1).then_some(work);
        assert_eq!(opencti.bundles()[0].work, named);
        let added = opencti.requests_for("workEdit.addExpectations");
        assert!(added.is_empty(), "the platform counts by itself");
    }
}

#[tokio::test]
async fn a_bundle_over_the_platforms_limit_arrives_in_parts_without_a_fault() {
    let whole = bundle(60);
    let limit = whole.to_string().len() / 5;
    let world = OpenCtiWorld {
        body_limit: limit,
        ..OpenCtiWorld::new(Release::V7, TOKEN)
    };
    let (opencti, client, _, work) = ready(world).await;
    let sent = api(&client)
        .send(&whole.to_string(), Some(&work))
        .await
        .unwrap();
    assert_eq!(sent.objects, whole["objects"].as_array().unwrap().len());
    assert!(sent.bundles > 5);
    assert_eq!(opencti.faults(), []);
    for object in whole["objects"].as_array().unwrap() {
        let arrived = opencti.object(object["id"].as_str().unwrap()).unwrap();
        if object["type"] == "report" {
            let sorted = |object: &Value| {
                let refs = object["object_refs"].as_array().unwrap();
                let mut refs: Vec<String> = refs.iter().map(ToString::to_string).collect();
                refs.sort();
                refs
            };
            assert_eq!(sorted(&arrived), sorted(object));
        } else {
            assert_eq!(arrived["id"], object["id"]);
        }
    }
    assert_eq!(opencti.unreported(), Vec::<String>::new());
}

/// A bundle of 60 files of which one is larger than a road's limit of 40,000.
fn one_giant() -> (Value, String) {
    let mut whole = bundle(60);
    let objects = whole["objects"].as_array_mut().unwrap();
    let giant = objects
        .iter_mut()
        .filter(|one| one["type"] == "file")
        .nth(7);
    let giant = giant.unwrap();
    giant["x_opencti_description"] = "x".repeat(60_000).into();
    let id = giant["id"].as_str().unwrap().to_owned();
    (whole, id)
}

#[tokio::test]
async fn one_object_over_the_limit_stays_behind_with_what_names_it_and_the_rest_arrives() {
    let (whole, giant) = one_giant();
    let world = OpenCtiWorld {
        body_limit: 40_000,
        ..OpenCtiWorld::new(Release::V7, TOKEN)
    };
    let (opencti, client, _, work) = ready(world).await;
    let road = Roads::new([api(&client)]);
    let sent = road.send(&whole.to_string(), Some(&work)).await.unwrap();
    let named: Vec<&Left> = sent.left.iter().collect();
    assert!(named.contains(&&Left::TooLarge(giant.clone())), "{named:?}");
    let links = |left: &&&Left| matches!(left, Left::Names(id) if id.starts_with("relationship--"));
    assert_eq!(named.iter().filter(links).count(), 2, "{named:?}");
    assert_eq!(named.len(), 3, "{named:?}");
    let all = whole["objects"].as_array().unwrap().len();
    assert_eq!(sent.objects, all - 3);
    assert_eq!(opencti.objects().len(), all - 3);
    assert_eq!(opencti.faults(), []);
    assert_eq!(opencti.unreported(), Vec::<String>::new());
    let report = &opencti.objects_of("report")[0];
    assert!(!report["object_refs"].to_string().contains(&giant));
    // And once more: what is known to be too large is left as before.
    let again = road.send(&whole.to_string(), Some(&work)).await.unwrap();
    assert_eq!(again.left, sent.left);
}

#[tokio::test]
async fn a_road_that_takes_nothing_is_shut_and_leaves_nothing_behind() {
    let world = OpenCtiWorld {
        body_limit: 2_000,
        ..OpenCtiWorld::new(Release::V7, TOKEN)
    };
    let (opencti, client, _, work) = ready(world).await;
    let (whole, _) = one_giant();
    let error = api(&client).send(&whole.to_string(), Some(&work)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert_eq!(opencti.objects().len(), 0);
}

#[tokio::test]
async fn a_draft_is_named_in_the_header_of_every_push_and_of_nothing_else() {
    let (opencti, client, _, work) = ready(OpenCtiWorld::new(Release::V7, TOKEN)).await;
    let draft = client.add_draft("draft").await.unwrap();
    let road = api(&client).in_draft(Some(draft.clone()));
    road.send(&bundle(2).to_string(), Some(&work))
        .await
        .unwrap();
    client.work_processed(&work, "done", false).await.unwrap();
    assert_eq!(opencti.bundles()[0].draft.as_deref(), Some(draft.as_str()));
    let elsewhere = opencti.requests_for("workEdit.toProcessed");
    assert_eq!(elsewhere[0].header("opencti-draft-id"), None);
    let out = road.in_draft(None);
    out.send(&bundle(1).to_string(), None).await.unwrap();
    assert_eq!(opencti.bundles()[1].draft, None);
}

#[tokio::test]
async fn a_push_is_repeated_after_passing_trouble_and_refused_for_good_otherwise() {
    let (opencti, client, hand, work) = ready(OpenCtiWorld::new(Release::V7, TOKEN)).await;
    let road = api(&client);
    let text = bundle(2).to_string();
    opencti.fail(Failure::html(502).on("stixBundlePush").times(2));
    hurried(&hand, road.send(&text, Some(&work))).await.unwrap();
    assert_eq!(opencti.requests_for("stixBundlePush").len(), 3);
    opencti.fail(Failure::error("UNSUPPORTED_ERROR", "Invalid bundle").on("stixBundlePush"));
    let error = hurried(&hand, road.send(&text, Some(&work)))
        .await
        .unwrap_err();
    assert_eq!(error.remedy(), Remedy::Fix, "{error}");
    assert!(error.to_string().contains("Invalid bundle"), "{error}");
    assert_eq!(opencti.requests_for("stixBundlePush").len(), 4);
}

fn directory(path: &std::path::Path) -> Road {
    let settings = DirectorySettings {
        path: path.to_owned(),
        retention_days: 7,
    };
    let sender = Sender {
        id: CONNECTOR.to_owned(),
        name: "VirusTotal".to_owned(),
        scope: vec!["vtreporter".to_owned()],
        auto: false,
        validate_before_import: false,
        applicant: None,
    };
    Road::Directory(Directory::new(settings, sender, clock::system()))
}

#[tokio::test]
async fn several_roads_carry_the_same_bundle_and_one_that_fails_is_an_error() {
    let (opencti, client, _, work) = ready(OpenCtiWorld::new(Release::V7, TOKEN)).await;
    let folder = tempfile::tempdir().unwrap();
    let roads = Roads::new([api(&client), directory(folder.path())]);
    assert!(roads.has_works() && roads.is_counted_by_platform() && !roads.buffering());
    let sent = roads
        .send(&bundle(3).to_string(), Some(&work))
        .await
        .unwrap();
    assert_eq!((sent.objects, sent.bundles), (10, 1));
    assert_eq!(opencti.bundles()[0].road, CameBy::Api);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let gone = folder.path().join("gone");
    let roads = Roads::new([api(&client), directory(&gone)]);
    let error = roads
        .send(&bundle(3).to_string(), Some(&work))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Directory { .. }), "{error}");
    assert_eq!(opencti.bundles().len(), 1, "files come first");
    roads.close().await;

    assert!(!Roads::new([directory(folder.path())]).has_works());
}
