//! What sandboxes saw a file do becomes `attack-pattern`s.

use std::collections::{BTreeMap, BTreeSet};

use super::left_out::{LeftOut, Reasons};
use super::relationship::{Links, Way};
use super::role::Role;
use crate::base::text::{clean, escape_into};
use crate::stix::threat::AttackPattern;
use crate::stix::{Id, Object};
use crate::virustotal::behaviour::{Impact, Technique};

/// Signatures below this are everyday behaviour: "spawns processes".
const LEAST: Impact = Impact::Medium;

/// Characters of a technique's name.
const MAX_NAME: usize = 200;

/// Sandboxes and tactics that a relationship names.
const MOST_NAMED: usize = 5;

/// Adds the techniques of a file, each once, whose signatures reach MEDIUM.
///
/// | STIX                  | VirusTotal (`behaviour_mitre_trees`)   | notes |
/// |-----------------------|----------------------------------------|-------|
/// | `id`                  | the technique's `id`                   | as the platform's own |
/// | `x_mitre_id`          | the technique's `id`                   | `T1055`, `T1070.004`; others are left out and counted |
/// | `name`                | the technique's `name`                 | else its id |
/// | `external_references` | the technique's `id`                   | its page at MITRE's |
/// | `uses`                | the file                               | its description names tactics and sandboxes |
///
/// The object is the same whatever file brought it: what differs between files
/// stands in the relationship.
pub(crate) fn add(
    techniques: &[Technique],
    file: Id,
    links: &Links<'_>,
    into: &mut Vec<Object>,
    left_out: &mut Reasons<LeftOut>,
) {
    let mut seen: BTreeMap<String, Vec<&Technique>> = BTreeMap::new();
    let bad = |technique: &&Technique| technique.impact.is_some_and(|impact| impact >= LEAST);
    for technique in techniques.iter().filter(bad) {
        match mitre_id(&technique.id) {
            Some(id) => seen.entry(id).or_default().push(technique),
            None => left_out.add(LeftOut::BadTechnique),
        }
    }
    for (mitre_id, seen) in seen {
        let pattern = convert(&mitre_id, &seen, links);
        let id = pattern.id();
        into.push(pattern);
        into.push(links.link_saying(Way::Uses, &sentence(&seen), file, id));
    }
}

fn convert(mitre_id: &str, seen: &[&Technique], links: &Links<'_>) -> Object {
    let url = format!(
        "https://attack.mitre.org/techniques/{}/",
        mitre_id.replace('.', "/")
    );
    let mut names = seen.iter().map(|one| clean(&one.name, MAX_NAME));
    // The platform refuses names of one character.
    let name = names.find(|name| name.chars().nth(1).is_some());
    Object::new(
        &AttackPattern::technique(
            name.as_deref().unwrap_or(mitre_id),
            [mitre_id, &url],
            links.provenance.author,
            links.timeless,
            links.confidence,
        ),
        Role::AttackPattern.tag(),
    )
}

/// `T` and four digits, for a part of a technique a dot and three more.
fn mitre_id(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let digits = |part: &str, count: usize| {
        part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (technique, part) = match text.split_once('.') {
        Some((technique, part)) => (technique, Some(part)),
        None => (text.as_str(), None),
    };
    let fits = technique
        .strip_prefix('T')
        .is_some_and(|number| digits(number, 4))
        && part.is_none_or(|part| digits(part, 3));
    fits.then_some(text)
}

/// Who saw it, and what for.
fn sentence(seen: &[&Technique]) -> String {
    let mut out = String::from("Seen at VirusTotal by ");
    list(
        &mut out,
        seen.iter().map(|one| one.sandbox.as_str()),
        "a sandbox",
    );
    out.push_str("; tactic: ");
    list(
        &mut out,
        seen.iter().map(|one| one.tactic.as_str()),
        "not told",
    );
    out.push('.');
    out
}

fn list<'a>(out: &mut String, words: impl Iterator<Item = &'a str>, none: &str) {
    let words: BTreeSet<_> = words
        .map(|word| clean(word, MAX_NAME))
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        out.push_str(none);
    }
    for (at, word) in words.iter().take(MOST_NAMED).enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        escape_into(out, word);
    }
    if words.len() > MOST_NAMED {
        out.push_str(" and others");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_attack_are_taken() {
        for (text, id) in [
            ("T1055", Some("T1055")),
            (" t1070.004 ", Some("T1070.004")),
            ("T105", None),
            ("T1070.04", None),
            ("TA0005", None),
            ("T1055.", None),
            ("", None),
            ("T１０５５", None),
        ] {
            assert_eq!(mitre_id(text).as_deref(), id, "{text}");
        }
    }
}
