//! One line a minute in a long run: how far it is, what it has spent, what is left.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;
use tracing::info;

use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::base::number::{counted, grouped};
use crate::import::reached::Reached;
use crate::quota::{Guard, Line};

const MINUTE: Duration = Duration::from_secs(60);

/// Tells every minute, for as long as it is polled.
pub(super) async fn tell(
    clock: &Clock,
    guard: &Guard,
    country: Country,
    reached: watch::Receiver<Reached>,
) -> Infallible {
    loop {
        clock.sleep(MINUTE).await;
        let reached = *reached.borrow();
        let reading = guard.reading();
        line(
            country,
            &reached,
            reading.as_ref().and_then(|it| it.tightest()),
        );
    }
}

fn line(country: Country, reached: &Reached, tightest: Option<&Line>) {
    info!(
        country = country.code,
        run.at = reached.at.map(|at| at.to_rfc3339()),
        run.percent = reached.percent(),
        vt.pages = reached.pages,
        vt.files_matched = reached.files,
        vt.requests = reached.requests,
        stix.objects = reached.objects,
        quota.left = tightest.map(Line::remaining),
        "{}: {}",
        country.name,
        sentence(reached, tightest)
    );
}

/// What is nothing yet, or not known, is left out.
fn sentence(reached: &Reached, tightest: Option<&Line>) -> String {
    let mut parts = vec![format!(
        "page {}, {} so far",
        grouped(reached.pages),
        counted(reached.files, "file", "files")
    )];
    if let (Some(at), Some(percent)) = (reached.at, reached.percent()) {
        let at = at.format("%Y-%m-%d %H:%M:%S UTC");
        parts.push(format!("at {at}, {percent} % of the window"));
    }
    if reached.objects > 0 {
        let objects = counted(reached.objects, "object", "objects");
        parts.push(format!("{objects} sent"));
    }
    let requests = counted(
        reached.requests,
        "VirusTotal request",
        "VirusTotal requests",
    );
    parts.push(format!("{requests} spent"));
    if let Some(line) = tightest {
        parts.push(line.left());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::schedule::Window;
    use crate::import::state::Run;
    use crate::quota::Scope;

    #[test]
    fn what_is_nothing_or_not_known_is_left_out() {
        let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        let mut run = Run::new(Window {
            from: at("2026-11-19T00:00:00Z"),
            to: at("2026-11-20T00:00:00Z"),
        });
        run.numbers.pages = 1;
        run.numbers.matched = 1;
        run.numbers.requests = 1;
        assert_eq!(
            sentence(&Reached::of(&run), None),
            "page 1, 1 file so far; 1 VirusTotal request spent"
        );
        run.numbers.pages = 12;
        run.numbers.matched = 3_412;
        run.numbers.requests = 415;
        run.numbers.counts.notes = 9_120;
        run.place.after = Some(at("2026-11-19T06:00:00Z"));
        let line = Line {
            quota: "api_requests_daily".to_owned(),
            scope: Scope::Group,
            group: None,
            used: 4_507,
            allowed: 20_000,
            resets_at: at("2026-11-21T00:00:00Z"),
        };
        assert_eq!(
            sentence(&Reached::of(&run), Some(&line)),
            "page 12, 3,412 files so far; at 2026-11-19 06:00:00 UTC, 25 % of the window; \
             9,120 objects sent; 415 VirusTotal requests spent; \
             15,493 of the group's daily API requests left"
        );
    }
}
