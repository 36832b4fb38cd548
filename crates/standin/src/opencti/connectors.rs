//! Connectors as the platform keeps them: registered, pinged, reset.

use std::collections::BTreeMap;

use apollo_compiler::response::{JsonMap, JsonValue};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::stamp::stamp;
use super::world::OpenCtiWorld;

/// A connector as the platform keeps it.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `EXTERNAL_IMPORT` and so on.
    pub kind: String,
    /// Its scope.
    pub scope: Vec<String>,
    /// What it was registered with, as it came.
    pub input: Value,
    /// Whose token registered it.
    pub user_id: String,
    /// The saved state: `None` before the first ping, `""` after a reset.
    pub state: Option<String>,
    /// The refresh button was pressed and no ping has come since.
    pub reset: bool,
    /// When the state was last reset.
    pub state_timestamp: Option<DateTime<Utc>>,
    /// What the last ping told about it.
    pub info: Value,
    /// How often it was registered.
    pub registrations: usize,
    /// When it was first registered.
    pub created_at: DateTime<Utc>,
    /// When it was last registered or pinged.
    pub updated_at: DateTime<Utc>,
}

/// A ping as it came, and what it was answered.
#[derive(Clone, Debug)]
pub struct Ping {
    /// When.
    pub at: DateTime<Utc>,
    /// Which connector.
    pub connector: String,
    /// The state as sent.
    pub state: Option<String>,
    /// The `connectorInfo` as sent.
    pub info: Value,
    /// The state that the platform answered.
    pub answered: Option<String>,
    /// Whether the state was saved; not so for the ping after a reset.
    pub saved: bool,
}

/// Which state a ping is answered with, when none is being reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Echo {
    /// The one that the ping brought.
    #[default]
    Fresh,
    /// The one before it: the platform reads from an index that lags.
    Previous,
    /// This one, whatever was saved.
    Fixed(String),
}

/// What waits in a connector's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Queue {
    /// Messages.
    pub messages: f64,
    /// Bytes.
    pub bytes: f64,
}

/// After this without a ping the platform shows a connector as inactive.
const ACTIVE_SECONDS: i64 = 300;

impl Connector {
    /// The whole object, for every release; the selection picks from it.
    fn json(&self, world: &OpenCtiWorld, queue: Queue, answered: Option<&str>) -> Value {
        let now = world.clock.now();
        let input = |name: &str| self.input.get(name).cloned().unwrap_or(Value::Null);
        json!({
            "id": self.id,
            "standard_id": format!("connector--{}", self.id),
            "entity_type": "Connector",
            "parent_types": ["Basic-Object", "Internal-Object"],
            "name": self.name,
            "title": self.name,
            "active": (now - self.updated_at).num_seconds() < ACTIVE_SECONDS,
            "auto": input("auto"),
            "auto_update": input("auto_update"),
            "enrichment_resolution": input("enrichment_resolution"),
            "only_contextual": input("only_contextual"),
            "playbook_compatible": input("playbook_compatible"),
            "connector_type": self.kind,
            "connector_scope": self.scope,
            "connector_state": answered,
            "connector_state_reset": self.reset,
            "connector_state_timestamp": self.state_timestamp.map(stamp),
            "connector_user_id": self.user_id,
            "connector_queue_details": {
                "messages_number": queue.messages,
                "messages_size": queue.bytes,
            },
            "connector_info": self.info,
            "connector_priority_group": "DEFAULT",
            "updated_at": stamp(self.updated_at),
            "refreshed_at": stamp(self.updated_at),
            "created_at": stamp(self.created_at),
            "config": config(&self.id, world, input("listen_callback_uri")),
            "is_managed": false,
            "built_in": false,
            "xtm_one_intent": input("xtm_one_intent"),
            "jwks": "{\"keys\":[]}",
        })
    }
}

fn config(id: &str, world: &OpenCtiWorld, callback: Value) -> Value {
    let (broker, storage) = (&world.broker, &world.storage);
    json!({
        "connection": {
            "host": broker.host,
            "vhost": broker.vhost,
            "use_ssl": broker.use_ssl,
            "port": broker.port,
            "user": broker.user,
            "pass": broker.pass,
        },
        "s3": {
            "endpoint": storage.endpoint,
            "port": storage.port,
            "use_ssl": storage.use_ssl,
            "bucket_name": storage.bucket_name,
            "bucket_region": storage.bucket_region,
            "access_key": storage.access_key,
            "secret_key": storage.secret_key,
        },
        "listen": format!("listen_{id}"),
        "listen_routing": format!("listen_routing_{id}"),
        "listen_exchange": "amqp.connector.exchange",
        "listen_callback_uri": callback,
        "push": format!("push_{id}"),
        "push_routing": format!("push_routing_{id}"),
        "push_exchange": "amqp.worker.exchange",
        "dead_letter_routing": format!("dead_letter_routing_{id}"),
    })
}

/// The platform's connectors.
#[derive(Default)]
pub(crate) struct Connectors {
    pub(crate) known: BTreeMap<String, Connector>,
    pub(crate) echo: Echo,
    pub(crate) pings: Vec<Ping>,
}

