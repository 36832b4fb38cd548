//! A block's file as VirusTotal shows it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use chrono::DateTime;

use super::block::{Block, Code, Facts, Severity, Shelf, aspect};
use super::dice::{Dice, mix};
use super::json::{Members, push_list, push_text};
use super::signs;
use super::view::View;
use super::words::{ENGINES, SANDBOXES, TECHNIQUES};

/// Where padding goes: the first of these that is not excluded.
const PADDED: [&str; 2] = ["androguard", "further_details"];

/// The attributes of a file, as the view wants them.
pub(crate) fn attributes(out: &mut String, block: &Block, code: Code, view: &View) {
    let facts = block.facts(code);
    let mut dice = Dice::new(block.key(code), aspect::TEXTS);
    let start = out.len();
    let mut to = Members::without(out, &view.exclude);
    identity(&mut to, block, code, &facts, &mut dice);
    times(&mut to, &facts, &mut dice);
    verdicts(&mut to, &facts, &mut dice);
    severity(&mut to, &facts, &mut dice);
    details(&mut to, &facts, &mut dice);
    signs::write(
        &mut to,
        &facts,
        &mut Dice::new(block.key(code), aspect::SIGNS),
    );
    to.with("last_analysis_results", |out| engines(out, &facts));
    if view.bulk > 0 {
        pad(&mut to, start + view.bulk, view);
    }
    to.close();
}

/// Fills up to a length with what costs a reader most: many small objects.
fn pad(to: &mut Members, end: usize, view: &View) {
    /// Verdicts, and where each of them ends.
    static VERDICTS: LazyLock<(String, Vec<usize>)> = LazyLock::new(|| {
        let mut text = String::new();
        let ends = (0..2000).map(|nth| {
            let verdict = Verdict::Malicious("generic");
            push_verdict(&mut text, &format!("Engine {nth:04}"), "20261119", verdict);
            text.push(',');
            text.len() - 1
        });
        let ends = ends.collect();
        (text, ends)
    });
    let free = |name: &&&str| !view.exclude.iter().any(|excluded| excluded == *name);
    let Some(name) = PADDED.iter().find(free) else {
        return;
    };
    to.with(name, |out| {
        let (text, ends) = &*VERDICTS;
        let missing = end.saturating_sub(out.len());
        let enough = ends.partition_point(|&end| end < missing);
        out.push('{');
        out.push_str(&text[..ends.get(enough).copied().unwrap_or(text.len() - 1)]);
        out.push('}');
    });
}

fn identity(to: &mut Members, block: &Block, code: Code, facts: &Facts, dice: &mut Dice) {
    to.text("sha256", &block.sha256(code));
    to.text("sha1", &block.sha1(code));
    to.text("md5", &block.md5(code));
    to.raw("size", facts.size);
    let names = block.names(code);
    match names.first() {
        Some(first) if dice.chance(3, 4) => to.text("meaningful_name", first),
        _ => {}
    }
    // No names come in three shapes.
    match (names.is_empty(), dice.below(3)) {
        (true, 0) => {}
        (true, 1) => to.raw("names", "null"),
        _ => to.texts("names", &names),
    }
    let kind = facts.kind;
    if !dice.chance(1, 50) {
        to.text("type_description", kind.description);
        to.text("type_tag", kind.tag);
        to.text("type_extension", kind.extension);
    }
    to.texts("type_tags", kind.type_tags);
    to.texts("tags", &block.tags(code));
    to.text("magic", kind.magic);
    to.text("magika", kind.magika);
    let word = dice.throw();
    to.with("ssdeep", |out| {
        let _ = write!(
            out,
            "\"{}:{:x}/{:x}:{:x}\"",
            192 << (word % 6),
            word,
            mix(word),
            word >> 20
        );
    });
    if facts.size > 50 {
        to.with("tlsh", |out| {
            out.push_str("\"T1");
            for nth in 0..4 {
                let _ = write!(out, "{:016X}", mix(word ^ nth));
            }
            let _ = write!(out, "{:06X}\"", word & 0xff_ffff);
        });
    }
    to.with("vhash", |out| {
        let _ = write!(out, "\"{:016x}{:08x}\"", mix(!word), word as u32);
    });
}

fn times(to: &mut Members, facts: &Facts, dice: &mut Dice) {
    if facts.kind.type_tags.contains(&"pe") {
        // Attackers choose it: zero and the far future are common.
        let made = match dice.below(12) {
            0 => 0,
            1 => 4_102_444_800,
            _ => facts.first - dice.below(90_000_000) as i64,
        };
        to.raw("creation_date", made);
    }
    to.raw("first_submission_date", facts.first);
    to.raw("last_submission_date", facts.last);
    to.raw("last_analysis_date", facts.analysed);
    to.raw("last_modification_date", facts.analysed + 600);
    to.raw("times_submitted", facts.submissions);
    to.raw("unique_sources", facts.sources);
    to.raw("reputation", facts.reputation);
    let against = u8::from(facts.reputation < 0);
    to.object("total_votes", |votes| {
        votes.raw("harmless", 0);
        votes.raw("malicious", against);
    });
}

