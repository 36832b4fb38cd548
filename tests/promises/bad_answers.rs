//! Answers that are none, of either side.

use std::time::Duration;

use vtreporter::standin::opencti::{Failure, StandIn as OpenCti};
use vtreporter::standin::virustotal::{Answer, Fault, Made, On, StandIn as VirusTotal, World};

use crate::import::told;
use crate::rig::{Rig, file, many};

const SECOND: Duration = Duration::from_secs(1);

/// CR-15: the key goes to the configured host only, whatever a page says.
#[tokio::test]
async fn a_next_link_to_another_host_is_not_followed() {
    let elsewhere = VirusTotal::start(World::empty()).await.unwrap();
    let rig = Rig::new(many(700)).await;
    let next = format!("{}/intelligence/search?cursor=x", elsewhere.url());
    rig.vt
        .fail(Fault::new(On::Search, Answer::NextLink(next)).always());
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 700, "the cursor leads on");
    assert!(elsewhere.requests().is_empty());
}

/// CR-15: a redirect is not followed either.
#[tokio::test]
async fn a_redirect_of_either_side_is_not_followed() {
    let elsewhere = VirusTotal::start(World::empty()).await.unwrap();
    let rig = Rig::new(many(3)).await;
    rig.vt.fail(Fault::new(
        On::Search,
        Answer::Redirect(307, format!("{}/x", elsewhere.url())),
    ));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert!(elsewhere.requests().is_empty());
    let message = rig.opencti.works()[0]
        .messages
        .last()
        .unwrap()
        .message
        .clone();
    assert!(
        message.contains("redirect") && message.contains("VTREPORTER_API_URL"),
        "{message}"
    );

    let other = OpenCti::start(vtreporter::standin::opencti::OpenCtiWorld::new(
        vtreporter::standin::opencti::Release::V7,
        "t",
    ))
    .await
    .unwrap();
    let rig = Rig::new(many(3))
        .await
        .set("CONNECTOR_RUN_AND_TERMINATE", "true");
    rig.opencti
        .fail(Failure::redirect(&format!("{}/graphql", other.url())).always());
    let exit = rig.connector().end().await.unwrap_err();
    assert_eq!(exit.code(), 2);
    assert!(exit.to_string().contains("OPENCTI_URL"), "{exit}");
    assert!(other.requests().is_empty());
}

/// CR-15: a page that leads to itself stops the search, and what it held is there.
#[tokio::test]
async fn a_cursor_that_leads_to_itself_stops_the_run_and_loses_nothing() {
    let rig = Rig::new(many(700)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::SameCursor).nth(2));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert!(
        rig.vt.searches().len() <= 3,
        "{:?}",
        rig.vt.searches().len()
    );
    let work = rig.opencti.works()[0].clone();
    assert!(work.in_error);
    assert!(
        work.messages.last().unwrap().message.contains("circles"),
        "{work:?}"
    );
    assert_eq!(rig.files().len(), 600, "the page itself was read");
    rig.hand.advance(Duration::from_secs(600));
    rig.idle(2).await;
    assert_eq!(rig.files().len(), 700);
    assert_eq!(told(&rig.report()).0[5], 700);
    assert_eq!(rig.reports().len(), 1);
}

#[tokio::test]
async fn every_bad_page_of_virustotal_is_outlived() {
    for (answer, times) in [
        (Answer::transient(), 1),
        (Answer::deadline(), 2),
        (Answer::html(502), 1),
        (Answer::html(200), 1),
        (Answer::Cut(2000), 1),
        (Answer::wrong_json(), 1),
        (Answer::no_json(), 1),
        (Answer::Text(200, "application/json", String::new()), 1),
        (Answer::Text(200, "application/json", "[]".to_owned()), 1),
        (
            Answer::Text(200, "application/json", "{\"data\":null}".to_owned()),
            1,
        ),
        (Answer::Gzip, 1),
        (Answer::not_found(), 1),
        (Answer::Error(418, "Teapot", "short and stout"), 1),
    ] {
        let what = format!("{answer:?}");
        let rig = Rig::new(many(700)).await;
        rig.vt
            .fail(Fault::new(On::Search, answer).nth(2).times(times));
        let _connector = rig.connector();
        rig.pass(
            5 * SECOND,
            rig.until(|it| it.objects_of("file").len() == 700),
        )
        .await;
        rig.pass(
            5 * SECOND,
            rig.until(|_| rig.state()["countries"]["AU"]["last_end"].is_string()),
        )
        .await;
        assert_eq!(rig.reports().len(), 1, "{what}");
        assert_eq!(told(&rig.report()).0[5], 700, "{what}");
        rig.assert_sound();
    }
}

#[tokio::test]
async fn null_attributes_cost_only_themselves() {
    let rig = Rig::new(many(50)).await;
    rig.vt
        .fail(Fault::new(On::Search, Answer::NullAttributes(5)));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 50);
    rig.assert_sound();
}

