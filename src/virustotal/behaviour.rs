//! What sandboxes saw a file do, in the words of MITRE ATT&CK:
//! `behaviour_mitre_trees`.

use serde_json::Value;

use super::page::why;

/// Techniques of one file that are read. A sandbox sees dozens; more is odd.
const MOST: usize = 5000;

/// A technique, as one sandbox saw it under one tactic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Technique {
    /// `T1055`, `T1070.004`: as it came.
    pub id: String,
    /// "Process Injection".
    pub name: String,
    /// "Defense Evasion".
    pub tactic: String,
    /// "Zenbox".
    pub sandbox: String,
    /// Of the worst signature; `None` where none has one that we know.
    pub impact: Option<Impact>,
}

/// The `severity` of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    Info,
    Low,
    Medium,
    High,
}

impl Impact {
    /// `HIGH`, and the same idea in `behaviours`, `IMPACT_SEVERITY_HIGH`.
    /// `UNKNOWN` and other words are unknown.
    fn parse(word: &str) -> Option<Self> {
        Some(
            match word.strip_prefix("IMPACT_SEVERITY_").unwrap_or(word) {
                "INFO" => Self::Info,
                "LOW" => Self::Low,
                "MEDIUM" => Self::Medium,
                "HIGH" => Self::High,
                _ => return None,
            },
        )
    }
}

/// Reads an answer's body: a map by sandbox, of tactics, of techniques, of
/// signatures. What is odd in it is left out; the error says why it is none.
pub fn parse(body: &[u8]) -> Result<Vec<Technique>, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| why(&error))?;
    let sandboxes = match answer.get("data") {
        None => return Err("it has no `data`".to_owned()),
        Some(Value::Null) => return Ok(Vec::new()),
        // Nothing to tell comes as an empty list, too.
        Some(Value::Array(list)) if list.is_empty() => return Ok(Vec::new()),
        Some(Value::Object(sandboxes)) => sandboxes,
        Some(_) => return Err("its `data` is not a map of sandboxes".to_owned()),
    };
    let mut found = Vec::new();
    for (sandbox, tree) in sandboxes {
        for tactic in list(tree, "tactics") {
            for technique in list(tactic, "techniques") {
                if found.len() == MOST {
                    return Ok(found);
                }
                let signatures = list(technique, "signatures");
                let impacts = signatures.filter_map(|one| Impact::parse(one["severity"].as_str()?));
                found.push(Technique {
                    id: text(technique, "id"),
                    name: text(technique, "name"),
                    tactic: text(tactic, "name"),
                    sandbox: sandbox.clone(),
                    impact: impacts.max(),
                });
            }
        }
    }
    Ok(found)
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_read_by_sandbox_with_the_worst_of_their_signatures() {
        let body = br#"{"data":{"Zenbox":{"tactics":[{"id":"TA0005","name":"Defense Evasion","techniques":[
            {"id":"T1055","name":"Process Injection","signatures":[{"severity":"INFO"},{"severity":"HIGH"},{"severity":"UNKNOWN"},7]},
            {"id":"T1070.004","name":"File Deletion","signatures":[{"severity":"IMPACT_SEVERITY_MEDIUM"}]},
            {"id":7,"signatures":null}]}, "odd"]},
            "VirusTotal Jujubox":{"tactics":[]},"Odd":null}}"#;
        let found = parse(body).unwrap();
        assert_eq!(
            found[0],
            Technique {
                id: "T1055".to_owned(),
                name: "Process Injection".to_owned(),
                tactic: "Defense Evasion".to_owned(),
                sandbox: "Zenbox".to_owned(),
                impact: Some(Impact::High),
            }
        );
        let impacts: Vec<_> = found.iter().map(|one| one.impact).collect();
        assert_eq!(impacts, [Some(Impact::High), Some(Impact::Medium), None]);
    }

    #[test]
    fn nothing_seen_comes_in_several_shapes_and_another_answer_is_an_error() {
        for none in [r#"{"data":{}}"#, r#"{"data":null}"#, r#"{"data":[]}"#] {
            assert_eq!(parse(none.as_bytes()), Ok(Vec::new()), "{none}");
        }
        for other in ["<html>", "{}", r#"{"data":[1]}"#, r#"{"data":"x"}"#] {
            assert!(parse(other.as_bytes()).is_err(), "{other}");
        }
    }
}
