//! What the platform shows of a run: the work's name and its last message. Pure.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::country::Country;
use crate::import::numbers::Numbers;
use crate::import::schedule::Window;
use crate::import::state::Run;
use crate::import::{Finished, Stopped};

/// `VirusTotal AU 2026-11-19T13:00Z..2026-11-20T13:00Z`.
pub(super) fn work_name(country: Country, window: Window) -> String {
    format!(
        "VirusTotal {} {}..{}",
        country.code,
        window.from.format("%Y-%m-%dT%H:%MZ"),
        window.to.format("%Y-%m-%dT%H:%MZ")
    )
}

/// What else the last message needs.
pub(super) struct Closing<'a> {
    /// What is left of VirusTotal's quotas, a line each; and its warnings.
    pub(super) quota: &'a [String],
    /// When the next run starts; `None` for run-and-terminate.
    pub(super) next: Option<DateTime<Utc>>,
}

/// The last message of a run that ended, well or not.
pub(super) fn closing(
    country: Country,
    run: &Run,
    ended: &Result<Finished, Stopped>,
    closing: &Closing<'_>,
) -> String {
    let mut text = String::new();
    let word = match ended {
        Ok(_) if run.numbers.gaps.is_empty() => "done",
        Ok(_) => "done, with gaps",
        Err(Stopped::Paused(_) | Stopped::Share(_)) => "paused",
        Err(_) => "failed",
    };
    let _ = write!(
        text,
        "{}: {word}. Files first submitted {} to {} UTC. ",
        country.name,
        run.window.from.format("%Y-%m-%d %H:%M:%S"),
        run.window.to.format("%Y-%m-%d %H:%M:%S"),
    );
    if let Err(stopped) = ended {
        let _ = write!(text, "{stopped}. ");
        let _ = match run.place.after {
            Some(after) => write!(
                text,
                "Left: files first submitted from {} on. ",
                after.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            None => write!(text, "Left: everything. "),
        };
    }
    numbers(&mut text, &run.numbers);
    for line in closing.quota {
        let _ = write!(text, " {line}.");
    }
    if let Some(next) = closing.next {
        let when = if ended.is_ok() { "Next run" } else { "Goes on" };
        let _ = write!(text, " {when}: {}.", next.format("%Y-%m-%d %H:%M UTC"));
    }
    text
}

/// The last message of a run that the process could not finish.
pub(super) fn stopped(run: &Run) -> String {
    let mut text = String::from("Stopped with the connector; it goes on here at the next start. ");
    numbers(&mut text, &run.numbers);
    text
}

fn numbers(text: &mut String, numbers: &Numbers) {
    let counts = &numbers.counts;
    let _ = write!(
        text,
        "{} files matched, {} kept, {} dropped{}. Sent: {} objects ({} files, {} of them related; \
         {} addresses, domains and URLs; {} indicators; {} malware families; {} techniques; \
         {} notes; {} relationships). {} VirusTotal requests spent.",
        numbers.matched,
        counts.main.total(),
        numbers.dropped.total(),
        reasons(numbers),
        counts.objects(),
        counts.files(),
        counts.related.total(),
        counts.network(),
        counts.indicators,
        counts.malware,
        counts.attack_patterns,
        counts.notes,
        counts.relationships(),
        numbers.requests,
    );
    if let Some(losses) = numbers.losses() {
        let _ = write!(text, " Missing: {losses}.");
    }
    for note in &numbers.notes {
        let _ = write!(text, " Note: {note}.");
    }
}

fn reasons(numbers: &Numbers) -> String {
    let reasons: Vec<String> = numbers
        .dropped
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join(", "))
    }
}
