//! `demo`: the real connector, as a process of its own, against a VirusTotal
//! and an OpenCTI on loopback; then, in plain words, what arrived.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio_util::sync::CancellationToken;

use super::Exit;
use crate::args::DemoArgs;
use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::base::number::counted;
use crate::standin::opencti::{OpenCtiWorld, Release, StandIn as OpenCti};
use crate::standin::virustotal::{Cost, StandIn as VirusTotal, World};

/// The made-up files are alike at every demo; only their dates follow the clock.
const SEED: u64 = 20;

/// The demo's token: the stand-in knows no other.
const TOKEN: &str = "d434ce02-58ba-49e7-8b1d-1d0c2b3f4a55";

/// The demo's connector.
const CONNECTOR: &str = "3c9e9b1a-0f0c-4d1c-8a43-6d5a2e7b9f10";

/// Between two looks at how far the connector is.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the demo.
pub async fn run(args: &DemoArgs, clock: Clock, stop: &CancellationToken) -> Result<(), Exit> {
    let country = Country::parse(&args.country).ok_or_else(|| {
        Exit::Settings(format!(
            "--country {}: not a country code of ISO 3166-1 alpha-2, such as AU",
            args.country
        ))
    })?;
    let (virustotal, opencti) = start(args, country, clock).await.map_err(|error| {
        Exit::NotEverything(format!("no stand-in could be started on loopback: {error}"))
    })?;
    say!(
        "A made-up VirusTotal with {} listens on {}",
        counted(args.files.into(), "file", "files"),
        virustotal.url()
    );
    say!("A made-up OpenCTI listens on {}", opencti.url());
    say!("The real connector runs against them over HTTP:\n");
    let mut connector = connector(&virustotal, &opencti, country).map_err(|error| {
        Exit::NotEverything(format!("the connector could not be started: {error}"))
    })?;
    let status = tokio::select! {
        biased;
        () = stop.cancelled() => {
            // Killed when dropped; nothing of the demo is worth keeping.
            return Err(Exit::NotEverything("stopped before its end".to_owned()));
        }
        status = watch(&mut connector, &virustotal, &opencti) => status,
    };
    tell(&virustotal, &opencti);
    for path in write(&opencti, &args.out)? {
        say!("  {}", path.display());
    }
    judge(status, &opencti)
}

async fn start(
    args: &DemoArgs,
    country: Country,
    clock: Clock,
) -> std::io::Result<(VirusTotal, OpenCti)> {
    let now = clock.now();
    let day = now - chrono::TimeDelta::days(1)..now;
    let world = World::generate(SEED, args.files, &[country.code], day);
    let virustotal = VirusTotal::start(world).await?;
    // Whether the one look at the account costs a request is not documented;
    // the connector does not count it, so the demo does not either.
    virustotal.set_users_free(true);
    let opencti = OpenCti::start(OpenCtiWorld::new(Release::V7, TOKEN)).await?;
    Ok((virustotal, opencti))
}

