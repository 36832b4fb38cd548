//! Bundles on their way in: what they have to fit to, and the push.

use std::sync::Arc;

use apollo_compiler::response::{JsonMap, JsonValue};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::contents::{Contents, open};
use super::fault::{FaultKind, ImportFault};
use super::worker::{CameBy, Held, Importer, Pushed};
use crate::opencti::connectors::Connectors;
use crate::opencti::drafts::Drafts;
use crate::opencti::refusal::Refusal;
use crate::opencti::stamp::stamp;
use crate::opencti::works::Works;
use crate::opencti::world::{Judge, OpenCtiWorld, Processing};

/// Takes bundles in, for connectors, drafts and works that the platform knows.
pub(crate) struct Intake<'a> {
    pub(crate) connectors: &'a Connectors,
    pub(crate) drafts: &'a Drafts,
    pub(crate) works: &'a mut Works,
    pub(crate) importer: &'a mut Importer,
}

/// `stixBundlePush`, opened.
pub(crate) struct Push<'a> {
    connector: &'a str,
    work: Option<&'a str>,
    draft: Option<&'a str>,
    bundle: &'a str,
    contents: Result<Contents, String>,
}

impl<'a> Push<'a> {
    pub(crate) fn read(arguments: &'a JsonMap, draft: Option<&'a str>, judge: Judge) -> Self {
        let text = |name: &str| arguments.get(name).and_then(JsonValue::as_str);
        let bundle = text("bundle").unwrap_or_default();
        Self {
            connector: text("connectorId").unwrap_or_default(),
            work: text("work_id").filter(|id| !id.is_empty()),
            draft,
            bundle,
            contents: open(bundle, judge),
        }
    }
}

impl Intake<'_> {
    /// `stixBundlePush`.
    pub(crate) fn push(mut self, world: &OpenCtiWorld, push: Push<'_>) -> Result<Value, Refusal> {
        let now = world.clock.now();
        let (connector, bundle) = (push.connector, push.bundle);
        let contents = match push.contents {
            Ok(contents) if self.connectors.known.contains_key(connector) => contents,
            Ok(_) => return Err(self.invalid(format!("no connector {connector:?}"))),
            Err(why) => return Err(self.invalid(why)),
        };
        if let Some(draft) = push.draft
            && !self.drafts.knows(draft)
        {
            return Err(Refusal::functional(format!(
                "Draft {draft} cannot be found"
            )));
        }
        let work = match push.work {
            Some(id) => {
                self.late(id)?;
                id.to_owned()
            }
            None => self.own_work(connector, now),
        };
        self.importer.bundles.push(Arc::new(Pushed {
            at: now,
            road: CameBy::Api,
            connector: connector.to_owned(),
            work: push.work.map(str::to_owned),
            draft: push.draft.map(str::to_owned),
            text: kept(bundle, world.judge),
            bytes: bundle.len(),
            objects: contents.len(),
        }));
        let held = Held::new(contents, Some(work), bundle.len());
        self.accept(world, held, world.counts_in_push);
        Ok(true.into())
    }

    /// Takes a bundle in, for the worker to work off now or when the test says so.
    /// `counted`: its work is told at once how much it holds.
    pub(super) fn accept(&mut self, world: &OpenCtiWorld, mut held: Held, counted: bool) {
        if counted {
            held.count(self.works);
        }
        self.importer.hold(held);
        if world.processing == Processing::AtOnce {
            self.importer.work_off(self.works, world.clock.now());
        }
    }

    fn invalid(&mut self, why: String) -> Refusal {
        self.importer.refuse(why);
        Refusal::invalid_bundle()
    }

    /// The platform takes a bundle for a work that was closed before, but whoever
    /// closed it did so too early.
    pub(super) fn late(&mut self, id: &str) -> Result<(), Refusal> {
        let work = self.works.get(id)?;
        if work.closed {
            work.late_bundles += 1;
            self.importer.faults.push(ImportFault {
                object: String::new(),
                kind: FaultKind::LateBundle,
                detail: "the work was closed before".to_owned(),
                work: Some(id.to_owned()),
            });
        }
        Ok(())
    }

    fn own_work(&mut self, connector: &str, now: DateTime<Utc>) -> String {
        let connectors = &self.connectors.known;
        let name = connectors.get(connector).map_or("", |known| &known.name);
        let name = format!("{name} run @ {}", stamp(now));
        let work = self.works.create(connector, &name, now);
        work.by_platform = true;
        work.received_at = Some(now);
        work.id.clone()
    }
}

/// The text as far as it is kept.
pub(super) fn kept(text: &str, judge: Judge) -> String {
    match judge {
        Judge::Full => text.to_owned(),
        Judge::CountOnly => String::new(),
    }
}
