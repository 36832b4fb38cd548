//! What is too long for labels becomes a `note` on the file: the verdicts one
//! by one, and the rules that matched.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::file::Seen;
use super::relationship::Links;
use super::role::Role;
use crate::base::text::{clean, code_into, says_nothing};
use crate::stix::Object;
use crate::stix::threat::{Note, NoteParts};
use crate::stix::time::{self, Timestamp};
use crate::virustotal::facts::detections;
use crate::virustotal::facts::hashes::fuzzy;
use crate::virustotal::objects::FileAttributes;

/// Engines that are named.
const MOST_ENGINES: usize = 25;

/// Sandboxes that are named.
const MOST_SANDBOXES: usize = 20;

/// Rules of a kind that are named.
const MOST_RULES: usize = 50;

/// Characters of a cell.
const MAX_CELL: usize = 120;

/// Converts a file's verdicts; `None` where VirusTotal tells none of them.
///
/// | STIX                  | VirusTotal                  | notes |
/// |-----------------------|-----------------------------|-------|
/// | `id`                  | -                           | of content and date: the same verdicts are the same note |
/// | `created`, `modified` | `first_submission_date`     | else the window's start; never now |
/// | `content`             | `last_analysis_results`     | engines that call it malicious, then suspicious, by name; at most 25 |
/// |                       | `ssdeep`, `tlsh`            | beside the verdicts; alone they are no note |
/// |                       | `sandbox_verdicts`          | verdict, classification, names, confidence; at most 20 |
/// |                       | `crowdsourced_yara_results` | rule, ruleset, author; at most 50 |
/// |                       | `sigma_analysis_results`    | title, level, source; at most 50 |
/// | `external_references` | the SHA-256                 | VirusTotal's page of the file |
/// | `object_refs`         | the file                    | |
///
/// Markdown. Every text of VirusTotal's is cleaned, cut and shown as code.
pub(crate) fn convert(seen: &Seen<'_>, links: &Links<'_>) -> Option<Object> {
    let attributes = &seen.file.attributes;
    let mut content = String::with_capacity(2048);
    content.push_str("Verdicts on ");
    code_into(&mut content, seen.sha256().unwrap_or(seen.name()));
    content.push_str(" at VirusTotal");
    if let Some(time) = attributes.last_analysis_date.and_then(time::from_unix) {
        content.push_str(", analysed on ");
        time::write_seconds(&mut content, time, ' ');
        content.push_str(" UTC");
    }
    content.push_str(".\n");
    let [ssdeep, tlsh] = fuzzy(attributes);
    for (kind, hash) in [("ssdeep", ssdeep), ("TLSH", tlsh)] {
        if let Some(hash) = hash {
            let _ = write!(content, "\n{kind}: `{hash}`\n");
        }
    }
    let before = content.len();
    engines(&mut content, attributes);
    sandboxes(&mut content, attributes);
    yara(&mut content, attributes);
    sigma(&mut content, attributes);
    if content.len() == before {
        return None;
    }
    let created = seen.first_submitted().map(Timestamp::new);
    Some(Object::new(
        &Note::new(NoteParts {
            provenance: links.provenance,
            created: created.as_ref().unwrap_or(links.from),
            content: content.trim(),
            confidence: links.confidence,
            link: &seen.link,
            about: seen.id(),
        }),
        links.tag(Role::Note),
    ))
}

fn engines(out: &mut String, attributes: &FileAttributes) {
    let mut bad = Vec::new();
    for word in ["malicious", "suspicious"] {
        for (engine, result) in &attributes.last_analysis_results {
            if let Some(result) = result
                && result.category.as_deref() == Some(word)
            {
                bad.push([
                    engine.as_str(),
                    word,
                    result.result.as_deref().unwrap_or_default(),
                ]);
            }
        }
    }
    if bad.is_empty() {
        return;
    }
    if let Some((found, asked)) = detections(attributes.last_analysis_stats.as_ref()) {
        let _ = write!(out, "\nDetections: {found} of {asked} engines.\n");
    }
    table(out, ["Engine", "Verdict", "Name"], &bad, MOST_ENGINES);
}

fn sandboxes(out: &mut String, attributes: &FileAttributes) {
    let mut rows = Vec::new();
    for (sandbox, verdict) in &attributes.sandbox_verdicts {
        let Some(verdict) = verdict else { continue };
        let category = verdict.category.as_deref().unwrap_or("unknown");
        let confidence = verdict.confidence.map(|percent| format!("{percent}"));
        rows.push([
            sandbox.clone(),
            category.to_owned(),
            joined(&verdict.malware_classification),
            joined(&verdict.malware_names),
            confidence.unwrap_or_default(),
        ]);
    }
    let heads = [
        "Sandbox",
        "Verdict",
        "Classification",
        "Names",
        "Confidence",
    ];
    table(out, heads, &rows, MOST_SANDBOXES);
}

fn yara(out: &mut String, attributes: &FileAttributes) {
    let rules = attributes.crowdsourced_yara_results.iter().map(|rule| {
        [&rule.rule_name, &rule.ruleset_name, &rule.author]
            .map(|it| it.as_deref().unwrap_or_default())
    });
    table(
        out,
        ["YARA rule", "Ruleset", "Author"],
        &unique(rules),
        MOST_RULES,
    );
}

fn sigma(out: &mut String, attributes: &FileAttributes) {
    let rules = attributes.sigma_analysis_results.iter().map(|rule| {
        [&rule.rule_title, &rule.rule_level, &rule.rule_source]
            .map(|it| it.as_deref().unwrap_or_default())
    });
    table(
        out,
        ["Sigma rule", "Level", "Source"],
        &unique(rules),
        MOST_RULES,
    );
}

/// In order, since VirusTotal's own order need not be the same twice.
fn unique<'a>(rules: impl Iterator<Item = [&'a str; 3]>) -> Vec<[&'a str; 3]> {
    let rules: BTreeSet<_> = rules.filter(|rule| !rule[0].trim().is_empty()).collect();
    rules.into_iter().collect()
}

fn joined(words: &[Option<String>]) -> String {
    let words = words.iter().flatten().map(String::as_str);
    let words: Vec<&str> = words.filter(|word| !says_nothing(word.trim())).collect();
    words.join(", ")
}

/// A table of at most `most` rows that says how many more there are; nothing
/// where there are none.
fn table<const N: usize>(
    out: &mut String,
    heads: [&str; N],
    rows: &[[impl AsRef<str>; N]],
    most: usize,
) {
    if rows.is_empty() {
        return;
    }
    out.push_str("\n|");
    for head in heads {
        let _ = write!(out, " {head} |");
    }
    out.push_str("\n|");
    out.push_str(&"---|".repeat(N));
    out.push('\n');
    for row in rows.iter().take(most) {
        out.push('|');
        for cell in row {
            out.push(' ');
            let cell = clean(cell.as_ref(), MAX_CELL);
            if !says_nothing(&cell) {
                code_into(out, &cell);
                out.push(' ');
            }
            out.push('|');
        }
        out.push('\n');
    }
    if rows.len() > most {
        let _ = write!(out, "\nAnd {} more.\n", rows.len() - most);
    }
}
