//! The report's description, in Markdown: the same facts as on the page, in
//! sentences and small tables.

use std::fmt::Write;

use super::comparison::Comparison;
use super::counts::{Counts, Levels};
use super::facts::{MAX_QUERY, MAX_SENTENCE, Progress, ReportFacts, shown_lines};
use super::headlines::{self, Piece};
use super::parts::Part;
use crate::base::number::at_least;
use crate::base::text::{clean, code_into, escape_into};
use crate::stix::time;
use crate::virustotal::gui::GuiPage;

/// The report's description, in Markdown: short, and all of it. While the
/// report grows, only what changes with it.
pub fn description(facts: &ReportFacts) -> String {
    let growing = facts.progress == Progress::InProgress;
    let mut out = String::with_capacity(4096);
    introduce(&mut out, facts);
    progress(&mut out, &facts.progress);
    if !growing {
        headlines(&mut out, facts);
    }
    tables(&mut out, &facts.counts);
    if !growing {
        compared(&mut out, facts);
        parts(&mut out, facts);
    }
    dropped(&mut out, facts);
    list(&mut out, "Gaps", &facts.gaps);
    if !growing {
        list(&mut out, "Notes", &facts.notes);
        search(&mut out, facts);
    }
    let least = at_least(facts.requests_at_least);
    let _ = write!(
        out,
        "\nVirusTotal requests spent: {least}{}.\n",
        facts.requests
    );
    out
}

/// The description of a part after the first one: what it holds, and where the
/// rest is.
pub fn part_description(facts: &ReportFacts, part: Part, full: bool) -> String {
    let mut out = String::with_capacity(1024);
    introduce(&mut out, facts);
    let _ = write!(out, "**Part {}** of the report ", part.number);
    code_into(&mut out, &facts.subject.name());
    out.push_str(", which has the totals, the gaps and the state of the whole.\n\n");
    let _ = writeln!(
        out,
        "Objects named here: {}, of them files found by the search: {}.{}",
        part.refs,
        part.files,
        if full { "" } else { " More may follow." }
    );
    list(&mut out, "Notes", &facts.notes);
    out
}

fn headlines(out: &mut String, facts: &ReportFacts) {
    for sentence in headlines::headlines(facts) {
        out.push_str("* ");
        for piece in sentence {
            match piece {
                Piece::Ours(text) => out.push_str(&text),
                Piece::Foreign(text) => code_into(out, &text),
            }
        }
        out.push('\n');
    }
    out.push('\n');
}

fn compared(out: &mut String, facts: &ReportFacts) {
    let Some(comparison) = Comparison::of(facts) else {
        return;
    };
    let per_day = if comparison.per_day {
        "; the windows differ in length, so the numbers are those of a day"
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "\nThe report before covers {} to {} UTC{per_day}.\n",
        comparison.from, comparison.to
    );
    out.push_str("| | before | now | change |\n|---|---:|---:|---:|\n");
    for row in &comparison.changes {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            row.name, row.before, row.now, row.change
        );
    }
}

fn parts(out: &mut String, facts: &ReportFacts) {
    if !facts.parts.is_split() {
        return;
    }
    out.push_str(
        "\nThis is the overview of a report in parts, and its first part; the numbers are those \
         of all parts. What relationships of several parts need stands in each of \
         them.\n\n| Part | objects | files found by the search |\n|---|---:|---:|\n",
    );
    for part in facts.parts.listed() {
        out.push_str("| ");
        code_into(out, &facts.subject.part_name(part.number));
        let _ = writeln!(out, " | {} | {} |", part.refs, part.files);
    }
    if facts.parts.unlisted > 0 {
        let _ = writeln!(
            out,
            "\nand {} parts between the last two.",
            facts.parts.unlisted
        );
    }
}

fn search(out: &mut String, facts: &ReportFacts) {
    let query = clean(&facts.query, MAX_QUERY);
    out.push_str("\nThe search: ");
    code_into(out, &query);
    if query == facts.query.as_str() {
        out.push_str(" ([open it in VirusTotal](");
        out.push_str(&GuiPage::Search.of_text(&query));
        out.push_str("))");
    }
    out.push('\n');
}

fn introduce(out: &mut String, facts: &ReportFacts) {
    let subject = &facts.subject;
    out.push_str("Files submitted to VirusTotal from ");
    escape_into(out, &clean(&subject.country_name, 100));
    out.push_str(" (");
    escape_into(out, &clean(&subject.country_code, 10));
    out.push_str(") and first submitted between ");
    time::write_seconds(out, subject.from, ' ');
    out.push_str(" and ");
    time::write_seconds(out, subject.to, ' ');
    out.push_str(
        " UTC. Submitted from a country means that somebody there sent the file to VirusTotal; \
         it says nothing about whom the file attacks or where it comes from.\n\n",
    );
}

fn progress(out: &mut String, progress: &Progress) {
    match progress {
        Progress::InProgress => out.push_str("**In progress**: more objects follow.\n\n"),
        Progress::Complete => out.push_str("**Complete.**\n\n"),
        Progress::Paused { reason, resumes_at } => {
            out.push_str("**Paused**, goes on at ");
            time::write_seconds(out, *resumes_at, ' ');
            out.push_str(" UTC: ");
            escape_into(out, &clean(reason, MAX_SENTENCE));
            out.push_str("\n\n");
        }
        Progress::Stopped { reason } => {
            out.push_str("**Incomplete**: ");
            escape_into(out, &clean(reason, MAX_SENTENCE));
            out.push_str("\n\n");
        }
    }
}

fn tables(out: &mut String, counts: &Counts) {
    out.push_str("| Severity | high | medium | low | not rated | unknown | all |\n");
    out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    levels(out, "found by the search", &counts.main);
    levels(out, "related to those", &counts.related);
    out.push_str("\n| Objects | |\n|---|---:|\n");
    let rows = counts.rows().into_iter();
    for (name, count) in rows.filter(|(_, count)| *count > 0) {
        let _ = writeln!(out, "| {name} | {count} |");
    }
}

fn levels(out: &mut String, name: &str, levels: &Levels) {
    let _ = writeln!(
        out,
        "| {name} | {} | {} | {} | {} | {} | {} |",
        levels.high,
        levels.medium,
        levels.low,
        levels.none,
        levels.unknown,
        levels.total()
    );
}

fn dropped(out: &mut String, facts: &ReportFacts) {
    let _ = write!(
        out,
        "\nFiles that VirusTotal answered with: {}. Not kept: {}",
        facts.matched,
        facts.dropped.total()
    );
    reasons(out, facts.dropped.iter());
    if !facts.left_out.is_empty() {
        let _ = write!(out, "\nLeft out of objects: {}", facts.left_out.total());
        reasons(out, facts.left_out.iter());
    }
}

fn reasons<R: std::fmt::Display>(out: &mut String, reasons: impl Iterator<Item = (R, u64)>) {
    let mut before = " (";
    let mut after = "";
    for (reason, count) in reasons {
        let _ = write!(out, "{before}{count} {reason}");
        before = "; ";
        after = ")";
    }
    out.push_str(after);
    out.push_str(".\n");
}

fn list(out: &mut String, head: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(out, "\n{head}:\n\n");
    for line in shown_lines(lines) {
        out.push_str("* ");
        escape_into(out, &line);
        out.push('\n');
    }
}
