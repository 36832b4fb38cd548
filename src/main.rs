//! Start: arguments, settings, log, one command, exit code.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Parser;
use tokio_util::sync::CancellationToken;
use vtreporter::args::{Args, CachePart, Command, QuotaForm, QuotaPart};
use vtreporter::base::clock::{self, Clock};
use vtreporter::base::log;
use vtreporter::base::number::counted;
use vtreporter::base::terminal::Terminal;
use vtreporter::commands::quota::{self, Quota};
use vtreporter::commands::{self, Exit, cache};
use vtreporter::config::{self, Config, Faults, Needs};
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
    let clock = clock::system();
    let sources = || Sources::find(args.config.as_deref(), &clock);
    let terminal = Terminal::stderr();
    let stop = stop_signal();
    match args.command.unwrap_or(Command::Run) {
        Command::Run => {
            let settings = sources()?;
            let config = settings.config(Needs::BOTH)?;
            start_log(&config, config.json_logging, &clock, &terminal);
            tell_start(&config, &settings);
            let service = setup::service(config, clock)?;
            service.with_terminal(terminal).run(&stop).await
        }
        Command::Check { offline } => {
            let config = sources()?.config(Needs::BOTH)?;
            commands::check::run(setup::sides(&config, &clock)?, offline).await
        }
        Command::Plan => {
            let config = plan_settings(&sources()?)?;
            commands::plan::run(setup::plan(config, clock)?).await
        }
        Command::Quota { form, part } => {
            let config = sources()?.config(Needs::VIRUSTOTAL)?;
            start_quiet_log(&config, &clock, &terminal);
            ask_quota(&setup::quota(&config, clock)?, form, part, &stop).await
        }
        Command::Cache { part } => {
            let part = part.unwrap_or(CachePart::Stats { json: false });
            use_cache(&sources()?, part, clock, &terminal, &stop).await
        }
        Command::Preview { out } => {
            let config = sources()?.config(Needs::VIRUSTOTAL)?;
            // JSON is for whoever collects the service's lines; a person reads these.
            start_log(&config, false, &clock, &terminal);
            let preview = setup::preview(config, clock, terminal)?;
            commands::preview::run(preview, &out, &stop).await
        }
        #[cfg(feature = "demo")]
        Command::Demo(demo) => commands::demo::run(&demo, clock, &stop).await,
        Command::Completions { shell } => {
            commands::manual::completions(shell);
            Ok(())
        }
        Command::Man { command } => commands::manual::page(command.as_deref()),
        Command::Healthcheck => ask_health(&sources()?).await,
    }
}

async fn use_cache(
    settings: &Sources,
    part: CachePart,
    clock: Clock,
    terminal: &Terminal,
    stop: &CancellationToken,
) -> Result<(), Exit> {
    let needs = match part {
        CachePart::Warm { .. } => Needs::VIRUSTOTAL,
        _ => Needs::NOTHING,
    };
    let config = settings.config(needs)?;
    start_quiet_log(&config, &clock, terminal);
    let cache = setup::cache(&config, &clock)?;
    match part {
        CachePart::Stats { json } => cache::stats(&cache, json),
        CachePart::Clean => cache::clean(&cache),
        CachePart::Warm { file } => {
            let list = cache::read_list(&file)?;
            let guard = setup::remembering(&config, cache.store.clone(), &clock)?;
            cache::warm(&cache, &guard, &list, stop).await
        }
        CachePart::Import { dir } => cache::import(&cache, &dir),
        CachePart::Export { file } => cache::export(&cache, &file),
    }
}

async fn ask_health(settings: &Sources) -> Result<(), Exit> {
    let id = settings.config(Needs::NOTHING)?.connector.id;
    if id.is_empty() {
        let why = "CONNECTOR_ID (connector.id): is missing; it says which service is asked";
        return Err(Exit::Settings(why.to_owned()));
    }
    commands::run::health::ask(&id).await
}

async fn ask_quota(
    quota: &Quota,
    form: QuotaForm,
    part: Option<QuotaPart>,
    stop: &CancellationToken,
) -> Result<(), Exit> {
    match part {
        None => {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
            let how = quota::How {
                json: form.json,
                watch: form.watch,
                colour: std::io::stdout().is_terminal() && !plain,
            };
            quota::run(quota, how, stop).await
        }
        Some(QuotaPart::Check { need, json }) => quota::check(quota, need, json).await,
        Some(QuotaPart::History { days, json, csv }) => {
            let form = match (json, csv) {
                (true, _) => quota::Form::Json,
                (_, true) => quota::Form::Csv,
                _ => quota::Form::Table,
            };
            quota::history(quota, days, form)
        }
    }
}

/// For a command whose answer is what somebody waits for: of the log only what
/// is wrong, unless all is asked for.
fn start_quiet_log(config: &Config, clock: &Clock, terminal: &Terminal) {
    let asked = config.connector.log_level;
    let level = match asked {
        tracing::Level::INFO => tracing::Level::WARN,
        other => other,
    };
    log_from(level, false, config, clock, terminal);
}

fn start_log(config: &Config, json: bool, clock: &Clock, terminal: &Terminal) {
    let level = config.connector.log_level;
    log_from(level, json, config, clock, terminal);
}

