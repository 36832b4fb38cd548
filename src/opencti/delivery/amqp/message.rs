//! What lies in the queue: one object a message, as the platform's workers
//! read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::opencti::delivery::order::{Piece, Plan};
use crate::opencti::error::Error;

/// What the messages of one bundle have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct Envelope<'a> {
    /// The user that the objects are created by.
    pub applicant: Option<&'a str>,
    /// The work that counts them.
    pub work: Option<&'a str>,
    /// The draft that they go to.
    pub draft: Option<&'a str>,
}

#[derive(Serialize)]
struct Message<'a> {
    bundle_type: &'static str,
    applicant_id: Option<&'a str>,
    action_sequence: usize,
    entities_types: [&'static str; 0],
    content: String,
    update: bool,
    draft_id: Option<&'a str>,
    no_split: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_id: Option<&'a str>,
}

/// The `sequence`th message (from 1) of a plan.
pub(super) fn message(
    plan: &Plan<'_>,
    piece: &Piece,
    sequence: usize,
    envelope: Envelope<'_>,
) -> Result<Vec<u8>, Error> {
    let inner = plan.inner(piece)?;
    serde_json::to_vec(&Message {
        bundle_type: "QUEUE_BUNDLE",
        applicant_id: envelope.applicant,
        action_sequence: sequence,
        entities_types: [],
        content: STANDARD.encode(inner),
        update: false,
        draft_id: envelope.draft,
        no_split: false,
        work_id: envelope.work,
    })
    .map_err(|error| Error::Bundle(error.to_string()))
}

/// All messages of a bundle, in the order in which they are published.
pub fn messages(bundle: &str, envelope: Envelope<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let plan = Plan::new(bundle)?;
    let pieces = plan.pieces.iter().enumerate();
    pieces
        .map(|(at, piece)| message(&plan, piece, at + 1, envelope))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_message_holds_one_object_as_base64_and_names_work_and_draft() {
        let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": [
            {"id": "file--1", "type": "file", "name": "ü"}, {"id": "identity--1", "type": "identity"}]});
        let envelope = Envelope {
            applicant: Some("user--1"),
            work: Some("work--1"),
            draft: Some("draft--1"),
        };
        let sent = messages(&bundle.to_string(), envelope).unwrap();
        assert_eq!(sent.len(), 2);
        let message: Value = serde_json::from_slice(&sent[0]).unwrap();
        let content = STANDARD
            .decode(message["content"].as_str().unwrap())
            .unwrap();
        let content: Value = serde_json::from_slice(&content).unwrap();
        assert_eq!(
            content,
            json!({"type": "bundle", "id": "bundle--1", "spec_version": "2.1", "x_opencti_seq": 1,
                "objects": [{"id": "file--1", "type": "file", "name": "ü", "nb_deps": 1}]})
        );
        assert_eq!(
            message,
            json!({"bundle_type": "QUEUE_BUNDLE", "applicant_id": "user--1", "action_sequence": 1,
                "entities_types": [], "content": message["content"], "update": false,
                "draft_id": "draft--1", "no_split": false, "work_id": "work--1"})
        );
        let plain = messages(&bundle.to_string(), Envelope::default()).unwrap();
        let plain: Value = serde_json::from_slice(&plain[1]).unwrap();
        assert_eq!(plain["draft_id"], Value::Null);
        assert_eq!(plain["action_sequence"], 2);
        assert_eq!(plain.get("work_id"), None);
    }
}
