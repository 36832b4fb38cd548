//! The API road: `stixBundlePush`.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use serde::{Deserialize, Serialize};

use crate::opencti::client::{OpenCti, Told};
use crate::opencti::documents;
use crate::opencti::error::Error;
use crate::opencti::version::Feature;

use super::Sent;
use super::outgoing::Outgoing;
use super::pieces::Pieces;

/// Pushes bundles over GraphQL.
#[derive(Clone)]
pub struct Api {
    client: OpenCti,
    connector_id: String,
    pub(super) draft: Option<String>,
    /// The smallest bundle that was refused as too large: what is not smaller
    /// is cut before it is sent.
    refused: Arc<AtomicUsize>,
}

impl Api {
    /// A road for one connector, into the draft when there is one.
    pub fn new(client: OpenCti, connector_id: &str, draft: Option<String>) -> Self {
        Self {
            client,
            connector_id: connector_id.to_owned(),
            draft,
            refused: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    /// Pushes a bundle; one that is refused as too large goes in pieces.
    pub async fn send(
        &self,
        bundle: impl Into<Outgoing<'_>>,
        work: Option<&str>,
    ) -> Result<Sent, Error> {
        let mut pieces = Pieces::of(bundle.into(), &self.refused)?;
        while let Some(piece) = pieces.next()? {
            let answer = self.push(&piece.text, work).await;
            pieces.answered(piece, answer)?;
        }
        Ok(pieces.sent())
    }

    /// Pushes a bundle; whether it is certain that its work will count it, once.
    async fn push(&self, bundle: &str, work: Option<&str>) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "stixBundlePush")]
            accepted: Option<bool>,
        }
        #[derive(Serialize)]
        struct Variables<'a> {
            connector: &'a str,
            bundle: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            work: Option<&'a str>,
        }
        let plain = Variables {
            connector: &self.connector_id,
            bundle,
            work: None,
        };
        let draft = self.draft.as_deref();
        let told: Told<Data> = if work.is_some() {
            let with_work = Variables { work, ..plain };
            self.client
                .call_in_form_and_draft(
                    Feature::PushWork,
                    (&documents::PUSH_WORK, &with_work),
                    (&documents::PUSH, &plain),
                    draft,
                )
                .await?
        } else {
            self.client
                .call_telling(&documents::PUSH, &plain, draft)
                .await?
        };
        // Where a push cannot name its work the platform makes one of its own.
        let named = work.is_some() && self.client.level().asks(Feature::PushWork);
        match told.data.accepted {
            Some(true) => Ok(named && !told.repeated),
            other => Err(self.client.odd(&format!("the push answered {other:?}"))),
        }
    }
}
