//! `completions` and `man`: what shells and readers want to know of the
//! command line, made from the command line itself.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Exit;
use crate::args::Args;

/// Prints what completes commands and options in a shell.
pub fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "vtreporter", &mut script);
    print(&script);
}

/// Prints the manual page of a command, or of all.
pub fn page(command: Option<&str>) -> Result<(), Exit> {
    let mut all = Args::command();
    // Gives the commands the names that their pages have: vtreporter-check.
    all.build();
    let wanted = match command {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).cloned();
            let found = found.filter(|found| found.get_name() != "help");
            found.ok_or_else(|| {
                let names = all.get_subcommands().map(clap::Command::get_name);
                let names: Vec<_> = names.filter(|name| *name != "help").collect();
                Exit::Settings(format!("man {name}: the commands are {}", names.join(", ")))
            })?
        }
    };
    let mut page = Vec::new();
    Man::new(wanted)
        .render(&mut page)
        .map_err(|error| Exit::NotEverything(format!("no page could be made: {error}")))?;
    print(&page);
    Ok(())
}

/// A reader that went away is no reason to fail.
fn print(text: &[u8]) {
    let _ = std::io::stdout().lock().write_all(text);
}
