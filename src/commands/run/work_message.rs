//! What the platform shows of a run: the work's name and its last message. Pure.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::base::country::Country;
use crate::base::number::{counted, grouped};
use crate::import::schedule::Window;
use crate::import::state::Run;
use crate::import::{Finished, Stopped};
use crate::report::counts::Counts;
use crate::report::totals::Totals;

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
        // The quota that a run waits for has been told.
        if !subject(line).is_some_and(|subject| waits_for(ended, subject)) {
            let _ = write!(text, " Quota: {line}.");
        }
    }
    if let Some(next) = closing.next {
        let when = if ended.is_ok() { "Next run" } else { "Goes on" };
        let _ = write!(text, " {when}: {}.", next.format("%Y-%m-%d %H:%M UTC"));
    }
    text
}

/// Each quota once: `tightest` says how a quota stands now; a warning about the
/// same one says how it stood before.
pub(super) fn quota_lines(warnings: Vec<String>, tightest: Option<String>) -> Vec<String> {
    let Some(now) = tightest else {
        return warnings;
    };
    let mut lines = Vec::with_capacity(warnings.len() + 1);
    let mut told = false;
    for warning in warnings {
        if subject(&warning).is_some() && subject(&warning) == subject(&now) {
            told = true;
            let consequence = warning.split_once("; ").map(|(_, consequence)| consequence);
            lines.push(match consequence {
                Some(consequence) => format!("{now}; {consequence}"),
                None => now.clone(),
            });
        } else {
            lines.push(warning);
        }
    }
    if !told {
        lines.push(now);
    }
    lines
}

/// `the group's daily API requests` of a line about how they stand.
fn subject(line: &str) -> Option<&str> {
    line.split_once(": ").map(|(subject, _)| subject)
}

fn waits_for(ended: &Result<Finished, Stopped>, quota: &str) -> bool {
    matches!(ended, Err(Stopped::Paused(pause)) if pause.to_string().starts_with(quota))
}

/// The last message of a run that the process could not finish. `sent` is what
/// has gone out, vouched for by the saved state or not.
pub(super) fn stopped(run: &Run, sent: &Counts) -> String {
    let mut text = String::from("Stopped with the connector; it goes on here at the next start. ");
    numbers(&mut text, &run.numbers);
    let more = sent.objects().saturating_sub(run.numbers.counts.objects());
    if more > 0 {
        let _ = write!(
            text,
            " Up to {more} more objects were on their way; they are sent once more."
        );
    }
    text
}

fn numbers(text: &mut String, numbers: &Totals) {
    let counts = &numbers.counts;
    let _ = write!(
        text,
        "{} matched",
        counted(numbers.matched, "file", "files")
    );
    if numbers.matched > 0 {
        let _ = write!(text, ", {} kept", grouped(counts.main.total()));
    }
    if numbers.dropped.total() > 0 {
        let dropped = grouped(numbers.dropped.total());
        let _ = write!(text, ", {dropped} dropped{}", reasons(numbers));
    }
    text.push('.');
    if counts.objects() > 0 {
        let objects = counted(counts.objects(), "object", "objects");
        let _ = write!(text, " Sent: {objects} ({}).", kinds(counts));
    }
    let requests = counted(
        numbers.requests,
        "VirusTotal request",
        "VirusTotal requests",
    );
    let least = match numbers.requests_at_least {
        true => "At least ",
        false => "",
    };
    let _ = write!(text, " {least}{requests} spent.");
    if let Some(losses) = numbers.losses() {
        let _ = write!(text, " Missing: {losses}.");
    }
    for note in numbers.note_lines() {
        let _ = write!(text, " Note: {note}.");
    }
}

/// What was sent, by kind; a kind of which there is nothing is left out.
fn kinds(counts: &Counts) -> String {
    let related = match counts.related.total() {
        0 => String::new(),
        related => format!(", {} of them related", grouped(related)),
    };
    let kinds = [
        (counts.files(), "file", "files", related.as_str()),
        (
            counts.network(),
            "address, domain or URL",
            "addresses, domains and URLs",
            "",
        ),
        (counts.indicators, "indicator", "indicators", ""),
        (counts.malware, "malware family", "malware families", ""),
        (counts.attack_patterns, "technique", "techniques", ""),
        (counts.notes, "note", "notes", ""),
        (counts.relationships(), "relationship", "relationships", ""),
    ];
    let kinds = kinds.into_iter().filter(|(count, ..)| *count > 0);
    let kinds = kinds.map(|(count, one, many, more)| counted(count, one, many) + more);
    kinds.collect::<Vec<_>>().join("; ")
}

fn reasons(numbers: &Totals) -> String {
    let reasons: Vec<String> = numbers
        .dropped
        .iter()
        .map(|(reason, count)| format!("{} {reason}", grouped(count)))
        .collect();
    if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_was_warned_of_is_said_once_as_it_stands_now() {
        let line = |what: &str, used: u32| format!("your {what}: {used} of 1,000 used");
        let warned = |what: &str, used| format!("{}; the run pauses at 90 %", line(what, used));
        let warnings = || vec![warned("daily requests", 801), warned("searches", 850)];
        assert_eq!(
            quota_lines(warnings(), Some(line("daily requests", 893))),
            [warned("daily requests", 893), warned("searches", 850)]
        );
        assert_eq!(
            quota_lines(
                vec![warned("searches", 850)],
                Some(line("daily requests", 893))
            ),
            [warned("searches", 850), line("daily requests", 893)]
        );
        assert_eq!(quota_lines(warnings(), None), warnings());
    }
}
