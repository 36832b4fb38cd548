//! What runs that are not over leave in memory: the tallies that know which
//! objects have gone out, up to so many bytes together. Pure.

use std::collections::VecDeque;

use crate::import::schedule::Window;
use crate::report::tally::Tally;

/// Many countries may be paused at once. One whose tally is gone goes on as
/// after a restart, and its report says so.
const MOST_BYTES: usize = 12_000_000;

/// Tallies of runs that wait to go on, the oldest first.
#[derive(Default)]
pub(super) struct Kept(VecDeque<(&'static str, Window, Tally)>);

impl Kept {
    /// Keeps a country's tally, in the place of the one before.
    pub(super) fn put(&mut self, country: &'static str, window: Window, tally: Tally) {
        self.0.retain(|(code, ..)| *code != country);
        self.0.push_back((country, window, tally));
        while self.0.len() > 1 && self.bytes() > MOST_BYTES {
            self.0.pop_front();
        }
    }

    /// Hands over a country's tally, if it is of this window.
    pub(super) fn take(&mut self, country: &str, window: Window) -> Option<Tally> {
        let at = self.0.iter().position(|(code, ..)| *code == country)?;
        let (_, of, tally) = self.0.remove(at)?;
        (of == window).then_some(tally)
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(.., tally)| tally.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        let now = chrono::DateTime::UNIX_EPOCH;
        Window { from: now, to: now }
    }

    #[test]
    fn many_countries_that_wait_hold_little_together() {
        let mut kept = Kept::default();
        for country in crate::base::country::Country::all() {
            kept.put(country.code, window(), Tally::default());
        }
        assert!(
            kept.0.len() > 100,
            "{}: small ones are all kept",
            kept.0.len()
        );
        assert!(kept.bytes() <= MOST_BYTES, "{}", kept.bytes());
        let country = kept.0[0].0;
        assert!(kept.take(country, window()).is_some());
        assert!(kept.take(country, window()).is_none(), "handed over");
    }
}
