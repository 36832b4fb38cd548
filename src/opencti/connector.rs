//! The connector on the platform: version, registration, ping, queue.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::base::secret::Secret;

use super::client::{OpenCti, Told};
use super::documents;
use super::error::Error;
use super::version::{Feature, Version};

/// What a connector tells about itself.
#[derive(Clone, Debug)]
pub struct Registration {
    /// `CONNECTOR_ID`.
    pub id: String,
    /// Shown in the platform.
    pub name: String,
    /// `CONNECTOR_SCOPE`.
    pub scope: Vec<String>,
    /// `CONNECTOR_AUTO`.
    pub auto: bool,
    /// `CONNECTOR_ONLY_CONTEXTUAL`.
    pub only_contextual: bool,
    /// Whether to ask for the platform's object storage as well.
    pub s3: bool,
}

/// What the platform answers to a registration.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The state saved on the platform; `""` when there is none.
    pub state: String,
    /// The user that the imported objects are created by: `applicant_id`.
    pub user_id: Option<String>,
    /// The broker.
    pub amqp: Amqp,
    /// The object storage; only where asked for and handed out (6.9.9 on).
    pub s3: Option<S3>,
}

/// The broker as the platform hands it out.
#[derive(Clone, Debug)]
pub struct Amqp {
    /// Host name as the platform sees it.
    pub host: String,
    /// Virtual host.
    pub vhost: String,
    /// TLS.
    pub use_ssl: bool,
    /// Port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password.
    pub pass: Secret,
    /// Exchange to publish to.
    pub exchange: String,
    /// Routing key to publish with.
    pub routing: String,
}

/// The object storage as the platform hands it out.
#[derive(Clone, Debug)]
pub struct S3 {
    /// Host name.
    pub endpoint: String,
    /// Port.
    pub port: u16,
    /// TLS.
    pub use_ssl: bool,
    /// Bucket.
    pub bucket: String,
    /// Region.
    pub region: String,
    /// Access key.
    pub access_key: Secret,
    /// Secret key.
    pub secret_key: Secret,
}

/// What a ping tells beside the state.
#[derive(Clone, Debug, Default)]
pub struct ConnectorInfo {
    /// One run, then exit.
    pub run_and_terminate: bool,
    /// Holding back because the queue is full.
    pub buffering: bool,
    /// When it counts as full, decimal MB.
    pub queue_threshold: f64,
    /// How full it is, decimal MB.
    pub queue_messages_size: f64,
    /// When the next run begins.
    pub next_run: Option<DateTime<Utc>>,
    /// When the last one began.
    pub last_run: Option<DateTime<Utc>>,
}

/// The answer to a ping.
#[derive(Clone, Debug, Default)]
pub struct Pinged {
    /// The state on the platform; `""` when there is none (after a reset).
    pub state: String,
    /// When it was last reset; only told by platforms from 6.8 on.
    pub state_timestamp: Option<DateTime<Utc>>,
    /// An earlier try may have been carried out too: its answer was lost.
    pub repeated: bool,
}

/// How much waits in the connector's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Queue {
    /// Messages.
    #[serde(rename = "messages_number")]
    pub messages: f64,
    /// Their size in bytes.
    #[serde(rename = "messages_size")]
    pub bytes: f64,
}

/// The token's user.
#[derive(Clone, Debug)]
pub struct Me {
    /// Name.
    pub name: String,
    /// Names of its capabilities, such as `CONNECTORAPI` or `BYPASS`.
    pub capabilities: Vec<String>,
}

impl Me {
    /// Whether the user may act as a connector.
    pub fn may_connect(&self) -> bool {
        self.capabilities
            .iter()
            .any(|capability| capability == "CONNECTORAPI" || capability == "BYPASS")
    }
}

