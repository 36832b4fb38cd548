//! The layering rule of `docs/architecture.md`, held against the code: arrows only go down.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may know. What is not listed is not allowed.
const MAY_KNOW: &[(&str, &[&str])] = &[
    // Base: know nobody but each other where one is built of the other.
    ("secret", &[]),
    ("clock", &[]),
    ("country", &[]),
    ("period", &[]),
    ("number", &[]),
    ("text", &[]),
    ("http", &["secret"]),
    ("pace", &["clock"]),
    ("log", &["clock"]),
    ("terminal", &[]),
    ("args", &[]),
    // Neighbours: never each other, but the guard guards the VirusTotal client.
    (
        "virustotal",
        &["secret", "clock", "pace", "http", "number", "text"],
    ),
    ("quota", &["virustotal", "clock", "pace", "number"]),
    ("stix", &[]),
    ("opencti", &["secret", "clock", "http", "stix"]),
    // The translator: pure.
    ("convert", &["stix", "virustotal", "country", "text"]),
    // What people read: pure.
    (
        "report",
        &["convert", "stix", "virustotal", "number", "text"],
    ),
    // One run.
    (
        "import",
        &[
            "report",
            "convert",
            "quota",
            "stix",
            "virustotal",
            "opencti",
            "period",
            "country",
            "clock",
        ],
    ),
    // Commands: combine the rooms below.
    (
        "commands",
        &[
            "import",
            "report",
            "convert",
            "quota",
            "stix",
            "virustotal",
            "opencti",
            "standin",
            "period",
            "country",
            "clock",
            "http",
            "secret",
            "args",
            "pace",
            "number",
            "terminal",
        ],
    ),
    // Settings become the values that the rooms take; nothing below main knows them.
    (
        "config",
        &[
            "commands",
            "import",
            "convert",
            "quota",
            "stix",
            "virustotal",
            "opencti",
            "period",
            "country",
            "clock",
            "http",
            "secret",
            "pace",
            "number",
        ],
    ),
    // The stand-ins are other people's servers: they share no code with what they judge.
    ("standin", &["clock"]),
];

/// Rooms that never wait, ask the time, the network or the disk.
const PURE: &[&str] = &["stix", "convert", "report"];
const IMPURE: &[&str] = &[
    "async fn",
    "std::fs",
    "std::net::Tcp",
    "reqwest",
    "tokio::",
    "Utc::now",
];

#[test]
fn arrows_only_go_down() {
    let allowed: BTreeMap<_, _> = MAY_KNOW.iter().copied().collect();
    let mut faults = Vec::new();
    for (room, path, text) in rooms() {
        let Some(may_know) = allowed.get(room.as_str()) else {
            faults.push(format!(
                "{}: the room {room} has no place in the rule",
                path.display()
            ));
            continue;
        };
        for known in rooms_named(&text) {
            if known != room && !may_know.contains(&known.as_str()) {
                faults.push(format!("{}: {room} must not know {known}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn commands_never_know_each_other() {
    let mut faults = Vec::new();
    for (room, path, text) in rooms() {
        if room != "commands" {
            continue;
        }
        let own = command_of(&path);
        for (at, _) in text.match_indices("crate::commands::") {
            let other = word(&text[at + "crate::commands::".len()..]);
            if other.chars().next().is_some_and(char::is_lowercase) && Some(&other) != own.as_ref()
            {
                faults.push(format!(
                    "{}: must not know the command {other}",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_rooms_ask_nobody() {
    let mut faults = Vec::new();
    for (room, path, text) in rooms() {
        if PURE.contains(&room.as_str()) {
            for word in IMPURE.iter().filter(|word| text.contains(**word)) {
                faults.push(format!("{}: {word} in a pure room", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// `Some(100000)` or `Requests` in a log line is the program's own shorthand,
/// not a word for whoever reads it.
#[test]
fn no_log_line_shows_a_value_in_rusts_own_form() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for macro_name in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            for (at, _) in code.match_indices(macro_name) {
                seen += 1;
                let call = arguments(&code[at + macro_name.len() - 1..]);
                for form in ["= ?", "(?", ", ?", ":?}", ":#?}"] {
                    if call.contains(form) {
                        faults.push(format!("{}: {form} in {call}", path.display()));
                    }
                }
            }
        }
    }
    assert!(seen > 40, "{seen} log lines");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What stands between a bracket and its end, without white space at line ends.
fn arguments(text: &str) -> String {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    let call = &text[..end.unwrap_or(text.len())];
    call.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > 500)
        .collect();
    assert!(long.is_empty(), "over 500 lines: {long:?}");
}

/// Room, file and text (without its unit tests) of every source file but the map and `main`.
fn rooms() -> Vec<(String, PathBuf, String)> {
    sources()
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(root()).unwrap();
            let mut inside = inside.iter().map(|part| part.to_str().unwrap());
            let outer = inside.next().unwrap();
            let room = inside.next().unwrap().trim_end_matches(".rs").to_owned();
            if matches!(room.as_str(), "lib" | "main" | "setup") {
                return None;
            }
            let text = fs::read_to_string(&path).unwrap();
            let mut code = text.split("#[cfg(test)]").next().unwrap().to_owned();
            if outer == "crates" {
                // Its own modules are no rooms, and another crate is one.
                code = code.replace("crate::", "self::");
                for known in ["clock", "standin", "stix"] {
                    code =
                        code.replace(&format!("use {known}::"), &format!("use crate::{known}::"));
                }
            }
            Some((room, path, code))
        })
        .collect()
}

/// The rooms that a text names: `crate::room`, also within `use crate::{...}`.
fn rooms_named(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
    {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(list) => named.extend(list.split(',').map(|part| word(part.trim()))),
                None => named.push(word(rest)),
            }
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn command_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src/commands")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = [
        "src",
        "crates/clock/src",
        "crates/standin/src",
        "crates/stix/src",
    ]
    .iter()
    .map(|folder| root().join(folder))
    .collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files
}
