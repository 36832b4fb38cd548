//! The file, the environment over it, and secrets from files of their own:
//! one text for each setting, and where it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::fault::{Fault, Origin};
use super::hint::{odd_path, odd_variable};
use super::rows::SETTINGS;
use super::table::{Kind, Setting};
use super::yaml::{self, Content, Unread};

/// Reads a small text file: a secret or certificates.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// The texts, and what was odd.
#[derive(Default)]
pub(super) struct Gathered {
    /// By variable.
    pub(super) texts: BTreeMap<&'static str, (String, Origin)>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
    /// What the file may hold beyond that.
    pub(super) unread: Unread,
}

/// A value, or the file that holds it, as one source gives them.
#[derive(Default)]
struct Given {
    value: Option<(String, Origin)>,
    file: Option<(String, Origin)>,
}

type Source = BTreeMap<&'static str, Given>;

/// Lays the environment over the file and fetches secrets.
pub(super) fn gather(
    file: Option<(&str, &str)>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    read: ReadFile<'_>,
) -> Gathered {
    let mut gathered = Gathered::default();
    let mut source = match file {
        Some((path, text)) => from_file(path, text, &mut gathered),
        None => Source::new(),
    };
    // What the environment gives replaces both forms of the file.
    source.extend(from_environment(environment, &mut gathered));
    for setting in SETTINGS {
        let Some(given) = source.remove(setting.env) else {
            continue;
        };
        match settle(setting, given, read) {
            Ok(text) => {
                gathered.texts.insert(setting.env, text);
            }
            Err(fault) => gathered.faults.push(fault),
        }
    }
    gathered
}

/// The one value of a setting that a source gave in either form.
fn settle(setting: &Setting, given: Given, read: ReadFile<'_>) -> Result<(String, Origin), Fault> {
    let name = format!("{}_FILE", setting.env);
    match (given.value, given.file) {
        (Some((_, origin)), Some(_)) => Err(Fault::of(
            setting,
            Some(&origin),
            format!("is given twice, here and by {name}"),
        )),
        (Some(value), None) => Ok(value),
        (None, Some((path, origin))) => {
            // Windows editors put a byte order mark in front, which is seen nowhere.
            let read = read(Path::new(&path));
            let read = read.map(|text| text.trim_start_matches('\u{feff}').to_owned());
            let problem = match read {
                Ok(text) if text.trim().is_empty() => format!("the file of {name} is empty"),
                Ok(text) => {
                    return Ok((text.trim_end_matches(['\r', '\n']).to_owned(), origin));
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    format!("the file of {name} is not UTF-8 text")
                }
                Err(error) => format!("the file of {name} cannot be read: {}", error.kind()),
            };
            Err(Fault::of(setting, Some(&origin), problem))
        }
        (None, None) => Err(Fault::of(setting, None, "is not given".to_owned())),
    }
}

fn from_file(path: &str, text: &str, gathered: &mut Gathered) -> Source {
    let (entries, faults, unread) = yaml::read(path, text);
    gathered.faults.extend(faults);
    gathered.unread = unread;
    let mut source = Source::new();
    for entry in entries {
        let origin = Origin::File {
            path: path.to_owned(),
            line: entry.line,
        };
        let place = origin.place().unwrap_or_default();
        let Some((setting, by_file)) = by_path(&entry.path) else {
            let section = entry.content == Content::Section;
            let warning = odd_path(&entry.path, section).map(|odd| format!("{place}: {odd}"));
            gathered.warnings.extend(warning);
            continue;
        };
        let text = match entry.content {
            Content::Null | Content::Section => continue,
            Content::Text(text) => text,
            Content::List(items) if setting.list() => {
                // An empty list says none; nothing at all says unset.
                if items.is_empty() {
                    "none".to_owned()
                } else {
                    items.join(",")
                }
            }
            Content::List(_) => {
                let problem = "is a list; one value is wanted".to_owned();
                gathered
                    .faults
                    .push(Fault::of(setting, Some(&origin), problem));
                continue;
            }
        };
        put(&mut source, setting, by_file, text, origin);
    }
    source
}

fn from_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    gathered: &mut Gathered,
) -> Source {
    let mut source = Source::new();
    let mut second_spellings = Vec::new();
    // Sorted, so that messages come in one order.
    let pairs: BTreeSet<_> = environment
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect();
    for (name, value) in pairs {
        let Some((setting, by_file)) = by_variable(&name) else {
            gathered.warnings.extend(odd_variable(&name));
            continue;
        };
        let Ok(value) = value.into_string() else {
            let problem = "is not UTF-8".to_owned();
            gathered.faults.push(Fault::of(setting, None, problem));
            continue;
        };
        if !setting.secret() && in_quotes(&value) {
            gathered.warnings.push(format!(
                "{name} has quotation marks around it, which belong to the value; docker's --env-file keeps them"
            ));
        }
        if setting.also() == Some(name.as_str()) {
            second_spellings.push((setting, value));
        } else {
            put(&mut source, setting, by_file, value, Origin::Environment);
        }
    }
    for (setting, value) in second_spellings {
        if !source.contains_key(setting.env) {
            put(&mut source, setting, false, value, Origin::Environment);
        }
    }
    source
}

/// Empty means unset; only where none is a value of its own it means none.
fn put(source: &mut Source, setting: &Setting, by_file: bool, text: String, origin: Origin) {
    let text = match (text.trim(), setting.kind) {
        ("", Kind::ListOrNone(_)) => "none".to_owned(),
        ("", _) => return,
        // A password may begin or end with a space.
        (_, Kind::Secret(_)) if !by_file => text,
        (trimmed, _) => trimmed.to_owned(),
    };
    let given = source.entry(setting.env).or_default();
    let slot = if by_file {
        &mut given.file
    } else {
        &mut given.value
    };
    *slot = Some((text, origin));
}

/// The setting of a variable, and whether the variable names its file.
fn by_variable(name: &str) -> Option<(&'static Setting, bool)> {
    find(name, |setting| Some(setting.env)).or_else(|| {
        let also = |setting: &&Setting| setting.also() == Some(name);
        SETTINGS.iter().find(also).map(|setting| (setting, false))
    })
}

fn by_path(path: &str) -> Option<(&'static Setting, bool)> {
    find(path, |setting| setting.yaml)
}

fn find(
    name: &str,
    of: impl Fn(&'static Setting) -> Option<&'static str>,
) -> Option<(&'static Setting, bool)> {
    let stem = name
        .strip_suffix("_FILE")
        .or_else(|| name.strip_suffix("_file"));
    SETTINGS.iter().find_map(|setting| {
        let own = of(setting)?;
        if own == name {
            Some((setting, false))
        } else {
            (setting.secret() && stem == Some(own)).then_some((setting, true))
        }
    })
}

fn in_quotes(text: &str) -> bool {
    let text = text.trim();
    ['"', '\'']
        .iter()
        .any(|&quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote))
}
