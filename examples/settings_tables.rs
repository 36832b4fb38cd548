//! Prints what the table of settings says, for the files that repeat it:
//!
//! ```text
//! cargo run --example settings_tables                             the three tables
//! cargo run --example settings_tables docs                        writes them into docs/settings.md
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
        Some("docs") => return write_page(),
        Some("config") => print!("{}", docs::config_sample()),
        Some("env") => print!("{}", docs::env_sample()),
        _ => print!("{}", docs::markdown()),
    }
    ExitCode::SUCCESS
}

fn write_page() -> ExitCode {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
    let written = std::fs::read_to_string(path).and_then(|page| {
        let renewed = renewed(&page)
            .ok_or_else(|| std::io::Error::other("the lines around the tables are missing"))?;
        std::fs::write(path, renewed)
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("docs/settings.md: {error}");
            ExitCode::FAILURE
        }
    }
}

fn renewed(page: &str) -> Option<String> {
    let begin = page.find(BEGIN)?;
    let tables = begin + page.get(begin..)?.find('\n')? + 1;
    let end = tables + page.get(tables..)?.find(END)?;
    Some(format!(
        "{}\n{}\n{}",
        page.get(..tables)?,
        docs::markdown(),
        page.get(end..)?
    ))
}
