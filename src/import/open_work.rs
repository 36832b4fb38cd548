//! A work on the platform as the state remembers it until it is complete. Pure.

use serde::{Deserialize, Serialize};

/// A work that is not known to be complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWork {
    /// Its id on the platform.
    pub id: String,
    /// Whether an expectation of our own holds it open.
    #[serde(default)]
    pub hold: Hold,
    /// The last word was said.
    #[serde(default)]
    pub closed: bool,
    /// How many objects the platform has to count under it, ours left out;
    /// `None` where only its queue can tell that nothing more comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<u64>,
    /// What its run said at its end and the platform did not confirm: whether a
    /// stop or a failure in that moment lost it, the next start says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_words: Option<LastWords>,
}

/// What a run says to its work at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWords {
    /// For people.
    pub text: String,
    /// Something was lost or held back.
    pub in_error: bool,
}

/// One expectation of our own: a platform that counts what was pushed only when
/// its worker takes it from the queue would else show the work as complete
/// before anything was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// There is none, or none any more.
    #[default]
    None,
    /// It is to be reported.
    Held,
    /// It was reported, and no answer came.
    InDoubt,
}
