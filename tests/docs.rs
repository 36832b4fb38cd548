//! The README promises what the program does, and quotes what it says. That
//! the settings tables equal the code is tested with the settings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use vtreporter::args::Args;
use vtreporter::commands::Exit;
use vtreporter::config::{self, Needs};

const README: &str = include_str!("../README.md");
const CHANGELOG: &str = include_str!("../CHANGELOG.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of a section, from its heading to the next of the same level.
fn section(heading: &str) -> &'static str {
    let from = README
        .find(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("the README has no `{heading}`"))
        + heading.len()
        + 2;
    let level = heading.split(' ').next().unwrap();
    let text = &README[from..];
    &text[..text.find(&format!("\n{level} ")).unwrap_or(text.len())]
}

/// The cells of the table rows in a text, without heads and rules.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut body = false;
    for line in text.lines() {
        let Some(line) = line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |")) else {
            body = line.starts_with("|---");
            continue;
        };
        if body {
            let cells = line.split(" | ").map(|cell| cell.trim().to_owned());
            rows.push(cells.collect());
        }
    }
    rows
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The commands of fenced blocks that begin so, with continued lines joined.
fn shell(prefix: &str) -> Vec<String> {
    let joined = README.replace("\\\n", " ");
    let lines = joined.lines();
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| line.starts_with(prefix)).collect()
}

#[test]
fn every_command_and_option_of_the_help_is_in_the_readme() {
    let commands: Vec<String> = rows(section("## Commands"))
        .iter()
        .flat_map(|row| quoted(&row[0]).into_iter().map(str::to_owned))
        .collect();
    let text = section("## Commands");
    let mut known = BTreeSet::new();
    for command in Args::command().get_subcommands() {
        let name = format!("vtreporter {}", command.get_name());
        assert!(commands.contains(&name), "`{name}` has no row");
        known.insert(name);
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            let shown = format!("--{option}");
            assert!(
                text.contains(&shown) || README.contains(&format!("`{shown}`")),
                "{shown}"
            );
        }
    }
    for row in commands.iter().filter(|row| row.starts_with("vtreporter ")) {
        assert!(known.contains(row), "there is no `{row}`");
    }
    assert!(text.contains("--config"));
}

#[test]
fn every_example_of_a_command_is_one_that_the_program_takes() {
    let mut seen = 0;
    for row in rows(section("## Commands")) {
        let Some(example) = row.get(2) else { continue };
        for example in quoted(example) {
            let words = example
                .split(' ')
                .skip_while(|word| !word.ends_with("vtreporter"));
            // `docker exec vtreporter /vtreporter healthcheck`: the last one counts.
            let words: Vec<&str> = words.collect();
            let at = words.iter().rposition(|word| word.ends_with("vtreporter"));
            let parsed = Args::command().try_get_matches_from(&words[at.unwrap()..]);
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen} examples");
}

#[test]
fn every_exit_code_is_in_the_readme_and_no_other() {
    let told: Vec<String> = rows(section("## Commands"))
        .into_iter()
        .filter(|row| row.len() == 2)
        .map(|row| row[0].clone())
        .collect();
    let codes = [
        0,
        Exit::Settings(String::new()).code(),
        Exit::NotEverything(String::new()).code(),
    ];
    assert_eq!(told, codes.map(|code| code.to_string()));
}

#[test]
fn every_message_of_the_troubleshooting_is_one_that_the_program_prints() {
    let texts = literals();
    let messages: Vec<String> = rows(section("## Troubleshooting"))
        .iter()
        .map(|row| {
            let messages = quoted(&row[0]);
            assert_eq!(messages.len(), 1, "one message a row: {row:?}");
            messages[0].to_owned()
        })
        .collect();
    assert!(messages.len() > 40, "{} messages", messages.len());
    for message in &messages {
        let wanted: Vec<&str> = message
            .split('…')
            .filter(|part| !part.trim().is_empty())
            .collect();
        let printed = texts.iter().any(|text| in_order(text, &wanted));
        assert!(printed, "nothing in src prints `{message}`");
    }
}

/// Whether a text holds all parts one after the other.
fn in_order(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// The string literals of the sources, without those of their tests.
fn literals() -> Vec<String> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut texts = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let product = source.split("#[cfg(test)]").next().unwrap();
        texts.extend(strings(product));
    }
    assert!(texts.len() > 500);
    texts
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // The stand-ins are the other side.
            if !path.ends_with("standin") {
                sources(&path, into);
            }
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push(path);
        }
    }
}

