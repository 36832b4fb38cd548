//! The client against a strict platform, in every release.

use chrono::{DateTime, Utc};
use vtreporter::opencti::{ConnectorInfo, Error, Remedy};
use vtreporter::standin::opencti::{Failure, OpenCtiWorld, Release, StandIn, User};

use super::{CONNECTOR, TOKEN, client, hurried, registration};

const STATE: &str = r#"{"version":1,"AU":{"end":"2026-11-20T13:00:00Z"}}"#;

async fn start(release: Release) -> StandIn {
    StandIn::start(OpenCtiWorld::new(release, TOKEN))
        .await
        .unwrap()
}

fn info() -> ConnectorInfo {
    let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
    ConnectorInfo {
        run_and_terminate: false,
        buffering: true,
        queue_threshold: 500.0,
        queue_messages_size: 12.5,
        next_run: at("2026-11-21T13:00:00Z"),
        last_run: at("2026-11-20T13:00:00Z"),
    }
}

#[tokio::test]
async fn every_release_is_registered_with_pinged_and_asked_without_a_fault() {
    for release in Release::ALL {
        let opencti = start(release).await;
        let (client, _) = client(&opencti.url());
        assert_eq!(
            client.version().await.unwrap().to_string(),
            release.version()
        );
        let me = client.me().await.unwrap();
        assert!(me.may_connect() && me.name == "[C] Feeds");
        let registered = client.register(&registration()).await.unwrap();
        assert_eq!(registered.state, "");
        assert_eq!(registered.amqp.exchange, "amqp.worker.exchange");
        assert_eq!(registered.amqp.routing, format!("push_routing_{CONNECTOR}"));
        assert_eq!(registered.s3.is_some(), release == Release::V7);
        assert_eq!(client.ping(CONNECTOR, STATE, &info()).await.unwrap(), STATE);
        let pinged = client
            .ping_stamped(CONNECTOR, STATE, &info())
            .await
            .unwrap();
        assert_eq!(pinged.state, STATE);
        opencti.set_queue(7.0, 3.5e6);
        let queue = client.queue(CONNECTOR).await.unwrap();
        assert_eq!((queue.messages, queue.bytes), (7.0, 3.5e6));
        let again = client.register(&registration()).await.unwrap();
        assert_eq!(again.state, STATE, "the state comes back at the next start");
        let refused: Vec<_> = opencti
            .requests()
            .into_iter()
            .filter(|request| request.status != Some(200) || request.code.is_some())
            .collect();
        assert!(refused.is_empty(), "{release:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_platform_that_was_never_asked_for_its_version_is_learned_from_its_refusals() {
    for release in Release::ALL {
        let opencti = start(release).await;
        let (client, _) = client(&opencti.url());
        client.register(&registration()).await.unwrap();
        let info = ConnectorInfo::default();
        for _ in 0..2 {
            assert_eq!(client.ping(CONNECTOR, STATE, &info).await.unwrap(), STATE);
            client.work_add(CONNECTOR, "work").await.unwrap();
        }
        let refusals = opencti
            .requests()
            .iter()
            .filter(|r| r.status == Some(400))
            .count();
        let lacking = match release {
            Release::V6_5_1 => 3,
            Release::V6_8_0 | Release::V6_9_0 => 2,
            Release::V7 => 0,
        };
        assert_eq!(
            refusals, lacking,
            "{release:?}: once for each thing it lacks"
        );
    }
}

#[tokio::test]
async fn the_refresh_button_answers_the_ping_with_an_empty_state() {
    let opencti = start(Release::V7).await;
    let (client, _) = client(&opencti.url());
    client.register(&registration()).await.unwrap();
    client.ping(CONNECTOR, STATE, &info()).await.unwrap();
    opencti.press_refresh();
    assert_eq!(client.ping(CONNECTOR, STATE, &info()).await.unwrap(), "");
    assert_eq!(client.ping(CONNECTOR, "{}", &info()).await.unwrap(), "{}");
}

#[tokio::test]
async fn a_work_lives_from_its_name_to_its_last_word() {
    for release in Release::ALL {
        let opencti = start(release).await;
        let (client, _) = client(&opencti.url());
        client.version().await.unwrap();
        client.register(&registration()).await.unwrap();
        let work = client.work_add(CONNECTOR, "VirusTotal AU").await.unwrap();
        client.work_received(&work, "begun").await.unwrap();
        client.add_expectations(&work, 2).await.unwrap();
        client
            .report_expectation(&work, "no room", "file--1")
            .await
            .unwrap();
        client
            .report_expectation(&work, "no room", "file--2")
            .await
            .unwrap();
        let draft = client.add_draft("VirusTotal AU draft").await.unwrap();
        client.work_draft(&work, &draft).await.unwrap();
        client.work_processed(&work, "done", true).await.unwrap();
        let progress = client.work_progress(&work).await.unwrap();
        assert_eq!((progress.expected, progress.processed), (2, 2));
        assert_eq!(progress.status, "complete");
        let shown = &opencti.works()[0];
        assert_eq!(shown.name, "VirusTotal AU");
        assert_eq!(shown.multi_part, release == Release::V7);
        assert!(shown.closed && shown.in_error);
        assert_eq!(shown.draft.as_deref(), Some(draft.as_str()));
        let said: Vec<_> = shown.messages.iter().map(|m| m.message.as_str()).collect();
        assert_eq!(said, ["begun", "done"]);
        opencti.delete_work(&work);
        let gone = client.work_received(&work, "again").await.unwrap_err();
        assert_eq!(gone.remedy(), Remedy::GoOn, "{gone}");
    }
}

#[tokio::test]
async fn an_announcement_counts_once_however_often_its_answer_is_lost() {
    for release in Release::ALL {
        let opencti = StandIn::start(OpenCtiWorld::new(release, TOKEN))
            .await
            .unwrap();
        let (client, hand) = client(&opencti.url());
        client.version().await.unwrap();
        client.register(&registration()).await.unwrap();
        let work = client.work_add(CONNECTOR, "work").await.unwrap();
        for failure in [
            Failure::cut_body(),
            Failure::html(502).after_doing(),
            Failure::html(502),
        ] {
            let before = client.work_progress(&work).await.unwrap().expected;
            opencti.fail(failure.on("workEdit.addExpectations"));
            let mut heard = false;
            loop {
                let announcing = client.announce(&work, (before, before + 7), heard);
                match hurried(&hand, announcing).await {
                    Ok(()) => break,
                    Err(error) => assert_eq!(error.remedy(), Remedy::Retry, "{error}"),
                }
                heard = true;
            }
            let expected = client.work_progress(&work).await.unwrap().expected;
            assert_eq!(expected, before + 7, "{release:?}");
        }
    }
}

#[tokio::test]
async fn a_push_says_how_many_objects_its_work_will_count_and_when_that_is_not_certain() {
    use vtreporter::opencti::delivery::Api;
    for release in Release::ALL {
        let opencti = StandIn::start(OpenCtiWorld::new(release, TOKEN))
            .await
            .unwrap();
        let (client, hand) = client(&opencti.url());
        client.version().await.unwrap();
        client.register(&registration()).await.unwrap();
        let work = client.work_add(CONNECTOR, "work").await.unwrap();
        let road = Api::new(client.clone(), CONNECTOR, None);
        let bundle = super::bundle(2).to_string();
        let pushed = async || {
            hurried(&hand, road.send(&bundle, Some(&work)))
                .await
                .unwrap()
        };
        if release == Release::V6_5_1 {
            assert_eq!(
                pushed().await.counted,
                None,
                "under works of the platform's own"
            );
            continue;
        }
        opencti.fail(Failure::error("DATABASE_ERROR", "no").on("stixBundlePush"));
        assert_eq!(pushed().await.counted, Some(8));
        assert_eq!(opencti.works()[0].expected, 8);
        opencti.fail(Failure::cut_body().on("stixBundlePush"));
        assert_eq!(pushed().await.counted, None, "perhaps twice");
        assert_eq!(opencti.works()[0].expected, 24);
        opencti.fail(Failure::too_large().on("stixBundlePush"));
        let halves = pushed().await;
        assert_eq!(halves.bundles, 2);
        assert_eq!(
            halves.counted,
            Some(opencti.works()[0].expected as usize - 24)
        );
    }
}

#[tokio::test]
async fn a_wrong_token_and_a_user_without_rights_are_told_apart() {
    let opencti = start(Release::V7).await;
    let (stranger, _) = client(&opencti.url());
    let other = StandIn::start(OpenCtiWorld {
        users: vec![User::analyst(TOKEN)],
        ..OpenCtiWorld::new(Release::V7, "another token")
    })
    .await
    .unwrap();
    let (analyst, _) = client(&other.url());
    assert!(!analyst.me().await.unwrap().may_connect());
    let error = analyst.register(&registration()).await.unwrap_err();
    assert!(matches!(error, Error::NoRights { .. }), "{error}");
    assert!(error.to_string().contains("Connector role"), "{error}");
    drop(stranger);

    let wrong = StandIn::start(OpenCtiWorld::new(Release::V7, "another token"))
        .await
        .unwrap();
    let (client, _) = client(&wrong.url());
    let error = client.version().await.unwrap_err();
    assert!(matches!(error, Error::WrongToken), "{error}");
    assert!(error.to_string().contains("OPENCTI_TOKEN"), "{error}");
}

#[tokio::test]
async fn a_connector_that_was_forgotten_has_to_register_again() {
    let opencti = start(Release::V7).await;
    let (client, _) = client(&opencti.url());
    let error = client.ping(CONNECTOR, "{}", &info()).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Register, "{error}");
    let error = client.queue(CONNECTOR).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Register, "{error}");
    client.register(&registration()).await.unwrap();
    client.ping(CONNECTOR, "{}", &info()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_where_that_is_safe() {
    let opencti = start(Release::V7).await;
    let (client, hand) = client(&opencti.url());
    opencti.fail(Failure::cut_body().on("registerConnector").times(2));
    let registered = hurried(&hand, client.register(&registration())).await;
    assert!(registered.is_ok());
    assert_eq!(opencti.requests_for("registerConnector").len(), 3);
    opencti.fail(Failure::cut_body().on("workAdd"));
    let error = hurried(&hand, client.work_add(CONNECTOR, "w"))
        .await
        .unwrap_err();
    assert_eq!(error.remedy(), Remedy::Retry, "{error}");
    assert_eq!(
        opencti.works().len(),
        1,
        "one work, whatever became of the answer"
    );
}

#[tokio::test]
async fn a_platform_below_a_path_is_found_there() {
    let world = OpenCtiWorld {
        base_path: "/cti".to_owned(),
        ..OpenCtiWorld::new(Release::V7, TOKEN)
    };
    let opencti = StandIn::start(world).await.unwrap();
    let (client, _) = client(&format!("{}/", opencti.url()));
    assert!(client.version().await.is_ok());
    let gate = opencti.requests()[0].header("x-gate").map(str::to_owned);
    assert_eq!(gate.as_deref(), Some("open sesame"));
}
