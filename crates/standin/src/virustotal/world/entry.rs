//! One file of the world, generated or made by hand, as searches and pages see
//! it.

use std::fmt::Write as _;

use serde_json::Value;

use super::block::{Block, Code, Facts, Shelf};
use super::json::{Members, push_list, push_text};
use super::made::Made;
use super::related::Network;
use super::view::View;
use super::{dice, write};

/// Descriptors that come along with an object, whatever the number of others.
const EMBEDDED: usize = 20;

/// One file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    /// Generated.
    Block(&'a Block, Code),
    /// Made by hand.
    Made(&'a Made),
    /// Made by hand, as a relation of another.
    Loose(&'a Value),
}

/// What stands at the other end of a relationship.
#[derive(Clone, Debug)]
pub(crate) enum Related<'a> {
    /// A generated file.
    File(&'a Block, Code),
    /// A generated address, domain or URL.
    Network(Network),
    /// An object made by hand.
    Given(&'a Value),
}

impl<'a> Entry<'a> {
    /// VirusTotal's id; of an odd object perhaps none.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Block(block, code) => block.sha256(*code),
            Self::Made(made) => made.id().unwrap_or_default().to_owned(),
            Self::Loose(value) => value["id"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The facts of a generated file.
    pub(crate) fn facts(&self) -> Option<Facts> {
        match self {
            Self::Block(block, code) => Some(block.facts(*code)),
            _ => None,
        }
    }

    /// All that it has under a relationship.
    pub(crate) fn related(&self, relationship: &str) -> Vec<Related<'a>> {
        match *self {
            Self::Block(block, code) => {
                let files = block.related_files(code, relationship).into_iter();
                let network = block.network(code, relationship).into_iter();
                files
                    .map(|code| Related::File(block, code))
                    .chain(network.map(Related::Network))
                    .collect()
            }
            Self::Made(made) => {
                let given = made.related.get(relationship).into_iter().flatten();
                given.map(Related::Given).collect()
            }
            Self::Loose(_) => Vec::new(),
        }
    }

    /// `data` of `behaviour_mitre_trees`.
    pub(crate) fn mitre(&self) -> Option<String> {
        match self {
            Self::Block(block, code) => {
                let mut out = String::new();
                write::mitre(&mut out, block, *code);
                Some(out)
            }
            Self::Made(made) => made.mitre.as_ref().map(Value::to_string),
            Self::Loose(_) => None,
        }
    }

    /// Writes the object.
    pub(crate) fn write(&self, out: &mut String, view: &View) {
        match self {
            Self::Block(block, code) => {
                let id = block.sha256(*code);
                let mut to = Members::open(out);
                to.text("type", "file");
                to.text("id", &id);
                if !view.descriptors_only {
                    to.object("links", |links| {
                        links.text("self", &format!("{}/files/{id}", view.base));
                    });
                    to.with("attributes", |out| {
                        write::attributes(out, block, *code, view);
                    });
                    self.embed(&mut to, &id, view);
                }
                to.close();
            }
            Self::Made(made) => self.write_given(out, &made.object, view),
            Self::Loose(value) => self.write_given(out, value, view),
        }
    }

    fn write_given(&self, out: &mut String, value: &Value, view: &View) {
        let Value::Object(object) = value else {
            let _ = write!(out, "{value}");
            return;
        };
        if view.descriptors_only {
            return write_descriptor(out, value);
        }
        let mut to = Members::open(out);
        for (name, member) in object {
            match member {
                Value::Object(attributes) if name == "attributes" => {
                    to.with(name, |out| {
                        let mut to = Members::without(out, &view.exclude);
                        for (name, attribute) in attributes {
                            to.raw(name, attribute);
                        }
                        to.close();
                    });
                }
                _ => to.raw(name, member),
            }
        }
        if !object.contains_key("relationships") {
            self.embed(&mut to, &self.id(), view);
        }
        to.close();
    }

    fn embed(&self, to: &mut Members, id: &str, view: &View) {
        if view.relationships.is_empty() {
            return;
        }
        to.object("relationships", |to| {
            for name in &view.relationships {
                to.object(name, |to| self.embed_one(to, id, name, view));
            }
        });
    }

    fn embed_one(&self, to: &mut Members, id: &str, name: &str, view: &View) {
        let all = self.related(name);
        to.with("data", |out| {
            push_list(out, all.iter().take(EMBEDDED), |out, one| {
                one.write_descriptor(out);
            });
        });
        let base = &view.base;
        let own = format!("{base}/files/{id}/relationships/{name}?limit={EMBEDDED}");
        let more =
            (all.len() > EMBEDDED).then(|| crate::virustotal::cursor::offset(id, name, EMBEDDED));
        if let Some(cursor) = &more {
            to.object("meta", |meta| meta.text("cursor", cursor));
        }
        to.object("links", |links| {
            links.text("self", &own);
            links.text("related", &format!("{base}/files/{id}/{name}"));
            if let Some(cursor) = &more {
                links.text("next", &format!("{own}&cursor={cursor}"));
            }
        });
    }
}

impl Related<'_> {
    /// `type` and `id`, and the readable text of a URL.
    pub(crate) fn write_descriptor(&self, out: &mut String) {
        match self {
            Self::File(block, code) => {
                let mut to = Members::open(out);
                to.text("type", "file");
                to.text("id", &block.sha256(*code));
                to.close();
            }
            Self::Network(network) => {
                let mut to = Members::open(out);
                describe(&mut to, network);
                to.close();
            }
            Self::Given(value) => write_descriptor(out, value),
        }
    }

    /// The object with its own attributes, or the stub of a missing one.
    pub(crate) fn write(&self, out: &mut String, view: &View) {
        match self {
            Self::File(block, code) if code.shelf == Shelf::Missing => {
                write_stub(out, &block.sha256(*code));
            }
            Self::File(block, code) => Entry::Block(block, *code).write(out, view),
            Self::Network(network) => write_network(out, network, view),
            Self::Given(value) => Entry::Loose(value).write(out, view),
        }
    }
}

fn describe(to: &mut Members, network: &Network) {
    to.text("type", network.kind);
    to.text("id", &network.id());
    if network.kind == "url" {
        to.object("context_attributes", |context| {
            context.text("url", &network.text);
        });
    }
}

fn write_descriptor(out: &mut String, object: &Value) {
    let mut to = Members::open(out);
    for name in ["type", "id"] {
        if let Some(member) = object.get(name) {
            to.raw(name, member);
        }
    }
    let url = object.get("attributes").and_then(|all| all.get("url"));
    match (object.get("context_attributes"), url) {
        (Some(context), _) => to.raw("context_attributes", context),
        (None, Some(url)) => to.object("context_attributes", |to| to.raw("url", url)),
        (None, None) => {}
    }
    to.close();
}

fn write_stub(out: &mut String, id: &str) {
    let mut to = Members::open(out);
    to.text("type", "file");
    to.text("id", id);
    to.object("error", |error| {
        error.text("code", "NotFoundError");
        error.text("message", &format!("File \"{id}\" not found"));
    });
    to.close();
}

fn write_network(out: &mut String, network: &Network, view: &View) {
    let bad = dice::fingerprint(&network.text) % 20;
    let mut to = Members::open(out);
    describe(&mut to, network);
    to.with("attributes", |out| {
        let mut to = Members::without(out, &view.exclude);
        if network.kind == "url" {
            to.text("url", &network.text);
        }
        to.raw("reputation", 0);
        to.raw("tags", "[]");
        let rest = 94 - bad;
        to.raw(
            "last_analysis_stats",
            format!(
                "{{\"malicious\":{bad},\"suspicious\":0,\"undetected\":{rest},\"harmless\":0,\"timeout\":0}}"
            ),
        );
        to.with("threat_severity", |out| {
            let version = match network.kind {
                "ip_address" => "I3",
                "domain" => "D3",
                _ => "U3",
            };
            let level = if bad > 12 { "SEVERITY_MEDIUM" } else { "SEVERITY_NONE" };
            let mut to = Members::open(out);
            to.text("version", version);
            to.text("threat_severity_level", level);
            to.raw("threat_severity_data", "{}");
            to.text("level_description", "No severity score data");
            to.close();
        });
        to.close();
    });
    to.close();
}

/// Writes a text as JSON; for those who build a page around objects.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_text(&mut out, text);
    out
}
