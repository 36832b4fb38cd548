//! How fast the AMQP road is: objects a second to a RabbitMQ on this machine,
//! every message persistent and confirmed. The promise is 5,000.
//!
//! `cargo bench --bench amqp`; ends with 1 when the promise is not kept.

#[path = "../tests/common/servers.rs"]
mod servers;

use std::process::ExitCode;
use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use serde_json::json;
use servers::Rabbit;
use vtreporter::base::clock;
use vtreporter::base::http::HttpOptions;
use vtreporter::base::secret::Secret;
use vtreporter::opencti::delivery::Broker;
use vtreporter::opencti::delivery::amqp::{BrokerSettings, BrokerTls};
use vtreporter::opencti::{Amqp, OpenCti, Settings};

const PROMISE: f64 = 5_000.0;
const CHUNKS: usize = 20;
const OBJECTS: usize = 2_000;

fn main() -> ExitCode {
    let Some(mut rabbit) = Rabbit::start(None) else {
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rate = runtime.block_on(measure(rabbit.port));
    rabbit.kill();
    println!("{rate:.0} objects/s, confirmed, in chunks of {OBJECTS} (promised: {PROMISE})");
    if rate >= PROMISE {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(port: u16) -> f64 {
    declare(port).await.expect("exchange and queue");
    let clock = clock::system();
    let road = Broker::new(platform(), settings(port)).expect("a road");
    let bundles: Vec<String> = (0..CHUNKS).map(bundle).collect();
    let bytes: usize = bundles.iter().map(String::len).sum();
    let begun = clock.elapsed();
    for bundle in &bundles {
        road.send(bundle, None).await.expect("a confirmed bundle");
    }
    let took = (clock.elapsed() - begun).as_secs_f64();
    road.close().await;
    let count = (CHUNKS * OBJECTS) as f64;
    println!(
        "{count} objects of {} bytes in {took:.2} s",
        bytes / (CHUNKS * OBJECTS)
    );
    count / took
}

/// Never asked: bundles without a work announce nothing.
fn platform() -> OpenCti {
    let settings = Settings {
        url: "http://127.0.0.1:9".parse().expect("an address"),
        token: Secret::new("token"),
        headers: Vec::new(),
        http: HttpOptions::default(),
    };
    OpenCti::new(&settings).expect("a client")
}

fn settings(port: u16) -> BrokerSettings {
    BrokerSettings {
        connection: Amqp {
            host: "127.0.0.1".to_owned(),
            vhost: "/".to_owned(),
            use_ssl: false,
            port,
            user: "guest".to_owned(),
            pass: Secret::new("guest"),
            exchange: "amqp.worker.exchange".to_owned(),
            routing: "push_routing_bench".to_owned(),
        },
        applicant: Some("user--1".to_owned()),
        tls: BrokerTls::default(),
        name: "vtreporter bench".to_owned(),
        patience: Duration::from_secs(60),
    }
}

async fn declare(port: u16) -> lapin::Result<()> {
    let address = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
    let connection = Connection::connect(&address, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let exchange = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let queue = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let (none, name) = (FieldTable::default, "amqp.worker.exchange");
    channel
        .exchange_declare(name.into(), ExchangeKind::Direct, exchange, none())
        .await?;
    channel
        .queue_declare("push_bench".into(), queue, none())
        .await?;
    channel
        .queue_bind(
            "push_bench".into(),
            name.into(),
            "push_routing_bench".into(),
            QueueBindOptions::default(),
            none(),
        )
        .await?;
    connection.close(200, "done".into()).await
}

/// Files with names, hashes and labels, about 1 kB each.
fn bundle(chunk: usize) -> String {
    let file = |n: usize| {
        let hash = format!("{:064x}", chunk * OBJECTS + n);
        json!({
            "type": "file", "spec_version": "2.1", "id": format!("file--{hash}"),
            "hashes": {"SHA-256": hash, "SHA-1": &hash[24..], "MD5": &hash[32..]},
            "name": format!("sample-{n}.exe"), "size": 4096 + n,
            "created_by_ref": "identity--a", "x_opencti_created_by_ref": "identity--a",
            "object_marking_refs": ["marking-definition--m"],
            "labels": ["peexe", "SEVERITY_HIGH", "Trojan", "checks-user-input"],
            "x_opencti_description": "A sample. ".repeat(40), "x_opencti_score": 80,
        })
    };
    let objects: Vec<_> = (0..OBJECTS).map(file).collect();
    json!({"type": "bundle", "id": format!("bundle--{chunk}"), "objects": objects}).to_string()
}
