//! The AMQP road, against a real RabbitMQ of the test's own.

use std::time::Duration;

use lapin::BasicProperties;
use serde_json::Value;
use vtreporter::base::secret::Secret;
use vtreporter::opencti::delivery::LeftBehind;
use vtreporter::opencti::delivery::amqp::{
    Broker, BrokerSettings, BrokerTls, Envelope, Identity, Overrides, messages,
};
use vtreporter::opencti::{Amqp, Error, Remedy, Road};
use vtreporter::standin::opencti::{CameBy, WorkStatus};

use super::broker::{Authority, Platform, Worker, crowd, multi, road, shared_broker};
use super::bundle;
use crate::encrypted::encrypted;
use crate::servers::{Rabbit, free_port};

#[test]
fn every_object_arrives_persistent_in_order_and_as_the_workers_expect_it() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let platform = Platform::new(port, "order").await;
        let worker = Worker::new(port, &platform.id).await;
        worker.declare().await;
        let draft = platform.client.add_draft("draft").await.unwrap();
        let road = road(&platform.client, platform.settings()).in_draft(Some(draft.clone()));
        let bundle = bundle(20).to_string();
        let sent = road.send(&bundle, Some(&platform.work)).await.unwrap();
        assert_eq!((sent.objects, sent.bundles), (44, 44));
        assert_eq!((platform.announcements(), platform.expected()), (1, 44));
        let arrived = worker.take().await;
        let envelope = Envelope {
            applicant: platform.user.as_deref(),
            work: Some(&platform.work),
            draft: Some(&draft),
        };
        let expected: Vec<Value> = messages(&bundle, envelope)
            .unwrap()
            .iter()
            .map(|message| serde_json::from_slice(message).unwrap())
            .collect();
        let bodies: Vec<Value> = arrived.iter().map(|(body, _)| body.clone()).collect();
        assert_eq!(bodies, expected);
        for (body, properties) in &arrived {
            assert_persistent_text(properties);
            assert_eq!(platform.opencti.ingest_message(&body.to_string()), []);
        }
        platform
            .client
            .work_processed(&platform.work, "done", false)
            .await
            .unwrap();
        let work = &platform.opencti.works()[0];
        assert_eq!(work.status, WorkStatus::Complete);
        assert!(!work.complete_before_closed);
        assert_eq!(platform.opencti.objects().len(), 44);
        let first = &platform.opencti.bundles()[0];
        assert_eq!(
            (first.road, first.draft.as_deref()),
            (CameBy::Queue, Some(draft.as_str()))
        );
        road.close().await;
    });
}

fn assert_persistent_text(properties: &BasicProperties) {
    assert_eq!(properties.delivery_mode(), &Some(2));
    let encoding = properties.content_encoding().as_ref();
    let encoding = encoding.map(ToString::to_string);
    assert_eq!(encoding.as_deref(), Some("utf-8"));
}

#[test]
fn a_broker_that_is_killed_and_restarted_in_the_middle_loses_nothing() {
    const FILES: usize = 15_000;
    let Some(mut rabbit) = Rabbit::start(None) else {
        return;
    };
    multi().block_on(async {
        let platform = Platform::new(rabbit.port, "kill").await;
        let worker = Worker::new(rabbit.port, &platform.id).await;
        worker.declare().await;
        let broker = Broker::new(platform.client.clone(), platform.settings()).unwrap();
        let sending = tokio::spawn({
            let (road, work) = (Road::Amqp(broker.clone()), platform.work.clone());
            async move { road.send(&crowd(FILES), Some(&work)).await }
        });
        while worker.waiting().await < 2_000 {
            tokio::task::yield_now().await;
        }
        rabbit.kill();
        assert!(!sending.is_finished(), "killed in the middle");
        while !broker.buffering() {
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| rabbit.run());
        let sent = sending.await.unwrap().unwrap();
        assert_eq!(sent.objects, FILES + 1);
        assert!(!broker.buffering());
        assert_eq!(platform.announcements(), 1);
        let worker = Worker::new(rabbit.port, &platform.id).await;
        let ids = worker.ids().await;
        assert_eq!(ids.len(), FILES + 1, "every object is there");
    });
}

#[test]
fn a_bundle_that_failed_is_gone_on_with_and_announced_once() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let platform = Platform::new(port, "resume").await;
        let worker = Worker::new(port, &platform.id).await;
        worker.declare().await.delete().await;
        let road = road(&platform.client, platform.impatient());
        let bundle = crowd(10);
        let error = road.send(&bundle, Some(&platform.work)).await.unwrap_err();
        assert!(matches!(error, Error::BrokerNoQueue { .. }), "{error}");
        assert_eq!(error.remedy(), Remedy::Register);
        assert!(error.to_string().contains("push_routing_resume"), "{error}");
        worker.declare().await;
        road.send(&bundle, Some(&platform.work)).await.unwrap();
        assert_eq!((platform.announcements(), platform.expected()), (1, 11));
        assert_eq!(worker.ids().await.len(), 11);
        road.send(&bundle, Some(&platform.work)).await.unwrap();
        assert_eq!(platform.expected(), 22, "a second time is a second time");
    });
}

