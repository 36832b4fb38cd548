//! What a file is called by those who submitted it: cleaned, not escaped.

use std::borrow::Cow;

use crate::base::text::clean;
use crate::virustotal::objects::{File, FileAttributes};

/// Characters of a name.
pub const MAX_NAME: usize = 500;

/// Names beside the main one.
pub const MAX_NAMES: usize = 100;

/// A file's names, cleaned and unique.
pub struct Names<'a> {
    /// VirusTotal's pick, else the first that is usable.
    pub main: Option<Cow<'a, str>>,
    /// The others, in VirusTotal's order.
    pub others: Vec<Cow<'a, str>>,
    /// How many more VirusTotal gave than are kept.
    pub untold: usize,
}

impl<'a> Names<'a> {
    pub fn of(attributes: &'a FileAttributes) -> Self {
        let mut names = Self {
            main: None,
            others: Vec::new(),
            untold: 0,
        };
        let given = attributes.names.iter().flatten();
        for name in attributes.meaningful_name.iter().chain(given) {
            if names.others.len() >= MAX_NAMES {
                names.untold += 1;
                continue;
            }
            let name = clean(name, MAX_NAME);
            // The platform refuses names of one character.
            if name.chars().nth(1).is_none() {
                continue;
            }
            if names.main.is_none() {
                names.main = Some(name);
            } else if names.main.as_ref() != Some(&name) && !names.others.contains(&name) {
                names.others.push(name);
            }
        }
        names
    }
}

/// A file's main name, without the work of [`Names::of`].
pub fn main(file: &File) -> Option<Cow<'_, str>> {
    let given = file.attributes.names.iter().flatten();
    file.attributes
        .meaningful_name
        .iter()
        .chain(given)
        .map(|name| clean(name, MAX_NAME))
        .find(|name| name.chars().nth(1).is_some())
}
