//! The other end of the broker: declares and reads as the platform and its
//! workers do.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::Value;

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
