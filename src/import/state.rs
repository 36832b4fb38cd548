//! What the connector remembers between runs: `connector_state` on the
//! platform, versioned JSON, one entry a country. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::open_work::OpenWork;
pub use super::place::Place;
pub use super::run::{Finished, Run};
use super::schedule::{Start, next_start, whole_second, window};
use crate::base::period::Period;
use crate::quota::SearchCharge;
use crate::report::counted;
use crate::report::profile::Previous;

const VERSION: u64 = 1;

/// Objects that all runs under way together remember as counted: 60 kB.
const MOST_COUNTED: usize = 4 * counted::MOST;

/// The connector's memory. It moves only past what the platform accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u64,
    /// The grid of starts counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<DateTime<Utc>>,
    /// What a search burns, once seen.
    #[serde(default)]
    pub charged: SearchCharge,
    /// Works on the platform that are not known to be complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_works: Vec<OpenWork>,
    /// By ISO 3166-1 alpha-2 code.
    #[serde(default)]
    pub countries: BTreeMap<String, CountryState>,
}

/// A country's place in time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CountryState {
    /// When its latest window was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_start: Option<DateTime<Utc>>,
    /// End of the last window that was done to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<DateTime<Utc>>,
    /// Where the last window was cut by `VTREPORTER_MAX_FILES`: the next one
    /// begins there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Place>,
    /// The run in progress: paused, failed or cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// The numbers of the report before, to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// First submission of the newest file of all runs: VirusTotal's word on how
    /// far they came, whatever this machine's clock said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<DateTime<Utc>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: VERSION,
            anchor: None,
            charged: SearchCharge::default(),
            open_works: Vec::new(),
            countries: BTreeMap::new(),
        }
    }
}

impl State {
    /// Reads a saved state; `""` is a fresh one. A state that cannot be read as
    /// it is gives what can be saved of it, and says so in the second value:
    /// losing a country's `last_end` would leave a hole.
    pub fn parse(text: &str) -> (Self, Option<String>) {
        if text.trim().is_empty() {
            return (Self::default(), None);
        }
        match serde_json::from_str::<Self>(text) {
            Ok(state) if state.version == VERSION => (state, None),
            _ => {
                let state = salvage(text);
                let kept: Vec<&str> = state.countries.keys().map(String::as_str).collect();
                let kept = if kept.is_empty() {
                    "nothing in it could be used, so the run looks back by VTREPORTER_START".into()
                } else {
                    format!("kept the last end of {}", kept.join(", "))
                };
                (
                    state,
                    Some(format!("the saved state is not of this version: {kept}")),
                )
            }
        }
    }

    /// The text to save. Never empty: an empty answer to it means "reset". Of
    /// many runs under way, those that counted most are saved without what they
    /// counted: it travels with every ping.
    pub fn to_text(&self) -> String {
        let runs = self.countries.values().filter_map(|it| it.run.as_ref());
        let counted: usize = runs.map(|run| run.numbers.counted.len()).sum();
        if counted > MOST_COUNTED {
            let mut smaller = self.clone();
            smaller.forget_most_counted();
            return smaller.to_text();
        }
        // Maps with text keys and plain fields always serialise.
        serde_json::to_string(self).unwrap_or_else(|_| "{\"version\":1}".to_owned())
    }

    fn forget_most_counted(&mut self) {
        let runs = self.countries.values_mut().filter_map(|it| it.run.as_mut());
        let counted = runs.map(|run| &mut run.numbers.counted);
        if let Some(most) = counted.max_by_key(|counted| counted.len()) {
            most.forget();
        }
    }

    /// Whether it holds nothing that a reset could take away.
    pub fn is_fresh(&self) -> bool {
        *self == Self::default()
    }

    /// A country's entry, made if need be.
    pub fn country(&mut self, code: &str) -> &mut CountryState {
        self.countries.entry(code.to_owned()).or_default()
    }

    /// When the latest run of any country was begun.
    pub fn last_start(&self) -> Option<DateTime<Utc>> {
        let all = self.countries.values();
        all.filter_map(|country| country.last_start).max()
    }

    /// Runs that failed are tried again at once: the operator may have mended
    /// what was wrong. Paused ones go on waiting.
    pub fn try_again_now(&mut self) {
        for country in self.countries.values_mut() {
            if let Some(run) = country.run.as_mut().filter(|run| run.failures > 0) {
                run.resume_at = None;
            }
        }
    }

