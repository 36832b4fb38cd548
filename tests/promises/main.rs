//! What the connector promises, a module a promise. Those of the acceptance
//! table begin with its id: `CR-14: ...`.

mod program;
mod rig;

mod ahead;
mod announced;
mod bad_answers;
mod cache_command;
mod commands;
mod countries;
mod edges;
#[path = "../common/encrypted.rs"]
mod encrypted;
mod import;
mod kills;
mod kills_on_amqp;
mod limits;
mod logs;
mod numbers;
mod opening;
mod quota_command;
mod quota_pause;
mod relations;
mod reset;
mod resume;
mod roads;
mod secrets;
#[path = "../common/servers.rs"]
mod servers;
mod settings;
mod stop;
mod terminal;
mod waiting;
mod window;
#[expect(dead_code, reason = "a part of it serves the tests of the road alone")]
#[path = "../common/worker.rs"]
mod worker;
mod works;

/// Every row of the acceptance table is told by a test.
#[test]
fn every_row_of_the_acceptance_table_has_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promises");
    let mut told = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix("/// CR-") else {
                continue;
            };
            let is_test = lines[at..]
                .iter()
                .find(|line| !line.starts_with("///"))
                .is_some_and(|line| line.starts_with("#[tokio::test") || *line == "#[test]");
            if let (true, Some((number, _))) = (is_test, rest.split_once(':')) {
                told.insert(number.parse::<u32>().unwrap());
            }
        }
    }
    let missing: Vec<u32> = (1..=20).filter(|row| !told.contains(row)).collect();
    assert_eq!(missing, Vec::<u32>::new(), "rows without a test");
}

#[test]
fn no_command_prints_in_a_way_that_panics_when_nobody_reads() {
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/commands"
    ))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let prints = |line: &&str| {
                let line = line.trim_start();
                line.starts_with("println!")
                    || line.starts_with("print!")
                    || line.starts_with("eprint")
            };
            assert_eq!(
                text.lines().find(prints),
                None,
                "{}: say! instead",
                path.display()
            );
        }
    }
}
