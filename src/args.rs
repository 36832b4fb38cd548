//! The command line: commands and their help, with an example each.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// A country's risky files, from VirusTotal into OpenCTI, every period.
///
/// Settings come from the environment (OPENCTI_*, CONNECTOR_*, VTREPORTER_*)
/// and from config.yml; the environment wins. Without a command the service runs.
#[derive(Debug, Parser)]
#[command(
    name = "vtreporter",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done; 2 wrong usage or settings; 3 not everything could be done.\n\
                  Example: vtreporter demo"
)]
pub struct Args {
    /// The settings file [default: CONFIG_FILE, else config.yml beside the program]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What to do; without one, `run`
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The service: one report a country, every CONNECTOR_DURATION_PERIOD
    #[command(
        after_help = "Example: CONNECTOR_RUN_AND_TERMINATE=true vtreporter run\n\
                      runs once and says with its exit code whether everything was done."
    )]
    Run,
    /// Look at the settings, then ask each side one cheap question
    #[command(after_help = "Example: vtreporter check --offline\n\
                      looks at the settings only and opens no connection.")]
    Check {
        /// Settings only; no connection is opened
        #[arg(long)]
        offline: bool,
    },
    /// Show the window, the query, the quota left and the cost of the next run; spends no search
    #[command(after_help = "Example: vtreporter plan")]
    Plan,
    /// Show what is used of each key's quotas, what is left, and until when it lasts; spends nothing
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Example: vtreporter quota\n\
                      Example: vtreporter quota check --need 750\n\
                      Exit codes: 0 told; 2 the key is not accepted; 3 something could not be read."
    )]
    Quota {
        #[command(flatten)]
        form: QuotaForm,
        /// What of it
        #[command(subcommand)]
        part: Option<QuotaPart>,
    },
    /// What was learned of files, so that nobody pays for it twice
    #[command(after_help = "Example: vtreporter cache warm hashes.txt\n\
                      Exit codes: 0 done; 2 wrong usage; 3 not everything could be done.")]
    Cache {
        /// What of it; without one, `stats`
        #[command(subcommand)]
        part: Option<CachePart>,
    },
    /// One run whose bundle and page go to files; needs no OpenCTI
    #[command(after_help = "Example: VTREPORTER_START=PT1H vtreporter preview --out ./preview")]
    Preview {
        /// Where the files go
        #[arg(long, value_name = "DIR", default_value = "vtreporter-preview")]
        out: PathBuf,
    },
    /// Run everything against a VirusTotal and an OpenCTI of its own, on this machine
    #[cfg(feature = "demo")]
    #[command(after_help = "Example: vtreporter demo --files 2000\n\
                      Needs no settings, no key and no network.")]
    Demo(DemoArgs),
    /// Print what completes commands and options in a shell
    #[command(after_help = "Example: vtreporter completions bash > vtreporter.bash")]
    Completions {
        /// The shell that is to complete
        shell: Shell,
    },
    /// Print the manual page of vtreporter, or of one of its commands
    #[command(after_help = "Example: vtreporter man > vtreporter.1\n\
                      Example: vtreporter man check | man -l -")]
    Man {
        /// The command; without one, the page of all
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
    /// Ask the service that runs here whether it is well (for HEALTHCHECK)
    #[command(
        after_help = "Example: docker exec vtreporter /vtreporter healthcheck\n\
                      Exit codes: 0 well; 3 not well or not running."
    )]
    Healthcheck,
}

/// How `quota` answers.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct QuotaForm {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Once a minute, until it is stopped
    #[arg(long)]
    pub watch: bool,
}

/// A part of what `quota` knows.
#[derive(Clone, Debug, Subcommand)]
pub enum QuotaPart {
    /// Say whether so many requests fit into what is left
    #[command(after_help = "Example: vtreporter quota check --need 750\n\
                      Exit codes: 0 fits now; 3 fits later, or not before the month begins again.")]
    Check {
        /// Requests
        #[arg(long, value_name = "N")]
        need: u64,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show what was used in the last days, as far as it is remembered
    #[command(after_help = "Example: vtreporter quota history --days 30 --csv > quota.csv")]
    History {
        /// So many days
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3_650))]
        days: u16,
        /// One JSON object
        #[arg(long, conflicts_with = "csv")]
        json: bool,
        /// A row an hour, with a header
        #[arg(long)]
        csv: bool,
    },
}

/// What can be done with what was learned.
#[derive(Clone, Debug, Subcommand)]
pub enum CachePart {
    /// Show how much is kept, and how it was used
    #[command(after_help = "Example: vtreporter cache stats --json")]
    Stats {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Forget what is too old
    #[command(after_help = "Example: vtreporter cache clean")]
    Clean,
    /// Ask for the files of a list that are not known yet, as far as the quota goes
    #[command(after_help = "Example: vtreporter cache warm hashes.txt\n\
                      Begun again, it goes on where it stopped.")]
    Warm {
        /// A hash a line; - reads standard input
        file: PathBuf,
    },
    /// Take over the vt_HASH.json files of a directory
    #[command(after_help = "Example: vtreporter cache import ./vt-cache")]
    Import {
        /// Where they lie
        dir: PathBuf,
    },
    /// Write every answer to a file, one JSON object a line
    #[command(after_help = "Example: vtreporter cache export answers.ndjson")]
    Export {
        /// The file
        file: PathBuf,
    },
}

/// How the demo goes.
#[cfg(feature = "demo")]
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Files that the made-up VirusTotal holds
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub files: u32,
    /// The country asked for, ISO 3166-1 alpha-2
    #[arg(long, default_value = "AU", value_name = "CC")]
    pub country: String,
    /// Where the bundle and the page go
    #[arg(long, value_name = "DIR", default_value = "vtreporter-demo")]
    pub out: PathBuf,
}
