//! VirusTotal's query language for files, as far as the stand-in evaluates it;
//! the rest it refuses rather than ignores.

pub(crate) mod condition;
pub(crate) mod matching;
mod parse;

pub(crate) use condition::{Condition, Field};
pub(crate) use matching::Subject;
pub(crate) use parse::parse;

/// A query as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// All of them; of an empty list: everything.
    All(Vec<Node>),
    /// One of them at least.
    Any(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// One modifier.
    Is(Condition),
}

impl Node {
    /// The same query where `fs:T+` means later than `T`: whether the edge is in
    /// it is documented nowhere.
    pub(crate) fn excluding_edges(self) -> Self {
        let all = |list: Vec<Self>| list.into_iter().map(Self::excluding_edges).collect();
        match self {
            Self::All(list) => Self::All(all(list)),
            Self::Any(list) => Self::Any(all(list)),
            Self::Not(node) => Self::Not(Box::new(node.excluding_edges())),
            Self::Is(condition) => Self::Is(condition.excluding_edge()),
        }
    }
}

#[cfg(test)]
mod tests;
