//! The platform's state, and what each root field does to it.

use std::sync::Mutex;

use apollo_compiler::response::{JsonMap, JsonValue};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::connectors::{self, Connectors, Queue};
use super::drafts::Drafts;
use super::graphql::Answers;
use super::import::{Importer, Intake, Push};
use super::refusal::Refusal;
use super::works::Works;
use super::world::{CONNECTOR_API, MODULES, OpenCtiWorld, User};
use crate::server::lock;

/// Everything that the platform remembers.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) connectors: Connectors,
    /// What the test says that waits in the queue.
    pub(crate) queue: Option<Queue>,
    pub(crate) works: Works,
    pub(crate) drafts: Drafts,
    pub(crate) importer: Importer,
}

impl State {
    /// What waits in the connectors' queues.
    pub(crate) fn queue(&self) -> Queue {
        self.queue.unwrap_or_else(|| self.importer.queue())
    }

    /// The refresh button empties the queue, too.
    pub(crate) fn reset(&mut self, world: &OpenCtiWorld, id: &str) -> Result<Value, Refusal> {
        self.queue = None;
        self.importer.forget_waiting();
        let queue = self.queue();
        self.connectors.reset(world, queue, id)
    }

    /// The worker does something, and tells the works.
    pub(crate) fn worker<T>(&mut self, does: impl FnOnce(&mut Importer, &mut Works) -> T) -> T {
        does(&mut self.importer, &mut self.works)
    }

    /// Takes a bundle in, with what it has to fit to.
    pub(crate) fn intake(&mut self) -> Intake<'_> {
        Intake {
            connectors: &self.connectors,
            drafts: &self.drafts,
            works: &mut self.works,
            importer: &mut self.importer,
        }
    }

    fn work_add(&mut self, world: &OpenCtiWorld, arguments: &JsonMap) -> Result<Value, Refusal> {
        let connector = arguments.get("connectorId").and_then(JsonValue::as_str);
        let connector = connector.unwrap_or_default();
        let answer = self.connectors.json_of(world, self.queue(), connector);
        let answer = answer.ok_or_else(connectors::unknown)?;
        let work = self.works.add(connector, arguments, world.clock.now());
        Ok(work.json(answer))
    }

    fn work(&self, world: &OpenCtiWorld, id: &str) -> Option<Value> {
        let work = self.works.all().iter().find(|work| work.id == id)?;
        let connector = self
            .connectors
            .json_of(world, self.queue(), &work.connector);
        Some(work.json(connector.unwrap_or_default()))
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
            importer: Importer::new(&world.known),
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
            let push = Push::read(arguments, self.draft, world.judge);
            return lock(&self.platform.state).intake().push(world, push);
        }
        let mut state = lock(&self.platform.state);
        let state = &mut *state;
        let queue = state.queue();
        match path {
            "about" => Ok(json!({ "version": world.release.version() })),
            "me" => Ok(me(user, self.draft.and_then(|id| state.drafts.json_of(id)))),
            "connector" => Ok(state
                .connectors
                .json_of(world, queue, id)
                .unwrap_or_default()),
            "work" => Ok(state.work(world, id).unwrap_or_default()),
            "registerConnector" => state.connectors.register(world, queue, &user.id, arguments),
            "pingConnector" => state.connectors.ping(world, queue, arguments),
            "resetStateConnector" => state.reset(world, id),
            "deleteConnector" => state.connectors.delete(id),
            "workAdd" => state.work_add(world, arguments),
            "workEdit" => state.works.get(id).map(|_| id.into()),
            "draftWorkspaceAdd" => state.drafts.add(arguments, world.clock.now()),
            path => match (work, path.strip_prefix("workEdit.")) {
                (Some(work), Some(field)) => {
                    let (works, drafts) = (&mut state.works, &state.drafts);
                    let is_draft = |id: &str| drafts.knows(id);
                    works.edit((work, field), arguments, is_draft, world.clock.now())
                }
                _ => Err(Refusal::functional(format!("Nothing answers {path}"))),
            },
        }
    }
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