fn log_from(
    level: tracing::Level,
    json: bool,
    config: &Config,
    clock: &Clock,
    terminal: &Terminal,
) {
    let terminal = terminal.clone();
    log::start(level, json, &config.connector.name, clock, move || {
        terminal.clone()
    });
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

/// The first line of the service's log: which program this is, and what the
/// settings come to.
fn tell_start(config: &Config, settings: &Sources) {
    let version = env!("CARGO_PKG_VERSION");
    let (countries, rhythm, road) = (config.countries(), config.rhythm(), config.road());
    let (from, on) = (settings.told(), config.switched_on().join(", "));
    let platform = config.platform().unwrap_or_default();
    tracing::info!(
        version,
        connector.id = config.connector.id,
        opencti.url = platform,
        road,
        countries,
        period = rhythm,
        settings = from,
        on,
        "vtreporter {version} starts: {countries} {rhythm}, to {platform} by {road}; \
         settings from {from}; on: {on}"
    );
}

/// What `plan` needs: a plan without the platform is a first run's. One that is
/// set, and set wrong, is told.
fn plan_settings(settings: &Sources) -> Result<Config, Exit> {
    match settings.load(Needs::BOTH) {
        Ok(config) => Ok(config),
        Err(faults) if faults.0.iter().any(|fault| fault.is_missing("OPENCTI_URL")) => {
            settings.config(Needs::VIRUSTOTAL)
        }
        Err(faults) => Err(settings.wrong(&faults)),
    }
}

/// Where settings come from: the environment, and a file.
struct Sources {
    environment: Vec<(OsString, OsString)>,
    file: SettingsFile,
    now: DateTime<Utc>,
}

/// The settings file.
enum SettingsFile {
    /// Its path and its text.
    Read(String, String),
    /// There is none at this path, where it need not be.
    Absent(String),
    /// Nobody can say which folder the program lies in.
    Nowhere,
}

impl Sources {
    /// Finds the settings file: `--config`, `CONFIG_FILE`, or config.yml beside
    /// the program. Only the last may be missing.
    fn find(file: Option<&Path>, clock: &Clock) -> Result<Self, Exit> {
        let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let named = file.map(Path::to_owned).or_else(|| {
            let (_, path) = environment.iter().find(|(name, _)| name == "CONFIG_FILE")?;
            (!path.is_empty()).then(|| PathBuf::from(path))
        });
        let must_be = named.is_some();
        let file = match named.or_else(beside_the_program) {
            Some(path) => read_settings(&path, must_be)?,
            None => SettingsFile::Nowhere,
        };
        Ok(Self {
            environment,
            file,
            now: clock.now(),
        })
    }

    fn load(&self, needs: Needs) -> Result<Config, Faults> {
        let file = match &self.file {
            SettingsFile::Read(path, text) => Some((path.as_str(), text.as_str())),
            SettingsFile::Absent(_) | SettingsFile::Nowhere => None,
        };
        let environment = self.environment.iter().cloned();
        config::load(file, environment, needs, self.now, &|path| {
            std::fs::read_to_string(path)
        })
    }

    fn config(&self, needs: Needs) -> Result<Config, Exit> {
        self.load(needs).map_err(|faults| self.wrong(&faults))
    }

    /// Where the settings come from, in words.
    fn told(&self) -> String {
        match &self.file {
            SettingsFile::Read(path, _) => format!("{path} and the environment"),
            SettingsFile::Absent(path) => format!("the environment ({path} is not there)"),
            SettingsFile::Nowhere => "the environment".to_owned(),
        }
    }

    /// All faults, and the way on for whoever is new here.
    fn wrong(&self, faults: &Faults) -> Exit {
        let count = counted(faults.0.len() as u64, "fault", "faults");
        let mut text = format!("{count} in the settings");
        let nothing = !matches!(self.file, SettingsFile::Read(..))
            && !self
                .environment
                .iter()
                .any(|(name, _)| config::is_ours(name));
        if nothing {
            text = "there are no settings yet".to_owned();
        }
        for line in faults.to_string().lines() {
            text.push_str("\n  ");
            text.push_str(line);
        }
        if let SettingsFile::Absent(path) = &self.file {
            text.push_str(&format!("\nno settings file: {path} is not there"));
        }
        if nothing {
            text.push_str(FIRST_STEPS);
        }
        Exit::Settings(text)
    }
}

/// For whoever starts the program without any settings, and may have nothing
/// but the image: the samples lie beside the sources.
const FIRST_STEPS: &str = if cfg!(feature = "demo") {
    "\nset these, as variables or in config.yml; all others have a default, and `vtreporter check` \
     says what is still wrong. `vtreporter demo` shows everything on this machine and needs none"
} else {
    "\nset these, as variables or in config.yml; all others have a default, and `vtreporter check` \
     says what is still wrong"
};

fn read_settings(path: &Path, must_be: bool) -> Result<SettingsFile, Exit> {
    let shown = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(SettingsFile::Read(shown, text)),
        Err(error) if !must_be && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(SettingsFile::Absent(shown))
        }
        Err(error) => Err(Exit::Settings(format!(
            "the settings file {shown} cannot be read: {error}"
        ))),
    }
}

fn beside_the_program() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("config.yml"))
}

/// SIGTERM or Ctrl-C, for whoever waits for it. They are caught from here on:
/// as the first process of a container we would else not be told at all.
fn stop_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    match asked_to_end() {
        Ok(asked) => {
            let token = stop.clone();
            tokio::spawn(async move {
                asked.await;
                token.cancel();
            });
        }
        Err(error) => tracing::warn!(error = %error, "signals cannot be caught"),
    }
    stop
}

/// Comes when somebody wants the program to end, and listens from now on.
#[cfg(unix)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Comes when somebody wants the program to end, and listens from now on.
#[cfg(windows)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_c, ctrl_close, ctrl_shutdown};

    let (mut interrupt, mut close, mut shutdown) = (ctrl_c()?, ctrl_close()?, ctrl_shutdown()?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}
