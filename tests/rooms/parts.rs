//! A report over the cap of references: every object in a part, no part over
//! the cap, and a run that was cut goes on in the right one.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use vtreporter::base::clock;
use vtreporter::base::country::Country;
use vtreporter::base::http::HttpOptions;
use vtreporter::base::secret::Secret;
use vtreporter::commands::preview::Folder;
use vtreporter::import::schedule::Window;
use vtreporter::import::state::Run;
use vtreporter::import::{self, Import, Sink, SinkError, Stopped};
use vtreporter::opencti::delivery::Left;
use vtreporter::quota::{Guard, OnUnknown, Policy};
use vtreporter::report::tally::Tally;
use vtreporter::standin::virustotal::{StandIn, World};
use vtreporter::stix::bundle::Bundle;
use vtreporter::virustotal::{Settings, VirusTotal};

use crate::imports;

const CAP: usize = 300;

/// References that a report may have over the cap: its country.
const ALLOWANCE: usize = 1;

fn window() -> Window {
    let from: DateTime<Utc> = "2026-11-19T00:00:00Z".parse().unwrap();
    Window {
        from,
        to: from + TimeDelta::days(1),
    }
}

fn options(max_refs: usize, attachments: bool) -> import::Options {
    let mut options = imports::options(window().from);
    options.min_detections = 1;
    options.filter.low_min_sources = 2;
    options.relationships = ["dropped_files", "contacted_ips", "contacted_domains"]
        .map(str::to_owned)
        .to_vec();
    options.max_related_per_file = 10;
    options.limits.objects = 120;
    options.convert.attachments = attachments;
    options.convert.max_refs = max_refs;
    options
}

/// Keeps what it is given; breaks off after so many bundles.
#[derive(Default)]
struct Kept {
    bundles: Vec<Value>,
    breaks_after: Option<usize>,
}

impl Sink for Kept {
    async fn deliver(&mut self, bundle: &Bundle) -> Result<Vec<Left>, SinkError> {
        if self.breaks_after == Some(self.bundles.len()) {
            return Err(SinkError::Folder {
                path: "somewhere".to_owned(),
                error: std::io::Error::other("full"),
            });
        }
        self.bundles
            .push(serde_json::from_str(&bundle.text).unwrap());
        Ok(Vec::new())
    }

    async fn advanced(&mut self, _: &Run) {}
}

impl Kept {
    fn objects(&self) -> impl Iterator<Item = &Value> {
        let bundles = self.bundles.iter();
        bundles.flat_map(|bundle| bundle["objects"].as_array().unwrap())
    }

    /// What each report names, all its versions together.
    fn reports(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut reports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for report in self.objects().filter(|object| object["type"] == "report") {
            let refs = report["object_refs"].as_array().unwrap();
            reports
                .entry(report["name"].as_str().unwrap().to_owned())
                .or_default()
                .extend(refs.iter().map(|id| id.as_str().unwrap().to_owned()));
        }
        reports
    }

    fn last(&self, name: &str) -> &Value {
        self.objects()
            .filter(|object| object["name"] == name)
            .last()
            .unwrap()
    }

    /// Rows of every CSV, by its file's name; the latest of a name counts.
    fn sheets(&self) -> BTreeMap<String, Vec<String>> {
        let mut sheets = BTreeMap::new();
        for report in self.objects().filter(|object| object["type"] == "report") {
            for file in report["x_opencti_files"].as_array().into_iter().flatten() {
                let name = file["name"].as_str().unwrap().to_owned();
                if name.contains("-files") && name.ends_with(".csv") {
                    sheets.insert(name, hashes(file));
                }
            }
        }
        sheets
    }