    /// When a country's next run is due: where one is under way, when it goes
    /// on; else the next point of the grid; a country without a past, at once.
    pub fn due(&self, code: &str, period: Period, now: DateTime<Utc>) -> DateTime<Utc> {
        let Some(country) = self.countries.get(code) else {
            return now;
        };
        match (&country.run, self.anchor, country.last_start) {
            (Some(run), _, _) => run.resume_at.unwrap_or(now),
            // The machine's clock was set back: the grid says nothing.
            (None, _, Some(last)) if last > now => now,
            (None, Some(anchor), Some(last)) => next_start(anchor, last, period),
            _ => now,
        }
    }
}

impl CountryState {
    /// The run under way, or the one that would be begun now.
    pub fn upcoming(&self, start: Start, overlap: Period, now: DateTime<Utc>) -> Run {
        let mut run = match &self.run {
            Some(run) => run.clone(),
            None => {
                let mut run = Run::new(window(self.asked_until(now), start, overlap, now));
                if let Some(carried) = self.carried.clone() {
                    // The list was cut there on purpose; what lies before was delivered.
                    run.go_on_after(carried);
                }
                run
            }
        };
        run.previous.clone_from(&self.previous);
        run
    }

    /// Up to where everything was asked for. A window that ends in the future
    /// was asked for while the clock was ahead, and held no more than what
    /// VirusTotal had by then: the newest file tells how far that was.
    fn asked_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.last_end {
            Some(end) if end > now => self.newest.map(|newest| newest.min(end)),
            end => end,
        }
    }

    /// Writes down that a run came to its end.
    pub fn finish(&mut self, run: Run, carried: Option<Place>) {
        self.last_end = Some(run.window.to);
        self.newest = self.newest.max(run.place.after);
        self.carried = carried;
        self.previous = Some(Previous {
            from: run.window.from,
            to: run.window.to,
            matched: run.numbers.matched,
            counts: run.numbers.counts,
            families: run.numbers.summary.families,
            requests: run.numbers.requests,
            requests_at_least: run.numbers.requests_at_least,
            gaps: !run.numbers.gaps.is_empty(),
        });
        self.run = None;
    }
}

/// Takes the ends of windows out of a state of another shape, such as a later
/// version's.
fn salvage(text: &str) -> State {
    let mut state = State::default();
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return state;
    };
    if let Some(countries) = value.get("countries").and_then(Value::as_object) {
        for (code, entry) in countries {
            if let Some(end) = asked_until(entry) {
                let country = state.country(code);
                country.last_end = Some(end);
                country.newest = entry.get("newest").and_then(moment);
            }
        }
    }
    state
}

/// Up to where a country's entry says that everything was asked for. What was
/// left behind a cut, or of a run under way, is asked for once more: never
/// skipped. Where that place cannot be read, the window before it begins is
/// where everything was still well.
fn asked_until(entry: &Value) -> Option<DateTime<Utc>> {
    let at = |path: &str| entry.pointer(path).and_then(moment);
    let left = |name: &str, path: &str| {
        let there = entry.get(name).is_some_and(|value| !value.is_null());
        there.then(|| at(path).or_else(|| at("/previous/from")))
    };
    let left = [
        left("carried", "/carried/after"),
        left("run", "/run/window/from"),
    ];
    let left = left.into_iter().flatten().flatten().min();
    match (at("/last_end"), left) {
        (Some(end), Some(left)) => Some(end.min(left)),
        (end, left) => end.or(left),
    }
}

fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let moment = match value {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok()?.to_utc(),
        _ => return None,
    };
    Some(whole_second(moment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::schedule::Window;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_state_survives_being_saved_and_read() {
        let mut state = State {
            anchor: Some(at("2026-11-20T06:00:00Z")),
            ..State::default()
        };
        let country = state.country("AU");
        country.last_end = Some(at("2026-11-19T06:00:00Z"));
        let mut run = Run::new(Window {
            from: at("2026-11-19T05:50:00Z"),
            to: at("2026-11-20T06:00:00Z"),
        });
        run.place = Place {
            cursor: Some("abc".into()),
            searched_from: Some(at("2026-11-19T06:30:00Z")),
            after: Some(at("2026-11-19T07:00:00Z")),
            seen: vec!["f".repeat(64)],
            before: vec!["e".repeat(64)],
            unordered: true,
            of_page: vec![7],
        };
        run.resume_at = Some(at("2026-11-21T00:00:00Z"));
        country.run = Some(run);
        let (read, complaint) = State::parse(&state.to_text());
        assert_eq!((read, complaint), (state, None));
    }

    #[test]
    fn many_runs_under_way_do_not_make_the_state_large() {
        let mut state = State::default();
        for (country, objects) in [("AU", 3_000), ("NZ", 3_500), ("FJ", 2_000), ("PG", 3_000)] {
            let window = Window {
                from: at("2026-11-19T05:50:00Z"),
                to: at("2026-11-20T06:00:00Z"),
            };
            let mut run = Run::new(window);
            run.numbers.counted = counted::Counted::of(objects);
            state.country(country).run = Some(run);
        }
        assert!(State::parse(&state.to_text()).0 == state, "all have room");
        let mut last = state.countries["PG"].clone();
        last.run.as_mut().unwrap().numbers.counted = counted::Counted::of(3_400);
        state.countries.insert("TO".to_owned(), last);
        let text = state.to_text();
        assert!(text.len() < 70_000, "{}", text.len());
        let (read, _) = State::parse(&text);
        let whole = read.countries.iter().filter_map(|(code, country)| {
            let counted = &country.run.as_ref()?.numbers.counted;
            counted.is_whole().then_some(code.as_str())
        });
        assert_eq!(whole.collect::<Vec<_>>(), ["AU", "FJ", "PG", "TO"]);
    }

    #[test]
    fn a_state_of_another_version_keeps_its_ends() {
        let text =
            r#"{"version":9,"countries":{"AU":{"last_end":"2026-11-19T06:00:00.5Z","run":7}}}"#;
        let (state, complaint) = State::parse(text);
        assert_eq!(
            state.countries["AU"].last_end,
            Some(at("2026-11-19T06:00:00Z"))
        );
        assert!(complaint.unwrap().contains("kept the last end of AU"));
    }

    #[test]
    fn a_state_of_another_version_falls_back_to_what_was_not_asked_for_yet() {
        for (entry, end) in [
            (
                r#""carried":{"after":"2026-11-18T07:00:00Z"}"#,
                "2026-11-18T07:00:00Z",
            ),
            (
                r#""run":{"window":{"from":"2026-11-18T06:00:00Z"},"place":{"after":"2026-11-18T09:00:00Z"}}"#,
                "2026-11-18T06:00:00Z",
            ),
            (
                r#""carried":{"place":7},"previous":{"from":"2026-11-17T06:00:00Z"}"#,
                "2026-11-17T06:00:00Z",
            ),
            (r#""carried":null,"run":null"#, "2026-11-19T06:00:00Z"),
            (
                r#""run":{"window":{"from":"2026-12-18T06:00:00Z"}}"#,
                "2026-11-19T06:00:00Z",
            ),
        ] {
            let text = format!(
                r#"{{"version":2,"countries":{{"AU":{{"last_end":"2026-11-19T06:00:00Z",{entry}}}}}}}"#
            );
            let (state, _) = State::parse(&text);
            assert_eq!(state.countries["AU"].last_end, Some(at(end)), "{entry}");
        }
        let never = r#"{"version":2,"countries":{"AU":{"run":{"window":{"from":"2026-11-18T06:00:00Z"}}}}}"#;
        let (state, _) = State::parse(never);
        let first = Some(at("2026-11-18T06:00:00Z"));
        assert_eq!(state.countries["AU"].last_end, first, "its first run");
    }

    #[test]
    fn a_country_is_due_by_its_past() {
        let now = at("2026-11-20T13:00:00Z");
        let day = Period::parse("P1D").unwrap();
        let mut state = State::default();
        assert_eq!(state.due("AU", day, now), now, "no past: at once");

        state.anchor = Some(at("2026-11-01T06:00:00Z"));
        state.country("AU").last_start = Some(at("2026-11-20T06:00:00Z"));
        assert_eq!(state.due("AU", day, now), at("2026-11-21T06:00:00Z"));

        state.country("AU").last_start = Some(at("2026-11-17T06:00:00Z"));
        assert!(state.due("AU", day, now) <= now, "three days late: at once");

        let mut run = Run::new(Window { from: now, to: now });
        run.resume_at = Some(at("2026-12-01T00:00:00Z"));
        state.country("AU").run = Some(run);
        assert_eq!(state.due("AU", day, now), at("2026-12-01T00:00:00Z"));
    }

    #[test]
    fn a_state_that_is_not_json_says_so_and_starts_afresh() {
        for text in ["nonsense", "[]", "{\"version\":\"x\"}", "7"] {
            let (state, complaint) = State::parse(text);
            assert!(state.is_fresh(), "{text}");
            assert!(complaint.unwrap().contains("VTREPORTER_START"));
        }
        assert_eq!(State::parse(" ").1, None);
    }
}