fn verdicts(to: &mut Members, facts: &Facts, dice: &mut Dice) {
    to.object("last_analysis_stats", |stats| {
        stats.raw("malicious", facts.malicious);
        stats.raw("suspicious", facts.suspicious);
        stats.raw("undetected", facts.undetected());
        for none in ["harmless", "timeout", "confirmed-timeout", "failure"] {
            stats.raw(none, 0);
        }
        stats.raw("type-unsupported", facts.unsupported);
    });
    if let Some((family, category)) = facts.family {
        classification(to, family, category, facts.malicious);
    }
    if dice.chance(2, 3) {
        sandboxes(to, facts, dice);
    }
    if dice.chance(1, 4) {
        let high = dice.below(2);
        let stats = format!("{{\"critical\":0,\"high\":{high},\"medium\":1,\"low\":0}}");
        to.raw("sigma_analysis_stats", &stats);
        to.object("sigma_analysis_summary", |summary| {
            summary.raw("Sigma Integrated Rule Set (GitHub)", &stats);
        });
    }
}

fn classification(to: &mut Members, family: &str, category: &str, count: u32) {
    let voted = |out: &mut String, value: &str, count: u32| {
        let mut vote = Members::open(out);
        vote.raw("count", count);
        vote.text("value", value);
        vote.close();
    };
    to.object("popular_threat_classification", |threat| {
        threat.text(
            "suggested_threat_label",
            &format!("{category}.{family}/generic"),
        );
        threat.with("popular_threat_category", |out| {
            push_list(out, [category], |out, one| voted(out, one, count / 2));
        });
        threat.with("popular_threat_name", |out| {
            push_list(out, [family, "generic"], |out, one| {
                voted(out, one, count / 4);
            });
        });
    });
}

fn sandboxes(to: &mut Members, facts: &Facts, dice: &mut Dice) {
    let bad = matches!(facts.severity, Severity::High | Severity::Medium);
    let name = dice.one(SANDBOXES);
    to.object("sandbox_verdicts", |all| {
        all.object(name, |one| {
            let category = if bad { "malicious" } else { "undetected" };
            one.text("category", category);
            one.text("sandbox_name", name);
            let words: &[&str] = if bad {
                &["MALWARE", "EVADER"]
            } else {
                &["UNKNOWN_VERDICT"]
            };
            one.texts("malware_classification", words);
            // Often missing, as recorded.
            if bad && dice.chance(1, 2) {
                one.raw("confidence", dice.between(50, 99));
            }
            match facts.family {
                Some((family, _)) if bad && dice.chance(1, 2) => {
                    one.texts("malware_names", &[family]);
                }
                _ => {}
            }
        });
    });
}

fn severity(to: &mut Members, facts: &Facts, dice: &mut Dice) {
    let level = match facts.severity {
        Severity::Missing => return,
        Severity::Null => return to.raw("threat_severity", "null"),
        other => other.level().unwrap_or("SEVERITY_UNKNOWN"),
    };
    to.object("threat_severity", |severity| {
        severity.raw("version", 5);
        severity.text("threat_severity_level", level);
        severity.object("threat_severity_data", |data| {
            if let Some((_, category)) = facts.family {
                data.text("popular_threat_category", category);
            }
            if facts.malicious > 10 {
                data.raw("num_gav_detections", dice.between(1, 4));
            }
        });
        // A text of digits, as recorded.
        severity.text("last_analysis_date", &facts.analysed.to_string());
        let reason = match facts.family {
            Some((_, category)) => {
                format!("Severity {level} because it was considered {category}.")
            }
            None => "No severity score data".to_owned(),
        };
        severity.text("level_description", &reason);
    });
}

fn details(to: &mut Members, facts: &Facts, dice: &mut Dice) {
    to.object("exiftool", |exif| {
        exif.text("MIMEType", facts.kind.mime);
        exif.text("FileTypeExtension", facts.kind.extension);
        exif.text("FileType", facts.kind.description);
    });
    if facts.kind.type_tags.contains(&"pe") {
        let word = dice.throw();
        to.object("pe_info", |pe| {
            pe.text("imphash", &format!("{word:016x}{:016x}", mix(word)));
            pe.raw("machine_type", 332);
            pe.raw("entry_point", word % 900_000);
        });
    }
    if let (Some((family, _)), true) = (facts.family, dice.chance(1, 30)) {
        // Control characters inside a host, as recorded.
        let last = 9 + dice.below(3) * dice.below(8);
        to.raw(
            "malware_config",
            format!(
                "{{\"families\":[{{\"family\":\"{family}\",\"configs\":[{{\"tool\":\"CAPE\",\
                 \"net_info\":{{\"connections\":[{{\"host\":\"203.0.\\u0000113.{last}\",\
                 \"url\":\"tcp://203.0.\\u0000113.{last}:599\",\"categories\":[\"C2\"]}}]}}}}]}}]}}"
            ),
        );
    }
    to.texts("available_tools", &[] as &[&str]);
    to.raw("downloadable", true);
}