    fn ids(&self, kind: &str) -> BTreeSet<String> {
        self.objects()
            .filter(|object| object["type"] == kind)
            .map(|object| object["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn hashes(file: &Value) -> Vec<String> {
    use base64::Engine;

    let data = file["data"].as_str().unwrap();
    let engine = base64::engine::general_purpose::STANDARD;
    let text = String::from_utf8(engine.decode(data).unwrap()).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records = reader.records().map(|record| record.unwrap()[0].to_owned());
    records.collect()
}

struct Side {
    _vt: StandIn,
    guard: Guard,
    options: import::Options,
}

impl Side {
    async fn new(options: import::Options) -> Self {
        let window = window();
        let world = World::generate(7, 400, &["AU"], window.from..window.to);
        let vt = StandIn::start(world).await.unwrap();
        let settings = Settings {
            api_url: vt.url().parse().unwrap(),
            api_key: Secret::new(vt.key()),
            requests_per_minute: NonZeroU32::new(1_000_000),
            http: HttpOptions::default(),
        };
        let clock = clock::system();
        let client = VirusTotal::new(&settings, clock.clone()).unwrap();
        let policy = Policy {
            warn_percent: 80,
            critical_percent: 95,
            stop_percent: 90,
            on_unknown: OnUnknown::Continue,
        };
        Self {
            _vt: vt,
            guard: Guard::new(client, policy, clock),
            options,
        }
    }

    async fn run(&self, run: &mut Run, tally: &mut Tally, sink: &mut Kept) -> Result<(), Stopped> {
        let import = Import {
            guard: &self.guard,
            options: &self.options,
            country: Country::parse("AU").unwrap(),
            share: None,
            stop: &CancellationToken::new(),
        };
        self.guard.start_run();
        import.run(run, tally, sink).await.map(|_| ())
    }

    async fn whole(&self) -> (Run, Kept) {
        let (mut run, mut kept) = (Run::new(window()), Kept::default());
        let mut tally = Tally::default();
        self.run(&mut run, &mut tally, &mut kept).await.unwrap();
        (run, kept)
    }
}

fn run_name(part: u32) -> String {
    let name = "VirusTotal AU 2026-11-19T00:00:00Z to 2026-11-20T00:00:00Z";
    match part {
        1 => name.to_owned(),
        part => format!("{name} (part {part:03})"),
    }
}

/// Everything that a report should name is named, by no report over the cap.
fn assert_parted(kept: &Kept) {
    let reports = kept.reports();
    assert!(reports.len() > 3, "{} parts", reports.len());
    let named: BTreeSet<&String> = reports.values().flatten().collect();
    for object in kept.objects() {
        let kind = object["type"].as_str().unwrap();
        let frame = ["identity", "marking-definition", "report"].contains(&kind)
            || object["source_ref"]
                .as_str()
                .is_some_and(|id| id.starts_with("report--"));
        assert!(
            frame || named.contains(&object["id"].as_str().unwrap().to_owned()),
            "{object}"
        );
    }
    for (name, refs) in &reports {
        assert!(refs.len() <= CAP + ALLOWANCE, "{name} names {}", refs.len());
    }
}

#[tokio::test]
async fn a_report_over_the_cap_goes_out_in_parts_that_hold_everything_once() {
    let side = Side::new(options(CAP, true)).await;
    let (run, kept) = side.whole().await;
    assert_parted(&kept);
    let reports = kept.reports();
    let plain = reports.keys().next().unwrap();
    // Files are named by one part each, unless a relationship of another needs them.
    let main: u64 = run.numbers.parts.listed().map(|part| part.files).sum();
    assert!(main >= run.numbers.counts.main.total());
    let linked = |id: &String, refs: &BTreeSet<String>| {
        kept.objects().any(|object| {
            let link = object["id"].as_str().unwrap();
            let ends = [&object["source_ref"], &object["target_ref"]];
            refs.contains(link) && ends.iter().any(|end| *end == id)
        })
    };
    for id in kept.ids("file") {
        let by: Vec<_> = reports.values().filter(|refs| refs.contains(&id)).collect();
        assert!(
            by.len() == 1 || by.iter().all(|refs| linked(&id, refs)),
            "{id} is in {} parts without need",
            by.len()
        );
    }
    let overview = kept.last(plain);
    let said = overview["description"].as_str().unwrap();
    assert!(said.contains("**Complete.**"), "{said}");
    for (name, refs) in &reports {
        assert!(said.contains(&format!("`{name}`")), "{name} in {said}");
        let part = kept.last(name)["description"].as_str().unwrap();
        let others = refs.iter().filter(|id| !id.starts_with("location--"));
        if name != plain {
            let count = format!("Objects named here: {},", others.count());
            assert!(part.contains(&count), "{count} in {part}");
        }
    }
}

#[tokio::test]
async fn every_part_has_its_own_csv_and_together_they_hold_every_file_once() {
    let side = Side::new(options(CAP, true)).await;
    let (_, kept) = side.whole().await;
    let sheets = kept.sheets();
    assert_eq!(sheets.len(), kept.reports().len());
    let rows: Vec<&String> = sheets.values().flatten().collect();
    let unique: BTreeSet<&&String> = rows.iter().collect();
    assert_eq!(rows.len(), unique.len());
    assert_eq!(rows.len(), kept.ids("file").len());
}

#[tokio::test]
async fn a_report_under_the_cap_is_one_report_that_speaks_of_no_parts() {
    let side = Side::new(options(1_000_000, true)).await;
    let (_, kept) = side.whole().await;
    let reports = kept.reports();
    assert_eq!(reports.len(), 1);
    let said = kept.last(reports.keys().next().unwrap());
    assert!(!said["description"].as_str().unwrap().contains("art 1"));
    assert_eq!(said["x_opencti_files"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_run_that_was_cut_anywhere_goes_on_in_the_right_part() {
    let side = Side::new(options(CAP, true)).await;
    let (whole, expected) = side.whole().await;
    let all = expected.bundles.len();
    for restart in [false, true] {
        for cut in 1..all {
            let (mut run, mut kept) = (Run::new(window()), Kept::default());
            let mut tally = Tally::default();
            kept.breaks_after = Some(cut);
            let ended = side.run(&mut run, &mut tally, &mut kept).await;
            assert!(matches!(ended, Err(Stopped::Sink(_))), "cut at {cut}");
            if restart {
                // Through the saved state, as another process finds it.
                run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
                tally = Tally::default();
            }
            kept.breaks_after = None;
            side.run(&mut run, &mut tally, &mut kept).await.unwrap();
            assert_parted(&kept);
            // What is sent again counts again: a part may close early, never late.
            let (parts, expected) = (kept.reports().len(), expected.reports().len());
            assert!((expected..=expected + 1).contains(&parts), "cut at {cut}");
            let last = run.numbers.parts.current;
            let name = run_name(last.number);
            let named = kept.reports().remove(&name).unwrap();
            assert!(named.len() as u64 <= last.refs + 1, "{name}, cut at {cut}");
            // Rows of a process that is gone stay in the list that it had sent.
            let anew = kept
                .sheets()
                .keys()
                .any(|name| name.ends_with("-files-2.csv"));
            assert!(!anew || restart, "cut at {cut}");
            if !restart {
                let sheets = kept.sheets();
                let rows: Vec<&String> = sheets.values().flatten().collect();
                let unique: BTreeSet<&&String> = rows.iter().collect();
                let files = kept.ids("file").len();
                assert_eq!((rows.len(), unique.len()), (files, files), "cut at {cut}");
                assert_eq!(run.numbers.counts, whole.numbers.counts, "cut at {cut}");
                assert_eq!(run.numbers.summary, whole.numbers.summary, "cut at {cut}");
            }
        }
    }
}

#[tokio::test]
async fn a_preview_writes_every_part_and_its_files_even_where_none_is_attached() {
    for attachments in [true, false] {
        let side = Side::new(options(CAP, true)).await;
        let out = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(out.path(), "x", attachments).unwrap();
        let import = Import {
            guard: &side.guard,
            options: &side.options,
            country: Country::parse("AU").unwrap(),
            share: None,
            stop: &CancellationToken::new(),
        };
        let (mut run, mut tally) = (Run::new(window()), Tally::default());
        import.run(&mut run, &mut tally, &mut folder).await.unwrap();
        let written = folder.finish().unwrap();
        let ends = |end: &str| {
            let mut names = written.iter().filter_map(|path| path.to_str());
            names.by_ref().filter(|name| name.ends_with(end)).count()
        };
        let parts = run.numbers.parts.listed().count();
        assert!(parts > 3, "{parts}");
        assert_eq!(
            (ends(".html"), ends("-files.csv"), ends("-network.csv")),
            (1, 1, 1)
        );
        let text = std::fs::read_to_string(out.path().join("x.bundle.json")).unwrap();
        let bundle: Value = serde_json::from_str(&text).unwrap();
        let kept = Kept {
            bundles: vec![bundle],
            breaks_after: None,
        };
        assert_parted(&kept);
        assert_eq!(kept.reports().len(), parts);
        let attached = kept.objects().any(|it| it.get("x_opencti_files").is_some());
        assert_eq!(attached, attachments);
    }
}
