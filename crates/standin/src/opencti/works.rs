//! Works: what the operator sees of a run, and when one counts as complete.

use apollo_compiler::response::{JsonMap, JsonValue};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::stamp::stamp;

/// Where a work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkStatus {
    /// Nothing was heard of it.
    Wait,
    /// Received, or some of it processed.
    Progress,
    /// Complete.
    Complete,
}

/// What somebody said about a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkMessage {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub message: String,
    /// The object it is about, for errors of the importer.
    pub source: Option<String>,
}

/// A work as the platform keeps it.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The connector it belongs to.
    pub connector: String,
    /// It completes only after `toProcessed` AND all expectations.
    pub multi_part: bool,
    /// The platform made it, for a bundle that came without one.
    pub by_platform: bool,
    /// Where it stands.
    pub status: WorkStatus,
    /// How many objects are expected.
    pub expected: u64,
    /// How many were processed, well or not.
    pub processed: u64,
    /// `toProcessed` was said.
    pub closed: bool,
    /// `toProcessed` was said with `inError: true`.
    pub in_error: bool,
    /// It completed before `toProcessed` was said: what happens to a plain work
    /// whose first part is worked off before the second comes.
    pub complete_before_closed: bool,
    /// Bundles that came after `toProcessed`.
    pub late_bundles: usize,
    /// What was said when it was received and processed.
    pub messages: Vec<WorkMessage>,
    /// What went wrong, said by the connector or the importer.
    pub errors: Vec<WorkMessage>,
    /// The draft it belongs to.
    pub draft: Option<String>,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// When `toReceived` was said.
    pub received_at: Option<DateTime<Utc>>,
    /// When `toProcessed` was said.
    pub processed_at: Option<DateTime<Utc>>,
    /// When it completed.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Work {
    fn new(id: String, name: &str, connector: &str, now: DateTime<Utc>) -> Self {
        Self {
            id,
            name: name.to_owned(),
            connector: connector.to_owned(),
            multi_part: false,
            by_platform: false,
            status: WorkStatus::Wait,
            expected: 0,
            processed: 0,
            closed: false,
            in_error: false,
            complete_before_closed: false,
            late_bundles: 0,
            messages: Vec::new(),
            errors: Vec::new(),
            draft: None,
            added_at: now,
            received_at: None,
            processed_at: None,
            completed_at: None,
        }
    }

    /// Counts an object as processed. A work that is over stays as it is, however
    /// much was still to come.
    pub(crate) fn report(&mut self, error: Option<WorkMessage>, now: DateTime<Utc>) {
        if self.over() {
            return;
        }
        self.processed += 1;
        self.errors.extend(error);
        self.settle(now);
    }

    fn receive(&mut self, message: Option<&str>, now: DateTime<Utc>) {
        self.received_at = Some(now);
        if self.status == WorkStatus::Wait {
            self.status = WorkStatus::Progress;
        }
        self.messages.extend(said(message, now));
    }

    fn close(&mut self, message: Option<&str>, in_error: bool, now: DateTime<Utc>) {
        self.closed = true;
        self.in_error |= in_error;
        self.processed_at = Some(now);
        let said = said(message, now);
        if in_error {
            self.errors.extend(said.clone());
        }
        self.messages.extend(said);
        self.settle(now);
    }

    /// Whether it is complete by now. A plain work does not wait for
    /// `toProcessed`; one of several parts waits for that and for its objects.
    fn settle(&mut self, now: DateTime<Utc>) {
        if self.status == WorkStatus::Complete {
            return;
        }
        self.status = WorkStatus::Progress;
        if self.processed >= self.expected && (self.closed || !self.multi_part) {
            self.status = WorkStatus::Complete;
            self.completed_at = Some(now);
            self.complete_before_closed = !self.closed && !self.by_platform;
        }
    }

    fn over(&self) -> bool {
        self.closed && self.status == WorkStatus::Complete
    }

    /// The whole object; the selection picks from it.
    pub(crate) fn json(&self, connector: Value) -> Value {
        let status = match self.status {
            WorkStatus::Wait => "wait",
            WorkStatus::Progress => "progress",
            WorkStatus::Complete => "complete",
        };
        let complete = self.status == WorkStatus::Complete;
        json!({
            "id": self.id,
            "name": self.name,
            "connector": connector,
            "timestamp": stamp(self.added_at),
            "status": status,
            "event_source_id": self.connector,
            "received_time": self.received_at.map(stamp),
            "processed_time": self.processed_at.map(stamp),
            "completed_time": self.completed_at.map(stamp),
            "completed_number": complete.then_some(self.processed),
            "messages": told(&self.messages),
            "errors": told(&self.errors),
            "tracking": {
                "import_expected_number": self.expected,
                "import_last_processed": self.processed_at.map(stamp),
                "import_processed_number": self.processed,
            },
            "draft_context": self.draft,
        })
    }
}

