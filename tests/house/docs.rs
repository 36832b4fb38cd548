//! The pages promise what the program does, and quote what it says. That the
//! settings tables equal the code is tested with the settings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::error::ErrorKind;
use vtreporter::args::Args;
use vtreporter::commands::Exit;
use vtreporter::config::docs::markdown;
use vtreporter::config::{self, Needs, SETTINGS};

/// As many lines as somebody reads who wants to know what this is.
const LONGEST_README: usize = 200;

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Every page, by its path from the top: those there, and all in `docs`.
pub(super) fn pages() -> Vec<String> {
    let mut pages = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut files = Vec::new();
    files_in(&root().join("docs"), "md", &mut files);
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let page = file.strip_prefix(root()).unwrap();
        pages.push(page.to_str().unwrap().to_owned());
    }
    pages
}

fn files_in(folder: &Path, kind: &str, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_in(&path, kind, into);
        } else if path.extension().is_some_and(|it| it == kind) {
            into.push(path);
        }
    }
}

/// The lines of a section, from its heading to the next of the same level.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let from = page
        .find(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("there is no `{heading}`"))
        + heading.len()
        + 2;
    let level = heading.split(' ').next().unwrap();
    let text = &page[from..];
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
pub(super) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The commands of fenced blocks that begin so, with continued lines joined.
fn shell(page: &str, prefix: &str) -> Vec<String> {
    let joined = page.replace("\\\n", " ");
    let lines = joined.lines();
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| line.starts_with(prefix)).collect()
}

/// A page without its fenced blocks.
pub(super) fn prose(page: &str) -> String {
    let mut fenced = false;
    let outside = |line: &&str| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    };
    page.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_readme_is_short_and_every_page_has_one_title() {
    let lines = read("README.md").lines().count();
    assert!(lines <= LONGEST_README, "{lines} lines");
    for page in pages() {
        let text = prose(&read(&page));
        let titles = text.lines().filter(|line| line.starts_with("# ")).count();
        assert!(text.starts_with("# ") && titles == 1, "{page}: {titles}");
    }
}

