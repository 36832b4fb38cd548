//! `preview`: one run whose bundle and page go to files; needs no OpenCTI.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::{Bar, Exit};
use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::base::number::{counted, grouped};
use crate::base::terminal::Terminal;
use crate::import::reached::Reached;
use crate::import::schedule::window;
use crate::import::state::Run;
use crate::import::{self, Import, Sink, SinkError};
use crate::opencti::delivery::Left;
use crate::quota::Guard;
use crate::report::tally::Tally;
use crate::report::totals::Totals;
use crate::stix::bundle::Bundle;

mod lists;

/// What a preview needs.
pub struct Preview {
    /// VirusTotal, behind its quota guard.
    pub guard: Guard,
    /// A report each.
    pub countries: Vec<Country>,
    /// What a run does. What it attaches to the report goes into files of its
    /// own here.
    pub import: import::Options,
    /// Whether the report in the bundle keeps what is attached to it.
    pub attachments: bool,
    /// The time.
    pub clock: Clock,
    /// Where progress shows.
    pub terminal: Terminal,
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
        let bar = Bar::new(&self.terminal, &self.clock, country);
        let mut folder = Folder::new(out, &stem, self.attachments)
            .map_err(|error| cannot_write(&error))?
            .with_bar(bar);
        let import = Import {
            guard: &self.guard,
            options,
            country,
            share: None,
            stop,
        };
        self.guard.start_run();
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            ended = import.run(&mut run, &mut tally, &mut folder) => Some(ended),
        };
        let written = folder.finish().map_err(|error| cannot_write(&error))?;
        let numbers = &run.numbers;
        say!("{}: {}", country.name, told(numbers));
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

/// A run's numbers in a line; what is nothing is left out.
fn told(numbers: &Totals) -> String {
    let mut parts = vec![format!(
        "{} matched",
        counted(numbers.matched, "file", "files")
    )];
    if numbers.matched > 0 {
        parts.push(format!("{} kept", grouped(numbers.counts.main.total())));
    }
    if numbers.counts.objects() > 0 {
        parts.push(counted(numbers.counts.objects(), "object", "objects"));
    }
    let requests = ("VirusTotal request", "VirusTotal requests");
    let requests = counted(numbers.requests, requests.0, requests.1);
    parts.push(format!("{requests} spent"));
    parts.join(", ")
}

/// Gathers the bundles of a run into one file. Objects are written as they
/// come, each once; the report, which grows, is written at the end, each part
/// of it with all that it names.
pub struct Folder {
    out: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    written: HashSet<String>,
    /// Whether the report keeps what is attached to it.
    attachments: bool,
    /// By id.
    reports: BTreeMap<String, Grown>,
    /// Files that came with a report.
    attached: BTreeSet<PathBuf>,
    /// Gone, with what it shows, when the folder is finished.
    bar: Option<Bar>,
    /// The lists that came with its parts, by name.
    lists: BTreeSet<PathBuf>,
}

/// A report as it has grown.
#[derive(Default)]
struct Grown {
    latest: serde_json::Map<String, serde_json::Value>,
    refs: Vec<String>,
    named: HashSet<String>,
    files: Vec<serde_json::Value>,
}

impl Grown {
    fn grow(&mut self, version: serde_json::Map<String, serde_json::Value>, refs: Vec<String>) {
        self.latest = version;
        for name in refs {
            if self.named.insert(name.clone()) {
                self.refs.push(name);
            }
        }
    }

    fn whole(mut self, attachments: bool) -> serde_json::Value {
        if attachments && !self.files.is_empty() {
            self.latest
                .insert("x_opencti_files".to_owned(), self.files.into());
        }
        self.latest
            .insert("object_refs".to_owned(), self.refs.into());
        self.latest.into()
    }
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
struct Attachment {
    name: String,
    #[serde(default)]
    mime_type: String,
    data: String,
}

impl Folder {
    /// Begins `stem.bundle.json` in `out`; `attachments`: the report in it keeps
    /// what is attached to it.
    pub fn new(out: &Path, stem: &str, attachments: bool) -> Result<Self, SinkError> {
        let path = out.join(format!("{stem}.bundle.json"));
        let file = File::create(&path).map_err(|error| fault(&path, error))?;
        let mut folder = Self {
            out: out.to_owned(),
            file: BufWriter::new(file),
            path,
            written: HashSet::new(),
            attachments,
            reports: BTreeMap::new(),
            attached: BTreeSet::new(),
            bar: None,
            lists: BTreeSet::new(),
        };
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, stem.as_bytes());
        folder.write(&format!(
            "{{\"type\":\"bundle\",\"id\":\"bundle--{id}\",\"objects\":["
        ))?;
        Ok(folder)
    }

