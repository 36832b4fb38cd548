//! The AMQP road, against a real RabbitMQ of the test's own.

#[path = "common/scripted.rs"]
mod scripted;
#[path = "common/servers.rs"]
mod servers;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use scripted::{Reply, Scripted};
use serde_json::{Value, json};
use servers::Rabbit;
use url::Url;
use vtreporter::clock::Clock;
use vtreporter::http::HttpOptions;
use vtreporter::opencti::delivery::amqp::{
    Broker, BrokerSettings, BrokerTls, Envelope, Overrides, messages,
};
use vtreporter::opencti::{Amqp, Delivery, Error, OpenCti, Remedy, Settings};
use vtreporter::secret::Secret;

const EXCHANGE: &str = "amqp.worker.exchange";

/// One broker for all tests that leave it alive. Its watching shell ends it
/// with this process.
static SHARED: Mutex<Option<Option<u16>>> = Mutex::new(None);

fn shared_broker() -> Option<u16> {
    let mut shared = SHARED.lock().unwrap();
    *shared.get_or_insert_with(|| {
        let rabbit = Rabbit::start(None)?;
        let port = rabbit.port;
        // Lives as long as this process.
        std::mem::forget(rabbit);
        Some(port)
    })
}

/// The platform as far as the road needs it: it counts what is announced.
async fn platform() -> (Scripted, OpenCti) {
    let server =
        Scripted::start([Reply::data(json!({"workEdit": {"addExpectations": "w"}}))]).await;
    let settings = Settings {
        url: Url::parse(&server.url).unwrap(),
        token: Secret::new("t0ken"),
        headers: Vec::new(),
        http: HttpOptions::default(),
    };
    let client = OpenCti::with_clock(&settings, Clock::system()).unwrap();
    (server, client)
}

fn announced(platform: &Scripted) -> Vec<i64> {
    let asked = platform.asked();
    let counts = asked.iter().map(|a| &a.body["variables"]["count"]);
    counts.map(|count| count.as_i64().unwrap()).collect()
}

fn connection(port: u16, id: &str) -> Amqp {
    Amqp {
        host: "127.0.0.1".to_owned(),
        vhost: "/".to_owned(),
        use_ssl: false,
        port,
        user: "guest".to_owned(),
        pass: Secret::new("guest"),
        exchange: EXCHANGE.to_owned(),
        routing: format!("push_routing_{id}"),
    }
}

fn settings(connection: Amqp) -> BrokerSettings {
    BrokerSettings {
        connection,
        applicant: Some("user--1".to_owned()),
        tls: BrokerTls::default(),
        name: "vtreporter test".to_owned(),
        patience: Duration::from_secs(60),
    }
}

fn road(client: &OpenCti, settings: BrokerSettings) -> Delivery {
    Delivery::Amqp(Broker::new(client.clone(), settings).unwrap())
}

/// Reads and declares as the platform and its workers do.
struct Worker {
    _connection: Connection,
    channel: Channel,
    queue: String,
    id: String,
}

