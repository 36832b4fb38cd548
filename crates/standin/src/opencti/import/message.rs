//! Bundles that come by the other roads: a broker's message for one object, a
//! document in a directory or a bucket for a whole bundle.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::contents::open;
use super::fault::ImportFault;
use super::intake::{Intake, kept};
use super::worker::{CameBy, Held, Pushed};
use crate::opencti::world::OpenCtiWorld;

impl Intake<'_> {
    /// Takes what came by another road in; returns what is wrong with it.
    pub(crate) fn ingest(mut self, world: &OpenCtiWorld, text: &str) -> Vec<ImportFault> {
        let before = self.importer.faults.len();
        if let Err(why) = self.take(world, text) {
            self.importer.refuse(why);
        }
        self.importer.faults.split_at(before).1.to_vec()
    }

    fn take(&mut self, world: &OpenCtiWorld, text: &str) -> Result<(), String> {
        let message: Value =
            serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        let message = Message(&message);
        let applicant = message.text("applicant_id")?;
        let mut connectors = self.connectors.known.values();
        let connector = connectors
            .find(|connector| connector.user_id == applicant)
            .map(|connector| connector.id.clone())
            .ok_or_else(|| format!("no connector acts as `applicant_id` {applicant:?}"))?;
        message.list("entities_types")?;
        message.boolean("update")?;
        let (road, bundle) = match message.text("bundle_type")? {
            "QUEUE_BUNDLE" => (CameBy::Queue, message.content()?),
            "DIRECTORY_BUNDLE" => (CameBy::Directory, message.document()?),
            "S3_BUNDLE" => (CameBy::S3, message.document()?),
            other => return Err(format!("`bundle_type` is {other:?}")),
        };
        let contents = open(&bundle, world.judge)?;
        let work = message
            .nullable("work_id")?
            .filter(|_| road == CameBy::Queue);
        let draft = message.nullable("draft_id")?;
        if let Some(id) = &work {
            self.late(id)
                .map_err(|refusal| refusal.messages.join(" "))?;
        }
        if let Some(id) = draft.as_deref().filter(|id| !self.drafts.knows(id)) {
            return Err(format!("no draft {id:?}"));
        }
        self.importer.bundles.push(Arc::new(Pushed {
            at: world.clock.now(),
            road,
            connector,
            work: work.clone(),
            draft,
            bytes: bundle.len(),
            objects: contents.len(),
            text: kept(&bundle, world.judge),
        }));
        // The worker counts what it has to split; of one object it was told before.
        let announced = contents.len() == 1;
        let held = Held::new(contents, work, bundle.len());
        let held = if announced { held.announced() } else { held };
        self.accept(world, held, false);
        Ok(())
    }
}

/// A message, asked for its properties.
struct Message<'a>(&'a Value);

impl<'a> Message<'a> {
    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.0[name]
            .as_str()
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("`{name}` must be a text"))
    }

    fn nullable(&self, name: &str) -> Result<Option<String>, String> {
        match &self.0[name] {
            Value::Null => Ok(None),
            Value::String(text) if !text.is_empty() => Ok(Some(text.clone())),
            other => Err(format!("`{name}` must be a text or null, not {other}")),
        }
    }

    fn boolean(&self, name: &str) -> Result<bool, String> {
        let value = self.0[name].as_bool();
        value.ok_or_else(|| format!("`{name}` must be true or false"))
    }

    fn list(&self, name: &str) -> Result<(), String> {
        let value = self.0[name].as_array();
        value
            .map(|_| ())
            .ok_or_else(|| format!("`{name}` must be a list"))
    }

    /// The bundle of one object inside a broker's message.
    fn content(&self) -> Result<String, String> {
        self.boolean("no_split")?;
        if !counts(&self.0["action_sequence"]) {
            return Err("`action_sequence` must be a number from 1".to_owned());
        }
        for name in ["draft_id", "work_id"] {
            if self.0.get(name).is_none() {
                return Err(format!("`{name}` is missing"));
            }
        }
        let bytes = BASE64_STANDARD
            .decode(self.text("content")?)
            .map_err(|error| format!("`content` is no base64: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|error| format!("`content`: {error}"))?;
        let bundle: Value =
            serde_json::from_str(&text).map_err(|error| format!("`content`: {error}"))?;
        if bundle["spec_version"] != "2.1" {
            return Err("the inner bundle's `spec_version` must be \"2.1\"".to_owned());
        }
        if !counts(&bundle["x_opencti_seq"]) {
            return Err("the inner bundle's `x_opencti_seq` must be a number from 1".to_owned());
        }
        Ok(text)
    }

    /// The bundle inside a document for a directory or a bucket.
    fn document(&self) -> Result<String, String> {
        let connector = &self.0["connector"];
        let fine = ["id", "name", "type"]
            .iter()
            .all(|name| connector[name].is_string())
            // The official helper writes the setting as it found it: a text.
            && (connector["scope"].is_array() || connector["scope"].is_string())
            && ["auto", "validate_before_import"]
                .iter()
                .all(|name| connector[name].is_boolean());
        if !fine {
            return Err("`connector` must tell id, name, type, scope, auto and \
                        validate_before_import"
                .to_owned());
        }
        Ok(self.0["bundle"].to_string())
    }
}

/// Whether it is a whole number from 1.
fn counts(value: &Value) -> bool {
    value.as_u64().is_some_and(|number| number > 0)
}