    /// The same, with a bar that shows how far the run is.
    #[must_use]
    pub fn with_bar(mut self, bar: Bar) -> Self {
        self.bar = Some(bar);
        self
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
        for (id, report) in std::mem::take(&mut self.reports) {
            let whole = report.whole(self.attachments).to_string();
            self.object(id, &whole)?;
        }
        self.write("\n]}\n")?;
        self.file
            .flush()
            .map_err(|error| fault(&self.path, error))?;
        self.join_lists()?;
        Ok([self.path].into_iter().chain(self.attached).collect())
    }

    /// Takes a version of the report in.
    fn report(&mut self, member: Member, text: &str) -> Result<(), SinkError> {
        let mut version: serde_json::Map<_, _> = serde_json::from_str(text).map_err(odd)?;
        let files = version.remove("x_opencti_files");
        let files: Vec<serde_json::Value> = files
            .map(serde_json::from_value)
            .transpose()
            .map_err(odd)?
            .unwrap_or_default();
        for file in &files {
            self.attachment(file)?;
        }
        let report = self.reports.entry(member.id).or_default();
        report.grow(version, member.object_refs);
        for file in files {
            // A later one of the same name stands for both.
            report.files.retain(|known| known["name"] != file["name"]);
            report.files.push(file);
        }
        Ok(())
    }

    /// Writes one of the report's own files, or keeps it where there is one for
    /// each part: a reader wants one list.
    fn attachment(&mut self, file: &serde_json::Value) -> Result<(), SinkError> {
        use base64::Engine;

        let file = Attachment::deserialize(file).map_err(odd)?;
        let name = Path::new(&file.name).file_name().unwrap_or_default();
        let path = self.out.join(name);
        let data = base64::engine::general_purpose::STANDARD
            .decode(file.data)
            .map_err(|error| fault(&path, std::io::Error::other(error)))?;
        fs::write(&path, data).map_err(|error| fault(&path, error))?;
        if file.mime_type == "text/csv" {
            self.lists.insert(path);
        } else {
            self.attached.insert(path);
        }
        Ok(())
    }

    /// Makes one list of each kind of those that came with the report's parts:
    /// who reads files needs no more.
    fn join_lists(&mut self) -> Result<(), SinkError> {
        let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in std::mem::take(&mut self.lists) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            kinds
                .entry(lists::whole_name(&name))
                .or_default()
                .push(path);
        }
        for (name, parts) in kinds {
            let whole = self.out.join(name);
            if parts.len() > 1 {
                join_parts(&parts, &whole).map_err(|error| fault(&whole, error))?;
            }
            self.attached.insert(whole);
        }
        Ok(())
    }
}

/// The first part may be where the whole belongs, so that is written beside it.
fn join_parts(parts: &[PathBuf], whole: &Path) -> std::io::Result<()> {
    let beside = whole.with_extension("csv.part");
    let paths: Vec<&Path> = parts.iter().map(PathBuf::as_path).collect();
    lists::join(&paths, &beside)?;
    for part in parts {
        fs::remove_file(part)?;
    }
    fs::rename(beside, whole)
}

impl Sink for Folder {
    async fn deliver(&mut self, bundle: &Bundle) -> Result<Vec<Left>, SinkError> {
        let members: Members = serde_json::from_str(&bundle.text).map_err(odd)?;
        for object in members.objects {
            let member: Member = serde_json::from_str(object.get()).map_err(odd)?;
            if member.id.starts_with("report--") {
                self.report(member, object.get())?;
            } else {
                self.object(member.id, object.get())?;
            }
        }
        Ok(Vec::new())
    }

    async fn advanced(&mut self, _: &Run) {}

    fn reached(&self, reached: Reached) {
        if let Some(bar) = &self.bar {
            bar.show(&reached);
        }
    }
}

fn odd(error: serde_json::Error) -> SinkError {
    fault(Path::new("the bundle"), std::io::Error::other(error))
}

fn fault(path: &Path, error: std::io::Error) -> SinkError {
    SinkError::Folder {
        path: path.display().to_string(),
        error,
    }
}
