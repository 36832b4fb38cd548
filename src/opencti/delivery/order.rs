//! A bundle as the messages of the AMQP road: one object each, what is needed
//! by others first.
//!
//! Order and shape are those of the platform's Python helper, which its
//! workers are made for: an object's number of dependencies is 1 plus those of
//! everything that its `*_ref` and `*_refs` name inside the bundle, counted as
//! often as it is named; fewest first, and equal numbers in the order in which
//! they are complete.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::opencti::error::Error;

use super::parts::Members;

/// One message to be.
pub(super) struct Piece {
    /// `x_opencti_seq`, and `nb_deps` in the object.
    pub(super) deps: usize,
    /// The object's place in the bundle.
    item: usize,
}

/// A bundle in the order of its messages.
pub(super) struct Plan<'a> {
    id: String,
    items: Vec<Item<'a>>,
    pub(super) pieces: Vec<Piece>,
}

/// An object and the members of it that name others.
struct Item<'a> {
    text: &'a str,
    kind: String,
    symbol: usize,
    slots: Vec<Slot>,
    /// Set once all that it needs is counted.
    deps: Option<usize>,
    /// What it counts as needing.
    needs: Vec<usize>,
}

struct Slot {
    key: String,
    many: bool,
    /// As it stands in the bundle.
    named: Vec<usize>,
    /// What is left of it: no doubles, no ring.
    kept: Vec<usize>,
    /// `kept` as ids, where that differs.
    texts: Vec<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(bundle: &'a str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            id: String,
            #[serde(borrow)]
            objects: Vec<&'a RawValue>,
        }
        let wire: Wire<'a> = serde_json::from_str(bundle).map_err(fault)?;
        let mut names = Names::default();
        let items = wire
            .objects
            .into_iter()
            .map(|object| Item::read(object.get(), &mut names))
            .collect::<Result<Vec<_>, _>>()?;
        let mut walk = Walk::new(items, &names);
        for at in 0..walk.items.len() {
            walk.count(walk.items[at].symbol, &mut Vec::new());
        }
        let Walk { items, order, .. } = walk;
        let mut pieces: Vec<Piece> = order
            .into_iter()
            .map(|item| Piece {
                deps: items[item].deps.unwrap_or(1),
                item,
            })
            .collect();
        // Stable: equal numbers stay as they are.
        pieces.sort_by_key(|piece| piece.deps);
        let items = names.resolve(items);
        Ok(Self {
            id: wire.id,
            items,
            pieces,
        })
    }

    /// The bundle that holds this piece alone.
    pub(super) fn inner(&self, piece: &Piece) -> Result<String, Error> {
        let item = &self.items[piece.item];
        let mut replaced = Vec::new();
        let mut members = Members::read(item.text)?;
        for slot in item.slots.iter().filter(|slot| slot.changed()) {
            replaced.push((slot.key.as_str(), slot.value()?));
        }
        for key in ["external_references", "kill_chain_phases"] {
            let value = members.0.iter().find(|(name, _)| name == key);
            if let Some(value) = value.map(|(_, value)| value)
                && let Some(once) = once_each(value)?
            {
                replaced.push((key, once));
            }
        }
        replaced.push(("nb_deps", to_raw_value(&piece.deps).map_err(fault)?));
        for (key, value) in &replaced {
            members.set(key, value);
        }
        Ok(format!(
            r#"{{"type":"bundle","id":{},"spec_version":"2.1","x_opencti_seq":{},"objects":[{}]}}"#,
            serde_json::to_string(&self.id).map_err(fault)?,
            piece.deps,
            serde_json::to_string(&members).map_err(fault)?,
        ))
    }
}

fn fault(error: serde_json::Error) -> Error {
    Error::Bundle(error.to_string())
}

/// Ids as numbers.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, usize>,
}

impl Names {
    fn number(&mut self, id: &str) -> usize {
        if let Some(&number) = self.numbers.get(id) {
            return number;
        }
        let number = self.numbers.len();
        self.numbers.insert(id.to_owned(), number);
        number
    }

    /// Gives the slots that will be rewritten their texts.
    fn resolve<'a>(self, mut items: Vec<Item<'a>>) -> Vec<Item<'a>> {
        let changed = items
            .iter()
            .any(|item| item.slots.iter().any(Slot::changed));
        if changed {
            let mut texts = vec![String::new(); self.numbers.len()];
            for (id, number) in self.numbers {
                texts[number] = id;
            }
            for slot in items.iter_mut().flat_map(|item| &mut item.slots) {
                if slot.changed() {
                    slot.texts = slot.kept.iter().map(|&n| texts[n].clone()).collect();
                }
            }
        }
        items
    }
}

impl<'a> Item<'a> {
    fn read(text: &'a str, names: &mut Names) -> Result<Self, Error> {
        let members = Members::read(text)?;
        let id = members
            .text("id")
            .ok_or_else(|| Error::Bundle("an object has no id".to_owned()))?;
        let mut slots = Vec::new();
        for (key, value) in &members.0 {
            let many = key.ends_with("_refs");
            if !many && !key.ends_with("_ref") {
                continue;
            }
            // What is neither a text nor a list of texts names nothing.
            let named: Option<Vec<String>> = if many {
                serde_json::from_str(value.get()).ok()
            } else {
                serde_json::from_str(value.get()).ok().map(|id| vec![id])
            };
            if let Some(named) = named {
                slots.push(Slot {
                    key: key.clone().into_owned(),
                    many,
                    named: named.iter().map(|id| names.number(id)).collect(),
                    kept: named.iter().map(|id| names.number(id)).collect(),
                    texts: Vec::new(),
                });
            }
        }
        Ok(Self {
            text,
            kind: members.text("type").unwrap_or_default(),
            symbol: names.number(&id),
            slots,
            deps: None,
            needs: Vec::new(),
        })
    }

