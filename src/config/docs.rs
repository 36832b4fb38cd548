//! What the table prints: the tables of docs/settings.md and both samples. The files in
//! the repository are these texts; a test compares them.

use std::fmt::Write as _;

use super::rows::SETTINGS;
use super::table::{Group, Preset, Setting};

/// The settings of one group as a markdown table.
pub fn markdown_table(group: Group) -> String {
    // Only these decide what is asked of VirusTotal.
    let costs = group == Group::Reporter;
    let (head, rule) = if costs {
        (" Cost in VirusTotal requests |", "---|")
    } else {
        ("", "")
    };
    let mut table = format!(
        "| Variable | `config.yml` | Default | Allowed | What it does |{head}\n|---|---|---|---|---|{rule}\n",
    );
    for setting in of(group) {
        let default = match setting.default {
            Preset::Value(value) => format!("`{value}`"),
            Preset::Required => "**required**".to_owned(),
            Preset::Otherwise { means, .. } => means.to_owned(),
        };
        let yaml = setting
            .yaml
            .map_or("-".to_owned(), |path| format!("`{path}`"));
        let secret = if setting.secret() {
            format!(" Secret; or `{}_FILE` with a path.", setting.env)
        } else {
            String::new()
        };
        let cost = if costs {
            format!(" {} |", cell(setting.cost))
        } else {
            String::new()
        };
        line(
            &mut table,
            &format!(
                "| `{}` | {yaml} | {} | {} | {}{secret} |{cost}",
                setting.env,
                cell(&default),
                cell(&setting.allowed()),
                cell(setting.doc),
            ),
        );
    }
    table
}

/// All tables, each under its title, as they stand in docs/settings.md.
pub fn markdown() -> String {
    let tables = Group::ALL.map(|group| {
        let title = group.title();
        format!("### {title}\n\n{}", markdown_table(group))
    });
    tables.join("\n")
}

/// `config.yml.sample`: every setting that the file can hold; those with a
/// default, or that need not be set, commented out.
pub fn config_sample() -> String {
    let mut sample = String::from(
        "# Settings of vtreporter. Copy this file to config.yml and fill in what is required.\n\
         # The environment wins over this file; the variable of each line stands in brackets.\n\
         # A secret may also come from a file: write its key with _file and the path.\n\
         # Empty means unset; `none` or [] empties a list.\n",
    );
    let mut sections: Vec<&str> = Vec::new();
    for path in SETTINGS.iter().filter_map(|setting| setting.yaml) {
        let section = path.split('.').next().unwrap_or_default();
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    for section in sections {
        line(&mut sample, &format!("\n{section}:"));
        for setting in SETTINGS {
            let Some((own, key)) = setting.yaml.and_then(|path| path.split_once('.')) else {
                continue;
            };
            if own != section {
                continue;
            }
            let explained = explained(setting);
            line(&mut sample, &format!("  # {explained} [{}]", setting.env));
            let (mark, value) = value(setting);
            let mark = if mark { "#" } else { "" };
            line(&mut sample, &format!("  {mark}{key}: {}", quoted(value)));
        }
    }
    sample
}

/// `.env.sample`, for Docker: every setting.
pub fn env_sample() -> String {
    let mut sample = String::from(
        "# Settings of vtreporter for Docker: cp .env.sample .env, and fill in what says ChangeMe.\n\
         # docker-compose.yml reads .env, and so does `docker run --env-file .env`.\n\
         # No quotation marks: docker run keeps them. No dollar signs: compose replaces them.\n\
         # A secret may also come from a file: append _FILE to its name and give the path.\n\
         # Empty means unset; `none` empties a list.\n",
    );
    for group in Group::ALL {
        line(&mut sample, &format!("\n# --- {} ---", group.title()));
        for setting in of(group) {
            line(&mut sample, &format!("# {}", explained(setting)));
            let (mark, value) = match IN_DOCKER.iter().find(|(env, _)| *env == setting.env) {
                Some((_, value)) => (false, *value),
                None => value(setting),
            };
            let mark = if mark { "#" } else { "" };
            line(&mut sample, &format!("{mark}{}={value}", setting.env));
        }
    }
    sample
}

/// What `.env.sample` sets: the platform by its name in its own network, and
/// the road that needs nothing else than that.
const IN_DOCKER: &[(&str, &str)] = &[
    ("OPENCTI_URL", "http://opencti:8080"),
    ("CONNECTOR_QUEUE_PROTOCOL", "api"),
];

fn of(group: Group) -> impl Iterator<Item = &'static Setting> {
    SETTINGS
        .iter()
        .filter(move |setting| setting.group == group)
}

/// One line that says what a setting does, takes and holds when unset.
fn explained(setting: &Setting) -> String {
    let unset = match setting.default {
        Preset::Otherwise { means, .. } => format!(" Unset: {means}."),
        Preset::Required => " Required.".to_owned(),
        Preset::Value(_) => String::new(),
    };
    format!("{} Allowed: {}.{unset}", setting.doc, setting.allowed())
}

/// Whether the line is commented out, and its value.
fn value(setting: &Setting) -> (bool, &'static str) {
    match setting.default {
        Preset::Required => (false, "ChangeMe"),
        Preset::Value(value) => (true, value),
        Preset::Otherwise { example, .. } => (true, example),
    }
}

/// As YAML: in quotes wherever a plain text could be something else.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.,/- ".contains(c);
    if value.chars().all(plain) && !value.starts_with(['-', ' ', ',']) {
        value.to_owned()
    } else {
        format!("\"{value}\"")
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn line(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}
