//! A run that has begun: what is saved of it, and how it goes on. Pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::schedule::Window;
use crate::report::profile::Previous;
use crate::report::totals::Totals;

/// A run that has begun, and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What it asks for, from its first page to its last.
    pub window: Window,
    /// Where it goes on.
    #[serde(default)]
    pub place: Place,
    /// What the platform has accepted of it.
    #[serde(default)]
    pub numbers: Totals,
    /// The draft on the platform that it goes into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// When it goes on: a quota's reset, or the next try after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<DateTime<Utc>>,
    /// Failures in a row, for the wait before the next try.
    #[serde(default)]
    pub failures: u32,
    /// An attempt is under way; saved so where that ended without a word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub under_way: bool,
    /// Everything is delivered, the whole report included: only the work is left
    /// to close. Written together with the numbers of the last page, which a
    /// stop right after it would count twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Finished>,
    /// What its report is compared with; the country's entry keeps it.
    #[serde(skip)]
    pub previous: Option<Previous>,
}

/// How a run ended that came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Where `max_files` cut the list; the next run begins there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Place>,
}

impl Run {
    /// Begins where the run before was cut on purpose. What lies before that
    /// place was delivered, unless VirusTotal may still list files there late:
    /// then the overlap decides.
    pub fn go_on_after(&mut self, carried: Place) {
        match carried.after {
            Some(after) if after <= self.window.from => {
                self.window.from = after;
                self.place = carried;
            }
            _ => {}
        }
    }

    /// Begins an attempt. One that ended without a word may have asked more than
    /// it could write down, unless all was done.
    pub fn begin_attempt(&mut self) {
        self.numbers.requests_at_least |= self.under_way && self.finished.is_none();
        self.under_way = true;
    }

    /// Ends an attempt whose requests are all counted.
    pub fn end_attempt(&mut self) {
        self.under_way = false;
    }

    /// A run that has read nothing yet.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            place: Place::default(),
            numbers: Totals::default(),
            draft: None,
            resume_at: None,
            failures: 0,
            under_way: false,
            finished: None,
            previous: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_ended_without_a_word_may_have_asked_more() {
        let mut run = Run::new(Window {
            from: DateTime::UNIX_EPOCH,
            to: DateTime::UNIX_EPOCH,
        });
        for _ in 0..2 {
            run.begin_attempt();
            run.end_attempt();
        }
        assert!(!run.numbers.requests_at_least);
        run.begin_attempt();
        let mut killed = run.clone();
        killed.begin_attempt();
        assert!(killed.numbers.requests_at_least);
        run.finished = Some(Finished { carried: None });
        run.begin_attempt();
        assert!(!run.numbers.requests_at_least, "only the work was left");
    }
}
