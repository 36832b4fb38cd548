//! How far a run is, for whoever looks on while it goes.

use chrono::{DateTime, Utc};

use super::schedule::Window;
use super::state::{Place, Run};
use crate::report::totals::Totals;

/// How far a run is: what is converted already, delivered or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// What it asks for.
    pub window: Window,
    /// First submission of the last file seen. `None`: none was seen yet, or
    /// VirusTotal's list is in another order and says nothing of the place.
    pub at: Option<DateTime<Utc>>,
    /// Pages that arrived.
    pub pages: u64,
    /// Files that VirusTotal answered with.
    pub files: u64,
    /// Objects delivered.
    pub objects: u64,
    /// Requests to VirusTotal that cost something.
    pub requests: u64,
}

impl Reached {
    /// Where a run stands.
    pub fn of(run: &Run) -> Self {
        Self::at(run.window, &run.place, &run.numbers)
    }

    /// Where a run stands that has read so far, whether or not that is accepted.
    pub(super) fn at(window: Window, place: &Place, numbers: &Totals) -> Self {
        Self {
            window,
            at: place.after.filter(|_| !place.unordered),
            pages: numbers.pages,
            files: numbers.matched,
            objects: numbers.counts.objects(),
            requests: numbers.requests,
        }
    }

    /// The share of the window that lies behind, in percent.
    pub fn percent(&self) -> Option<u64> {
        let whole = (self.window.to - self.window.from).num_seconds();
        let passed = (self.at? - self.window.from).num_seconds();
        let share = passed.clamp(0, whole) * 100 / whole.max(1);
        u64::try_from(share).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_the_window_is_told_in_percent_where_it_is_known() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let mut run = Run::new(Window {
            from: at("2026-11-19T00:00:00Z"),
            to: at("2026-11-20T00:00:00Z"),
        });
        assert_eq!(Reached::of(&run).percent(), None);
        for (moment, percent) in [
            ("2026-11-18T23:00:00Z", 0),
            ("2026-11-19T06:00:00Z", 25),
            ("2026-11-19T23:59:59Z", 99),
            ("2026-11-20T01:00:00Z", 100),
        ] {
            run.place.after = Some(at(moment));
            assert_eq!(Reached::of(&run).percent(), Some(percent), "{moment}");
        }
        run.place.unordered = true;
        assert_eq!(Reached::of(&run).percent(), None);
        run.place.unordered = false;
        run.window.to = run.window.from;
        assert_eq!(Reached::of(&run).percent(), Some(0));
    }
}
