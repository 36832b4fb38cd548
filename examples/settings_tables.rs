//! Prints what the table of settings says, for the files that repeat it:
//!
//! ```text
//! cargo run --example settings_tables                             the README's three tables
//! cargo run --example settings_tables readme                      writes them into README.md
//! cargo run --example settings_tables config > config.yml.sample
//! cargo run --example settings_tables env > .env.sample
//! ```

use std::process::ExitCode;

use vtreporter::config::docs;

/// The tables stand between the line that begins so and [`END`].
const BEGIN: &str = "<!-- settings: begin.";
const END: &str = "<!-- settings: end -->";

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("readme") => return write_readme(),
        Some("config") => print!("{}", docs::config_sample()),
        Some("env") => print!("{}", docs::env_sample()),
        _ => print!("{}", docs::markdown()),
    }
    ExitCode::SUCCESS
}

fn write_readme() -> ExitCode {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let written = std::fs::read_to_string(path).and_then(|readme| {
        let renewed = renewed(&readme)
            .ok_or_else(|| std::io::Error::other("the lines around the tables are missing"))?;
        std::fs::write(path, renewed)
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("README.md: {error}");
            ExitCode::FAILURE
        }
    }
}

fn renewed(readme: &str) -> Option<String> {
    let begin = readme.find(BEGIN)?;
    let tables = begin + readme.get(begin..)?.find('\n')? + 1;
    let end = tables + readme.get(tables..)?.find(END)?;
    Some(format!(
        "{}\n{}\n{}",
        readme.get(..tables)?,
        docs::markdown(),
        readme.get(end..)?
    ))
}