#[test]
fn what_was_announced_and_not_sent_is_known_when_the_broker_is_gone() {
    const FILES: usize = 15_000;
    let Some(mut rabbit) = Rabbit::start(None) else {
        return;
    };
    multi().block_on(async {
        let platform = Platform::new(rabbit.port, "gone").await;
        let worker = Worker::new(rabbit.port, &platform.id).await;
        worker.declare().await;
        let road = road(&platform.client, platform.impatient());
        let sending = tokio::spawn({
            let (road, work) = (road.clone(), platform.work.clone());
            async move { road.send(&crowd(FILES), Some(&work)).await }
        });
        while worker.waiting().await < 2_000 {
            tokio::task::yield_now().await;
        }
        rabbit.kill();
        sending.await.unwrap().unwrap_err();
        let left = road.left_behind(&platform.work);
        assert!(left.unsent > 0 && left.unsent < FILES - 2_000, "{left:?}");
        assert!(left.in_doubt, "some were on their way");
        assert_eq!(road.left_behind("another"), LeftBehind::default());
        let unsent = left.unsent as u64;
        platform
            .client
            .report_lost(&platform.work, unsent, "never sent")
            .await
            .unwrap();
        tokio::task::block_in_place(|| rabbit.run());
        let worker = Worker::new(rabbit.port, &platform.id).await;
        let arrived: usize = worker.ids().await.values().sum();
        let work = &platform.opencti.works()[0];
        assert_eq!(work.errors.len() as u64, unsent);
        assert!(
            work.processed + arrived as u64 <= work.expected,
            "told too much"
        );
    });
}

#[test]
fn the_first_message_that_comes_back_ends_the_sending() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let platform = Platform::new(port, "gone").await;
        let worker = Worker::new(port, &platform.id).await;
        worker.declare().await.delete().await;
        // A clock that nobody moves: whoever waits before another round, waits for ever.
        let (client, _hand) = super::client(&platform.opencti.url());
        let broker = Broker::new(client, platform.settings()).unwrap();
        let road = Road::Amqp(broker.clone());
        let text = crowd(3_000);
        for _ in 0..2 {
            let sending = road.send(&text, Some(&platform.work));
            let sent = tokio::time::timeout(Duration::from_secs(60), sending);
            let error = sent.await.expect("it waits for a queue").unwrap_err();
            assert!(matches!(error, Error::BrokerNoQueue { .. }), "{error}");
            assert!(!broker.buffering(), "the broker is well");
        }
        worker.declare().await;
        let sent = road.send(&text, Some(&platform.work)).await.unwrap();
        assert_eq!(sent.objects, 3_001);
        assert_eq!(worker.ids().await.len(), 3_001);
        assert_eq!(platform.expected(), 3_001, "and is announced once");
    });
}

#[test]
fn a_message_over_the_brokers_limit_is_for_the_operator_and_not_sent_for_ever() {
    let Some(rabbit) = Rabbit::start_with(None, "max_message_size = 100000\n") else {
        return;
    };
    multi().block_on(async {
        let platform = Platform::new(rabbit.port, "large").await;
        Worker::new(rabbit.port, &platform.id).await.declare().await;
        let road = road(&platform.client, platform.settings());
        let bundle = serde_json::json!({"type": "bundle", "id": "bundle--1", "objects": [
            {"id": "report--1", "type": "report", "x_opencti_content": "x".repeat(100_000)}]});
        let bundle = bundle.to_string();
        let sending = road.send(&bundle, None);
        let sent = tokio::time::timeout(Duration::from_secs(60), sending);
        let error = sent.await.expect("it is sent for ever").unwrap_err();
        assert_eq!(error.remedy(), Remedy::Fix, "{error}");
        let said = error.to_string();
        assert!(
            said.contains("VTREPORTER_MAX_BUNDLE_MB") && said.contains("max_message_size"),
            "{said}"
        );
    });
}

#[test]
fn a_broker_is_tried_without_a_message_and_the_next_bundle_takes_the_same_connection() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let platform = Platform::new(port, "tried").await;
        let worker = Worker::new(port, &platform.id).await;
        worker.declare().await;
        let road = road(&platform.client, platform.settings());
        let said = road.try_out(0).await.unwrap();
        assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
        assert_eq!(worker.waiting().await, 0);
        assert_eq!(platform.announcements(), 0);
        road.send(&crowd(1), None).await.unwrap();
        assert_eq!(worker.waiting().await, 2);
        let elsewhere = Amqp {
            exchange: "no.such.exchange".to_owned(),
            ..platform.broker.clone()
        };
        let settings = BrokerSettings {
            connection: elsewhere,
            ..platform.settings()
        };
        let error = super::broker::road(&platform.client, settings)
            .try_out(0)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::BrokerNoExchange { .. }), "{error}");
    });
}

