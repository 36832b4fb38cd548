//! Prints what the table of settings says, for the files that repeat it:
//!
//! ```text
//! cargo run --example settings_tables                             the README's three tables
//! cargo run --example settings_tables config > config.yml.sample
//! cargo run --example settings_tables env > .env.sample
//! ```

use vtreporter::config::docs;

fn main() {
    let text = match std::env::args().nth(1).as_deref() {
        Some("config") => docs::config_sample(),
        Some("env") => docs::env_sample(),
        _ => docs::markdown(),
    };
    print!("{text}");
}
