//! The layering rule of `docs/architecture.md`, held against the code: arrows only go down.

mod lengths;
mod logs;
mod plan;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use plan::{Plan, root};

/// Each room and the rooms it may know. What is not listed is not allowed.
const MAY_KNOW: &[(&str, &[&str])] = &[
    // Base: knows nobody above.
    ("clock", &[]),
    ("base", &["clock"]),
    ("stix", &[]),
    ("args", &[]),
    // Neighbours: never each other, but the guard guards the VirusTotal client.
    ("virustotal", &["base"]),
    ("opencti", &["base", "stix"]),
    ("store", &[]),
    ("quota", &["base", "virustotal", "store"]),
    // The translator: pure.
    ("convert", &["base", "stix", "virustotal"]),
    // What people read: pure.
    ("report", &["base", "convert", "stix", "virustotal"]),
    // One run.
    (
        "import",
        &[
            "base",
            "report",
            "convert",
            "quota",
            "stix",
            "virustotal",
            "opencti",
        ],
    ),
    // Many indicators.
    ("lookup", &["base", "quota", "store", "virustotal"]),
    // Commands: combine the rooms below.
    (
        "commands",
        &[
            "base",
            "import",
            "lookup",
            "report",
            "quota",
            "virustotal",
            "opencti",
            "stix",
            "standin",
            "stix",
            "store",
            "args",
        ],
    ),
    // Settings become the values that the rooms take; nothing below main knows them.
    (
        "config",
        &[
            "base",
            "import",
            "lookup",
            "store",
            "convert",
            "quota",
            "stix",
            "virustotal",
            "opencti",
        ],
    ),
    // The stand-ins are other people's servers: they share no code with what they judge.
    ("standin", &["clock"]),
];

/// Where everything is put together: these may know every room.
const START: &[&str] = &["main", "setup", "vtreporter"];

/// Rooms that must say of themselves that they are pure.
const PURE: &[&str] = &["convert", "report", "stix"];

/// What waits, or asks the time, the network, the disk, the machine or chance.
const IMPURE_PATHS: &[&str] = &[
    "chrono::Utc::now",
    "clock",
    "crate::base::clock",
    "crate::base::http::client",
    "crate::base::log",
    "crate::base::pace",
    "crate::base::terminal",
    "fastrand",
    "futures_util",
    "lapin",
    "reqwest::Client",
    "reqwest::Request",
    "reqwest::RequestBuilder",
    "reqwest::Response",
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
    "uuid::Uuid::new_v4",
];
const IMPURE_WORDS: &[&str] = &["async", "await", "println", "eprintln"];

/// The commands; what else lies in their room serves several.
const COMMANDS: &[&str] = &["check", "demo", "manual", "plan", "preview", "quota", "run"];

/// Crates without a runtime, and the packages by which one would come in.
const WITHOUT_RUNTIME: &[&str] = &["clock", "stix"];
const RUNTIMES: &[&str] = &[
    "async", "axum", "futures", "hyper", "lapin", "mio", "reqwest", "smol", "tokio",
];

/// Modules that take from each other, round in a circle, until somebody opens it.
const CIRCLES: &[&[&str]] = &[];

