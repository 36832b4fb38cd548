//! How long a page takes from VirusTotal's JSON to the text of its bundles.
//!
//! 300 files a page, as many as VirusTotal sends, of about 12 kB each: most of
//! it attributes that are read past. `read` takes a page's JSON apart, `convert`
//! starts from parsed objects, `pack` from converted ones, and `read and
//! convert` goes the whole way to the bundles' texts. Divide by 300 for one
//! file. The bar for the whole process is 40 microseconds of CPU a file;
//! conversion should take a quarter of that.

use std::hint::black_box;
use std::time::Duration;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use vtreporter::convert::converter::{Converter, Related, Unit};
use vtreporter::convert::filter::{Filter, decide};
use vtreporter::convert::subject::Subject;
use vtreporter::convert::{Objects, Options};
use vtreporter::report::facts::ReportFacts;
use vtreporter::report::object::ReportObject;
use vtreporter::report::tally::Tally;
use vtreporter::stix::bundle::Limits;
use vtreporter::stix::marking::Tlp;
use vtreporter::virustotal::Page;
use vtreporter::virustotal::facts::Severity;
use vtreporter::virustotal::objects::File;

const PAGE: u64 = 300;

/// Verdicts that nobody reads, in each object.
const UNREAD: usize = 70;

const LIMITS: Limits = Limits {
    bytes: 10_000_000,
    objects: 2000,
};

fn main_options() -> Options {
    Options {
        author_name: "VirusTotal".to_owned(),
        report_types: vec!["threat-report".to_owned()],
        report_labels: vec!["vt-feed".to_owned()],
        file_labels: vec!["vt-feed".to_owned(), "Australia".to_owned()],
        confidence: 75,
        reliability: Some("B - Usually Reliable".to_owned()),
        report_marking: Tlp::Amber,
        file_marking: Tlp::Amber,
        attachments: true,
        max_refs: 5000,
        objects: Objects::default(),
    }
}

/// A file like those of production without the attributes we leave out; every
/// tenth is HIGH and has contacted some forty addresses.
fn object(seed: u64) -> Value {
    let level = ["SEVERITY_HIGH", "SEVERITY_MEDIUM", "SEVERITY_LOW"];
    let level = level[usize::from(!seed.is_multiple_of(10)) * (1 + seed as usize % 2)];
    let mut object = json!({
        "type": "file",
        "id": format!("{seed:064x}"),
        "links": { "self": format!("https://www.virustotal.com/api/v3/files/{seed:064x}") },
        "attributes": {
            "sha256": format!("{seed:064x}"),
            "sha1": format!("{seed:040x}"),
            "md5": format!("{seed:032x}"),
            "ssdeep": "12288:Qk1vT0pZ3aLwQk1vT0pZ3aLwQk1vT0pZ3aLw:Qk1vTyZqwQk1vTyZqw",
            "tlsh": "T1A1F4E02833E4A5A1C0FB5F7DA8B11D0C46B2B6D3A6E1C75E0D0529BC1C66B81DE22F77",
            "size": 100_000 + seed,
            "meaningful_name": format!("Invoice_{seed}.exe"),
            "names": [format!("Invoice_{seed}.exe"), format!("C:\\Users\\u\\Downloads\\Invoice_{seed}.exe"), "setup.exe"],
            "type_description": "Win32 EXE",
            "type_tag": "peexe",
            "type_tags": ["executable", "windows", "win32", "pe", "peexe"],
            "tags": ["peexe", "assembly", "spreader", "detect-debug-environment"],
            "first_submission_date": 1_795_093_212 + seed,
            "last_submission_date": 1_795_101_890,
            "last_analysis_date": 1_795_093_212,
            "times_submitted": 3,
            "unique_sources": 2,
            "reputation": -11,
            "last_analysis_stats": { "malicious": 41, "suspicious": 0, "undetected": 30, "harmless": 0, "timeout": 0, "confirmed-timeout": 0, "failure": 1, "type-unsupported": 4 },
            "popular_threat_classification": {
                "suggested_threat_label": "trojan.agenttesla/msil",
                "popular_threat_category": [{ "value": "trojan", "count": 22 }],
                "popular_threat_name": [{ "value": "agenttesla", "count": 9 }]
            },
            "threat_severity": {
                "version": 5,
                "threat_severity_level": level,
                "last_analysis_date": "1795093300",
                "level_description": "Severity HIGH because it was considered trojan. Other contributing factors were that it has known exploits.",
                "threat_severity_data": { "num_gav_detections": 4 }
            }
        }
    });
    if level == "SEVERITY_HIGH" {
        object["relationships"] = contacts(seed);
    }
    object
}