impl OpenCti {
    /// The platform's version. Remembers which form it has to be asked in.
    ///
    /// # Errors
    /// [`Error::TooOld`] below the oldest that is served.
    pub async fn version(&self) -> Result<Version, Error> {
        #[derive(Deserialize)]
        struct Data {
            about: Option<About>,
        }
        #[derive(Deserialize)]
        struct About {
            version: String,
        }
        let data: Data = self.call(&documents::ABOUT, &serde_json::json!({})).await?;
        let text = data.about.map(|about| about.version).unwrap_or_default();
        let version = Version::parse(&text)
            .ok_or_else(|| self.odd(&format!("{text:?} is not a version")))?
            .served()?;
        let mut level = self.level();
        if level.learn(&version) {
            let features = level.describe();
            tracing::info!(
                opencti.version = %version,
                opencti.features = features,
                "OpenCTI {version} answers (it knows: {features})"
            );
        }
        Ok(version)
    }

    /// Registers the connector: an upsert, safe at every start.
    pub async fn register(&self, registration: &Registration) -> Result<Registered, Error> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "registerConnector")]
            connector: Option<WireConnector>,
        }
        let input = serde_json::json!({"input": {
            "id": registration.id,
            "name": registration.name,
            "type": "EXTERNAL_IMPORT",
            "scope": registration.scope,
            "auto": registration.auto,
            "only_contextual": registration.only_contextual,
            "playbook_compatible": false,
        }});
        let plain = (&documents::REGISTER, &input);
        let data: Data = if registration.s3 {
            let with_s3 = (&documents::REGISTER_S3, &input);
            self.call_in_form(Feature::RegisteredS3, with_s3, plain)
                .await?
        } else {
            self.call(plain.0, plain.1).await?
        };
        let connector = data
            .connector
            .ok_or_else(|| self.odd("the registration answered with nothing"))?;
        self.registered(connector)
    }

    /// What a registration has answered to this connector before, without
    /// registering; `None` where it never did.
    pub async fn known(&self, registration: &Registration) -> Result<Option<Registered>, Error> {
        #[derive(Deserialize)]
        struct Data {
            connector: Option<WireConnector>,
        }
        let id = serde_json::json!({ "id": registration.id });
        let plain = (&documents::CONNECTOR, &id);
        let data: Data = if registration.s3 {
            let with_s3 = (&documents::CONNECTOR_S3, &id);
            self.call_in_form(Feature::RegisteredS3, with_s3, plain)
                .await?
        } else {
            self.call(plain.0, plain.1).await?
        };
        data.connector
            .map(|connector| self.registered(connector))
            .transpose()
    }

    fn registered(&self, wire: WireConnector) -> Result<Registered, Error> {
        let config = wire
            .config
            .ok_or_else(|| self.odd("the registration told no connection"))?;
        let broker = config.connection;
        let port = |port: i64, of: &str| {
            u16::try_from(port).map_err(|_| self.odd(&format!("{port} is no port of {of}")))
        };
        let s3 = match config.s3 {
            None => None,
            Some(wire) => Some(S3 {
                port: port(wire.port, "the object storage")?,
                endpoint: wire.endpoint,
                use_ssl: wire.use_ssl,
                bucket: wire.bucket_name,
                region: wire.bucket_region,
                access_key: Secret::new(wire.access_key),
                secret_key: Secret::new(wire.secret_key),
            }),
        };
        Ok(Registered {
            state: wire.connector_state.unwrap_or_default(),
            user_id: wire.connector_user_id,
            amqp: Amqp {
                port: port(broker.port, "the broker")?,
                host: broker.host,
                vhost: broker.vhost,
                use_ssl: broker.use_ssl,
                user: broker.user,
                pass: Secret::new(broker.pass),
                exchange: config.push_exchange,
                routing: config.push_routing,
            },
            s3,
        })
    }

    /// The state that the platform keeps, `""` for none; for a look without
    /// registering.
    pub async fn saved_state(&self, id: &str) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Data {
            connector: Option<Saved>,
        }
        #[derive(Deserialize)]
        struct Saved {
            connector_state: Option<String>,
        }
        let id = serde_json::json!({ "id": id });
        let data: Data = self.call(&documents::STATE, &id).await?;
        Ok(data
            .connector
            .and_then(|saved| saved.connector_state)
            .unwrap_or_default())
    }

    /// A sign of life. The answer is the state on the platform, `""` for none.
    pub async fn ping(&self, id: &str, state: &str, info: &ConnectorInfo) -> Result<String, Error> {
        let answer = self.ping_stamped(id, state, info).await?;
        Ok(answer.state)
    }

    /// As [`OpenCti::ping`], with the time the state was last reset.
    pub async fn ping_stamped(
        &self,
        id: &str,
        state: &str,
        info: &ConnectorInfo,
    ) -> Result<Pinged, Error> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "pingConnector")]
            connector: Option<WirePing>,
        }
        let variables = PingVariables {
            id,
            state,
            info: WireInfo {
                run_and_terminate: info.run_and_terminate,
                buffering: info.buffering,
                queue_threshold: finite(info.queue_threshold),
                queue_messages_size: finite(info.queue_messages_size),
                next_run_datetime: info.next_run.map(date),
                last_run_datetime: info.last_run.map(date),
            },
        };
        let told: Told<Data> = self
            .call_in_form_and_draft(
                Feature::StateTimestamp,
                (&documents::PING_STAMPED, &variables),
                (&documents::PING, &variables),
                None,
            )
            .await?;
        let connector = told.data.connector.ok_or(Error::NotRegistered)?;
        Ok(Pinged {
            state: connector.connector_state.unwrap_or_default(),
            repeated: told.repeated,
            // A date that cannot be read is no reason to lose the ping.
            state_timestamp: connector
                .connector_state_timestamp
                .and_then(|text| DateTime::parse_from_rfc3339(&text).ok())
                .map(|date| date.to_utc()),
        })
    }

    /// How full the connector's queue is.
    pub async fn queue(&self, id: &str) -> Result<Queue, Error> {
        #[derive(Deserialize)]
        struct Data {
            connector: Option<WireQueue>,
        }
        #[derive(Deserialize)]
        struct WireQueue {
            connector_queue_details: Queue,
        }
        let id = serde_json::json!({ "id": id });
        let data: Data = self.call(&documents::QUEUE, &id).await?;
        let connector = data.connector.ok_or(Error::NotRegistered)?;
        Ok(connector.connector_queue_details)
    }

    /// Who the token belongs to.
    pub async fn me(&self) -> Result<Me, Error> {
        #[derive(Deserialize)]
        struct Data {
            me: WireMe,
        }
        #[derive(Deserialize)]
        struct WireMe {
            name: String,
            capabilities: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let data: Data = self.call(&documents::ME, &serde_json::json!({})).await?;
        Ok(Me {
            name: data.me.name,
            capabilities: data.me.capabilities.into_iter().map(|c| c.name).collect(),
        })
    }
}

