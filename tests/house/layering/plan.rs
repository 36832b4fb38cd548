//! The plan of the house: every module, what it takes from others, and where
//! that leads round in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::reading::{self, Import};

/// A module by its path from the crate on: `vtreporter`, `import`, `session`.
pub(super) type Name = Vec<String>;

/// A file of the program or of a crate, without its tests.
pub(super) struct Module {
    pub(super) path: PathBuf,
    /// What its doc comment says.
    pub(super) front: String,
    /// Its code as words and signs.
    pub(super) words: BTreeSet<String>,
    imports: Vec<Import>,
    inline: Vec<Name>,
}

pub(super) struct Plan(pub(super) BTreeMap<Name, Module>);

/// The program's crate; its modules are rooms, and every other crate is one.
const PROGRAM: &str = "vtreporter";

impl Plan {
    pub(super) fn read() -> Self {
        let mut modules = BTreeMap::new();
        for (name, folder) in crates() {
            for path in files(&folder) {
                if reading::is_test(&path) {
                    continue;
                }
                let inside = path.strip_prefix(&folder).unwrap().with_extension("");
                let inside = inside.iter().map(|part| part.to_str().unwrap());
                let inside = inside.filter(|part| !matches!(*part, "lib" | "mod"));
                let inside: Vec<&str> = inside.collect();
                // The program's main is a crate of its own, on top of the library.
                let module = match inside[..] {
                    ["main"] => vec!["main".to_owned()],
                    _ => [&name[..]]
                        .iter()
                        .chain(&inside)
                        .map(|it| (*it).to_owned())
                        .collect(),
                };
                modules.insert(module, Module::read(path));
            }
        }
        Self(modules)
    }

    /// The room that a module lies in.
    pub(super) fn room(module: &Name) -> &str {
        match module.get(1) {
            Some(room) if module[0] == PROGRAM => room,
            _ => &module[0],
        }
    }

    /// The modules that a module names, in the way it names them.
    pub(super) fn named(&self, module: &Name) -> BTreeSet<Name> {
        self.targets(module, false)
    }

    /// The modules that hold what a module takes, wherever it is handed on.
    fn taken(&self, module: &Name) -> BTreeSet<Name> {
        self.targets(module, true)
    }

    fn targets(&self, from: &Name, follow: bool) -> BTreeSet<Name> {
        let module = &self.0[from];
        let imports = module.imports.iter().map(|import| &import.path);
        // A path that begins with an imported name was seen with its import.
        let inline = module
            .inline
            .iter()
            .filter(|path| module.imports.iter().all(|import| import.name != path[0]));
        imports
            .chain(inline)
            .filter_map(|path| self.resolve(from, path, follow, 0))
            .filter(|to| to != from)
            .collect()
    }

    /// Where a path leads; nowhere in this house, if it is another package's.
    fn resolve(&self, from: &Name, path: &[String], follow: bool, depth: u8) -> Option<Name> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (from[..1].to_vec(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => (
                from.get(..from.len().checked_sub(supers)?)?.to_vec(),
                &path[supers..],
            ),
            first if self.child(from, first).is_some() => (from.clone(), path),
            first if self.0.contains_key(&vec![first.to_owned()]) => {
                (vec![first.to_owned()], &path[1..])
            }
            _ => return None,
        };
        while let Some((first, after)) = rest.split_first() {
            if let Some(child) = self.child(&at, first) {
                (at, rest) = (child, after);
                continue;
            }
            // Whoever hands a name on at the top of a crate is no room.
            let handed_on = (follow || at.len() == 1) && depth < 8;
            let import = self.0.get(&at)?.imports.iter().find(|it| it.name == *first);
            if let Some(import) = import.filter(|_| handed_on) {
                let on: Vec<String> = import.path.iter().chain(after).cloned().collect();
                return self.resolve(&at, &on, follow, depth + 1).or(Some(at));
            }
            break;
        }
        self.0.contains_key(&at).then_some(at)
    }

    fn child(&self, module: &Name, name: &str) -> Option<Name> {
        let mut child = module.clone();
        child.push(name.to_owned());
        self.0.contains_key(&child).then_some(child)
    }

    /// Modules that take from each other, round in a circle. What a file takes
    /// from the module that it is a part of closes none: that is its front.
    pub(super) fn circles(&self) -> Vec<BTreeSet<String>> {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for from in self.0.keys() {
            let to = self.taken(from).into_iter();
            let to = to.filter(|to| !from.starts_with(to));
            arrows.insert(from.join("::"), to.map(|to| to.join("::")).collect());
        }
        circles(&arrows)
    }

    /// Rooms that know each other, round in a circle.
    pub(super) fn circles_of_rooms(&self) -> Vec<BTreeSet<String>> {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for from in self.0.keys() {
            let room = Self::room(from);
            let to = self.named(from).into_iter();
            let to = to.map(|to| Self::room(&to).to_owned());
            let known = arrows.entry(room.to_owned()).or_default();
            known.extend(to.filter(|to| to != room));
        }
        circles(&arrows)
    }
}

impl Module {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let code = reading::product(&reading::bare(&text));
        let tokens = reading::tokens(&code);
        let (imports, inline) = reading::paths(&tokens);
        Self {
            front: reading::front(&text),
            words: tokens.iter().map(|token| (*token).to_owned()).collect(),
            path,
            imports,
            inline,
        }
    }

    /// Every path that the module writes down, in full where it is imported.
    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        let imports = self.imports.iter().map(|import| import.path.join("::"));
        let inline = self.inline.iter().map(|path| {
            let known = self.imports.iter().find(|import| import.name == path[0]);
            match known {
                Some(import) => [&import.path[..], &path[1..]].concat().join("::"),
                None => path.join("::"),
            }
        });
        imports.chain(inline)
    }
}

/// Groups of which each can be reached from each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|from| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&String> = arrows[from].iter().collect();
            while let Some(at) = next.pop() {
                if seen.insert(at) {
                    next.extend(arrows.get(at).into_iter().flatten());
                }
            }
            (from, seen)
        })
        .collect();
    let round = reached.iter().filter(|(from, seen)| seen.contains(*from));
    let groups: BTreeSet<BTreeSet<String>> = round
        .map(|(from, seen)| {
            let back = |to: &&&String| reached.get(**to).is_some_and(|seen| seen.contains(*from));
            seen.iter().filter(back).map(|to| (*to).clone()).collect()
        })
        .collect();
    groups.into_iter().collect()
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program and the crates: name, and the folder of the sources.
fn crates() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(root().join("crates")).unwrap();
    let mut crates: Vec<_> = folders
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, entry.path().join("src"))
        })
        .collect();
    crates.push((PROGRAM.to_owned(), root().join("src")));
    crates
}

/// All Rust files of a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
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
    files.sort();
    files
}

#[test]
fn a_circle_is_found_however_long_and_a_chain_is_none() {
    let arrow = |from: &str, to: &[&str]| {
        let to = to.iter().map(|to| (*to).to_owned()).collect();
        (from.to_owned(), to)
    };
    let arrows = BTreeMap::from([
        arrow("a", &["b"]),
        arrow("b", &["c", "d"]),
        arrow("c", &["a"]),
        arrow("d", &["e"]),
        arrow("e", &[]),
    ]);
    let circle = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(circles(&arrows), [BTreeSet::from(circle)]);
}
