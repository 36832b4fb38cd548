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

#[cfg(test)]
mod tests;