#[test]
fn arrows_only_go_down_and_each_that_is_allowed_is_used() {
    let plan = Plan::read();
    assert!(plan.0.len() > 150, "{} modules", plan.0.len());
    let allowed: BTreeMap<_, _> = MAY_KNOW.iter().copied().collect();
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for (name, module) in &plan.0 {
        let room = Plan::room(name);
        if START.contains(&room) {
            continue;
        }
        let Some(may_know) = allowed.get(room) else {
            faults.push(format!("the room {room} has no place in the rule"));
            continue;
        };
        used.insert((room.to_owned(), room.to_owned()));
        for known in plan.named(name) {
            let known = Plan::room(&known);
            if may_know.contains(&known) {
                used.insert((room.to_owned(), known.to_owned()));
            } else if known != room {
                faults.push(format!(
                    "{}: {room} must not know {known}",
                    module.path.display()
                ));
            }
        }
    }
    for (room, may_know) in MAY_KNOW {
        let unused = [room].into_iter().chain(*may_know);
        let unused =
            unused.filter(|known| !used.contains(&((*room).to_owned(), (**known).to_owned())));
        faults.extend(unused.map(|known| format!("{room} may know {known}, and does not")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn commands_never_know_each_other() {
    let plan = Plan::read();
    let command = |name: &plan::Name| {
        let inside = name.get(2).filter(|_| Plan::room(name) == "commands")?;
        COMMANDS.contains(&inside.as_str()).then(|| inside.clone())
    };
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, module) in &plan.0 {
        let Some(own) = command(name) else { continue };
        let others = plan
            .named(name)
            .iter()
            .filter_map(command)
            .collect::<BTreeSet<_>>();
        for other in others.iter().filter(|other| **other != own) {
            faults.push(format!(
                "{}: {own} must not know {other}",
                module.path.display()
            ));
        }
        seen.insert(own);
    }
    assert!(seen.iter().eq(COMMANDS), "{seen:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nobody_takes_from_each_other_round_in_a_circle() {
    let plan = Plan::read();
    let listed = CIRCLES
        .iter()
        .map(|circle| circle.iter().map(|it| (*it).to_owned()).collect());
    let listed: BTreeSet<BTreeSet<String>> = listed.collect();
    let found: BTreeSet<_> = plan.circles().into_iter().collect();
    assert_eq!(
        found, listed,
        "circles that there are, and those that are listed"
    );
    assert_eq!(plan.circles_of_rooms(), Vec::<BTreeSet<String>>::new());
}

/// Whether a doc comment has a sentence that begins with this.
fn says_pure(front: &str) -> bool {
    [".", ";", ":"]
        .iter()
        .any(|end| front.contains(&format!(" Pure{end}")))
}

#[test]
fn what_says_that_it_is_pure_asks_nobody() {
    let plan = Plan::read();
    let pure: Vec<_> = plan
        .0
        .iter()
        .filter(|(_, module)| says_pure(&module.front))
        .map(|(name, _)| name)
        .collect();
    for room in PURE {
        let says = pure
            .iter()
            .any(|name| Plan::room(name) == *room && name.last().is_some_and(|last| last == room));
        assert!(says, "{room} no longer says that it is pure");
    }
    let mut faults = Vec::new();
    let inside = plan
        .0
        .iter()
        .filter(|(name, _)| pure.iter().any(|pure| name.starts_with(pure)));
    for (_, module) in inside {
        let path = module.path.display();
        for word in IMPURE_WORDS
            .iter()
            .filter(|word| module.words.contains(**word))
        {
            faults.push(format!("{path}: {word}"));
        }
        for known in module.paths() {
            let impure =
                |asked: &&&str| known == **asked || known.starts_with(&format!("{asked}::"));
            faults.extend(
                IMPURE_PATHS
                    .iter()
                    .find(impure)
                    .map(|_| format!("{path}: {known}")),
            );
        }
    }
    assert!(
        faults.is_empty(),
        "says that it is pure:\n{}",
        faults.join("\n")
    );
}

#[test]
fn stix_and_the_clock_bring_no_runtime_in() {
    for package in WITHOUT_RUNTIME {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--offline", "--package", package])
            .args(["--edges=all", "--prefix=none", "--format={p}"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            tree.status.success(),
            "{}",
            String::from_utf8_lossy(&tree.stderr)
        );
        let packages = String::from_utf8(tree.stdout).unwrap();
        assert!(packages.starts_with(package) && packages.contains("\nchrono "));
        for name in packages.lines().filter_map(|line| line.split(' ').next()) {
            let runtime = RUNTIMES.iter().find(|runtime| name.starts_with(**runtime));
            assert!(runtime.is_none(), "{package} brings {name} in");
        }
    }
}