/// Starts this same program as the connector: with the settings an operator
/// would write, and no other.
fn connector(
    virustotal: &VirusTotal,
    opencti: &OpenCti,
    country: Country,
) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg("run")
        .env_clear()
        .envs([
            ("OPENCTI_URL", opencti.url().as_str()),
            ("OPENCTI_TOKEN", TOKEN),
            ("OPENCTI_JSON_LOGGING", "false"),
            // Two demos at once are two connectors.
            ("CONNECTOR_ID", &uuid::Uuid::new_v4().to_string()),
            ("CONNECTOR_LOG_LEVEL", "warn"),
            ("CONNECTOR_DURATION_PERIOD", "P1D"),
            ("CONNECTOR_RUN_AND_TERMINATE", "true"),
            ("CONNECTOR_QUEUE_PROTOCOL", "api"),
            ("VTREPORTER_API_URL", virustotal.url().as_str()),
            ("VTREPORTER_API_KEY", virustotal.key().as_str()),
            ("VTREPORTER_COUNTRY", country.code),
            ("VTREPORTER_REPORT_LABELS", "demo"),
            ("VTREPORTER_FILE_LABELS", "demo"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // Through our hands, so that its lines and our progress do not mix.
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Shows how far the connector is until it ends.
async fn watch(
    connector: &mut Child,
    virustotal: &VirusTotal,
    opencti: &OpenCti,
) -> std::io::Result<ExitStatus> {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
        bar.set_style(style);
    }
    let told = connector.stderr.take();
    let mut lines = told.map(|told| BufReader::new(told).lines());
    loop {
        let all = virustotal.requests();
        let searches = all.iter().filter(|one| one.is_search()).count();
        bar.set_message(format!(
            "{}, {} to VirusTotal; {} with {} in OpenCTI",
            counted(searches as u64, "search page", "search pages"),
            counted(
                (all.len() - searches) as u64,
                "other request",
                "other requests"
            ),
            counted(opencti.bundles().len() as u64, "bundle", "bundles"),
            counted(opencti.counts().taken, "object", "objects"),
        ));
        tokio::select! {
            line = next(&mut lines) => match line {
                Some(line) => bar.suspend(|| complain(&line)),
                // It says no more: it has ended, or is about to.
                None => {
                    bar.finish();
                    return connector.wait().await;
                }
            },
            () = tokio::time::sleep(LOOK) => bar.tick(),
        }
    }
}

/// The connector's next line; `None` when there are no more.
async fn next(lines: &mut Option<Lines<BufReader<ChildStderr>>>) -> Option<String> {
    lines.as_mut()?.next_line().await.ok().flatten()
}

/// What the connector had to say, as it said it.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says what arrived, counted on the platform's side.
fn tell(virustotal: &VirusTotal, opencti: &OpenCti) {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut severities: BTreeMap<&str, usize> = BTreeMap::new();
    for object in opencti.objects() {
        let kind = object["type"].as_str().unwrap_or("?").to_owned();
        if kind == "file" {
            *severities.entry(severity(&object)).or_default() += 1;
        }
        *kinds.entry(kind).or_default() += 1;
    }
    say!("\nWhat arrived in OpenCTI");
    for (kind, count) in &kinds {
        say!("  {count:6} {kind}");
    }
    say!("\nFiles by severity, related ones included");
    for (severity, count) in &severities {
        say!("  {count:6} {severity}");
    }
    say!("\nThe work's last words, as the platform shows them");
    for work in opencti.works() {
        for message in work.messages.iter().skip(1) {
            say!("  {}", message.message);
        }
    }
    let charged = virustotal
        .requests()
        .iter()
        .filter(|one| one.charged != Cost::FREE)
        .count();
    say!("\nVirusTotal requests spent: {charged}");
    say!("\nTo look at");
}

fn severity(file: &Value) -> &'static str {
    let labels = file["labels"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    [
        "SEVERITY_HIGH",
        "SEVERITY_MEDIUM",
        "SEVERITY_LOW",
        "SEVERITY_NONE",
    ]
    .into_iter()
    .find(|severity| labels.iter().any(|label| label == severity))
    .unwrap_or("not told")
}

/// Writes what arrived as one bundle, and the files that came with the report.
fn write(opencti: &OpenCti, out: &Path) -> Result<Vec<PathBuf>, Exit> {
    let fault = |path: &Path, error: std::io::Error| {
        Exit::Settings(format!(
            "--out: {} cannot be written: {error}",
            path.display()
        ))
    };
    std::fs::create_dir_all(out).map_err(|error| fault(out, error))?;
    let objects: Vec<Value> = opencti
        .objects()
        .iter()
        .map(|object| (**object).clone())
        .collect();
    let mut files = vec![("bundle.json".to_owned(), {
        let bundle = json!({
            "type": "bundle",
            "id": format!("bundle--{CONNECTOR}"),
            "objects": objects,
        });
        format!("{bundle:#}").into_bytes()
    })];
    for report in opencti.objects_of("report") {
        files.extend(attachments(&report));
    }
    let mut paths = Vec::new();
    for (name, content) in files {
        let path = out.join(name);
        std::fs::write(&path, content).map_err(|error| fault(&path, error))?;
        paths.push(path);
    }
    Ok(paths)
}

fn attachments(report: &Value) -> Vec<(String, Vec<u8>)> {
    let files = report["x_opencti_files"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    files
        .iter()
        .filter_map(|file| {
            let name = Path::new(file["name"].as_str()?).file_name()?.to_str()?;
            let data = base64::engine::general_purpose::STANDARD
                .decode(file["data"].as_str()?)
                .ok()?;
            Some((name.to_owned(), data))
        })
        .collect()
}

/// The demo is only done when the connector was, and the platform found no fault.
fn judge(status: std::io::Result<ExitStatus>, opencti: &OpenCti) -> Result<(), Exit> {
    let faults = opencti.faults();
    match status {
        Ok(status) if status.success() && faults.is_empty() => {
            say!("\nDone: the connector ended well and OpenCTI had nothing to object to.");
            Ok(())
        }
        Ok(status) if status.success() => Err(Exit::NotEverything(format!(
            "OpenCTI objected to {}; the first objection: {}",
            counted(faults.len() as u64, "object", "objects"),
            faults.first().map(ToString::to_string).unwrap_or_default()
        ))),
        Ok(status) => Err(Exit::NotEverything(format!(
            "the connector ended with {status}"
        ))),
        Err(error) => Err(Exit::NotEverything(format!(
            "the connector was lost: {error}"
        ))),
    }
}
