//! What a page leads to is there: files, headings, paths, and the map of the
//! rooms.

use std::collections::BTreeSet;

use super::docs::{pages, prose, quoted, read, root};

#[test]
fn every_file_and_heading_that_is_linked_exists() {
    let mut seen = 0;
    for page in pages() {
        let text = prose(&read(&page));
        for link in links(&text) {
            if link.starts_with("https://") {
                continue;
            }
            let (target, heading) = target(&page, link);
            assert!(root().join(&target).exists(), "{page}: {link}");
            if let Some(heading) = heading {
                let there = prose(&read(&target));
                let found = there.lines().filter_map(anchor).any(|it| it == heading);
                assert!(found, "{page}: {link}");
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} links");
}

#[test]
fn every_path_of_the_project_that_a_page_names_exists() {
    let folders = ["src", "crates", "tests", "benches", "examples", "docs"];
    let mut seen = 0;
    for page in pages().iter().filter(|page| *page != "CHANGELOG.md") {
        for path in quoted(&prose(&read(page))) {
            let folder = path.split_once('/').map(|(folder, _)| folder);
            // `tests/data/NAME.json` stands for any.
            if folder.is_some_and(|it| folders.contains(&it)) && !path.contains("NAME") {
                assert!(root().join(path).exists(), "{page}: {path}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "{seen} paths");
}

#[test]
fn the_map_names_every_room_and_every_crate_and_no_other() {
    let page = read("docs/architecture.md");
    let (_, map) = page.split_once("\n```text\n").unwrap();
    let (map, _) = map.split_once("\n```\n").unwrap();
    let mut told = BTreeSet::new();
    let mut folder = "";
    for line in map.lines() {
        let name = line.split_whitespace().next().unwrap();
        match line.len() - line.trim_start().len() {
            0 => folder = name,
            2 => assert!(told.insert(format!("{folder}{name}")), "{name} twice"),
            _ => {}
        }
        assert!(root().join(folder).exists(), "there is no {folder}");
    }
    let mut there = BTreeSet::new();
    for folder in ["crates", "src"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let mark = if path.is_dir() { "/" } else { "" };
            there.insert(format!("{folder}/{name}{mark}"));
        }
    }
    // It has nothing but the names of the others.
    there.remove("src/lib.rs");
    assert_eq!(told, there);
}

#[test]
fn every_page_is_reached_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut next = vec!["README.md".to_owned()];
    while let Some(page) = next.pop() {
        if !reached.insert(page.clone()) {
            continue;
        }
        let text = prose(&read(&page));
        let links = links(&text).into_iter().map(|link| target(&page, link).0);
        next.extend(links.filter(|target| pages().contains(target)));
    }
    let missing: Vec<_> = pages()
        .into_iter()
        .filter(|page| !reached.contains(page))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Where links and pictures go.
fn links(text: &str) -> Vec<&str> {
    let of = |before, after: char| {
        let rests = text.split(before).skip(1);
        rests.filter_map(move |rest: &str| rest.split(after).next())
    };
    of("](", ')')
        .chain(of(" src=\"", '"'))
        .chain(of(" srcset=\"", '"'))
        .collect()
}

/// The file that a page's link leads to, from the top, and the heading in it.
fn target<'a>(page: &str, link: &'a str) -> (String, Option<&'a str>) {
    let (file, heading) = match link.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (link, None),
    };
    if file.is_empty() {
        return (page.to_owned(), heading);
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            ".." => assert!(parts.pop().is_some(), "{page}: {link} leaves the project"),
            part => parts.push(part),
        }
    }
    (parts.join("/"), heading)
}

/// How a heading is linked.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let text: String = heading.chars().filter(kept).collect();
    Some(text.to_lowercase().replace(' ', "-"))
}
