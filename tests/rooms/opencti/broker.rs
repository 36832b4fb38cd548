//! What the tests of the AMQP road share: broker, platform, worker, authority.

use std::time::Duration;

use serde_json::json;
use vtreporter::base::clock;
use vtreporter::opencti::delivery::amqp::{Broker, BrokerSettings, BrokerTls};
use vtreporter::opencti::{Amqp, OpenCti, Registration, Road};
use vtreporter::standin::opencti::{OpenCtiWorld, Release, StandIn};

use super::TOKEN;
pub(crate) use crate::worker::{Worker, shared_broker};

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
        let client = OpenCti::with_clock(&settings, clock::system()).unwrap();
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

pub(crate) fn road(client: &OpenCti, settings: BrokerSettings) -> Road {
    Road::Amqp(Broker::new(client.clone(), settings).unwrap())
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
