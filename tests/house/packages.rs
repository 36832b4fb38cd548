//! Licences, bans and sources of all packages, as deny.toml has them, judged
//! with nothing but cargo. `cargo deny check` does more.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const RULES: &str = include_str!("../../deny.toml");
const LOCK: &str = include_str!("../../Cargo.lock");
const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");

/// Packages whose manifest names a file instead of a licence, and what is in it.
const UNNAMED: [(&str, &str); 1] = [("jsonpath-rust", "MIT")];

/// The licences that may come in.
fn allowed() -> BTreeSet<&'static str> {
    let (_, rest) = RULES.split_once("\nallow = [\n").unwrap();
    let (list, _) = rest.split_once("\n]\n").unwrap();
    let lines = list.lines().map(str::trim);
    lines
        .map(|line| line.trim_matches(|c| c == '"' || c == ','))
        .collect()
}

/// The packages that must not.
fn banned() -> Vec<&'static str> {
    let entries = RULES.split("{ crate = \"").skip(1);
    entries
        .map(|entry| entry.split('"').next().unwrap())
        .collect()
}

/// What `cargo tree` prints, without its drawing.
fn tree(arguments: &[&str]) -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--prefix=none"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{errors}");
    String::from_utf8(tree.stdout).unwrap()
}

/// Each package that is compiled here, with the features that are asked of it.
fn features(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let text = tree(&[arguments, &["--no-dedupe", "--format={p}|{f}"]].concat());
    let mut features: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (package, asked) in text.lines().filter_map(|line| line.split_once('|')) {
        let all = features.entry(package.to_owned()).or_default();
        all.extend(asked.split(',').map(str::to_owned));
    }
    features
}

/// A package with another set of features is compiled once more, and so is all
/// that is built on it: TLS and the runtime under everything else.
#[test]
fn what_cargo_run_has_compiled_cargo_test_does_not_compile_again() {
    let run = features(&["--package=vtreporter", "--edges=normal,build"]);
    let test = features(&["--edges=normal,build,dev"]);
    assert!(run.len() > 250 && test.len() > run.len());
    let again: Vec<_> = run
        .iter()
        .filter(|(package, asked)| test[*package] != **asked)
        .map(|(package, asked)| format!("{package}: {:?}", &test[package] - asked))
        .collect();
    assert!(again.is_empty(), "only tests ask for {}", again.join("\n"));
}

/// Name and licence of every package of the program and its tests, on every
/// platform.
fn packages() -> BTreeSet<(String, String)> {
    let text = tree(&[
        "--workspace",
        "--all-features",
        "--target=all",
        "--edges=all",
        "--format={p}|{l}",
    ]);
    let lines = text.lines().filter_map(|line| line.split_once('|'));
    lines
        .map(|(package, licence)| {
            let name = package.split(' ').next().unwrap().to_owned();
            (name, licence.trim_end_matches(" (*)").to_owned())
        })
        .collect()
}

#[test]
fn every_package_has_a_licence_that_may_come_in() {
    let allowed = allowed();
    let packages = packages();
    assert!(packages.len() > 300, "{} packages", packages.len());
    let mut unnamed = Vec::new();
    let mut used = BTreeSet::new();
    for (name, told) in &packages {
        let licence = match UNNAMED.iter().find(|(package, _)| package == name) {
            Some((package, licence)) if told.is_empty() => {
                unnamed.push(*package);
                licence
            }
            _ => told.as_str(),
        };
        let licence = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
            .unwrap_or_else(|error| panic!("{name}: `{licence}`: {error}"));
        let fits = licence.evaluate(|asked| {
            let asked = asked.to_string();
            used.extend(allowed.get(asked.as_str()));
            allowed.contains(asked.as_str())
        });
        assert!(fits, "{name} is under {licence}");
    }
    assert_eq!(unnamed, UNNAMED.map(|(name, _)| name));
    assert_eq!(
        used, allowed,
        "a licence that nobody uses need not be allowed"
    );
}

#[test]
fn tls_is_by_rustls_and_aws_lc_alone() {
    let banned = banned();
    for name in ["native-tls", "openssl-sys", "ring"] {
        assert!(banned.contains(&name), "{name} is no longer banned");
    }
    for (name, _) in packages() {
        assert!(!banned.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn every_package_comes_from_the_registry() {
    let sources = LOCK.lines().filter_map(|it| it.strip_prefix("source = "));
    let mut seen = 0;
    for source in sources {
        assert!(source.starts_with("\"registry+"), "{source}");
        seen += 1;
    }
    assert!(seen > 300, "{seen} packages");
}

#[test]
fn the_pinned_compiler_is_the_one_that_the_manifest_promises() {
    let promised = env!("CARGO_PKG_RUST_VERSION");
    let pinned = TOOLCHAIN
        .lines()
        .find_map(|it| it.strip_prefix("channel = "));
    let pinned = pinned.unwrap().trim_matches('"');
    let (release, _patch) = pinned.rsplit_once('.').unwrap();
    assert_eq!(release, promised);
}
