//! What a reader can hold: a function on a screen, a file in the head.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::plan::{files, root};
use super::reading::{bare, functions};

const LONGEST_FUNCTION: usize = 50;
const LONGEST_FILE: usize = 500;

/// Every Rust file: path from the root, text.
fn all() -> Vec<(String, String)> {
    let folders = ["src", "crates", "tests", "benches", "examples"];
    let files = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder)));
    let files: Vec<(String, String)> = files
        .map(|path: PathBuf| {
            let inside = path.strip_prefix(root()).unwrap().to_str().unwrap();
            (inside.to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(files.len() > 250, "{} files", files.len());
    files
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut seen = 0;
    let mut long = BTreeSet::new();
    for (path, text) in all() {
        for (name, lines) in functions(&bare(&text)) {
            seen += 1;
            if lines > LONGEST_FUNCTION {
                long.insert((path.clone(), name));
            }
        }
    }
    assert!(seen > 2000, "{seen} functions");
    assert!(long.is_empty(), "over {LONGEST_FUNCTION} lines: {long:#?}");
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let files = all().into_iter();
    let long = files.filter(|(_, text)| text.lines().count() > LONGEST_FILE);
    let long: Vec<String> = long.map(|(path, _)| path).collect();
    assert!(long.is_empty(), "over {LONGEST_FILE} lines: {long:#?}");
}