fn contacts(seed: u64) -> Value {
    let ips: Vec<Value> = (0..15)
        .map(|at| json!({ "type": "ip_address", "id": format!("203.0.{}.{at}", seed % 200) }))
        .collect();
    let domains: Vec<Value> = (0..15)
        .map(|at| json!({ "type": "domain", "id": format!("c{at}.s{seed}.example.net") }))
        .collect();
    let urls: Vec<Value> = (0..10)
        .map(|at| {
            json!({ "type": "url", "id": format!("{:064x}", seed * 100 + at),
                "context_attributes": { "url": format!("http://c{at}.s{seed}.example.net/gate.php?id={at}") } })
        })
        .collect();
    json!({
        "contacted_ips": { "data": ips },
        "contacted_domains": { "data": domains },
        "contacted_urls": { "data": urls },
    })
}

/// As VirusTotal sends them; `odd` objects have an attribute of another type,
/// so that the page is read the careful way.
fn body(odd: usize) -> Vec<u8> {
    let verdict = json!({ "method": "blacklist", "engine_name": "Engine", "engine_version": "8.16.0.1",
        "engine_update": "20261119", "category": "malicious", "result": "Win32.redline.a" });
    let unread: serde_json::Map<_, _> = (0..UNREAD)
        .map(|nth| (format!("Engine {nth:02}"), verdict.clone()))
        .collect();
    let mut objects: Vec<Value> = (0..PAGE).map(object).collect();
    for object in &mut objects {
        object["attributes"]["further_details"] = unread.clone().into();
    }
    for object in objects.iter_mut().take(odd) {
        object["attributes"]["tags"] = json!({ "odd": true });
    }
    let page = json!({ "data": objects, "meta": { "cursor": "next" } });
    page.to_string().into_bytes()
}

fn files(body: &[u8]) -> Vec<File> {
    Page::parse(body).expect("a page").files
}

fn units(converter: &Converter, files: &[File]) -> Vec<Unit> {
    let filter = Filter {
        min_severity: Severity::Low,
        low_min_sources: 2,
        keep_unknown: true,
    };
    let units = files.iter().filter_map(|file| {
        let rated = decide(file, &filter).ok()?;
        let high = rated == Some(Severity::High);
        let related = Related {
            max_network: if high { 40 } else { 0 },
            ..Related::default()
        };
        converter.unit(file, rated, &related).ok()
    });
    units.collect()
}

/// What a run does with a page; the bytes keep it from being optimised away.
fn bundle_page(
    converter: &Converter,
    report: &ReportObject<'_>,
    files: &[File],
    tally: &mut Tally,
) -> usize {
    let mut facts = ReportFacts::new(converter.subject().clone(), String::new());
    let packing = report.pack(units(converter, files), LIMITS);
    packing
        .chunks
        .iter()
        .map(|chunk| {
            tally.add(chunk, &packing.rows);
            facts.counts = *tally.counts();
            report.bundle(chunk, &facts, String::new()).text.len()
        })
        .sum()
}

fn page(criterion: &mut Criterion) {
    let from = DateTime::from_timestamp(1_795_093_200, 0).expect("a time");
    let subject = Subject {
        country_code: "AU".to_owned(),
        country_name: "Australia".to_owned(),
        from,
        to: from + chrono::Duration::days(1),
    };
    let converter = Converter::new(&main_options(), subject);
    let report = ReportObject::of(&converter);
    let (body, odd) = (body(0), body(1));
    let read = files(&body);
    let mut tally = Tally::default();
    let mut group = criterion.benchmark_group("page of 300 files");
    group.throughput(Throughput::Elements(PAGE));
    group.bench_function("read", |bencher| {
        bencher.iter(|| files(black_box(&body)));
    });
    group.bench_function("read, one object odd", |bencher| {
        bencher.iter(|| files(black_box(&odd)));
    });
    group.bench_function("convert", |bencher| {
        bencher.iter(|| bundle_page(&converter, &report, black_box(&read), &mut tally));
    });
    group.bench_function("pack", |bencher| {
        bencher.iter_batched(
            || units(&converter, &read),
            |units| report.pack(units, LIMITS),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("read and convert", |bencher| {
        bencher.iter(|| bundle_page(&converter, &report, &files(&body), &mut tally));
    });
    group.finish();
}

/// A few seconds in all.
fn quick() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = page
}
criterion_main!(benches);