    /// Whether it can be imported: a relationship needs both ends.
    fn whole(&self) -> bool {
        let has = |key: &str| {
            let mut slots = self.slots.iter();
            slots.any(|slot| slot.key == key && !slot.kept.is_empty())
        };
        let whole = match self.kind.as_str() {
            "relationship" => has("source_ref") && has("target_ref"),
            "sighting" => has("sighting_of_ref") && has("where_sighted_refs"),
            _ => true,
        };
        if !whole {
            tracing::warn!("a {} without both ends is left out", self.kind);
        }
        whole
    }
}

impl Slot {
    fn changed(&self) -> bool {
        self.named != self.kept
    }

    fn value(&self) -> Result<Box<RawValue>, Error> {
        if self.many {
            to_raw_value(&self.texts).map_err(fault)
        } else {
            to_raw_value(&self.texts.first()).map_err(fault)
        }
    }
}

/// Counts what everything needs.
struct Walk<'a> {
    items: Vec<Item<'a>>,
    /// The item of a name; of two with one name the later.
    item_of: Vec<Option<usize>>,
    order: Vec<usize>,
}

impl<'a> Walk<'a> {
    fn new(items: Vec<Item<'a>>, names: &Names) -> Self {
        let mut item_of = vec![None; names.numbers.len()];
        for (at, item) in items.iter().enumerate() {
            item_of[item.symbol] = Some(at);
        }
        Self {
            items,
            item_of,
            order: Vec::new(),
        }
    }

    /// How much `name` counts for; `above` are the names on the way to it.
    /// As deep as the longest chain of names: rings end it.
    ///
    /// Inside a ring an object is met again before it is done. It is then
    /// counted with what was left of its lists at that moment, as the helper
    /// does: the platform's workers are used to the outcome.
    fn count(&mut self, name: usize, above: &mut Vec<usize>) -> usize {
        let Some(at) = self.item_of[name] else {
            return 0;
        };
        if let Some(deps) = self.items[at].deps {
            return deps;
        }
        let mut deps = 1;
        for slot in 0..self.items[at].slots.len() {
            deps += if self.items[at].slots[slot].many {
                self.count_list(at, slot, above)
            } else {
                self.count_one(at, slot, above)
            };
        }
        let item = &mut self.items[at];
        if item.deps.is_none() && item.whole() {
            self.order.push(at);
        }
        item.deps = Some(deps);
        deps
    }

    fn count_one(&mut self, at: usize, slot: usize, above: &mut Vec<usize>) -> usize {
        match self.items[at].slots[slot].kept.first() {
            Some(&other) if self.may_need(at, other, above) => self.need(at, other, above),
            _ => {
                self.items[at].slots[slot].kept.clear();
                0
            }
        }
    }

    fn count_list(&mut self, at: usize, slot: usize, above: &mut Vec<usize>) -> usize {
        let list = self.items[at].slots[slot].kept.clone();
        let mut kept = Vec::with_capacity(list.len());
        let mut seen = HashSet::new();
        let mut deps = 0;
        for (nth, &other) in list.iter().enumerate() {
            if self.may_need(at, other, above) {
                if nth > 0 && !self.is_counted(other) {
                    // It may lead back here.
                    self.items[at].slots[slot].kept.clone_from(&kept);
                }
                deps += self.need(at, other, above);
                if seen.insert(other) {
                    kept.push(other);
                }
            }
        }
        self.items[at].slots[slot].kept = kept;
        deps
    }

    fn need(&mut self, at: usize, other: usize, above: &mut Vec<usize>) -> usize {
        self.items[at].needs.push(other);
        above.push(other);
        let deps = self.count(other, above);
        above.pop();
        deps
    }

    fn may_need(&self, at: usize, other: usize, above: &[usize]) -> bool {
        let own = self.items[at].symbol;
        other != own && !above.contains(&other) && !self.needs(other, own)
    }

    fn is_counted(&self, name: usize) -> bool {
        self.item_of[name].is_none_or(|at| self.items[at].deps.is_some())
    }

    fn needs(&self, one: usize, other: usize) -> bool {
        self.item_of[one].is_some_and(|at| self.items[at].needs.contains(&other))
    }
}

/// A list without the entries that say the same; `None` when it has none.
fn once_each(list: &RawValue) -> Result<Option<Box<RawValue>>, Error> {
    #[derive(Deserialize, PartialEq, Eq, Hash)]
    struct Entry {
        url: Option<String>,
        source_name: Option<String>,
        external_id: Option<String>,
        kill_chain_name: Option<String>,
        phase_name: Option<String>,
    }
    let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
        return Ok(None);
    };
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for &text in &entries {
        let mut entry: Entry = serde_json::from_str(text.get()).map_err(fault)?;
        if entry.url.is_some() {
            // A reference is its address, whoever gives it.
            entry.source_name = None;
            entry.external_id = None;
        }
        let told = entry.url.is_some()
            || entry.external_id.is_some() && entry.source_name.is_some()
            || entry.phase_name.is_some();
        if told && seen.insert(entry) {
            kept.push(text);
        }
    }
    if kept.len() == entries.len() {
        return Ok(None);
    }
    to_raw_value(&kept).map(Some).map_err(fault)
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
