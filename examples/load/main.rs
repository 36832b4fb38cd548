//! A load run: the real connector as a process of its own, against a VirusTotal
//! and an OpenCTI on loopback, measured from outside.
//!
//! ```text
//! cargo build --release && cargo run --release --example load -- --files 20000,100000
//! ```
//!
//! What is counted is the connector's process and no other: user and system CPU,
//! peak memory, and the time from its start to the first request that either
//! side sees. `--program` may be given several times, and `--python` adds a
//! connector in Python that does the same work the usual way: all of them then
//! stand side by side in one run, against the same files.

mod measure;
mod sides;
mod squeeze;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use vtreporter::base::clock;

use measure::{Measured, Subject};
use sides::Sides;

/// Measures connectors under load.
#[derive(Parser)]
struct Args {
    /// How many files VirusTotal has; several measurements where several are given
    #[arg(long, value_delimiter = ',', default_value = "20000")]
    files: Vec<u32>,

    /// How large a file's JSON is, about
    #[arg(long, default_value_t = 12_000)]
    bytes: usize,

    /// The connector [default: vtreporter beside this example's folder]
    #[arg(long)]
    program: Vec<PathBuf>,

    /// An interpreter with `pycti` and `requests`: measures the connector in Python as well
    #[arg(long)]
    python: Option<PathBuf>,

    /// VirusTotal compresses its answers, as the real one does
    #[arg(long)]
    gzip: bool,

    /// Times that each connector is started with nothing to do
    #[arg(long, default_value_t = 5)]
    starts: usize,

    /// Also measures what is left in memory while it waits for its next run
    #[arg(long)]
    idle: bool,

    /// Lines of JSON only
    #[arg(long)]
    json: bool,

    /// For this program itself: starts what follows and reports what it took
    #[arg(long, num_args = 1.., hide = true, allow_hyphen_values = true)]
    measure: Vec<String>,
}

/// The connector in Python.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/python/baseline.py");

fn main() -> ExitCode {
    let args = Args::parse();
    if !args.measure.is_empty() {
        return measure::child(&args.measure);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> std::io::Result<()> {
    let subjects = subjects(args)?;
    let clock = clock::system();
    for subject in &subjects {
        let mut starts = Vec::new();
        for _ in 0..args.starts {
            let sides = Sides::start(0, args, &clock).await?;
            starts.push(measure::once(subject, &sides, &clock).await?);
        }
        tell_starts(args, subject, &starts);
        if args.idle && !subject.is_python() {
            let sides = Sides::start(args.files[0], args, &clock).await?;
            let (resting, peak) = measure::idle(subject, &sides).await?;
            tell(
                args,
                &serde_json::json!({ "subject": subject.name, "idle_rss_kb": resting, "peak_rss_kb": peak }),
                &format!(
                    "{}: {:.1} MB while it waits after a run of {} files, {:.1} MB at most",
                    subject.name,
                    mega(resting),
                    args.files[0],
                    mega(peak)
                ),
            );
        }
    }
    for &files in &args.files {
        let mut first: Option<f64> = None;
        for subject in &subjects {
            let sides = Sides::start(files, args, &clock).await?;
            let measured = measure::once(subject, &sides, &clock).await?;
            let cpu = tell_load(args, subject, files, &sides, &measured)?;
            let base = *first.get_or_insert(cpu);
            if subject.is_python() {
                tell(
                    args,
                    &serde_json::json!({ "files": files, "cpu_ratio": cpu / base }),
                    &format!("  that is {:.1} times the CPU of the first", cpu / base),
                );
            }
        }
    }
    Ok(())
}

/// What is measured.
fn subjects(args: &Args) -> std::io::Result<Vec<Subject>> {
    let mut programs = args.program.clone();
    if programs.is_empty() {
        // target/release/examples/load -> target/release/vtreporter
        let own = std::env::current_exe()?;
        let beside = own.parent().and_then(Path::parent);
        programs.extend(beside.map(|folder| folder.join("vtreporter")));
    }
    let mut subjects = Vec::new();
    for program in programs {
        if !program.is_file() {
            return Err(std::io::Error::other(format!(
                "{} is missing: cargo build --release, or --program PATH",
                program.display()
            )));
        }
        subjects.push(Subject {
            name: program.display().to_string(),
            command: vec![program.into_os_string(), "run".into()],
        });
    }
    if let Some(python) = &args.python {
        subjects.push(Subject {
            name: "python".to_owned(),
            command: vec![python.clone().into_os_string(), BASELINE.into()],
        });
    }
    Ok(subjects)
}

fn tell_starts(args: &Args, subject: &Subject, starts: &[Measured]) {
    let mut waits: Vec<f64> = starts.iter().filter_map(|one| one.first_ms).collect();
    waits.sort_by(f64::total_cmp);
    let (Some(&median), Some(&most)) = (waits.get(waits.len() / 2), waits.last()) else {
        return;
    };
    let before = starts.iter().filter_map(|one| one.first_rss_kb).max();
    let before = before.unwrap_or(0);
    let most_rss = starts.iter().map(|one| one.usage.rss_kb).max().unwrap_or(0);
    tell(
        args,
        &serde_json::json!({
            "subject": subject.name, "starts": waits.len(), "first_request_ms": median,
            "first_request_most_ms": most, "rss_at_first_request_kb": before,
            "empty_run_rss_kb": most_rss,
        }),
        &format!(
            "{}: first request {median:.1} ms after the start (median of {}, most {most:.1}), \
             {:.1} MB by then; an empty run takes {:.1} MB",
            subject.name,
            waits.len(),
            mega(before),
            mega(most_rss)
        ),
    );
}

fn tell_load(
    args: &Args,
    subject: &Subject,
    files: u32,
    sides: &Sides,
    measured: &Measured,
) -> std::io::Result<f64> {
    let came = sides.came();
    if measured.usage.code != Some(0) || came.found == 0 {
        return Err(std::io::Error::other(format!(
            "{} ended with {:?} after {} files",
            subject.name, measured.usage.code, came.found
        )));
    }
    let usage = &measured.usage;
    let found = came.found as f64;
    let cpu = (usage.user + usage.system) * 1e6 / found;
    tell(
        args,
        &serde_json::json!({
            "subject": subject.name, "files": files, "found": came.found, "kept": came.kept,
            "objects": came.objects, "pages": came.pages, "bundles": came.bundles,
            "seconds": usage.wall, "files_per_second": found / usage.wall,
            "cpu_user_s": usage.user, "cpu_system_s": usage.system, "cpu_us_per_file": cpu,
            "peak_rss_kb": usage.rss_kb, "first_request_ms": measured.first_ms,
            "gzip": args.gzip,
        }),
        &format!(
            "{}: {} files in {} pages -> {} files of {} objects in {} bundles\n  \
             {:.2} s, {:.0} files/s; CPU {:.2} s user + {:.2} s system = {cpu:.1} us a file; \
             peak {:.1} MB",
            subject.name,
            came.found,
            came.pages,
            came.kept,
            came.objects,
            came.bundles,
            usage.wall,
            found / usage.wall,
            usage.user,
            usage.system,
            mega(usage.rss_kb)
        ),
    );
    Ok(cpu)
}

fn tell(args: &Args, line: &serde_json::Value, text: &str) {
    if !args.json {
        println!("{text}");
    }
    println!("{line}");
}

fn mega(kilobytes: u64) -> f64 {
    kilobytes as f64 * 1024.0 / 1e6
}