/// String literals, continued lines joined and quotation marks unescaped.
fn strings(source: &str) -> Vec<String> {
    let lines = source.lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let source = code.join("\n").replace("'\"'", "' '");
    let mut strings = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '"' {
            continue;
        }
        let mut text = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => match chars.next() {
                    Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        strings.push(text);
    }
    strings
}

#[test]
fn every_file_and_heading_that_is_linked_exists() {
    for (name, text) in [
        ("README.md", README),
        ("CHANGELOG.md", CHANGELOG),
        ("CONTRIBUTING.md", include_str!("../CONTRIBUTING.md")),
        ("SECURITY.md", include_str!("../SECURITY.md")),
    ] {
        let headings: BTreeSet<String> = text.lines().filter_map(anchor).collect();
        for target in links(&parts(text).0) {
            if target.starts_with("https://") {
                continue;
            }
            match target.strip_prefix('#') {
                Some(heading) => assert!(headings.contains(heading), "{name}: #{heading}"),
                None => assert!(root().join(target).exists(), "{name}: {target}"),
            }
        }
    }
}

#[test]
fn no_link_waits_in_a_comment_once_its_file_is_there() {
    for target in links(&parts(README).1) {
        let there = root().join(target).exists();
        assert!(
            !there,
            "{target} is there: take its line in README.md out of the comment"
        );
    }
}

/// A text without its comments, and the comments.
fn parts(text: &str) -> (String, String) {
    let mut parts = text.split("<!--");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    let mut hidden = String::new();
    for part in parts {
        let (comment, rest) = part.split_once("-->").unwrap_or((part, ""));
        hidden.push_str(comment);
        shown.push_str(rest);
    }
    (shown, hidden)
}

fn links(text: &str) -> Vec<&str> {
    let rests = text.split("](").skip(1);
    rests.filter_map(|rest| rest.split(')').next()).collect()
}

/// How a heading is linked.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let text: String = heading.chars().filter(kept).collect();
    Some(text.to_lowercase().replace(' ', "-"))
}

#[test]
fn the_docker_run_line_of_the_python_connector_is_accepted_as_it_stands() {
    let lines = shell("docker run --detach --name vtreporter --network opencti_default -e");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines[0].replace('\'', "");
    assert!(line.ends_with(" vtreporter"));
    let mut settings: Vec<_> = line
        .trim_end_matches(" vtreporter")
        .split(" -e ")
        .skip(1)
        .map(|pair| pair.trim().split_once('=').unwrap())
        .map(|(name, value)| match (name, value) {
            ("CONNECTOR_ID", "ChangeMe") => (name, "7f0c2d8e-44d4-4b0e-9d5c-2b6a3f1e8c11"),
            (_, "ChangeMe") => (name, "0123456789abcdef"),
            pair => pair,
        })
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    settings.push(("PATH".into(), "/bin".into()));
    let config = config::load(
        None,
        settings,
        Needs::BOTH,
        chrono::DateTime::UNIX_EPOCH,
        &|_| Ok(String::new()),
    )
    .unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].contains("www.virustotal.com is used"));
    assert_eq!(config.convert.report_types, ["threat-report"]);
}

#[test]
fn the_two_commands_at_the_top_are_what_is_run_before_a_change_lands() {
    let run = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let first = section("## Try it");
    assert!(first.contains("\ncargo run -- demo\ncargo test\n"));
    for command in ["cargo test", "cargo fmt --check"] {
        assert!(run.lines().any(|line| line.trim() == command), "{command}");
    }
    assert!(run.contains("VTREPORTER_TEST_REQUIRE_SERVERS=1"));
}

#[test]
fn the_changelog_names_this_version_or_what_is_not_released() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(CHANGELOG.contains("\n## [Unreleased]\n"));
    assert!(README.contains("(CHANGELOG.md)"));
    assert!(CHANGELOG.contains(version), "{version}");
}
