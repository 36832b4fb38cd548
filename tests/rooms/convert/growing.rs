//! A report that grows: chunk after chunk, part after part, and over restarts.

use std::ops::Range;

use serde_json::Value;
use vtreporter::convert::Options;
use vtreporter::convert::converter::{Converter, Related, Unit};
use vtreporter::convert::filter::Dropped;
use vtreporter::report::facts::Progress;
use vtreporter::report::growing::{Begun, GrowingReport};
use vtreporter::report::tally::Tally;
use vtreporter::report::totals::Totals;
use vtreporter::stix::bundle::Bundle;

use super::support::*;

/// A file of these and what it contacts are eight objects and relationships; a
/// report may name no more than twelve.
fn converter() -> Converter {
    let options = Options {
        attachments: true,
        max_refs: 12,
        ..options()
    };
    Converter::new(&options, subject("AU", "Australia"))
}

fn units(converter: &Converter, seeds: Range<u32>) -> Vec<Unit> {
    let related = Related {
        max_network: 20,
        ..Related::default()
    };
    let files = seeds.map(|seed| file(&rich(seed, "SEVERITY_HIGH")));
    files
        .map(|file| converter.unit(&file, None, &related).expect("a hash"))
        .collect()
}

fn begun(totals: &Totals) -> Begun {
    Begun {
        totals: totals.clone(),
        query: "entity:file".to_owned(),
        previous: None,
        limits: ROOMY,
    }
}

/// Sends units as a run does: bundles with chunks, and the last versions of
/// parts that were full.
fn send(report: &mut GrowingReport<'_>, units: Vec<Unit>) -> (Vec<Bundle>, Vec<Bundle>) {
    let (mut sent, mut closed) = (Vec::new(), Vec::new());
    let packed = report.pack(units);
    for chunk in &packed.chunks {
        if report.is_full_for(chunk) {
            closed.push(report.part_version(true));
            report.begin_part();
        }
        report.take(chunk, &packed.rows);
        sent.push(report.grown(chunk, String::new()));
    }
    (sent, closed)
}

fn report_of(bundle: &Bundle) -> Value {
    of_type(&objects(bundle), "report")[0].clone()
}

/// Behind what all names of this report begin with.
fn parts_of(bundles: &[Bundle]) -> Vec<String> {
    let name = subject("AU", "Australia").name();
    let part = |bundle| {
        let report = report_of(bundle);
        let own = report["name"].as_str().expect("a name").to_owned();
        own.strip_prefix(&name).expect("its name").to_owned()
    };
    bundles.iter().map(part).collect()
}

fn lists_of(bundle: &Bundle) -> Vec<(String, String)> {
    let report = report_of(bundle);
    let files = report["x_opencti_files"].as_array().expect("files").clone();
    let files = files.iter().filter(|file| file["mime_type"] == "text/csv");
    files
        .map(|file| {
            let name = file["name"].as_str().expect("a name").to_owned();
            (name, decoded(file))
        })
        .collect()
}

fn rows_of(bundle: &Bundle, kind: &str) -> usize {
    let lists = lists_of(bundle);
    let (_, list) = lists.iter().find(|(name, _)| name.contains(kind)).unwrap();
    list.lines().count() - 1
}

#[test]
fn a_full_part_goes_out_with_its_own_files_before_the_next_one_begins() {
    let converter = converter();
    let mut tally = Tally::default();
    let mut report = GrowingReport::resume(&converter, &mut tally, begun(&Totals::default()));
    let (sent, closed) = send(&mut report, units(&converter, 1..4));
    assert_eq!(parts_of(&sent), ["", " (part 002)", " (part 003)"]);
    assert_eq!(parts_of(&closed), ["", " (part 002)"]);
    for bundle in sent.iter().chain(&closed) {
        assert_sound(bundle);
    }
    assert!(closed.iter().all(|bundle| rows_of(bundle, "files") == 1));
    let parts = &report.totals().parts;
    let listed: Vec<_> = parts.listed().map(|part| (part.refs, part.files)).collect();
    assert_eq!(listed, [(9, 1); 3]);

    let last = report.part_version(true);
    assert_eq!(rows_of(&last, "files"), 1, "of the part alone");
    let overview = report.version(Progress::Complete).bundle;
    assert_eq!(parts_of(std::slice::from_ref(&overview)), [""]);
    let described = report_of(&overview)["description"].to_string();
    assert!(described.contains("(part 003)"), "{described}");
    assert!(lists_of(&overview).is_empty(), "they went with their parts");
}

#[test]
fn an_attempt_goes_on_in_the_same_lists_and_another_process_begins_new_ones() {
    let options = Options {
        attachments: true,
        ..options()
    };
    let converter = Converter::new(&options, subject("AU", "Australia"));
    for (restarted, ending, rows) in [(false, "-files.csv", 3), (true, "-files-2.csv", 1)] {
        let mut tally = Tally::default();
        let mut first = GrowingReport::resume(&converter, &mut tally, begun(&Totals::default()));
        send(&mut first, units(&converter, 1..3));
        let saved = first.accepted(0).clone();
        if restarted {
            tally = Tally::default();
        }
        let mut second = GrowingReport::resume(&converter, &mut tally, begun(&saved));
        assert!(!second.is_empty());
        send(&mut second, units(&converter, 3..4));
        let numbers = second.accepted(0);
        assert_eq!(numbers.counts.main.total(), 3, "restarted: {restarted}");
        assert_eq!(numbers.summary.timeline.total(), 3);
        let bundle = second.version(Progress::Complete).bundle;
        let lists = lists_of(&bundle);
        assert!(lists[0].0.ends_with(ending), "{}", lists[0].0);
        assert_eq!(rows_of(&bundle, "files"), rows);
    }
}

#[test]
fn an_attempt_that_falls_back_tells_what_was_accepted_and_no_more() {
    let converter = converter();
    let mut tally = Tally::default();
    let mut report = GrowingReport::resume(&converter, &mut tally, begun(&Totals::default()));
    send(&mut report, units(&converter, 1..2));
    let accepted = report.accepted(0).clone();
    let mut read = Totals::default();
    read.dropped.add(Dropped::NoHash);
    read.gap("a gap");
    report.read(read);
    let progress = || Progress::Stopped {
        reason: "asked".to_owned(),
    };
    let description = |bundle| report_of(&bundle)["description"].to_string();
    let ahead = description(report.version(progress()).bundle);
    assert!(
        ahead.contains("Not kept: 1") && ahead.contains("a gap"),
        "{ahead}"
    );
    report.fall_back(&accepted);
    let back = description(report.version(progress()).bundle);
    assert!(
        back.contains("Not kept: 0") && !back.contains("a gap"),
        "{back}"
    );
    assert_eq!(*report.totals(), accepted);
}
