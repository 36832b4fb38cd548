//! How a key stands, for people.

use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde_json::json;

use super::Fits;
use crate::base::number::{counted, grouped};
use crate::quota::fit::Fit;
use crate::quota::status::{KeyStatus, Status, Window};

/// Marks of a bar.
const WIDTH: u64 = 24;

/// Prints a key: what counts first, then what there is besides.
pub(super) fn key(key: &KeyStatus, colour: bool, now: DateTime<Utc>) {
    let paint = Paint(colour);
    say!("{}  {}", key.key, paint.status(key.status));
    if let Some(why) = &key.why {
        say!("  {why}");
    }
    let (applies, besides): (Vec<&Window>, Vec<&Window>) =
        key.windows.iter().partition(|window| window.applies);
    for window in applies {
        say!("  {}", line(window, &paint, now));
    }
    let used: Vec<String> = besides
        .iter()
        .filter(|window| window.limit.is_some())
        .map(|window| format!("{} {}", window.quota, ratio(window)))
        .collect();
    if !used.is_empty() {
        say!("  not counted here: {}", used.join(", "));
    }
    if !key.can_send || key.wait_seconds > 0 {
        let wait = key.wait_seconds.div_ceil(60);
        let wait = counted(wait, "minute", "minutes");
        match key.can_send {
            true => say!("  requests may be sent; better wait {wait}"),
            false if key.wait_seconds > 0 => say!("  no request is sent; look again in {wait}"),
            false => say!("  no request is sent"),
        }
    }
    say!("  {}", outlook(key));
    if let Some(next) = &key.next_run {
        let fits = if next.fits { "fits" } else { "does NOT fit" };
        let requests = counted(next.requests, "request", "requests");
        say!("  next run  {}: {requests}, {fits}", moment(next.at, now));
    }
}

fn line(window: &Window, paint: &Paint, now: DateTime<Utc>) -> String {
    let percent = window.percent.unwrap_or(0.0);
    let filled = ((percent / 100.0 * WIDTH as f64) as u64).min(WIDTH);
    let bar = "#".repeat(filled as usize) + &"-".repeat((WIDTH - filled) as usize);
    let reset = window.resets_at.map_or_else(String::new, |at| {
        format!("; begins again {}", moment(at, now))
    });
    let left = grouped(window.left.unwrap_or(0));
    format!(
        "{:<32} {:<5} [{}] {percent:>5.1} %  {}, {left} left{reset}",
        window.quota,
        window.scope,
        paint.bar(&bar, percent),
        ratio(window)
    )
}

fn ratio(window: &Window) -> String {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), grouped);
    format!("{} of {}", number(window.used), number(window.limit))
}

fn outlook(key: &KeyStatus) -> String {
    let forecast = &key.forecast;
    let quota = forecast.quota.as_deref().unwrap_or_default();
    let budget = match forecast.budget_per_hour {
        None => String::new(),
        Some(0) => format!("; nothing may be spent until {quota} begins again"),
        Some(budget) => {
            let budget = counted(budget, "request", "requests");
            format!("; {budget} an hour last until {quota} begins again")
        }
    };
    let said = match (forecast.state, forecast.exhausted_at) {
        ("enough", Some(at)) => {
            let range = match (forecast.earliest, forecast.latest) {
                (Some(from), Some(to)) => format!(" (between {} and {})", time(from), time(to)),
                (Some(from), None) => format!(" (not before {}, or not at all)", time(from)),
                _ => String::new(),
            };
            format!("at this pace used up at {}{range}", time(at))
        }
        ("enough", None) => "at this pace it lasts".to_owned(),
        _ => format!(
            "no forecast: {} known of the 3 that it takes",
            counted(forecast.days as u64, "day is", "days are")
        ),
    };
    said + &budget
}

/// Prints whether so many requests fit.
pub(super) fn fits(fits: &Fits, need: u64, as_json: bool) {
    let (word, at) = match fits.fit {
        Fit::Now => ("now", None),
        Fit::Later(at) => ("later", Some(at)),
        Fit::No => ("no", None),
    };
    if as_json {
        let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        say!(
            "{}",
            json!({ "fits": word, "at": at, "left": fits.left, "need": need })
        );
        return;
    }
    let left = fits.left.map_or("no limit is known".to_owned(), |left| {
        format!("{} left", grouped(left))
    });
    let need = counted(need, "request", "requests");
    match at {
        None if word == "now" => say!("{need}: fits now ({left})"),
        None => say!("{need}: does not fit before the month begins again ({left})"),
        Some(at) => say!("{need}: fits by {} ({left})", time(at)),
    }
}

/// Here and in UTC, and how long until then.
fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (at - now).num_minutes().max(0);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let until = match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    };
    format!("{}, in {until}", time(at))
}

fn time(at: DateTime<Utc>) -> String {
    let here = at.with_timezone(&Local);
    let utc = at.format("%Y-%m-%d %H:%M UTC").to_string();
    match here.offset().local_minus_utc() {
        0 => utc,
        _ => format!("{} ({utc})", here.format("%Y-%m-%d %H:%M %:z")),
    }
}

/// Colours, where somebody sees them.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        match self.0 {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    fn status(&self, status: Status) -> String {
        let code = match status {
            Status::Healthy => "32",
            Status::Warning => "33",
            Status::Critical | Status::Rejected => "31",
            Status::Unknown => "35",
        };
        self.with(code, status.word())
    }

    fn bar(&self, bar: &str, percent: f64) -> String {
        let code = match percent {
            percent if percent >= 95.0 => "31",
            percent if percent >= 80.0 => "33",
            _ => "32",
        };
        self.with(code, bar)
    }
}