/// What waits in the queue is for the platform to say; it stands in each answer.
impl Connectors {
    /// `connector(id)`.
    pub(crate) fn json_of(&self, world: &OpenCtiWorld, queue: Queue, id: &str) -> Option<Value> {
        let connector = self.known.get(id)?;
        Some(connector.json(world, queue, connector.state.as_deref()))
    }

    /// `registerConnector`: an upsert that keeps the saved state.
    pub(crate) fn register(
        &mut self,
        world: &OpenCtiWorld,
        queue: Queue,
        user_id: &str,
        arguments: &JsonMap,
    ) -> Result<Value, Refusal> {
        let input = arguments
            .get("input")
            .filter(|input| !input.is_null())
            .map(|input| json!(input))
            .ok_or_else(|| Refusal::functional("No input to register a connector with"))?;
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        if id.trim().is_empty() {
            return Err(Refusal::functional("A connector needs an id"));
        }
        let now = world.clock.now();
        let old = self.known.remove(&id);
        let connector = Connector {
            name: text("name"),
            kind: text("type"),
            scope: input["scope"]
                .as_array()
                .map(|scope| {
                    scope
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect()
                })
                .unwrap_or_default(),
            user_id: user_id.to_owned(),
            state: old.as_ref().and_then(|old| old.state.clone()),
            reset: old.as_ref().is_some_and(|old| old.reset),
            state_timestamp: old.as_ref().and_then(|old| old.state_timestamp),
            info: old.as_ref().map(|old| old.info.clone()).unwrap_or_default(),
            registrations: old.as_ref().map_or(0, |old| old.registrations) + 1,
            created_at: old.as_ref().map_or(now, |old| old.created_at),
            updated_at: now,
            input,
            id: id.clone(),
        };
        let answer = connector.json(world, queue, connector.state.as_deref());
        self.known.insert(id, connector);
        Ok(answer)
    }

    /// `pingConnector`: saves the state as sent, unless a reset is pending: then it
    /// answers `""`, saves nothing, and the reset is over.
    pub(crate) fn ping(
        &mut self,
        world: &OpenCtiWorld,
        queue: Queue,
        arguments: &JsonMap,
    ) -> Result<Value, Refusal> {
        let id = arguments
            .get("id")
            .and_then(JsonValue::as_str)
            .unwrap_or_default();
        let sent = arguments
            .get("state")
            .and_then(JsonValue::as_str)
            .map(str::to_owned);
        let info = arguments
            .get("connectorInfo")
            .map(|info| json!(info))
            .unwrap_or_default();
        moments(&info)?;
        let now = world.clock.now();
        let connector = self.known.get_mut(id).ok_or_else(unknown)?;
        let before = connector.state.clone();
        let saved = !connector.reset;
        let answered = if saved {
            connector.state.clone_from(&sent);
            match &self.echo {
                Echo::Fresh => sent.clone(),
                Echo::Previous => before,
                Echo::Fixed(state) => Some(state.clone()),
            }
        } else {
            connector.reset = false;
            before
        };
        connector.updated_at = now;
        if !info.is_null() {
            connector.info.clone_from(&info);
        }
        let answer = connector.json(world, queue, answered.as_deref());
        self.pings.push(Ping {
            at: now,
            connector: id.to_owned(),
            state: sent,
            info,
            answered,
            saved,
        });
        Ok(answer)
    }

    /// `resetStateConnector`, the refresh button: empties the state.
    pub(crate) fn reset(
        &mut self,
        world: &OpenCtiWorld,
        queue: Queue,
        id: &str,
    ) -> Result<Value, Refusal> {
        let connector = self.known.get_mut(id).ok_or_else(unknown)?;
        connector.state = Some(String::new());
        connector.reset = true;
        connector.state_timestamp = Some(world.clock.now());
        Ok(connector.json(world, queue, Some("")))
    }

    /// `deleteConnector`.
    pub(crate) fn delete(&mut self, id: &str) -> Result<Value, Refusal> {
        let deleted = self.known.remove(id).ok_or_else(unknown)?;
        Ok(deleted.id.into())
    }
}

pub(crate) fn unknown() -> Refusal {
    Refusal::functional("No connector found with the specified ID")
}

/// The two dates in `connectorInfo` must be dates: the platform's scalar for
/// them refuses anything else, as it refuses a text for a number.
fn moments(info: &Value) -> Result<(), Refusal> {
    for name in ["next_run_datetime", "last_run_datetime"] {
        let value = info.get(name).unwrap_or(&Value::Null);
        let read = value.as_str().map(DateTime::parse_from_rfc3339);
        if !value.is_null() && !matches!(read, Some(Ok(_))) {
            return Err(Refusal::bad_request(
                "BAD_USER_INPUT",
                format!(
                    "Variable \"$connectorInfo\" got invalid value {value} at \
                     \"connectorInfo.{name}\"; DateTime cannot represent it."
                ),
            ));
        }
    }
    Ok(())
}
