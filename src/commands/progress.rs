//! How far a run is, on a terminal: its place in the window, and the rate.

use std::cell::OnceCell;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::base::number::{counted, grouped};
use crate::base::terminal::{Progress, Terminal};
use crate::import::reached::Reached;

/// The message is cut where the terminal ends.
const TEMPLATE: &str = "{spinner} [{bar:24}] {percent:>3} % {wide_msg}";

/// A bar for one run, gone when this is dropped.
pub struct Bar {
    progress: Progress,
    country: Country,
    clock: Clock,
    /// When it was made.
    began: Duration,
    /// Files of the run's earlier attempts.
    before: OnceCell<u64>,
}

impl Bar {
    /// A bar at nothing.
    pub fn new(terminal: &Terminal, clock: &Clock, country: Country) -> Self {
        let bar = Self {
            progress: terminal.progress(TEMPLATE),
            country,
            began: clock.elapsed(),
            clock: clock.clone(),
            before: OnceCell::new(),
        };
        bar.progress
            .show(0, format!("{}: asking VirusTotal", country.name));
        bar
    }

    /// Shows how far the run is.
    pub fn show(&self, reached: &Reached) {
        let before = *self.before.get_or_init(|| reached.files);
        let rate = rate(
            reached.files.saturating_sub(before),
            self.clock.elapsed().saturating_sub(self.began),
        );
        let message = message(self.country, reached, rate);
        self.progress.show(reached.percent().unwrap_or(0), message);
    }
}

/// Files a minute; `None` before there is anything to count by.
fn rate(files: u64, time: Duration) -> Option<u64> {
    let seconds = time.as_secs();
    (seconds > 0).then(|| files * 60 / seconds)
}

fn message(country: Country, reached: &Reached, rate: Option<u64>) -> String {
    let mut parts = vec![
        format!("page {}", grouped(reached.pages)),
        counted(reached.files, "file", "files"),
    ];
    parts.extend(rate.map(|rate| format!("{} a minute", grouped(rate))));
    match reached.at {
        Some(at) => parts.push(format!("at {}", at.format("%Y-%m-%d %H:%M UTC"))),
        None => parts.push("place not known".to_owned()),
    }
    parts.push(counted(reached.requests, "request", "requests"));
    format!("{}: {}", country.code, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::schedule::Window;
    use crate::import::state::Run;

    #[test]
    fn a_bar_tells_the_place_and_the_rate_as_far_as_they_are_known() {
        let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        let mut run = Run::new(Window {
            from: at("2026-11-19T00:00:00Z"),
            to: at("2026-11-20T00:00:00Z"),
        });
        run.numbers.pages = 12;
        run.numbers.matched = 3_412;
        run.numbers.requests = 1;
        let au = Country::parse("AU").unwrap();
        assert_eq!(
            message(au, &Reached::of(&run), None),
            "AU: page 12, 3,412 files, place not known, 1 request"
        );
        run.place.after = Some(at("2026-11-19T06:00:00Z"));
        let rate = rate(3_412, Duration::from_secs(90));
        assert_eq!(
            message(au, &Reached::of(&run), rate),
            "AU: page 12, 3,412 files, 2,274 a minute, at 2026-11-19 06:00 UTC, 1 request"
        );
    }
}
