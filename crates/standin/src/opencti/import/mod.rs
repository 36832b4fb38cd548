//! The importer: takes bundles apart, judges what is in them, keeps what passes.

mod fault;
mod ids;
mod links;
mod message;
mod rules;
mod store;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use apollo_compiler::response::{JsonMap, JsonValue};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

pub use fault::{FaultKind, ImportFault};
pub(crate) use message::ingest;
use rules::Examined;
pub use store::Counts;
pub(crate) use store::Store;
pub(crate) use worker::{Held, count, import_some, work_off};

use super::platform::{Platform, State, stamp};
use super::refusal::Refusal;
use super::works;
use super::world::{Judge, Processing};
use crate::server::lock;

/// Which way a bundle came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// `stixBundlePush`.
    Api,
    /// A message of the broker.
    Queue,
    /// A file in a directory.
    Directory,
    /// An object in a bucket.
    S3,
}

/// A bundle as it came.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// When.
    pub at: DateTime<Utc>,
    /// Which way.
    pub road: Road,
    /// The connector that sent it, where that is told.
    pub connector: String,
    /// The work that it named.
    pub work: Option<String>,
    /// The draft that it named.
    pub draft: Option<String>,
    /// Its text; empty where objects are only counted.
    pub text: String,
    /// The size of its text.
    pub bytes: usize,
    /// How many objects it holds.
    pub objects: usize,
}

/// What is in a bundle.
pub(crate) enum Contents {
    Judged(Vec<Examined>),
    Counted(BTreeMap<String, u64>),
}

impl Contents {
    fn len(&self) -> usize {
        match self {
            Self::Judged(objects) => objects.len(),
            Self::Counted(types) => types.values().map(|&n| n as usize).sum(),
        }
    }
}

/// Judges a bundle without a platform around it, as an empty one would: says
/// everything that is wrong.
pub fn judge(bundle: &str) -> Vec<ImportFault> {
    let fault = |object: String, (kind, detail)| ImportFault {
        object,
        kind,
        detail,
        work: None,
    };
    let objects = match open(bundle, Judge::Full) {
        Ok(Contents::Judged(objects)) => objects,
        Ok(Contents::Counted(_)) => return Vec::new(),
        Err(why) => return vec![fault(String::new(), (FaultKind::NotABundle, why))],
    };
    let judged = Store::new(&[]).import(store::arranged(objects)).into_iter();
    judged
        .flat_map(|one| {
            let faults = one.faults.into_iter();
            faults.map(move |told| fault(one.id.clone(), told))
        })
        .collect()
}

/// `stixBundlePush`.
pub(crate) fn push(
    platform: &Platform,
    draft: Option<&str>,
    arguments: &JsonMap,
) -> Result<Value, Refusal> {
    let text = |name: &str| arguments.get(name).and_then(JsonValue::as_str);
    let connector = text("connectorId").unwrap_or_default();
    let bundle = text("bundle").unwrap_or_default();
    let named = text("work_id").filter(|id| !id.is_empty());
    let contents = open(bundle, platform.world.judge);
    let now = platform.world.clock.now();

    let mut state = lock(&platform.state);
    let state = &mut *state;
    let contents = match contents {
        Ok(contents) if state.connectors.contains_key(connector) => contents,
        Ok(_) => return Err(invalid(state, format!("no connector {connector:?}"))),
        Err(why) => return Err(invalid(state, why)),
    };
    if let Some(draft) = draft
        && !state.drafts.iter().any(|known| known.id == draft)
    {
        return Err(Refusal::functional(format!(
            "Draft {draft} cannot be found"
        )));
    }
    let work = match named {
        Some(id) => {
            late(state, id)?;
            id.to_owned()
        }
        None => own_work(state, connector, now),
    };
    state.bundles.push(Arc::new(Pushed {
        at: now,
        road: Road::Api,
        connector: connector.to_owned(),
        work: named.map(str::to_owned),
        draft: draft.map(str::to_owned),
        text: kept(bundle, platform.world.judge),
        bytes: bundle.len(),
        objects: contents.len(),
    }));
    let held = Held::new(contents, Some(work), bundle.len());
    accept(state, platform, held, platform.world.counts_in_push);
    Ok(true.into())
}

/// Takes a bundle in, for the worker to work off now or when the test says so.
/// `counted`: its work is told at once how much it holds.
fn accept(state: &mut State, platform: &Platform, mut held: Held, counted: bool) {
    if counted {
        held.count(state);
    }
    state.held.push_back(held);
    if platform.world.processing == Processing::AtOnce {
        work_off(state, platform.world.clock.now());
    }
}

fn kept(text: &str, judge: Judge) -> String {
    match judge {
        Judge::Full => text.to_owned(),
        Judge::CountOnly => String::new(),
    }
}

fn invalid(state: &mut State, why: String) -> Refusal {
    state.faults.push(ImportFault {
        object: String::new(),
        kind: FaultKind::NotABundle,
        detail: why,
        work: None,
    });
    Refusal::invalid_bundle()
}

/// The platform takes a bundle for a work that was closed before, but whoever
/// closed it did so too early.
fn late(state: &mut State, id: &str) -> Result<(), Refusal> {
    let work = state.work(id)?;
    if work.closed {
        work.late_bundles += 1;
        state.faults.push(ImportFault {
            object: String::new(),
            kind: FaultKind::LateBundle,
            detail: "the work was closed before".to_owned(),
            work: Some(id.to_owned()),
        });
    }
    Ok(())
}

fn own_work(state: &mut State, connector: &str, now: DateTime<Utc>) -> String {
    let name = state
        .connectors
        .get(connector)
        .map_or("", |connector| &connector.name);
    let name = format!("{name} run @ {}", stamp(now));
    let id = works::create(state, connector, &name, now);
    if let Ok(work) = state.work(&id) {
        work.by_platform = true;
        work.received_at = Some(now);
    }
    id
}

/// A bundle's outside; the objects stay texts until it is known what for.
#[derive(Deserialize)]
struct Outside<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    #[serde(borrow, default)]
    objects: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type", default)]
    kind: String,
}

/// Opens a bundle: says what is wrong if it is none.
fn open(text: &str, judge: Judge) -> Result<Contents, String> {
    let outside: Outside = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if outside.kind.as_deref() != Some("bundle") {
        return Err("its `type` is not \"bundle\"".to_owned());
    }
    let id = outside.id.unwrap_or_default();
    let uuid = id.strip_prefix("bundle--").map(Uuid::try_parse);
    if !matches!(uuid, Some(Ok(_))) {
        return Err(format!("its `id` {id:?} is not bundle--UUID"));
    }
    let objects = outside.objects.unwrap_or_default();
    if objects.is_empty() {
        return Err("it holds no objects".to_owned());
    }
    let unreadable = |error: serde_json::Error| format!("an object cannot be read: {error}");
    match judge {
        Judge::Full => objects
            .into_iter()
            .map(|raw| {
                serde_json::from_str(raw.get())
                    .map(rules::examine)
                    .map_err(unreadable)
            })
            .collect::<Result<_, _>>()
            .map(Contents::Judged),
        Judge::CountOnly => {
            let mut types = BTreeMap::new();
            for raw in objects {
                let kind: Kind = serde_json::from_str(raw.get()).map_err(unreadable)?;
                *types.entry(kind.kind).or_default() += 1;
            }
            Ok(Contents::Counted(types))
        }
    }
}
