//! `preview`: one run whose bundle and page go to files; needs no OpenCTI.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::Exit;
use crate::clock::Clock;
use crate::convert::tally::Tally;
use crate::country::Country;
use crate::import::schedule::window;
use crate::import::state::Run;
use crate::import::{self, Import, Sink, SinkError};
use crate::quota::Guard;

/// What a preview needs.
pub struct Preview {
    /// VirusTotal, behind its quota guard.
    pub guard: Guard,
    /// A report each.
    pub countries: Vec<Country>,
    /// What a run does.
    pub import: import::Options,
    /// The time.
    pub clock: Clock,
}

/// Runs each country's window once, as a first run would, into `out`.
pub async fn run(preview: Preview, out: &Path, stop: &CancellationToken) -> Result<(), Exit> {
    fs::create_dir_all(out).map_err(|error| {
        Exit::Settings(format!("--out {} cannot be made: {error}", out.display()))
    })?;
    let mut undone = Vec::new();
    let mut settings = false;
    for &country in &preview.countries {
        if let Err(exit) = preview.country(country, out, stop).await {
            settings |= matches!(exit, Exit::Settings(_));
            undone.push(format!("{}: {exit}", country.code));
        }
        if stop.is_cancelled() {
            break;
        }
    }
    let why = undone.join("; ");
    match (undone.is_empty(), settings) {
        (true, _) => Ok(()),
        (false, true) => Err(Exit::Settings(why)),
        (false, false) => Err(Exit::NotEverything(why)),
    }
}

fn cannot_write(error: &SinkError) -> Exit {
    Exit::Settings(format!("--out: {error}"))
}

impl Preview {
    async fn country(
        &self,
        country: Country,
        out: &Path,
        stop: &CancellationToken,
    ) -> Result<(), Exit> {
        let options = &self.import;
        let asked = window(None, options.start, options.overlap, self.clock.now());
        let mut run = Run::new(asked);
        let mut tally = Tally::default();
        let stem = format!(
            "vtreporter-{}-{}",
            country.code,
            asked.to.format("%Y%m%dT%H%M%SZ")
        );
        let mut folder = Folder::new(out, &stem).map_err(|error| cannot_write(&error))?;
        let import = Import {
            guard: &self.guard,
            options,
            country,
        };
        self.guard.start_run();
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            ended = import.run(&mut run, &mut tally, &mut folder) => Some(ended),
        };
        let written = folder.finish().map_err(|error| cannot_write(&error))?;
        let numbers = &run.numbers;
        say!(
            "{}: {} files matched, {} kept; {} objects; {} VirusTotal requests spent",
            country.name,
            numbers.matched,
            numbers.counts.main.total(),
            numbers.counts.objects(),
            numbers.requests
        );
        for path in written {
            say!("  {}", path.display());
        }
        match ended {
            None => Err(Exit::NotEverything("stopped before its end".to_owned())),
            Some(Err(stopped)) if stopped.needs_other_settings() => {
                Err(Exit::Settings(stopped.to_string()))
            }
            Some(Err(stopped)) => Err(Exit::NotEverything(stopped.to_string())),
            Some(Ok(_)) => numbers
                .losses()
                .map_or(Ok(()), |losses| Err(Exit::NotEverything(losses))),
        }
    }
}

/// Gathers the bundles of a run into one file. Objects are written as they
/// come, each once; the report, which grows, is written at the end and names
/// them all.
pub struct Folder {
    out: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    written: HashSet<String>,
    refs: Vec<String>,
    named: HashSet<String>,
    report: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Members {
    objects: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Member {
    id: String,
    #[serde(default)]
    object_refs: Vec<String>,
}

#[derive(Deserialize)]
struct Attached {
    #[serde(default)]
    x_opencti_files: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Attachment {
    name: String,
    data: String,
}

impl Folder {
    /// Begins `stem.bundle.json` in `out`.
    pub fn new(out: &Path, stem: &str) -> Result<Self, SinkError> {
        let path = out.join(format!("{stem}.bundle.json"));
        let file = File::create(&path).map_err(|error| fault(&path, error))?;
        let mut folder = Self {
            out: out.to_owned(),
            file: BufWriter::new(file),
            path,
            written: HashSet::new(),
            refs: Vec::new(),
            named: HashSet::new(),
            report: None,
        };
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, stem.as_bytes());
        folder.write(&format!(
            "{{\"type\":\"bundle\",\"id\":\"bundle--{id}\",\"objects\":["
        ))?;
        Ok(folder)
    }

    fn write(&mut self, text: &str) -> Result<(), SinkError> {
        self.file
            .write_all(text.as_bytes())
            .map_err(|error| fault(&self.path, error))
    }

    fn object(&mut self, id: String, text: &str) -> Result<(), SinkError> {
        let comma = if self.written.is_empty() { "\n" } else { ",\n" };
        if self.written.insert(id) {
            self.write(comma)?;
            self.write(text)?;
        }
        Ok(())
    }

    /// Writes the report and ends the file; returns what was written.
    pub fn finish(mut self) -> Result<Vec<PathBuf>, SinkError> {
        let mut paths = vec![self.path.clone()];
        if let Some(report) = self.report.take() {
            paths.extend(self.attachments(report.get())?);
            let mut report: serde_json::Value =
                serde_json::from_str(report.get()).unwrap_or_default();
            report["object_refs"] = std::mem::take(&mut self.refs).into();
            let id = report["id"].as_str().unwrap_or_default().to_owned();
            self.object(id, &report.to_string())?;
        }
        self.write("\n]}\n")?;
        self.file
            .flush()
            .map_err(|error| fault(&self.path, error))?;
        Ok(paths)
    }

    /// The report's own files: the page and what else it carries.
    fn attachments(&self, report: &str) -> Result<Vec<PathBuf>, SinkError> {
        use base64::Engine;
        let attached: Attached = serde_json::from_str(report).unwrap_or(Attached {
            x_opencti_files: Vec::new(),
        });
        let mut paths = Vec::new();
        for file in attached.x_opencti_files {
            let name = Path::new(&file.name).file_name().unwrap_or_default();
            let path = self.out.join(name);
            let data = base64::engine::general_purpose::STANDARD
                .decode(file.data)
                .map_err(|error| fault(&path, std::io::Error::other(error)))?;
            fs::write(&path, data).map_err(|error| fault(&path, error))?;
            paths.push(path);
        }
        Ok(paths)
    }
}

impl Sink for Folder {
    async fn deliver(&mut self, bundle: &str) -> Result<(), SinkError> {
        let odd =
            |error: serde_json::Error| fault(Path::new("the bundle"), std::io::Error::other(error));
        let members: Members = serde_json::from_str(bundle).map_err(odd)?;
        for object in members.objects {
            let member: Member = serde_json::from_str(object.get()).map_err(odd)?;
            if member.id.starts_with("report--") {
                for name in member.object_refs {
                    if self.named.insert(name.clone()) {
                        self.refs.push(name);
                    }
                }
                self.report = Some(object);
            } else {
                self.object(member.id, object.get())?;
            }
        }
        Ok(())
    }

    async fn advanced(&mut self, _: &Run) {}
}

fn fault(path: &Path, error: std::io::Error) -> SinkError {
    SinkError::Folder {
        path: path.display().to_string(),
        error,
    }
}
