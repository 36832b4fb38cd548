//! Start: arguments, settings, log, one command, exit code.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;
use vtreporter::args::{Args, Command};
use vtreporter::clock::Clock;
use vtreporter::commands::{self, Exit};
use vtreporter::config::{self, Config, Faults, Needs};
use vtreporter::log;
use vtreporter::setup;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; a closed pipe is none either.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // One thread: the work is waiting, and a page is converted in milliseconds.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(error) => Err(Exit::NotEverything(format!("no runtime: {error}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            // Nobody may be left to read it.
            let _ = writeln!(std::io::stderr(), "vtreporter: {exit}");
            ExitCode::from(exit.code())
        }
    }
}

async fn run(args: Args) -> Result<(), Exit> {
    let clock = Clock::system();
    let file = args.config.as_deref();
    let stop = stop_signal();
    match args.command.unwrap_or(Command::Run) {
        Command::Run => {
            let config = settings(file, Needs::BOTH)?;
            start_log(&config, &clock);
            setup::service(config, clock)?.run(&stop).await
        }
        Command::Check { offline } => {
            let config = settings(file, Needs::BOTH)?;
            commands::check::run(setup::sides(&config, &clock)?, offline).await
        }
        Command::Plan => commands::plan::run(setup::plan(plan_settings(file)?, clock)?).await,
        Command::Preview { out } => {
            let config = settings(file, Needs::VIRUSTOTAL)?;
            start_log(&config, &clock);
            commands::preview::run(setup::preview(config, clock)?, &out, &stop).await
        }
        #[cfg(feature = "standin")]
        Command::Demo(demo) => commands::demo::run(&demo, clock, &stop).await,
        Command::Healthcheck => {
            let id = settings(file, Needs::NOTHING)?.connector.id;
            if id.is_empty() {
                let why = "CONNECTOR_ID (connector.id): is missing; it says which service is asked";
                return Err(Exit::Settings(why.to_owned()));
            }
            commands::connector::health::ask(&id).await
        }
    }
}

fn start_log(config: &Config, clock: &Clock) {
    log::start(
        setup::level(config.connector.log_level),
        config.json_logging,
        &config.connector.name,
        clock,
    );
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

/// What `plan` needs: a plan without the platform is a first run's. One that is
/// set, and set wrong, is told.
fn plan_settings(file: Option<&Path>) -> Result<Config, Exit> {
    match load(file, Needs::BOTH)? {
        Ok(config) => Ok(config),
        Err(faults) if faults.0.iter().any(|fault| fault.is_missing("OPENCTI_URL")) => {
            settings(file, Needs::VIRUSTOTAL)
        }
        Err(faults) => Err(Exit::Settings(faults.to_string())),
    }
}

fn settings(file: Option<&Path>, needs: Needs) -> Result<Config, Exit> {
    load(file, needs)?.map_err(|faults| Exit::Settings(faults.to_string()))
}

/// Reads config.yml and the environment.
fn load(file: Option<&Path>, needs: Needs) -> Result<Result<Config, Faults>, Exit> {
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let yaml = config_file(file, &environment)?;
    let yaml = yaml
        .as_ref()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    Ok(config::load(yaml, environment, needs, &|path| {
        std::fs::read_to_string(path)
    }))
}

/// The settings file: `--config`, `CONFIG_FILE`, or config.yml beside the
/// program. Only the last may be missing.
fn config_file(
    file: Option<&Path>,
    environment: &[(OsString, OsString)],
) -> Result<Option<(String, String)>, Exit> {
    let named = file.map(Path::to_owned).or_else(|| {
        let (_, path) = environment.iter().find(|(name, _)| name == "CONFIG_FILE")?;
        (!path.is_empty()).then(|| PathBuf::from(path))
    });
    let (path, must_be) = match named {
        Some(path) => (path, true),
        None => match beside_the_program() {
            Some(path) => (path, false),
            None => return Ok(None),
        },
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path.display().to_string(), text))),
        Err(error) if !must_be && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Exit::Settings(format!(
            "the settings file {} cannot be read: {error}",
            path.display()
        ))),
    }
}

fn beside_the_program() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("config.yml"))
}

/// SIGTERM or Ctrl-C, for whoever waits for it. They are caught from here on:
/// as the first process of a container we would else not be told at all.
fn stop_signal() -> CancellationToken {
    use tokio::signal::unix::{SignalKind, signal};

    let stop = CancellationToken::new();
    match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            let asked = stop.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                asked.cancel();
            });
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(error = %error, "signals cannot be caught");
        }
    }
    stop
}