#[test]
fn every_command_and_option_of_the_help_is_in_the_readme() {
    let readme = read("README.md");
    let text = section(&readme, "## Commands");
    let commands: Vec<String> = rows(text)
        .iter()
        .flat_map(|row| quoted(&row[0]).into_iter().map(str::to_owned))
        .collect();
    let mut known = BTreeSet::new();
    for command in Args::command().get_subcommands() {
        let name = format!("vtreporter {}", command.get_name());
        assert!(commands.contains(&name), "`{name}` has no row");
        known.insert(name);
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            let shown = format!("--{option}");
            assert!(
                text.contains(&shown) || readme.contains(&format!("`{shown}`")),
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
fn every_command_that_a_page_names_is_one_that_the_program_takes() {
    let mut seen = 0;
    for page in pages() {
        for example in quoted(&prose(&read(&page))) {
            let words: Vec<&str> = example.split(' ').collect();
            // `docker exec vtreporter /vtreporter healthcheck`: the last one counts.
            let at = words.iter().rposition(|word| word.ends_with("vtreporter"));
            let Some(at) = at.filter(|at| at + 1 < words.len()) else {
                continue;
            };
            let fault = Args::command().try_get_matches_from(&words[at..]).err();
            // `vtreporter completions` is the command's name; its shell is left open.
            let fault = fault.filter(|it| it.kind() != ErrorKind::MissingRequiredArgument);
            assert!(fault.is_none(), "{page}: {example}: {}", fault.unwrap());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} commands");
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_program_and_of_its_help() {
    let readme = read("README.md");
    let told: Vec<String> = rows(section(&readme, "## Commands"))
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
    let help = Args::command().get_after_help().unwrap().to_string();
    let codes = help.lines().find_map(|it| it.strip_prefix("Exit codes: "));
    let helped = codes.unwrap().split("; ");
    let helped = helped.map(|code| code.split(' ').next().unwrap().to_owned());
    assert_eq!(told, helped.collect::<Vec<_>>());
}

#[test]
fn the_settings_of_the_readme_are_all_that_are_required_and_say_what_the_table_says() {
    let readme = read("README.md");
    let told = rows(section(&readme, "## Settings"));
    assert_eq!(told.len(), 8);
    let table = rows(&markdown());
    for row in &told {
        let whole = table.iter().find(|whole| whole[0] == row[0]);
        assert_eq!(whole.map(|whole| &whole[2]), Some(&row[1]), "{}", row[0]);
    }
    for whole in table.iter().filter(|whole| whole[2] == "**required**") {
        assert!(told.iter().any(|row| row[0] == whole[0]), "{}", whole[0]);
    }
    for (name, says) in [
        (
            "VTREPORTER_QUOTA_WARN_PERCENT",
            "% of a quota the connector warns",
        ),
        ("VTREPORTER_QUOTA_STOP_PERCENT", "% it pauses"),
    ] {
        let setting = SETTINGS.iter().find(|setting| setting.env == name).unwrap();
        let says = format!("{} {says}", setting.unset());
        assert!(section(&readme, "## Cost").contains(&says), "{says}");
    }
}

/// What looks like a setting in a page and is none.
const NO_SETTINGS: &[&str] = &[
    // A slip of the pen, and a variable that is tolerated.
    "CONNECTOR_LOGLEVEL",
    "CONNECTOR_EXPOSE_METRICS",
    // Of the compose file and of the tests.
    "OPENCTI_NETWORK",
    "VTREPORTER_TEST_REQUIRE_SERVERS",
    "VTREPORTER_UPDATE_GOLDEN",
];

#[test]
fn every_variable_that_a_page_names_exists() {
    let prefixes = ["OPENCTI_", "CONNECTOR_", "VTREPORTER_", "MQ_", "S3_"];
    let mut unused: BTreeSet<&str> = NO_SETTINGS.iter().copied().collect();
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix))) {
            seen += 1;
            assert!(
                variable(word) || NO_SETTINGS.contains(&word),
                "{page}: {word}"
            );
            unused.remove(word);
        }
    }
    assert!(seen > 200, "{seen} variables");
    assert!(unused.is_empty(), "in no page: {unused:?}");
}

/// A setting, its form for a secret in a file, or what several begin with (`MQ_*`).
fn variable(word: &str) -> bool {
    SETTINGS.iter().any(|setting| {
        setting.env == word
            || setting.secret() && word.strip_suffix("_FILE") == Some(setting.env)
            || word.ends_with('_') && setting.env.starts_with(word)
    })
}

#[test]
fn the_troubles_of_the_readme_are_ten_of_the_page_word_for_word() {
    let all = rows(&read("docs/troubleshooting.md"));
    let readme = read("README.md");
    let told = rows(section(&readme, "## Troubles"));
    assert_eq!(told.len(), 10);
    for row in told {
        assert!(all.contains(&row), "{row:?}");
    }
}

#[test]
fn every_message_of_the_troubleshooting_is_one_that_the_program_prints() {
    let texts = literals();
    let messages: Vec<String> = rows(&read("docs/troubleshooting.md"))
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
    files_in(&root().join("src"), "rs", &mut files);
    let mut texts = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let product = source.split("#[cfg(test)]").next().unwrap();
        texts.extend(strings(product));
    }
    assert!(texts.len() > 500);
    texts
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
fn the_docker_run_line_of_the_python_connector_is_accepted_as_it_stands() {
    let page = read("docs/migration.md");
    let lines = shell(
        &page,
        "docker run --detach --name vtreporter --network opencti_default -e",
    );
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
    let run = read(".ci/run");
    let readme = read("README.md");
    let first = section(&readme, "## Try it");
    assert!(first.contains("\ncargo run -- demo\ncargo test\n"));
    for command in ["cargo test", "cargo fmt --all --check"] {
        assert!(run.lines().any(|line| line.trim() == command), "{command}");
    }
    assert!(run.contains("VTREPORTER_TEST_REQUIRE_SERVERS=1"));
}

#[test]
fn the_changelog_names_this_version_or_what_is_not_released() {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read("CHANGELOG.md");
    assert!(changelog.contains("\n## [Unreleased]\n"));
    assert!(changelog.contains(version), "{version}");
}