#[derive(Deserialize)]
struct WireConnector {
    connector_state: Option<String>,
    connector_user_id: Option<String>,
    config: Option<WireConfig>,
}

#[derive(Deserialize)]
struct WireConfig {
    connection: WireBroker,
    push_exchange: String,
    push_routing: String,
    #[serde(default)]
    s3: Option<WireS3>,
}

#[derive(Deserialize)]
struct WireBroker {
    host: String,
    vhost: String,
    use_ssl: bool,
    port: i64,
    user: String,
    pass: String,
}

#[derive(Deserialize)]
struct WireS3 {
    endpoint: String,
    port: i64,
    use_ssl: bool,
    bucket_name: String,
    bucket_region: String,
    access_key: String,
    secret_key: String,
}

#[derive(Deserialize)]
struct WirePing {
    connector_state: Option<String>,
    #[serde(default)]
    connector_state_timestamp: Option<String>,
}

#[derive(Serialize)]
struct PingVariables<'a> {
    id: &'a str,
    state: &'a str,
    info: WireInfo,
}

#[derive(Serialize)]
struct WireInfo {
    run_and_terminate: bool,
    buffering: bool,
    queue_threshold: f64,
    queue_messages_size: f64,
    next_run_datetime: Option<String>,
    last_run_datetime: Option<String>,
}

/// JSON knows no infinity; the platform's `Float!` takes no null.
fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { f64::MAX }
}

fn date(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}