#[test]
fn what_the_operator_has_to_change_is_named_and_no_work_is_told_of_objects() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let platform = Platform::new(port, "wrong").await;
        Worker::new(port, &platform.id).await.declare().await;
        let fault = async |connection: Amqp| {
            let settings = BrokerSettings {
                connection,
                ..platform.settings()
            };
            let road = road(&platform.client, settings);
            road.send(&crowd(1), Some(&platform.work))
                .await
                .unwrap_err()
        };
        for (overrides, said) in wrong_settings() {
            let error = fault(overrides.over(platform.broker.clone())).await;
            assert!(matches!(error, Error::BrokerRefused { .. }), "{error}");
            assert_eq!(error.remedy(), Remedy::Fix);
            let text = format!("{error} {error:?}");
            assert!(text.contains(said) && !text.contains("hunter2"), "{text}");
        }
        let elsewhere = Amqp {
            exchange: "no.such.exchange".to_owned(),
            ..platform.broker.clone()
        };
        let error = fault(elsewhere).await;
        assert!(matches!(error, Error::BrokerNoExchange { .. }), "{error}");
        assert!(error.to_string().contains("`no.such.exchange`"), "{error}");
        assert_eq!(platform.announcements(), 0);
    });
}

/// Each with the words that name it.
fn wrong_settings() -> [(Overrides, &'static str); 3] {
    let none = Overrides::default;
    [
        (
            Overrides {
                pass: Some(Secret::new("hunter2")),
                ..none()
            },
            "MQ_PASS",
        ),
        (
            Overrides {
                user: Some("nobody".to_owned()),
                ..none()
            },
            "`nobody`",
        ),
        (
            Overrides {
                vhost: Some("elsewhere".to_owned()),
                ..none()
            },
            "vhost `elsewhere`",
        ),
    ]
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_with_its_address() {
    let port = free_port();
    let platform = Platform::new(port, "nowhere").await;
    let road = road(&platform.client, platform.impatient());
    let error = road
        .send(&crowd(1), Some(&platform.work))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::BrokerUnreachable { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::Retry);
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert!(error.to_string().contains("MQ_HOST"), "{error}");
    assert_eq!(platform.announcements(), 0);
}

#[test]
fn tls_takes_an_own_authority_and_a_client_certificate_and_refuses_strangers() {
    let authority = Authority::new();
    let ca = authority.certificate.clone();
    let (certificate, key) = authority.issue("localhost");
    let Some(rabbit) = Rabbit::start(Some([&ca, &certificate, &key])) else {
        return;
    };
    multi().block_on(async {
        let platform = Platform::new(rabbit.port, "tls").await;
        Worker::new(rabbit.port, &platform.id).await.declare().await;
        let tls = known_client(&authority, None);
        let connection = by_tls(&rabbit).over(platform.broker.clone());
        let send = async |tls: BrokerTls| {
            let settings = BrokerSettings {
                connection: connection.clone(),
                tls,
                ..platform.impatient()
            };
            road(&platform.client, settings).send(&crowd(2), None).await
        };
        assert_eq!(send(tls.clone()).await.unwrap().objects, 3);
        let closed = known_client(&authority, Some("open it"));
        assert_eq!(send(closed).await.unwrap().objects, 3);

        let unknown = BrokerTls {
            roots: Vec::new(),
            ..tls.clone()
        };
        let error = send(unknown.clone()).await.unwrap_err();
        assert!(matches!(error, Error::BrokerTls { .. }), "{error:?}");
        assert!(error.to_string().contains("MQ_USE_SSL_CA"), "{error}");

        let unverified = BrokerTls {
            verify: false,
            ..unknown
        };
        assert_eq!(send(unverified).await.unwrap().objects, 3);

        let nobody = BrokerTls {
            identity: None,
            ..tls
        };
        assert!(
            send(nobody).await.is_err(),
            "the broker wants a certificate"
        );
    });
}

/// A client of the authority that the broker trusts, which trusts it as well.
fn known_client(authority: &Authority, passphrase: Option<&str>) -> BrokerTls {
    let (certificate, plain) = authority.issue("client.example.net");
    let key = passphrase.map_or_else(|| plain.clone(), |opens| encrypted(&plain, opens));
    let (key, passphrase) = (Secret::new(key), passphrase.map(Secret::new));
    let identity = Identity::new(certificate.as_bytes(), &key, passphrase.as_ref());
    BrokerTls {
        roots: vec![authority.certificate.clone().into_bytes()],
        identity: Some(identity.unwrap()),
        verify: true,
    }
}

/// The name that the broker's certificate has, and its port for TLS.
fn by_tls(rabbit: &Rabbit) -> Overrides {
    Overrides {
        host: Some("localhost".to_owned()),
        port: rabbit.tls_port,
        use_ssl: Some(true),
        ..Overrides::default()
    }
}
