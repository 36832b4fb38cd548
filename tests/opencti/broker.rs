//! What the tests of the AMQP road share: broker, platform, worker, authority.

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
use serde_json::{Value, json};
use vtreporter::clock::Clock;
use vtreporter::opencti::delivery::amqp::{Broker, BrokerSettings, BrokerTls};
use vtreporter::opencti::{Amqp, Delivery, OpenCti, Registration};
use vtreporter::standin::opencti::{OpenCtiWorld, Release, StandIn};

use super::TOKEN;
use super::servers::Rabbit;

const EXCHANGE: &str = "amqp.worker.exchange";

/// One broker for all tests that leave it alive. Its watching shell ends it
/// with this process.
static SHARED: Mutex<Option<Option<u16>>> = Mutex::new(None);

pub(crate) fn shared_broker() -> Option<u16> {
    let mut shared = SHARED.lock().unwrap();
    *shared.get_or_insert_with(|| {
        let rabbit = Rabbit::start(None)?;
        let port = rabbit.port;
        // Lives as long as this process.
        std::mem::forget(rabbit);
        Some(port)
    })
}

/// A platform whose broker is at `port`, a connector registered with it, and
/// what it was told about the broker.
pub(crate) struct Platform {
    pub(crate) opencti: StandIn,
    pub(crate) client: OpenCti,
    pub(crate) id: String,
    pub(crate) user: Option<String>,
    pub(crate) broker: Amqp,
    pub(crate) work: String,
}

impl Platform {
    pub(crate) async fn new(port: u16, id: &str) -> Self {
        let mut world = OpenCtiWorld::new(Release::V7, TOKEN);
        world.broker.port = port;
        let opencti = StandIn::start(world).await.unwrap();
        // A real clock: the broker's time is not the test's to move.
        let settings = super::settings(&opencti.url());
        let client = OpenCti::with_clock(&settings, Clock::system()).unwrap();
        let registration = Registration {
            id: id.to_owned(),
            ..super::registration()
        };
        let registered = client.register(&registration).await.unwrap();
        let work = client.work_add(id, "VirusTotal AU").await.unwrap();
        Self {
            opencti,
            client,
            id: id.to_owned(),
            user: registered.user_id,
            broker: registered.amqp,
            work,
        }
    }

    pub(crate) fn settings(&self) -> BrokerSettings {
        BrokerSettings {
            connection: self.broker.clone(),
            applicant: self.user.clone(),
            tls: BrokerTls::default(),
            name: "vtreporter test".to_owned(),
            patience: Duration::from_secs(120),
        }
    }

    pub(crate) fn impatient(&self) -> BrokerSettings {
        BrokerSettings {
            patience: Duration::from_millis(100),
            ..self.settings()
        }
    }

    pub(crate) fn announcements(&self) -> usize {
        let told = self.opencti.requests_for("workEdit.addExpectations");
        told.len()
    }

    pub(crate) fn expected(&self) -> u64 {
        self.opencti.works()[0].expected
    }
}

pub(crate) fn road(client: &OpenCti, settings: BrokerSettings) -> Delivery {
    Delivery::Amqp(Broker::new(client.clone(), settings).unwrap())
}

/// Reads and declares as the platform and its workers do.
pub(crate) struct Worker {
    _connection: Connection,
    channel: Channel,
    queue: String,
    pub(crate) id: String,
}

impl Worker {
    pub(crate) async fn new(port: u16, id: &str) -> Self {
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

    pub(crate) async fn declare(&self) -> &Self {
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

    pub(crate) async fn waiting(&self) -> u32 {
        let look = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let queue =
            self.channel
                .queue_declare(self.queue.as_str().into(), look, FieldTable::default());
        queue.await.unwrap().message_count()
    }

    pub(crate) async fn delete(&self) {
        self.channel
            .queue_delete(self.queue.as_str().into(), QueueDeleteOptions::default())
            .await
            .unwrap();
    }

    /// Everything in the queue.
    pub(crate) async fn take(&self) -> Vec<(Value, BasicProperties)> {
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
    pub(crate) async fn ids(&self) -> HashMap<String, usize> {
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

/// Small objects, many of them.
pub(crate) fn crowd(files: usize) -> String {
    let mut objects = vec![json!({"id": "identity--a", "type": "identity", "name": "VirusTotal"})];
    objects.extend((0..files).map(|n| {
        json!({"id": format!("file--{n}"), "type": "file", "created_by_ref": "identity--a",
            "name": "x".repeat(400)})
    }));
    json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string()
}

pub(crate) fn multi() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// An authority that vouches for certificates.
pub(crate) struct Authority {
    pub(crate) certificate: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = named("authority.example.net");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().pem(),
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    /// A certificate for a name, and its key.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = named(name).signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Without a name of its own each certificate would look self-signed.
fn named(name: &str) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params
}
