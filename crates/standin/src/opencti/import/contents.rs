//! What is in a bundle, once it is opened.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::rules::{self, Examined};
use crate::opencti::world::Judge;

/// What is in a bundle.
pub(crate) enum Contents {
    Judged(Vec<Examined>),
    Counted(BTreeMap<String, u64>),
}

impl Contents {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Judged(objects) => objects.len(),
            Self::Counted(types) => types.values().map(|&n| n as usize).sum(),
        }
    }
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
pub(super) fn open(text: &str, judge: Judge) -> Result<Contents, String> {
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