impl Worker {
    async fn new(port: u16, id: &str) -> Self {
        let address = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
        let connection = Connection::connect(&address, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self {
            _connection: connection,
            channel,
            queue: format!("push_{id}"),
            id: id.to_owned(),
        }
    }

    async fn declare(&self) -> &Self {
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        self.channel
            .exchange_declare(
                EXCHANGE.into(),
                ExchangeKind::Direct,
                durable,
                FieldTable::default(),
            )
            .await
            .unwrap();
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let queue = self.queue.as_str();
        self.channel
            .queue_declare(queue.into(), durable, FieldTable::default())
            .await
            .unwrap();
        let routing = format!("push_routing_{}", self.id);
        self.channel
            .queue_bind(
                queue.into(),
                EXCHANGE.into(),
                routing.as_str().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        self
    }

    async fn waiting(&self) -> u32 {
        let look = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let queue =
            self.channel
                .queue_declare(self.queue.as_str().into(), look, FieldTable::default());
        queue.await.unwrap().message_count()
    }

    async fn delete(&self) {
        self.channel
            .queue_delete(self.queue.as_str().into(), QueueDeleteOptions::default())
            .await
            .unwrap();
    }

    /// Everything in the queue.
    async fn take(&self) -> Vec<(Value, BasicProperties)> {
        let mut all = Vec::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = self
            .channel
            .basic_get(self.queue.as_str().into(), options)
            .await
            .unwrap()
        {
            let body = serde_json::from_slice(&message.delivery.data).unwrap();
            all.push((body, message.delivery.properties.clone()));
        }
        all
    }

    /// Object ids in the queue, and how often each is there.
    async fn ids(&self) -> HashMap<String, usize> {
        let mut ids = HashMap::new();
        for (message, _) in self.take().await {
            *ids.entry(object_id(&message)).or_default() += 1;
        }
        ids
    }
}

fn object_id(message: &Value) -> String {
    let content = message["content"].as_str().unwrap();
    let content = base64::engine::general_purpose::STANDARD
        .decode(content)
        .unwrap();
    let inner: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(inner["objects"].as_array().unwrap().len(), 1);
    inner["objects"][0]["id"].as_str().unwrap().to_owned()
}

/// An author and `files` files of about half a kB.
fn bundle(files: usize) -> String {
    let mut objects = vec![json!({"id": "identity--a", "type": "identity", "name": "VirusTotal"})];
    objects.extend((0..files).map(|n| {
        json!({"id": format!("file--{n}"), "type": "file", "created_by_ref": "identity--a",
            "name": "x".repeat(400)})
    }));
    json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string()
}

fn multi() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn every_object_arrives_persistent_in_order_and_as_the_workers_expect_it() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let worker = Worker::new(port, "order").await;
        worker.declare().await;
        let (platform, client) = platform().await;
        let road = road(&client, settings(connection(port, "order")))
            .in_draft(Some("draft--1".to_owned()));
        let bundle = bundle(20);
        let sent = road.send(&bundle, Some("work--1")).await.unwrap();
        assert_eq!((sent.objects, sent.bundles), (21, 21));
        assert_eq!(announced(&platform), [21]);
        let arrived = worker.take().await;
        let envelope = Envelope {
            applicant: Some("user--1"),
            work: Some("work--1"),
            draft: Some("draft--1"),
        };
        let expected: Vec<Value> = messages(&bundle, envelope)
            .unwrap()
            .iter()
            .map(|message| serde_json::from_slice(message).unwrap())
            .collect();
        let bodies: Vec<Value> = arrived.iter().map(|(body, _)| body.clone()).collect();
        assert_eq!(bodies, expected);
        assert_eq!(object_id(&bodies[0]), "identity--a");
        for (_, properties) in &arrived {
            assert_eq!(properties.delivery_mode(), &Some(2));
            let encoding = properties
                .content_encoding()
                .as_ref()
                .map(ToString::to_string);
            assert_eq!(encoding.as_deref(), Some("utf-8"));
        }
        road.close().await;
    });
}

#[test]
fn a_broker_that_is_killed_and_restarted_in_the_middle_loses_nothing() {
    let Some(mut rabbit) = Rabbit::start(None) else {
        return;
    };
    multi().block_on(async {
        let worker = Worker::new(rabbit.port, "kill").await;
        worker.declare().await;
        let (platform, client) = platform().await;
        let broker = Broker::new(client, settings(connection(rabbit.port, "kill"))).unwrap();
        let road = Delivery::Amqp(broker.clone());
        const FILES: usize = 15_000;
        let sending = tokio::spawn(async move { road.send(&bundle(FILES), Some("work--1")).await });
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
        assert_eq!(announced(&platform), [FILES as i64 + 1], "announced once");
        let worker = Worker::new(rabbit.port, "kill").await;
        let ids = worker.ids().await;
        assert_eq!(ids.len(), FILES + 1, "every object is there");
    });
}

#[test]
fn a_bundle_that_failed_is_gone_on_with_and_announced_once() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let worker = Worker::new(port, "resume").await;
        worker.declare().await;
        worker.delete().await;
        let (platform, client) = platform().await;
        let impatient = BrokerSettings {
            patience: Duration::from_millis(100),
            ..settings(connection(port, "resume"))
        };
        let road = road(&client, impatient);
        let bundle = bundle(10);
        let error = road.send(&bundle, Some("work--1")).await.unwrap_err();
        assert!(matches!(error, Error::BrokerNoQueue { .. }), "{error}");
        assert_eq!(error.remedy(), Remedy::Register);
        assert!(error.to_string().contains("push_routing_resume"), "{error}");
        worker.declare().await;
        road.send(&bundle, Some("work--1")).await.unwrap();
        assert_eq!(announced(&platform), [11]);
        assert_eq!(worker.ids().await.len(), 11);
    });
}

