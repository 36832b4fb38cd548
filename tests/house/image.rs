//! The image and the compose file, as far as they can be judged without Docker.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use vtreporter::config::{self, Needs, SETTINGS};

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const IGNORED: &str = include_str!("../../.dockerignore");
const COMPOSE: &str = include_str!("../../docker-compose.yml");
const ENV_SAMPLE: &str = include_str!("../../.env.sample");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Instructions of the Dockerfile, a stage each: word and the rest.
fn stages() -> Vec<Vec<(String, String)>> {
    let lines = DOCKERFILE.lines().filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let mut stages: Vec<Vec<(String, String)>> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap();
        if word == "FROM" {
            stages.push(Vec::new());
        }
        let stage = stages.last_mut().unwrap();
        stage.push((word.to_owned(), rest.trim().to_owned()));
    }
    stages
}

fn all<'a>(stage: &'a [(String, String)], word: &str) -> Vec<&'a str> {
    let found = stage.iter().filter(|(own, _)| own == word);
    found.map(|(_, rest)| rest.as_str()).collect()
}

/// What the first stage copies from the repository.
fn copied() -> Vec<String> {
    let stages = stages();
    all(&stages[0], "COPY")
        .iter()
        .flat_map(|rest| {
            let mut paths: Vec<&str> = rest.split_whitespace().collect();
            let target = paths.pop().unwrap();
            assert!(target == "./" || paths == [target], "{rest}");
            paths.into_iter().map(str::to_owned)
        })
        .collect()
}

#[test]
fn the_final_image_holds_one_binary_and_no_shell() {
    let stages = stages();
    assert_eq!(stages.len(), 2);
    let last = &stages[1];
    assert_eq!(all(last, "FROM"), ["scratch"]);
    assert_eq!(all(last, "COPY"), ["--from=build /vtreporter /vtreporter"]);
    for word in ["RUN", "ADD", "VOLUME", "EXPOSE", "SHELL", "CMD"] {
        assert!(all(last, word).is_empty(), "{word}");
    }
    // Nothing that a setting of ours could hide behind.
    for set in all(last, "ENV").iter().flat_map(|line| line.split(' ')) {
        assert!(set.starts_with("MIMALLOC_"), "{set}");
    }
}

