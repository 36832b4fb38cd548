//! `plan`: the window, the exact query, the quota left and what the next run
//! would cost. Spends no search.

use chrono::{DateTime, TimeDelta, Utc};

use super::Exit;
use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::base::number::{at_least, counted, grouped};
use crate::base::period::Period;
use crate::import;
use crate::import::schedule::Window;
use crate::import::state::{CountryState, State};
use crate::opencti::OpenCti;
use crate::quota::{Cost, Guard, Reading};
use crate::report::profile::Previous;
use crate::virustotal::relations::{Objects, objects};
use crate::virustotal::search::{PAGE, query_text};

/// What the plan is made of.
pub struct Plan {
    /// VirusTotal, behind its quota guard.
    pub guard: Guard,
    /// The platform, where it is set: it keeps the state.
    pub opencti: Option<OpenCti>,
    /// The connector's id.
    pub connector: String,
    /// A report each.
    pub countries: Vec<Country>,
    /// Between two starts; `None`: a run starts whenever the program does.
    pub period: Option<Period>,
    /// What a run does.
    pub import: import::Options,
    /// The time.
    pub clock: Clock,
}

/// Prints the plan.
pub async fn run(plan: Plan) -> Result<(), Exit> {
    let now = plan.clock.now();
    let (state, source) = plan.state().await;
    say!("{source}");
    plan.guard.learn(state.charged);
    let reading = plan
        .guard
        .refresh()
        .await
        .map_err(|error| Exit::from(&error))?;
    for &country in &plan.countries {
        let due = plan
            .period
            .map(|period| state.due(country.code, period, now));
        let entry = state
            .countries
            .get(country.code)
            .cloned()
            .unwrap_or_default();
        say!("\n{} ({})", country.name, country.code);
        say!("  due       {}", when(due, now));
        let starts = due.map_or(now, |due| due.max(now));
        print(&plan.import, country, &entry, starts);
    }
    say!("");
    print_quota(&plan.guard, &reading);
    Ok(())
}

impl Plan {
    /// The state that the next run starts from, and a sentence on where it is from.
    async fn state(&self) -> (State, String) {
        let Some(opencti) = &self.opencti else {
            return (
                State::default(),
                "OPENCTI_URL is not set: planned as a first run".to_owned(),
            );
        };
        match opencti.saved_state(&self.connector).await {
            Ok(text) => {
                let (state, complaint) = State::parse(&text);
                let source = match complaint {
                    Some(complaint) => complaint,
                    None if state.is_fresh() => {
                        "OpenCTI keeps no state: this would be the first run".to_owned()
                    }
                    None => "planned from the state that OpenCTI keeps".to_owned(),
                };
                (state, source)
            }
            Err(error) => (
                State::default(),
                format!("planned as a first run, because the state could not be read: {error}"),
            ),
        }
    }
}

fn print(options: &import::Options, country: Country, entry: &CountryState, now: DateTime<Utc>) {
    let run = entry.upcoming(options.start, options.overlap, now);
    let window = run.window;
    say!("  window    {}", describe(window));
    let mut search = options.search(country, window);
    if entry.run.is_some() {
        // By its cursor it goes on inside the search that it began with.
        search.from = match run.place.cursor {
            Some(_) => run.place.searched_from.unwrap_or(window.from),
            None => run.place.from(window),
        };
        say!(
            "  place     under way: goes on from {}",
            run.place.from(window).format("%Y-%m-%d %H:%M:%S UTC")
        );
    }
    say!("  query     {}", query_text(&search));
    say!("  pages     1 request for each {PAGE} files, in ascending first submission");
    print_calls_of_a_file(options);
    say!("  others    indicators, families, country, score and labels: no request");
    print_last_run(entry.previous.as_ref());
}

/// What is asked for file by file, where it costs something.
fn print_calls_of_a_file(options: &import::Options) {
    let calls = options
        .relationships
        .iter()
        .filter(|name| objects(name) == Objects::Files)
        .count();
    let severity = options.related_min_severity.word();
    match calls {
        0 => say!("  related   come with the pages: no request"),
        calls => say!(
            "  related   up to {} for each file of severity {severity} or more that has such files \
             (up to {} for each relationship); addresses come with the pages",
            counted(
                calls as u64 * u64::from(options.max_related_per_file.div_ceil(40).max(1)),
                "request",
                "requests"
            ),
            counted(options.max_related_per_file.into(), "object", "objects"),
        ),
    }
    let wanted = &options.convert.objects;
    if wanted.attack_patterns {
        say!("  ATT&CK    1 request for each file of severity {severity} or more");
    } else {
        say!("  ATT&CK    VTREPORTER_CREATE_ATTACK_PATTERNS is off: no request");
    }
    let notes = if wanted.notes {
        "no request, but pages several times as large"
    } else {
        "no request"
    };
    say!("  notes     {notes}");
}

/// What the last run cost is the best guess at the next one.
fn print_last_run(last: Option<&Previous>) {
    match last {
        Some(last) => say!(
            "  last run  {}{} for {}, {} of them kept",
            at_least(last.requests_at_least),
            counted(last.requests, "request", "requests"),
            counted(last.matched, "file", "files"),
            grouped(last.counts.main.total())
        ),
        None => {
            say!("  last run  none known: what this one costs depends on how much VirusTotal finds")
        }
    }
}

/// When the next run starts.
fn when(due: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    match due {
        None => "whenever the program is started: it runs once".to_owned(),
        Some(due) if due <= now => "at once, when the service runs".to_owned(),
        Some(due) => format!(
            "{}, {}",
            due.format("%Y-%m-%d %H:%M:%S UTC"),
            ahead(due - now)
        ),
    }
}

/// "in 3 days", "in 2 hours", "in 5 minutes".
fn ahead(wait: TimeDelta) -> String {
    let (count, one, many) = match wait {
        wait if wait.num_days() > 1 => (wait.num_days(), "day", "days"),
        wait if wait.num_hours() > 1 => (wait.num_hours(), "hour", "hours"),
        wait => (wait.num_minutes().max(1), "minute", "minutes"),
    };
    format!("in {}", counted(count.unsigned_abs(), one, many))
}

fn describe(window: Window) -> String {
    format!(
        "{} to {} UTC",
        window.from.format("%Y-%m-%d %H:%M:%S"),
        window.to.format("%Y-%m-%d %H:%M:%S")
    )
}

fn print_quota(guard: &Guard, reading: &Reading) {
    say!("VirusTotal's quotas (reading them is free)");
    for line in reading.lines() {
        say!("  {line}");
    }
    if let Some(why) = &reading.unknown {
        say!("  not known: {why}");
    }
    match guard.calls_left(Cost::Search) {
        Some(0) => say!("  the next run would pause before its first page"),
        Some(left) => {
            let left = counted(left, "request", "requests");
            say!("  {left} may be sent before VTREPORTER_QUOTA_STOP_PERCENT is reached");
        }
        None => say!("  no limit is known; VTREPORTER_QUOTA_ON_UNKNOWN decides"),
    }
}