/// One engine's verdict.
#[derive(Clone, Copy)]
enum Verdict<'a> {
    /// With its own label's family.
    Malicious(&'a str),
    Suspicious(&'a str),
    Undetected,
    Unsupported,
}

/// Every engine's verdict: as many of each kind as the stats say.
fn engines(out: &mut String, facts: &Facts) {
    static NAMES: LazyLock<Vec<String>> =
        LazyLock::new(|| (0..ENGINES).map(|nth| format!("Engine {nth:02}")).collect());
    let date = DateTime::from_timestamp(facts.analysed, 0)
        .unwrap_or_default()
        .format("%Y%m%d")
        .to_string();
    let family = facts.family.map_or("generic", |(family, _)| family);
    out.push('{');
    for (nth, name) in (0..).zip(NAMES.iter()) {
        let verdict = match nth {
            x if x < facts.malicious => Verdict::Malicious(family),
            x if x < facts.malicious + facts.suspicious => Verdict::Suspicious(family),
            x if x + facts.unsupported >= ENGINES => Verdict::Unsupported,
            _ => Verdict::Undetected,
        };
        if nth > 0 {
            out.push(',');
        }
        push_verdict(out, name, &date, verdict);
    }
    out.push('}');
}

fn push_verdict(out: &mut String, engine: &str, date: &str, verdict: Verdict) {
    let (category, family) = match verdict {
        Verdict::Malicious(family) => ("malicious", Some(family)),
        Verdict::Suspicious(family) => ("suspicious", Some(family)),
        Verdict::Undetected => ("undetected", None),
        Verdict::Unsupported => ("type-unsupported", None),
    };
    for piece in [
        "\"",
        engine,
        "\":{\"method\":\"blacklist\",\"engine_name\":\"",
        engine,
        "\",\"engine_version\":\"8.16.0.1\",\"engine_update\":\"",
        date,
        "\",\"category\":\"",
        category,
        "\",\"result\":",
    ] {
        out.push_str(piece);
    }
    match family {
        Some(family) => {
            for piece in ["\"Win32.", family, ".a\"}"] {
                out.push_str(piece);
            }
        }
        None => out.push_str("null}"),
    }
}

/// `behaviour_mitre_trees`: a map by sandbox, one of them without findings.
pub(crate) fn mitre(out: &mut String, block: &Block, code: Code) {
    let facts = block.facts(code);
    let bad = matches!(facts.severity, Severity::High | Severity::Medium);
    let mut dice = Dice::new(block.key(code), aspect::RELATED);
    let mut all = Members::open(out);
    if code.shelf == Shelf::Main && bad {
        let from = dice.below(TECHNIQUES.len() as u64) as usize;
        let some = &TECHNIQUES[from..];
        all.object("Zenbox", |one| {
            one.with("tactics", |out| push_list(out, some, tactic));
        });
    }
    all.raw("VirusTotal Jujubox", "{\"tactics\":[]}");
    all.close();
}

fn tactic(out: &mut String, of: &(&str, &str, &str, &str, &str)) {
    let (tactic_id, tactic, id, name, why) = *of;
    let mut to = Members::open(out);
    to.text("id", tactic_id);
    to.text("name", tactic);
    to.text(
        "link",
        &format!("https://attack.mitre.org/tactics/{tactic_id}/"),
    );
    to.text("description", "What the adversary is after.");
    to.with("techniques", |out| {
        push_list(out, [()], |out, ()| {
            let mut to = Members::open(out);
            to.text("id", id);
            to.text("name", name);
            // The link of a sub-technique has a slash where its id has a dot.
            let path = id.replace('.', "/");
            to.text(
                "link",
                &format!("https://attack.mitre.org/techniques/{path}/"),
            );
            to.text("description", "How the adversary gets it.");
            to.with("signatures", |out| {
                // Most are everyday behaviour.
                let severity = match id.as_bytes().last() {
                    Some(b'5') => "HIGH",
                    Some(b'4') => "MEDIUM",
                    _ => "INFO",
                };
                out.push_str("[{\"severity\":\"");
                out.push_str(severity);
                out.push_str("\",\"description\":");
                push_text(out, why);
                out.push_str("}]");
            });
            to.close();
        });
    });
    to.close();
}