#[test]
fn it_runs_the_binary_without_a_shell_and_not_as_root() {
    let stages = stages();
    let last = &stages[1];
    assert_eq!(all(last, "ENTRYPOINT"), [r#"["/vtreporter"]"#]);
    let user = all(last, "USER");
    assert_eq!(user.len(), 1);
    // Numbers: nothing in the image could look a name up.
    for id in user[0].split(':') {
        assert!(id.parse::<u32>().unwrap() > 0, "{id}");
    }
    let health = all(last, "HEALTHCHECK");
    assert_eq!(health.len(), 1);
    assert!(health[0].ends_with(r#"CMD ["/vtreporter", "healthcheck"]"#));
}

#[test]
fn the_binary_is_static_locked_and_without_the_stand_ins() {
    let stages = stages();
    let from = all(&stages[0], "FROM")[0];
    // Alpine's Rust builds for musl, where everything is linked statically.
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(from, format!("rust:{version}-alpine AS build"));
    let build = all(&stages[0], "RUN").join(" ");
    for word in [
        "cargo build",
        "--profile dist",
        "--locked",
        "--package vtreporter",
        "--no-default-features",
        "target/dist/vtreporter",
    ] {
        assert!(build.contains(word), "{word}");
    }
}

/// What a build of this profile is told, as the manifest has it.
fn profile(name: &str) -> BTreeSet<&'static str> {
    let manifest = include_str!("../../Cargo.toml");
    let (_, rest) = manifest
        .split_once(&format!("\n[profile.{name}]\n"))
        .unwrap();
    let own = rest.split("\n[").next().unwrap();
    own.lines().filter(|line| line.contains(" = ")).collect()
}

#[test]
fn the_image_waits_for_the_best_build_and_nobody_else_does() {
    let dist = profile("dist");
    for setting in [
        "inherits = \"release\"",
        "lto = \"fat\"",
        "codegen-units = 1",
    ] {
        assert!(dist.contains(setting), "{setting}");
    }
    let release = profile("release");
    assert!(release.contains("strip = true"));
    for slow in ["lto", "codegen-units"] {
        assert!(!release.iter().any(|line| line.starts_with(slow)), "{slow}");
    }
}

#[test]
fn the_build_is_given_every_file_that_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    for path in copied() {
        copy(&root().join(&path), &folder.path().join(&path));
    }
    // A target that the manifest names and whose file is missing is not listed
    // here, and stops every build.
    let told = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{errors}");
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let packages = told["packages"].as_array().unwrap().iter();
    let targets: Vec<_> = packages
        .flat_map(|package| package["targets"].as_array().unwrap())
        .collect();
    for target in &targets {
        let path = target["src_path"].as_str().unwrap();
        assert!(Path::new(path).is_file(), "{path}");
    }
    for name in named_targets() {
        assert!(
            targets.iter().any(|target| target["name"] == name),
            "the manifest names {name}, and its file is not copied"
        );
    }
    let mut included = 0;
    for library in targets.iter().filter(|target| target["kind"][0] == "lib") {
        let root = Path::new(library["src_path"].as_str().unwrap());
        inclusions(root.parent().unwrap(), &mut |file, path| {
            included += 1;
            assert!(path.is_file(), "{file:?} includes {path:?}");
        });
    }
    assert!(included > 0);
}

/// Targets with a table of their own in the manifest: `[[bench]]` and its like.
fn named_targets() -> Vec<&'static str> {
    let tables = include_str!("../../Cargo.toml").split("\n[[").skip(1);
    tables
        .map(|table| {
            let name = table
                .split("\n[")
                .next()
                .and_then(|own| own.split("name = \"").nth(1));
            name.and_then(|rest| rest.split('"').next()).unwrap()
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}

/// Files that sources pull in at compile time, templates among them.
fn inclusions(folder: &Path, visit: &mut impl FnMut(&Path, &Path)) {
    let templates = folder.ancestors().find(|it| it.join("templates").is_dir());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            inclusions(&path, visit);
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for (before, base) in [
            ("include_str!(\"", path.parent().unwrap().to_owned()),
            ("include_bytes!(\"", path.parent().unwrap().to_owned()),
            (
                "template(path = \"",
                templates.map_or_else(Default::default, |it| it.join("templates")),
            ),
        ] {
            for rest in text.split(before).skip(1) {
                let named = rest.split('"').next().unwrap();
                visit(&path, &base.join(named));
            }
        }
    }
}

#[test]
fn the_build_sees_what_it_copies_and_no_secrets() {
    let lines: Vec<&str> = IGNORED.lines().filter(|it| !it.starts_with('#')).collect();
    assert_eq!(lines[0], "*", "everything is kept out first");
    let let_in: BTreeSet<&str> = lines[1..]
        .iter()
        .map(|line| line.strip_prefix('!').unwrap())
        .collect();
    let copied = copied();
    assert_eq!(let_in, copied.iter().map(String::as_str).collect());
}

/// The variables that the sample sets, with what an operator fills in.
fn environment() -> Vec<(&'static str, &'static str)> {
    let lines = ENV_SAMPLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| match (name, value) {
            ("CONNECTOR_ID", "ChangeMe") => (name, "7f0c2d8e-44d4-4b0e-9d5c-2b6a3f1e8c11"),
            (_, "ChangeMe") => (name, "0123456789abcdef"),
            set => set,
        })
        .collect()
}

#[test]
fn every_variable_of_the_sample_is_a_setting() {
    let names = ENV_SAMPLE
        .lines()
        .map(|line| line.trim_start_matches('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '));
    let mut seen = 0;
    for name in names {
        assert!(SETTINGS.iter().any(|setting| setting.env == name), "{name}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn the_sample_starts_the_service_by_the_api_once_it_is_filled_in() {
    let pairs = environment();
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    let now = chrono::DateTime::UNIX_EPOCH;
    let config = config::load(None, pairs, Needs::BOTH, now, &|_| Ok(String::new())).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.platform(), Some("http://opencti:8080/"));
    assert_eq!(config.road(), "the platform's API");
}

/// A line of the compose file, whatever is before it.
fn composed(line: &str) -> bool {
    COMPOSE.lines().any(|own| own.trim() == line)
}

#[test]
fn compose_and_docker_run_read_one_file_and_join_one_network() {
    assert!(composed("env_file: .env"));
    // A second place for settings would win over the file, unseen.
    assert!(!COMPOSE.contains("environment:"));
    for line in [
        "networks: [opencti]",
        "external: true",
        "name: ${OPENCTI_NETWORK:-opencti_default}",
        "container_name: vtreporter",
    ] {
        assert!(composed(line), "{line}");
    }
    let readme = include_str!("../../README.md");
    let migration = include_str!("../../docs/migration.md");
    let pages = format!("{readme}\n{migration}").replace("\\\n", " ");
    let starts: Vec<&str> = pages
        .lines()
        .filter(|line| line.starts_with("docker run "))
        .collect();
    assert_eq!(starts.len(), 4, "{starts:?}");
    for line in starts {
        assert!(line.contains(" --network opencti_default "), "{line}");
        let ends = [" vtreporter", " vtreporter check", " vtreporter plan"];
        assert!(ends.iter().any(|end| line.ends_with(end)), "{line}");
        let file = line.contains(" --env-file .env ");
        assert!(file || line.contains(" -e OPENCTI_URL="), "{line}");
    }
    for line in ["cp .env.sample .env ", "docker compose up --detach"] {
        assert!(readme.lines().any(|own| own.starts_with(line)), "{line}");
    }
    assert!(readme.contains("`uuidgen`"));
}

#[test]
fn the_compose_file_runs_it_as_tightly_as_the_image_allows() {
    for line in [
        "read_only: true",
        "cap_drop: [ALL]",
        "restart: always",
        "stop_grace_period: 10s",
    ] {
        assert!(composed(line), "{line}");
    }
    for key in ["volumes:", "ports:", "privileged:", "user:"] {
        assert!(
            !COMPOSE.lines().any(|own| own.trim().starts_with(key)),
            "{key}"
        );
    }
}
