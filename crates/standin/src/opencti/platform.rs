//! The platform's state, and what each root field does to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use apollo_compiler::response::{JsonMap, JsonValue};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::connectors::{self, Connector, Echo, Ping, Queue};
use super::graphql::Answers;
use super::import::{self, Held, ImportFault, Pushed, Store};
use super::refusal::Refusal;
use super::works::{self, Work};
use super::world::{CONNECTOR_API, MODULES, OpenCtiWorld, User};
use crate::server::lock;

/// A moment as the platform writes it.
pub(crate) fn stamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A draft that was asked for.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was added.
    pub added_at: DateTime<Utc>,
}

/// Everything that the platform remembers.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) connectors: BTreeMap<String, Connector>,
    /// What the test says that waits in the queue.
    pub(crate) queue: Option<Queue>,
    pub(crate) echo: Echo,
    pub(crate) pings: Vec<Ping>,
    pub(crate) works: Vec<Work>,
    pub(crate) works_made: usize,
    pub(crate) drafts: Vec<Draft>,
    pub(crate) bundles: Vec<Arc<Pushed>>,
    pub(crate) held: VecDeque<Held>,
    pub(crate) store: Store,
    pub(crate) faults: Vec<ImportFault>,
}

impl State {
    /// What waits in the connectors' queues.
    pub(crate) fn queue(&self) -> Queue {
        self.queue.unwrap_or_else(|| Queue {
            messages: self.held.iter().map(|held| held.messages() as f64).sum(),
            bytes: self.held.iter().map(|held| held.bytes() as f64).sum(),
        })
    }

    /// A work that is alive.
    pub(crate) fn work(&mut self, id: &str) -> Result<&mut Work, Refusal> {
        self.works
            .iter_mut()
            .find(|work| work.id == id)
            .ok_or_else(|| Refusal::work_not_alive(id))
    }
}

/// The platform.
pub(crate) struct Platform {
    pub(crate) world: OpenCtiWorld,
    pub(crate) state: Mutex<State>,
    pub(crate) changes: watch::Sender<()>,
}

impl Platform {
    pub(crate) fn new(world: OpenCtiWorld) -> Self {
        let state = State {
            store: Store::new(&world.known),
            ..State::default()
        };
        Self {
            world,
            state: Mutex::new(state),
            changes: watch::Sender::new(()),
        }
    }

    /// Whose token it is.
    pub(crate) fn user(&self, token: Option<&str>) -> Option<&User> {
        let token = token?;
        self.world.users.iter().find(|user| user.token == token)
    }

    /// Wakes whoever waits for something to have happened.
    pub(crate) fn changed(&self) {
        self.changes.send_replace(());
    }
}

/// Somebody who asks the platform.
pub(crate) struct Caller<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) user: Option<&'a User>,
    /// The header `opencti-draft-id`.
    pub(crate) draft: Option<&'a str>,
}

impl Caller<'_> {
    fn allowed(&self, path: &str) -> Result<&User, Refusal> {
        let user = self.user.ok_or_else(Refusal::auth_required)?;
        let needed = match path {
            "about" | "me" => return Ok(user),
            "resetStateConnector" | "deleteConnector" => MODULES,
            _ => CONNECTOR_API,
        };
        if user.may(needed) {
            Ok(user)
        } else {
            Err(Refusal::forbidden())
        }
    }
}

impl Answers for Caller<'_> {
    fn answer(
        &self,
        path: &str,
        work: Option<&str>,
        arguments: &JsonMap,
    ) -> Result<Value, Refusal> {
        let user = self.allowed(path)?;
        let world = &self.platform.world;
        let text = |name: &str| arguments.get(name).and_then(JsonValue::as_str);
        let id = text("id").unwrap_or_default();
        if path == "stixBundlePush" {
            // Judged without the lock: a large bundle must hold up no ping.
            return import::push(self.platform, self.draft, arguments);
        }
        let mut state = lock(&self.platform.state);
        let state = &mut *state;
        match path {
            "about" => Ok(json!({ "version": world.release.version() })),
            "me" => Ok(me(user, self.draft.and_then(|id| draft(state, id)))),
            "connector" => Ok(state.connectors.get(id).map_or(Value::Null, |connector| {
                connector.json(world, state.queue(), connector.state.as_deref())
            })),
            "work" => Ok(works::json_of(state, world, id).unwrap_or_default()),
            "registerConnector" => connectors::register(state, world, &user.id, arguments),
            "pingConnector" => connectors::ping(state, world, arguments),
            "resetStateConnector" => connectors::reset(state, world, id),
            "deleteConnector" => match state.connectors.remove(id) {
                Some(_) => Ok(id.into()),
                None => Err(Refusal::functional(
                    "No connector found with the specified ID",
                )),
            },
            "workAdd" => works::add(state, world, arguments),
            "workEdit" => state.work(id).map(|_| id.into()),
            "draftWorkspaceAdd" => draft_add(state, world, arguments),
            path => match (work, path.strip_prefix("workEdit.")) {
                (Some(work), Some(field)) => {
                    works::edit(state, world.clock.now(), work, field, arguments)
                }
                _ => Err(Refusal::functional(format!("Nothing answers {path}"))),
            },
        }
    }
}

fn draft_add(
    state: &mut State,
    world: &OpenCtiWorld,
    arguments: &JsonMap,
) -> Result<Value, Refusal> {
    let input = arguments
        .get("input")
        .map(|input| json!(input))
        .unwrap_or_default();
    let name = input["name"].as_str().unwrap_or_default();
    if name.chars().count() < 2 {
        return Err(Refusal::functional(
            "A draft needs a name of two characters",
        ));
    }
    let id = Uuid::new_v4().to_string();
    state.drafts.push(Draft {
        id: id.clone(),
        name: name.to_owned(),
        added_at: world.clock.now(),
    });
    Ok(draft(state, &id).unwrap_or_default())
}

fn draft(state: &State, id: &str) -> Option<Value> {
    let draft = state.drafts.iter().find(|draft| draft.id == id)?;
    Some(json!({
        "id": draft.id,
        "entity_type": "DraftWorkspace",
        "standard_id": format!("draft-workspace--{}", draft.id),
        "parent_types": ["Basic-Object", "Internal-Object"],
        "name": draft.name,
        "description": null,
        "created_at": stamp(draft.added_at),
        "entity_id": null,
        "draft_status": "open",
        "processingCount": 0,
        "validationWork": null,
        "currentUserAccessRight": "admin",
    }))
}

fn me(user: &User, draft: Option<Value>) -> Value {
    let capability = |name: &String| {
        json!({
            "id": name,
            "standard_id": format!("capability--{name}"),
            "entity_type": "Capability",
            "parent_types": ["Basic-Object", "Internal-Object"],
            "name": name,
            "description": null,
            "created_at": "2024-01-01T00:00:00.000Z",
            "updated_at": "2024-01-01T00:00:00.000Z",
        })
    };
    json!({
        "id": user.id,
        "standard_id": format!("user--{}", user.id),
        "entity_type": "User",
        "parent_types": ["Basic-Object", "Internal-Object"],
        "user_email": format!("{}@example.org", user.id),
        "name": user.name,
        "description": null,
        "firstname": null,
        "lastname": null,
        "external": false,
        "capabilities": user.capabilities.iter().map(capability).collect::<Vec<_>>(),
        "effective_confidence_level": { "max_confidence": 100 },
        "account_status": "Active",
        "draftContext": draft,
    })
}
