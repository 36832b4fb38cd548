//! Rules that matched, signatures, sightings: what only some files have.

use super::block::{Facts, Severity};
use super::dice::Dice;
use super::json::{Members, push_list};

const YARA: [&str; 9] = [
    "win_agent_tesla_w1",
    "INDICATOR_SUSPICIOUS_EXE_vaultSchemaGUID",
    "MALWARE_Win_RedLine",
    "Win32_Trojan_Emotet",
    "SUSP_XORed_MSDOS_Stub_Message",
    "NETexecutableMicrosoft",
    "Office_DDE_Command",
    "Linux_Trojan_Gafgyt_28a2fe0c",
    "PDF_Embedded_Exe",
];

/// With their levels.
const SIGMA: [(&str, &str); 5] = [
    ("Suspicious Script Execution From Temp Folder", "high"),
    ("Office Application Startup - Office Test", "medium"),
    ("Scheduled Task Creation Via Schtasks.EXE", "low"),
    ("Windows Defender Exclusions Added", "medium"),
    ("CurrentVersion Autorun Keys Modification", "medium"),
];

/// With their severities.
const IDS: [(&str, &str); 4] = [
    ("ET MALWARE AgentTesla Exfil Via SMTP", "high"),
    ("ET INFO Observed DNS Query to .cloud TLD", "low"),
    ("PROTOCOL-ICMP PATH MTU denial of service attempt", "low"),
    ("ET MALWARE Win32/RedLine Stealer TCP CnC Activity", "high"),
];

const SIGNERS: [&str; 3] = [
    "Example Software Pty Ltd",
    "Example Tools Ltd",
    "Beispiel GmbH",
];

/// Writes them.
pub(crate) fn write(to: &mut Members, facts: &Facts, dice: &mut Dice) {
    let bad = matches!(facts.severity, Severity::High | Severity::Medium);
    if bad && dice.chance(1, 3) {
        yara(to, dice);
    }
    if bad && dice.chance(1, 4) {
        sigma(to, dice);
    }
    if bad && dice.chance(1, 6) {
        ids(to, dice);
    }
    if facts.kind.type_tags.contains(&"pe") && dice.chance(1, 6) {
        signature(to, dice);
    }
    // Rarely told for files, and 1 occurs.
    match dice.below(40) {
        0 => to.raw("first_seen_itw_date", 1),
        1 | 2 => {
            let seen = facts.first - dice.between(0, 20 * 86_400) as i64;
            to.raw("first_seen_itw_date", seen);
        }
        _ => {}
    }
}

fn yara(to: &mut Members, dice: &mut Dice) {
    let count = dice.between(1, 3);
    let rules: Vec<&str> = (0..count).map(|_| common(dice, &YARA)).collect();
    to.with("crowdsourced_yara_results", |out| {
        push_list(out, rules, |out, rule| {
            let mut one = Members::open(out);
            one.text("ruleset_id", "000c4ff1a4");
            one.text("ruleset_name", "indicator_suspicious");
            one.text("rule_name", rule);
            one.text("author", "a researcher");
            one.text("source", "https://rules.example.org/yara");
            one.close();
        });
    });
}

fn sigma(to: &mut Members, dice: &mut Dice) {
    let (title, level) = common(dice, &SIGMA);
    to.with("sigma_analysis_results", |out| {
        push_list(out, [()], |out, ()| {
            let mut one = Members::open(out);
            one.text("rule_title", title);
            one.text("rule_level", level);
            one.text("rule_source", "Sigma Integrated Rule Set (GitHub)");
            one.close();
        });
    });
}

fn ids(to: &mut Members, dice: &mut Dice) {
    let (message, severity) = common(dice, &IDS);
    to.with("crowdsourced_ids_results", |out| {
        push_list(out, [()], |out, ()| {
            let mut one = Members::open(out);
            one.text("rule_category", "A Network Trojan was detected");
            one.text("rule_msg", message);
            one.text("rule_id", "1:2030171");
            one.text("alert_severity", severity);
            one.raw("alert_context", "[{\"proto\":\"TCP\",\"dest_port\":587}]");
            one.close();
        });
    });
}

fn signature(to: &mut Members, dice: &mut Dice) {
    let (signer, good) = (common(dice, &SIGNERS), dice.chance(2, 3));
    to.object("signature_info", |info| {
        info.text(
            "verified",
            if good {
                "Signed"
            } else {
                "A certificate was explicitly revoked by its issuer."
            },
        );
        info.text(
            "signers",
            &format!("{signer}; Example Code Signing CA; Example Root"),
        );
        info.texts("x509", &[] as &[&str]);
    });
}

/// One of a list, the first ones more often.
fn common<T: Copy>(dice: &mut Dice, of: &[T]) -> T {
    let end = dice.below(of.len() as u64) + 1;
    of[dice.below(end) as usize]
}