fn said(message: Option<&str>, at: DateTime<Utc>) -> Option<WorkMessage> {
    message
        .filter(|text| !text.is_empty())
        .map(|text| WorkMessage {
            at,
            message: text.to_owned(),
            source: None,
        })
}

fn told(messages: &[WorkMessage]) -> Vec<Value> {
    messages
        .iter()
        .enumerate()
        .map(|(sequence, said)| {
            json!({
                "timestamp": stamp(said.at),
                "message": said.message,
                "sequence": sequence + 1,
                "source": said.source,
            })
        })
        .collect()
}

fn text<'a>(arguments: &'a JsonMap, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(JsonValue::as_str)
}

/// The platform's works.
#[derive(Default)]
pub(crate) struct Works {
    all: Vec<Work>,
    made: usize,
}

impl Works {
    pub(crate) fn all(&self) -> &[Work] {
        &self.all
    }

    /// A work that is alive.
    pub(crate) fn get(&mut self, id: &str) -> Result<&mut Work, Refusal> {
        self.all
            .iter_mut()
            .find(|work| work.id == id)
            .ok_or_else(|| Refusal::work_not_alive(id))
    }

    /// Whether there was one.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let before = self.all.len();
        self.all.retain(|work| work.id != id);
        self.all.len() < before
    }

    /// `workAdd`, for a connector that is known.
    pub(crate) fn add(
        &mut self,
        connector: &str,
        arguments: &JsonMap,
        now: DateTime<Utc>,
    ) -> &mut Work {
        let name = text(arguments, "friendlyName").unwrap_or_default();
        let multi_part = arguments
            .get("isMultiPartWork")
            .and_then(JsonValue::as_bool);
        let work = self.create(connector, name, now);
        work.multi_part = multi_part == Some(true);
        work
    }

    /// Makes a work, for a connector or on the platform's own account.
    pub(crate) fn create(&mut self, connector: &str, name: &str, now: DateTime<Utc>) -> &mut Work {
        // Two works of one millisecond are still two works.
        self.made += 1;
        let id = format!("work_{connector}_{}_{}", stamp(now), self.made);
        self.all.push_mut(Work::new(id, name, connector, now))
    }

    /// One field of `workEdit(id)`. `is_draft`: whether the platform has a draft.
    pub(crate) fn edit(
        &mut self,
        (id, field): (&str, &str),
        arguments: &JsonMap,
        is_draft: impl Fn(&str) -> bool,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let work = self.get(id)?;
        if field == "delete" {
            self.delete(id);
            return Ok(id.into());
        }
        if work.over() {
            return Err(Refusal::work_not_alive(id));
        }
        match field {
            "ping" => {}
            "toReceived" => work.receive(text(arguments, "message"), now),
            "toProcessed" => {
                let in_error = arguments.get("inError").and_then(JsonValue::as_bool);
                work.close(text(arguments, "message"), in_error == Some(true), now);
            }
            "addExpectations" => {
                let more = arguments.get("expectations").and_then(JsonValue::as_u64);
                work.expected += more.unwrap_or(0);
            }
            "reportExpectation" => work.report(reported(arguments, now), now),
            "addDraftContext" => {
                let draft = text(arguments, "draftContext").unwrap_or_default();
                if !is_draft(draft) {
                    return Err(Refusal::functional(format!(
                        "Draft {draft} cannot be found"
                    )));
                }
                work.draft = Some(draft.to_owned());
            }
            _ => {
                return Err(Refusal::functional(format!(
                    "Nothing edits a work by {field}"
                )));
            }
        }
        Ok(id.into())
    }
}

fn reported(arguments: &JsonMap, at: DateTime<Utc>) -> Option<WorkMessage> {
    let error = arguments.get("error")?.as_object()?;
    Some(WorkMessage {
        at,
        message: text(error, "error").unwrap_or_default().to_owned(),
        source: text(error, "source").map(str::to_owned),
    })
}
