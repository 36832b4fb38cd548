//! Cuts a bundle in two that both stand alone.

use std::collections::{HashMap, HashSet};

use serde_json::value::to_raw_value;
use uuid::Uuid;

use crate::opencti::error::Error;

use super::parts::{Bundle, Members, Object};

/// Two bundles that together hold everything of `bundle`; `None` when it
/// cannot be cut.
///
/// Whatever an object needs (author, markings, both ends of a relationship)
/// is in the same half, in both halves if both need it. What contains others
/// by `object_refs` (a report) goes into both halves with the part of its
/// list that is there: the platform adds the lists up. What it carries beside
/// goes with the second half alone, or every piece would be as heavy.
pub(super) fn halves(bundle: &str) -> Result<Option<(String, String)>, Error> {
    let bundle = Bundle::read(bundle)?;
    let graph = Graph::new(&bundle);
    let order = graph.near();
    let whole = |half: &Half| half.chosen.len() == order.len();
    // Later than the middle if there the rest still needs everything.
    for cut in middle(&bundle, &order)..order.len() {
        let back = Half::new(&bundle, &graph, &order[cut..], Unknown::Dropped);
        if whole(&back) {
            continue;
        }
        let front = Half::new(&bundle, &graph, &order[..cut], Unknown::Kept);
        if whole(&front) {
            break;
        }
        return Ok(Some((
            front.write(&bundle, "a", Some(&back))?,
            back.write(&bundle, "b", None)?,
        )));
    }
    Ok(None)
}

/// Who needs whom, by place in the bundle. Containers are no members.
struct Graph {
    needs: Vec<Vec<usize>>,
    /// The relationships that begin at an object.
    begins: Vec<Vec<usize>>,
    members: Vec<usize>,
}

impl Graph {
    fn new(bundle: &Bundle<'_>) -> Self {
        let objects = &bundle.objects;
        let place: HashMap<&str, usize> = objects
            .iter()
            .enumerate()
            .map(|(at, object)| (object.id.as_str(), at))
            .collect();
        let mut needs = vec![Vec::new(); objects.len()];
        let mut begins = vec![Vec::new(); objects.len()];
        let mut members = Vec::new();
        for (at, object) in objects.iter().enumerate() {
            let known = object.refs.iter().filter_map(|id| place.get(id.as_str()));
            needs[at].extend(known);
            let source = object.source.as_deref().and_then(|id| place.get(id));
            if let Some(&source) = source {
                begins[source].push(at);
            }
            if object.contains.is_none() {
                members.push(at);
            }
        }
        Self {
            needs,
            begins,
            members,
        }
    }

    /// The members so that each comes after what it needs and a relationship
    /// soon after its first end: then a cut separates little.
    fn near(&self) -> Vec<usize> {
        let mut seen = vec![true; self.needs.len()];
        for &at in &self.members {
            seen[at] = false;
        }
        let mut order = Vec::with_capacity(self.members.len());
        for &start in &self.members {
            self.place(start, &mut seen, &mut order);
            for &relationship in &self.begins[start] {
                self.place(relationship, &mut seen, &mut order);
            }
        }
        order
    }

    /// Appends what `start` needs and then `start`, as far as not seen yet.
    fn place(&self, start: usize, seen: &mut [bool], order: &mut Vec<usize>) {
        let mut todo = vec![(start, false)];
        while let Some((at, ready)) = todo.pop() {
            if ready {
                order.push(at);
            } else if !std::mem::replace(&mut seen[at], true) {
                todo.push((at, true));
                todo.extend(self.needs[at].iter().rev().map(|&need| (need, false)));
            }
        }
    }

    /// Adds `some` and all that they need to `all`.
    fn close(&self, all: &mut HashSet<usize>, some: &[usize]) {
        let mut todo = some.to_vec();
        while let Some(at) = todo.pop() {
            if self.members.binary_search(&at).is_ok() && all.insert(at) {
                todo.extend(&self.needs[at]);
            }
        }
    }
}

/// Where the first part holds half of the bytes, and at least one object.
fn middle(bundle: &Bundle<'_>, order: &[usize]) -> usize {
    let size = |at: &usize| bundle.objects[*at].text.len();
    let half = order.iter().map(size).sum::<usize>() / 2;
    let mut seen = 0;
    let cut = order.iter().position(|at| {
        seen += size(at);
        seen > half
    });
    cut.unwrap_or_default().max(1)
}

/// What happens to a name in `object_refs` that is nowhere in the bundle.
#[derive(Clone, Copy, PartialEq)]
enum Unknown {
    Kept,
    Dropped,
}

/// One of the two bundles to be.
struct Half {
    /// Members, by place.
    chosen: HashSet<usize>,
    /// Containers, by place, with the names that stay in their list.
    containers: HashMap<usize, Vec<String>>,
}

impl Half {
    fn new(bundle: &Bundle<'_>, graph: &Graph, some: &[usize], unknown: Unknown) -> Self {
        let all: HashSet<&str> = bundle.objects.iter().map(|o| o.id.as_str()).collect();
        let mut half = Self {
            chosen: HashSet::new(),
            containers: HashMap::new(),
        };
        graph.close(&mut half.chosen, some);
        let mut here: HashSet<&str> = some
            .iter()
            .map(|&at| bundle.objects[at].id.as_str())
            .collect();
        // Containers may hold containers (a report with notes): until no more come.
        loop {
            let before = half.containers.len();
            for (at, object) in bundle.objects.iter().enumerate() {
                let Some(ids) = &object.contains else {
                    continue;
                };
                let stays = |id: &&String| {
                    here.contains(id.as_str())
                        || (unknown == Unknown::Kept && !all.contains(id.as_str()))
                };
                let kept: Vec<String> = ids.iter().filter(stays).cloned().collect();
                // The platform refuses an empty list; the other half has it.
                if !kept.is_empty() {
                    half.containers.insert(at, kept);
                    graph.close(&mut half.chosen, &graph.needs[at]);
                    here.insert(&object.id);
                }
            }
            let more = half.chosen.iter().map(|&at| bundle.objects[at].id.as_str());
            here.extend(more);
            if half.containers.len() == before {
                return half;
            }
        }
    }

    /// What a container carries is left to the half that has it `too`.
    fn write(&self, bundle: &Bundle<'_>, part: &str, too: Option<&Self>) -> Result<String, Error> {
        let mut objects = Vec::new();
        for (at, object) in bundle.objects.iter().enumerate() {
            if let Some(ids) = self.containers.get(&at) {
                let carries = !too.is_some_and(|too| too.containers.contains_key(&at));
                objects.push(with_refs(object, ids, carries)?);
            } else if self.chosen.contains(&at) {
                objects.push(object.text.to_owned());
            }
        }
        let name = format!("{}/{part}", bundle.id);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        Ok(format!(
            r#"{{"type":"bundle","id":"bundle--{id}","objects":[{}]}}"#,
            objects.join(",")
        ))
    }
}

fn with_refs(object: &Object<'_>, ids: &[String], carries: bool) -> Result<String, Error> {
    let fault = |error: serde_json::Error| Error::Bundle(error.to_string());
    let ids = to_raw_value(ids).map_err(fault)?;
    let mut members = Members::read(object.text)?;
    members.set("object_refs", &ids);
    if !carries {
        members.remove("x_opencti_files");
        members.remove("x_opencti_content");
    }
    serde_json::to_string(&members).map_err(fault)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