/// Listed and not there: VirusTotal's own everyday state.
#[tokio::test]
async fn what_virustotal_lists_and_does_not_have_is_a_note_and_no_gap() {
    let rig = Rig::new(many(50))
        .await
        .set("CONNECTOR_RUN_AND_TERMINATE", "true");
    rig.vt.fail(Fault::new(On::Search, Answer::Stubs(5)));
    rig.connector().end().await.unwrap();
    let missing: Vec<String> = (0..5).map(id).collect();
    let files = rig.files();
    assert_eq!(files.len(), 45);
    assert!(missing.iter().all(|id| !files.contains(id)));
    let work = &rig.opencti.works()[0];
    assert!(!work.in_error, "{work:?}");
    let message = &work.messages.last().unwrap().message;
    let note = format!(
        "5 objects that VirusTotal lists and does not have ({}, ...)",
        missing[..3].join(", ")
    );
    assert!(message.contains(&note), "{message}");
    assert!(!message.contains("Missing"), "{message}");
    let description = rig.report()["description"].as_str().unwrap().to_owned();
    assert!(description.contains("**Complete.**"), "{description}");
    assert!(description.contains(&missing[2]), "{description}");
    assert!(!description.contains("Gaps"), "{description}");
    rig.assert_sound();
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_a_gap_that_names_three() {
    let rig = Rig::new(many(50)).await;
    let broken = Answer::rewrite(|page| {
        for object in page["data"].as_array_mut().unwrap().iter_mut().take(5) {
            let id = object["id"].clone();
            let message = format!("File {id} cannot be read now");
            *object = serde_json::json!({ "type": "file", "id": id,
                "error": { "code": "TransientError", "message": message } });
        }
    });
    rig.vt.fail(Fault::new(On::Search, broken));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 45);
    let work = &rig.opencti.works()[0];
    assert!(work.in_error);
    let message = &work.messages.last().unwrap().message;
    let named = format!("(5 times: {}, {}, {}, ...)", id(0), id(1), id(2));
    assert!(message.contains(&named), "{message}");
    assert!(message.contains("TransientError"), "{message}");
    rig.assert_sound();
}

/// VirusTotal's id of a file of [`many`].
fn id(number: u32) -> String {
    file(number, "MEDIUM", 0)["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_bad_answer_of_the_platform_is_outlived() {
    for field in [
        "stixBundlePush",
        "pingConnector",
        "workAdd",
        "workEdit",
        "connector",
        "registerConnector",
        "about",
    ] {
        for failure in [
            Failure::html(502),
            Failure::html(200),
            Failure::cut_body(),
            Failure::error("DATABASE_ERROR", "busy"),
            Failure::answer(200, "application/json", "{\"data\":"),
            Failure::answer(200, "application/json", "{}"),
        ] {
            let what = format!("{field}: {failure:?}");
            let rig = Rig::new(many(20)).await;
            rig.opencti.fail(failure.on(field));
            let _connector = rig.connector();
            rig.pass(
                SECOND,
                rig.until(|_| rig.state()["countries"]["AU"]["last_end"].is_string()),
            )
            .await;
            assert_eq!(rig.files().len(), 20, "{what}");
            assert_eq!(rig.reports().len(), 1, "{what}");
            rig.assert_sound();
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_for_a_proxy_goes_in_halves() {
    let rig = Rig::new(many(50)).await;
    rig.opencti
        .fail(Failure::too_large().on("stixBundlePush").times(2));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_eq!(rig.files().len(), 50);
    let refs = rig.report()["object_refs"].as_array().map(Vec::len);
    assert!(refs >= Some(50), "{refs:?}");
}

/// The operator's own conditions narrow the search; they cannot undo it.
#[tokio::test]
async fn extra_conditions_cannot_undo_country_and_window() {
    let named = |number: u32, name: &str, minutes: i64| {
        let mut file = file(number, "MEDIUM", minutes);
        file["attributes"]["tags"] = serde_json::json!([name]);
        file
    };
    let world = World::empty()
        .with_file(named(1, "one", 10))
        .with_file(named(2, "two", 10))
        .with_file(named(3, "other", 10))
        .with_file(named(4, "two", 3 * 24 * 60))
        .with(Made::new(named(5, "two", 10)).submitted_from(&["NZ"]));
    for extra in [
        "tag:one OR tag:two",
        "tag:one OR(tag:two)",
        "(tag:one)OR(tag:two)",
        "(tag:one)OR tag:two",
    ] {
        let rig = Rig::new(world.clone())
            .await
            .set("VTREPORTER_EXTRA_QUERY", extra);
        let _connector = rig.connector();
        rig.idle(1).await;
        let mut expected = vec![id(1), id(2)];
        expected.sort();
        assert_eq!(rig.files(), expected, "{extra}: {:?}", rig.queries());
    }
}
