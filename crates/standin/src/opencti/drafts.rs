//! Drafts: workspaces that an operator looks through before they count.

use apollo_compiler::response::JsonMap;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::refusal::Refusal;
use super::stamp::stamp;

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

/// The platform's drafts.
#[derive(Default)]
pub(crate) struct Drafts(Vec<Draft>);

impl Drafts {
    pub(crate) fn all(&self) -> &[Draft] {
        &self.0
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|draft| draft.id == id)
    }

    /// `draftWorkspaceAdd`.
    pub(crate) fn add(
        &mut self,
        arguments: &JsonMap,
        now: DateTime<Utc>,
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
        let draft = Draft {
            id: Uuid::new_v4().to_string(),
            name: name.to_owned(),
            added_at: now,
        };
        let answer = draft.json();
        self.0.push(draft);
        Ok(answer)
    }

    pub(crate) fn json_of(&self, id: &str) -> Option<Value> {
        let draft = self.0.iter().find(|draft| draft.id == id);
        draft.map(Draft::json)
    }
}

impl Draft {
    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "entity_type": "DraftWorkspace",
            "standard_id": format!("draft-workspace--{}", self.id),
            "parent_types": ["Basic-Object", "Internal-Object"],
            "name": self.name,
            "description": null,
            "created_at": stamp(self.added_at),
            "entity_id": null,
            "draft_status": "open",
            "processingCount": 0,
            "validationWork": null,
            "currentUserAccessRight": "admin",
        })
    }
}