#[test]
fn messages_that_no_queue_takes_wait_until_one_does() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        let worker = Worker::new(port, "late").await;
        worker.declare().await;
        worker.delete().await;
        let (_platform, client) = platform().await;
        let broker = Broker::new(client, settings(connection(port, "late"))).unwrap();
        let road = Delivery::Amqp(broker.clone());
        let sending = tokio::spawn(async move { road.send(&bundle(3), None).await });
        while !broker.buffering() {
            tokio::task::yield_now().await;
        }
        worker.declare().await;
        assert_eq!(sending.await.unwrap().unwrap().objects, 4);
        assert_eq!(worker.ids().await.len(), 4);
    });
}

#[test]
fn what_the_operator_has_to_change_is_named_and_no_work_is_told_of_objects() {
    let Some(port) = shared_broker() else { return };
    multi().block_on(async {
        Worker::new(port, "wrong").await.declare().await;
        let right = connection(port, "wrong");
        let cases = [
            (
                Overrides {
                    pass: Some(Secret::new("hunter2")),
                    ..Overrides::default()
                },
                "MQ_PASS",
            ),
            (
                Overrides {
                    user: Some("nobody".to_owned()),
                    ..Overrides::default()
                },
                "`nobody`",
            ),
            (
                Overrides {
                    vhost: Some("elsewhere".to_owned()),
                    ..Overrides::default()
                },
                "vhost `elsewhere`",
            ),
        ];
        for (overrides, said) in cases {
            let (platform, client) = platform().await;
            let road = road(&client, settings(overrides.over(right.clone())));
            let error = road.send(&bundle(1), Some("work--1")).await.unwrap_err();
            assert!(matches!(error, Error::BrokerRefused { .. }), "{error}");
            assert_eq!(error.remedy(), Remedy::Fix);
            let text = format!("{error} {error:?}");
            assert!(text.contains(said) && !text.contains("hunter2"), "{text}");
            assert!(announced(&platform).is_empty());
        }
        let (platform, client) = platform().await;
        let elsewhere = Amqp {
            exchange: "no.such.exchange".to_owned(),
            ..right
        };
        let error = road(&client, settings(elsewhere))
            .send(&bundle(1), Some("w"))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::BrokerNoExchange { .. }), "{error}");
        assert!(error.to_string().contains("`no.such.exchange`"), "{error}");
        assert!(announced(&platform).is_empty());
    });
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_with_its_address() {
    let (_platform, client) = platform().await;
    let port = servers::free_port();
    let impatient = BrokerSettings {
        patience: Duration::from_millis(1),
        ..settings(connection(port, "x"))
    };
    let error = road(&client, impatient)
        .send(&bundle(1), None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::BrokerUnreachable { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::Retry);
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert!(error.to_string().contains("MQ_HOST"), "{error}");
}

/// An authority, and a certificate that it vouches for.
fn authority() -> (String, Box<dyn Fn(&str) -> (String, String)>) {
    // Without a name of its own each certificate would look self-signed.
    let named = |name: &str| {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params
    };
    let mut params = named("authority.example.net");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, key);
    let issue = move |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = named(name);
        (
            params.signed_by(&key, &issuer).unwrap().pem(),
            key.serialize_pem(),
        )
    };
    (own, Box::new(issue))
}

#[test]
fn tls_takes_an_own_authority_and_a_client_certificate_and_refuses_strangers() {
    let (ca, issue) = authority();
    let (certificate, key) = issue("localhost");
    let Some(rabbit) = Rabbit::start(Some([&ca, &certificate, &key])) else {
        return;
    };
    multi().block_on(async {
        Worker::new(rabbit.port, "tls").await.declare().await;
        let (_platform, client) = platform().await;
        let (certificate, key) = issue("client.example.net");
        let tls = BrokerTls {
            roots: vec![ca.clone().into_bytes()],
            identity: Some((certificate.into_bytes(), key.into_bytes())),
            verify: true,
        };
        let over_tls = |tls: BrokerTls| BrokerSettings {
            tls,
            patience: Duration::from_millis(1),
            ..settings(Amqp {
                host: "localhost".to_owned(),
                use_ssl: true,
                ..connection(rabbit.tls_port.unwrap(), "tls")
            })
        };
        let send = async |tls: BrokerTls| road(&client, over_tls(tls)).send(&bundle(2), None).await;
        assert_eq!(send(tls.clone()).await.unwrap().objects, 3);

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
