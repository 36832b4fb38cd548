//! What the platform knows: objects merged by id, and the counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fault::FaultKind;
use super::ids;
use super::rules::{self, Examined};

/// How many objects came, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// As they came, by type; an object that came twice counts twice.
    pub came: BTreeMap<String, u64>,
    /// Taken, with or without a fault.
    pub taken: u64,
    /// Refused.
    pub refused: u64,
    /// Observables whose `description` nobody will ever read.
    pub ignored_descriptions: u64,
}

/// What is wrong with an object, and whether it was refused for it.
pub(crate) struct Judgement {
    pub(crate) id: String,
    pub(crate) faults: Vec<(FaultKind, String)>,
    pub(crate) refused: bool,
}

#[derive(Default)]
pub(crate) struct Store {
    known: HashSet<String>,
    /// The id that each hash of a known file makes, and the file that it is.
    hashed: HashMap<String, String>,
    objects: HashMap<String, Arc<Value>>,
    /// The ids in the order of their first coming.
    order: Vec<String>,
    pub(crate) counts: Counts,
}

impl Store {
    pub(crate) fn new(known: &[String]) -> Self {
        Self {
            known: known.iter().cloned().collect(),
            ..Self::default()
        }
    }

    pub(crate) fn objects(&self) -> Vec<Arc<Value>> {
        self.order
            .iter()
            .filter_map(|id| self.objects.get(id).cloned())
            .collect()
    }

    pub(crate) fn object(&self, id: &str) -> Option<Arc<Value>> {
        self.objects.get(id).cloned()
    }

    /// What a report should name and none does. Its own relationships are no
    /// part of it: each would name the other.
    pub(crate) fn unreported(&self) -> Vec<String> {
        let reported: HashSet<&str> = self
            .objects
            .values()
            .filter(|object| object["type"] == "report")
            .flat_map(|report| report["object_refs"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let wanted = |id: &&String| {
            let kind = id.split("--").next().unwrap_or_default();
            let own = || {
                let ends = ["source_ref", "target_ref"].map(|end| self.objects[*id][end].as_str());
                ends.iter().flatten().any(|end| end.starts_with("report--"))
            };
            let wanted = ["indicator", "malware", "attack-pattern", "note"];
            rules::is_observable(kind)
                || wanted.contains(&kind)
                || (kind == "relationship" && !own())
        };
        self.order
            .iter()
            .filter(wanted)
            .filter(|id| !reported.contains(id.as_str()))
            .cloned()
            .collect()
    }

    /// Counts objects that nobody looks at.
    pub(crate) fn count(&mut self, types: &BTreeMap<String, u64>) {
        for (kind, number) in types {
            *self.counts.came.entry(kind.clone()).or_default() += number;
            self.counts.taken += number;
        }
    }

    /// Takes objects in their order.
    pub(crate) fn import(&mut self, objects: impl IntoIterator<Item = Examined>) -> Vec<Judgement> {
        let objects = objects.into_iter();
        objects.map(|object| self.take(object)).collect()
    }

    fn take(&mut self, object: Examined) -> Judgement {
        let mut faults = object.faults;
        for (name, id) in &object.refs {
            if !self.is_known(id) {
                let what =
                    format!("MISSING_REFERENCE_ERROR: `{name}` names {id:?}, which is nowhere");
                faults.push((FaultKind::DanglingReference, what));
            }
        }
        *self.counts.came.entry(object.kind).or_default() += 1;
        self.counts.ignored_descriptions += u64::from(object.ignored_description);
        let refused = faults.iter().any(|(kind, _)| kind.refuses());
        if refused {
            self.counts.refused += 1;
        } else {
            self.counts.taken += 1;
            faults.extend(self.keep(&object.id, object.value));
        }
        Judgement {
            id: object.id,
            faults,
            refused,
        }
    }

    fn is_known(&self, id: &str) -> bool {
        self.known.contains(id) || self.hashed.contains_key(id)
    }

    /// Keeps an object: as itself, or, a file of which any hash is known, in
    /// the file that has that hash. Then nothing has its own id unless all
    /// their hashes go together.
    fn keep(&mut self, id: &str, value: Value) -> Option<(FaultKind, String)> {
        let hashes = ids::of_hashes(&value);
        let same = hashes.iter().find_map(|hash| self.hashed.get(hash));
        let target = match same {
            Some(file) if !self.known.contains(id) => file.clone(),
            _ => {
                self.known.insert(id.to_owned());
                id.to_owned()
            }
        };
        self.merge(&target, value);
        for hash in self.objects.get(&target).map(|file| ids::of_hashes(file))? {
            self.hashed.entry(hash).or_insert_with(|| target.clone());
        }
        (!self.is_known(id)).then(|| {
            let what = format!("merged into {target}, which has an equal hash");
            (FaultKind::Swallowed, what)
        })
    }

    /// An upsert: what is new replaces, lists of what belongs to it grow.
    fn merge(&mut self, id: &str, value: Value) {
        let Some(old) = self.objects.get_mut(id) else {
            self.order.push(id.to_owned());
            self.objects.insert(id.to_owned(), Arc::new(value));
            return;
        };
        if let (Value::Object(old), Value::Object(new)) = (Arc::make_mut(old), value) {
            for (name, value) in new {
                merge_property(old, name, value);
            }
        }
    }
}

/// The objects of a bundle in the order in which they are worked off, those
/// first on which others build; what is there twice is told.
pub(super) fn arranged(mut objects: Vec<Examined>) -> Vec<Examined> {
    objects.sort_by_key(rank);
    let mut seen = HashSet::new();
    for object in &mut objects {
        if !seen.insert(object.id.clone()) {
            let what = "more than once in its bundle".to_owned();
            object.faults.push((FaultKind::Duplicate, what));
        }
    }
    objects
}

/// What stands on nothing first, what holds others together last, and what
/// names those behind them.
fn rank(object: &Examined) -> u8 {
    match object.kind.as_str() {
        "marking-definition" => 0,
        "identity" => 1,
        "relationship" if of_a_report(object.refs.iter().map(|(_, id)| id)) => 5,
        "relationship" => 3,
        "report" | "note" => 4,
        _ => 2,
    }
}

/// Whether one end is a report or a note.
fn of_a_report<'a>(mut ids: impl Iterator<Item = &'a String>) -> bool {
    ids.any(|id| id.starts_with("report--") || id.starts_with("note--"))
}

fn merge_property(object: &mut Map<String, Value>, name: String, value: Value) {
    let grows = name.ends_with("_refs")
        || matches!(
            name.as_str(),
            "labels" | "external_references" | "x_opencti_additional_names" | "x_opencti_files"
        );
    match (object.get_mut(&name), value) {
        // Of a file merged into another, too.
        (Some(_), _) if name == "id" => {}
        // A hash that is there already stays.
        (Some(Value::Object(old)), Value::Object(new)) if name == "hashes" => {
            for (algorithm, hash) in new {
                old.entry(algorithm).or_insert(hash);
            }
        }
        (Some(Value::Array(old)), Value::Array(new)) if grows => {
            let texts: HashSet<String> = old.iter().map(ToString::to_string).collect();
            old.extend(
                new.into_iter()
                    .filter(|item| !texts.contains(&item.to_string())),
            );
        }
        (_, value) => {
            object.insert(name, value);
        }
    }
}
