//! Whether a file is as a query describes it.

use std::cell::OnceCell;

use serde_json::Value;

use super::{Condition, Field, Node};
use crate::virustotal::world::block::Facts;
use crate::virustotal::world::{Entry, number};

/// A file under a query. What several conditions need is found once.
pub(crate) struct Subject<'a> {
    entry: Entry<'a>,
    facts: OnceCell<Option<Facts>>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(entry: Entry<'a>) -> Self {
        Self {
            entry,
            facts: OnceCell::new(),
        }
    }

    /// Whether the query describes it.
    pub(crate) fn is(&self, node: &Node) -> bool {
        match node {
            Node::All(list) => list.iter().all(|node| self.is(node)),
            Node::Any(list) => list.iter().any(|node| self.is(node)),
            Node::Not(node) => !self.is(node),
            Node::Is(condition) => self.fulfils(condition),
        }
    }

    fn fulfils(&self, condition: &Condition) -> bool {
        match condition {
            Condition::File => true,
            Condition::Within(field, from, to) => self
                .value(*field)
                .is_some_and(|x| (*from..=*to).contains(&x)),
            Condition::Submitter(country) => self.submitters().any(|own| own == country),
            Condition::FirstSubmitter(country) => self.submitters().next() == Some(country),
            Condition::Type(tag) => match self.facts() {
                Some(facts) => facts.kind.type_tags.contains(&tag.as_str()),
                None => self.lists("type_tags", |own| own == tag),
            },
            Condition::Tag(tag) => match self.entry {
                Entry::Block(block, code) => block.tags(code).contains(&tag.as_str()),
                _ => self.lists("tags", |own| own == tag),
            },
            Condition::Name(part) => match self.entry {
                Entry::Block(block, code) => {
                    let names = block.names(code);
                    names.iter().any(|own| own.to_lowercase().contains(part))
                }
                _ => self.lists("names", |own| own.contains(part)),
            },
            Condition::Hash(hash) => match self.entry {
                Entry::Block(block, code) => block.find(hash) == Some(code),
                Entry::Made(made) => made.has_hash(hash),
                Entry::Loose(_) => false,
            },
        }
    }

    /// The value that a field has; none where the file lacks it.
    pub(crate) fn value(&self, field: Field) -> Option<i64> {
        if let Some(facts) = self.facts() {
            return Some(match field {
                Field::FirstSubmission => facts.first,
                Field::LastSubmission => facts.last,
                Field::LastAnalysis => facts.analysed,
                Field::Positives => i64::from(facts.malicious),
                Field::Size => facts.size as i64,
                Field::Submissions => i64::from(facts.submissions),
                Field::Sources => i64::from(facts.sources),
                Field::Reputation => i64::from(facts.reputation),
            });
        }
        let Entry::Made(made) = self.entry else {
            return None;
        };
        match field {
            Field::FirstSubmission => made.first.or_else(|| made.number("first_submission_date")),
            Field::LastSubmission => made.number("last_submission_date"),
            Field::LastAnalysis => made.number("last_analysis_date"),
            Field::Positives => number(made.attribute("last_analysis_stats")?.get("malicious")?),
            Field::Size => made.number("size"),
            Field::Submissions => made.number("times_submitted"),
            Field::Sources => made.number("unique_sources"),
            Field::Reputation => made.number("reputation"),
        }
    }

    fn facts(&self) -> Option<&Facts> {
        self.facts.get_or_init(|| self.entry.facts()).as_ref()
    }

    pub(crate) fn submitters(&self) -> impl Iterator<Item = &'a str> {
        let (generated, given) = match self.entry {
            Entry::Block(block, code) => (Some(block.submitters(code)), [].as_slice()),
            Entry::Made(made) => (None, made.countries.as_slice()),
            Entry::Loose(_) => (None, [].as_slice()),
        };
        let generated = generated.into_iter().flatten();
        generated.chain(given.iter().map(String::as_str))
    }

    /// Whether a list of texts of a file made by hand has a text, in lower
    /// case, that is wanted.
    fn lists(&self, name: &str, wanted: impl Fn(&str) -> bool) -> bool {
        let Entry::Made(made) = self.entry else {
            return false;
        };
        let list = made.attribute(name).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|own| wanted(&own.to_lowercase()))
    }
}
